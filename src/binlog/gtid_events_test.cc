#include "binlog/gtid_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "binlog/events_testing.h"

namespace binbus::binlog {
namespace {

using testing_events::event;

ByteVector from_hex(std::string_view hex) {
  ByteVector bytes;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  }
  return bytes;
}

Result<GtidEvent> parse(const ByteVector& bytes) {
  return parse_gtid_event(parse_header(bytes.data()), bytes);
}

struct Case {
  const char* name;
  uint8_t type;
  std::string body;
  std::string gtid;
  int64_t last_committed, sequence_number;
  uint64_t immediate_us, original_us, transaction_bytes;
};
void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

const std::string kUuidHex = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf";
const std::string kUuid = "a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf";
const std::string kClockHex =
    "02"
    "0300000000000000"
    "0400000000000000";

const Case kCases[] = {
    {"mysql_5_6", kGtidEvent, "01" + kUuidHex + "0700000000000000", kUuid + ":7", 0, 0, 0, 0, 0},
    {"mysql_5_7", kGtidEvent, "01" + kUuidHex + "0700000000000000" + kClockHex, kUuid + ":7", 3, 4,
     0, 0, 0},
    {"other_clock_is_passed_over", kGtidEvent,
     "01" + kUuidHex +
         "0700000000000000"
         "01"
         "0300000000000000"
         "0400000000000000",
     kUuid + ":7", 0, 0, 0, 0, 0},
    {"mysql_8_same_commit_time", kGtidEvent,
     "00" + kUuidHex + "0700000000000000" + kClockHex +
         "10270000000000"
         "fa"
         "a1380100",
     kUuid + ":7", 3, 4, 10000, 10000, 250},
    {"mysql_8_replicated", kGtidEvent,
     "00" + kUuidHex + "0700000000000000" + kClockHex +
         "10270000000080"
         "0f270000000000"
         "fc2c01"
         "a1380180"
         "a1380100",
     kUuid + ":7", 3, 4, 10000, 9999, 300},
    {"largest_number", kGtidEvent, "01" + kUuidHex + "feffffffffffff7f",
     kUuid + ":9223372036854775806", 0, 0, 0, 0, 0},
    {"anonymous", kAnonymousGtidEvent,
     "00"
     "00000000000000000000000000000000"
     "0000000000000000" +
         kClockHex +
         "10270000000000"
         "fa",
     "", 3, 4, 10000, 10000, 250},
    // Written by MySQL 9.7.4.
    {"tagged", kGtidTaggedEvent,
     "02760000000295037e8102e502950336"
     "22c5033102e004f10300000002040406"
     "0c6d795f74616708080a100c7f68a721"
     "95ba6006105d041283120b",
     "e53fa0b9-e51b-11f1-8c70-02fc00000001:my_tag:1", 2, 4, 1795204342458216, 1795204342458216,
     279},
    {"tagged_longest", kGtidTaggedEvent,
     "02c200000202fd03fd03fd03fd030102"
     "01020102fd03fefe210314a502845502"
     "c404fffcffffffffffffff0640615f76"
     "6572795f6c6f6e675f7461675f6f665f"
     "33325f63686172616374657273081c0a"
     "200c7fc1d12195ba60061081031283120b",
     "ffffffff-8080-80ff-7f7f-c80aa9429562:a_very_long_tag_of_32_characters:9223372036854775806", 7,
     8, 1795204342469057, 1795204342469057, 224},
    {"mariadb", kMariadbGtidEvent,
     "0900000000000000"
     "05000000"
     "00"
     "000000000000",
     "5-1-9", 0, 0, 0, 0, 0},
    {"mariadb_group_commit", kMariadbGtidEvent,
     "0900000000000000"
     "05000000"
     "02"
     "0700000000000000",
     "5-1-9", 0, 0, 0, 0, 0},
};

class GtidEvents : public testing::TestWithParam<Case> {};
TEST_P(GtidEvents, Parse) {
  const Case& want = GetParam();
  const auto parsed = parse(event(want.type, from_hex(want.body)));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(mysql::to_string(parsed->gtid), want.gtid);
  EXPECT_EQ(parsed->last_committed, want.last_committed);
  EXPECT_EQ(parsed->sequence_number, want.sequence_number);
  EXPECT_EQ(parsed->immediate_commit_us, want.immediate_us);
  EXPECT_EQ(parsed->original_commit_us, want.original_us);
  EXPECT_EQ(parsed->transaction_bytes, want.transaction_bytes);
}
INSTANTIATE_TEST_SUITE_P(Servers, GtidEvents, testing::ValuesIn(kCases),
                         [](const auto& test) { return test.param.name; });

TEST(GtidEvent, MariadbFlagsAreKept) {
  const auto parsed = parse(event(kMariadbGtidEvent, testing_events::mariadb_gtid_body(9, 0x4c)));
  EXPECT_EQ(parsed->mariadb_flags, 0x4c);
}

TEST(GtidEvent, FieldsInTheTaggedOneMayBeAbsentOrNewer) {
  // flags, UUID of ones, number 5; then field 20 with bytes that nobody knows.
  std::string body =
      "02"
      "00"
      "00"
      "0000"
      "02";
  for (int i = 0; i < 16; ++i) body += "02";
  body +=
      "0414"
      "28ffff";
  ByteVector bytes = from_hex(body);
  bytes[1] = static_cast<uint8_t>(bytes.size() << 1);
  const auto parsed = parse(event(kGtidTaggedEvent, bytes));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(mysql::to_string(parsed->gtid), "01010101-0101-0101-0101-010101010101:5");

  bytes[2] = 20 << 1;  // now the unknown field must be understood
  EXPECT_EQ(parse(event(kGtidTaggedEvent, bytes)).error().code, Code::kUnsupported);
  bytes[0] = 4;
  EXPECT_EQ(parse(event(kGtidTaggedEvent, bytes)).error().code, Code::kUnsupported);
}

struct BadCase {
  const char* name;
  uint8_t type;
  std::string body;
  Code want;
};
void PrintTo(const BadCase& test, std::ostream* out) { *out << test.name; }
const BadCase kBadCases[] = {
    {"number_zero", kGtidEvent, "01" + kUuidHex + "0000000000000000", Code::kCorrupt},
    {"number_too_large", kGtidEvent, "01" + kUuidHex + "ffffffffffffff7f", Code::kCorrupt},
    {"number_negative", kGtidEvent, "01" + kUuidHex + "ffffffffffffffff", Code::kCorrupt},
    {"short", kGtidEvent, "01" + kUuidHex + "07000000000000", Code::kTruncated},
    {"original_time_missing", kGtidEvent,
     "00" + kUuidHex + "0700000000000000" + kClockHex +
         "10270000000080"
         "0f27",
     Code::kTruncated},
    {"length_cut", kGtidEvent,
     "00" + kUuidHex + "0700000000000000" + kClockHex +
         "10270000000000"
         "fc01",
     Code::kTruncated},
    {"mariadb_short", kMariadbGtidEvent,
     "0900000000000000"
     "050000",
     Code::kTruncated},
    {"tagged_size_wrong", kGtidTaggedEvent, "02780000000295037e", Code::kCorrupt},
    {"tagged_empty", kGtidTaggedEvent, "", Code::kTruncated},
    {"tagged_without_number", kGtidTaggedEvent, "020a000002", Code::kCorrupt},
    {"tagged_uuid_byte_too_large", kGtidTaggedEvent, "020e0002fdff0f", Code::kCorrupt},
    {"tagged_tag_too_long", kGtidTaggedEvent, "020a000642", Code::kCorrupt},
    {"tagged_integer_cut", kGtidTaggedEvent, "020c0008ff00", Code::kTruncated},
};
class BadGtidEvents : public testing::TestWithParam<BadCase> {};
TEST_P(BadGtidEvents, AreRefused) {
  const auto parsed = parse(event(GetParam().type, from_hex(GetParam().body)));
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, GetParam().want) << parsed.error().message;
}
INSTANTIATE_TEST_SUITE_P(Cases, BadGtidEvents, testing::ValuesIn(kBadCases),
                         [](const auto& test) { return test.param.name; });

TEST(GtidEvent, WithoutAHeaderIsTruncated) {
  EXPECT_EQ(parse_gtid_event({.type = kGtidEvent}, {}).error().code, Code::kTruncated);
}

}  // namespace
}  // namespace binbus::binlog
