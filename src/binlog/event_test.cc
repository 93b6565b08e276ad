#include "binlog/event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "binlog/events_testing.h"

namespace binbus::binlog {
namespace {

using testing_events::event;
using testing_events::format_body;

TEST(EventHeader, StoresAndParsesTheSame) {
  const EventHeader header{
      .timestamp = 1, .type = 2, .server_id = 3, .size = 0xfffffffe, .log_pos = 5, .flags = 0x8001};
  uint8_t bytes[kHeaderBytes];
  store_header(bytes, header);
  const EventHeader again = parse_header(bytes);
  EXPECT_EQ(again.timestamp, header.timestamp);
  EXPECT_EQ(again.type, header.type);
  EXPECT_EQ(again.server_id, header.server_id);
  EXPECT_EQ(again.size, header.size);
  EXPECT_EQ(again.log_pos, header.log_pos);
  EXPECT_EQ(again.flags, header.flags);
}

TEST(EventHeader, SmallestSize) {
  EXPECT_TRUE(check_header({.type = kStopEvent, .size = 19}, false));
  EXPECT_TRUE(check_header({.type = kStopEvent, .size = 23}, true));
  EXPECT_EQ(check_header({.type = kStopEvent, .size = 18}, false).error().code, Code::kCorrupt);
  EXPECT_EQ(check_header({.type = kStopEvent, .size = 22}, true).error().code, Code::kCorrupt);
  EXPECT_EQ(check_header({.type = kStopEvent, .size = 0}, false).error().code, Code::kCorrupt);
  EXPECT_EQ(check_header({.type = kStartEventV3, .size = 75}, false).error().code, Code::kCorrupt);
}

TEST(EventHeader, ArtificialOnesAreInNoFile) {
  EXPECT_TRUE(is_artificial({.type = kHeartbeatEvent, .log_pos = 7}));
  EXPECT_TRUE(is_artificial({.type = kHeartbeatEventV2}));
  EXPECT_TRUE(is_artificial({.type = kRotateEvent, .flags = kFlagArtificial}));
  EXPECT_TRUE(is_artificial({.type = kFormatDescriptionEvent}));
  EXPECT_FALSE(is_artificial({.type = kRotateEvent, .log_pos = 7}));
  EXPECT_FALSE(is_artificial({.type = kRotateEvent}));  // ends at 4 GiB
  EXPECT_FALSE(is_artificial({.type = kFormatDescriptionEvent, .log_pos = 127}));
  EXPECT_FALSE(is_artificial({.type = kTableMapEvent}));  // MariaDB 11.7 within a transaction
}

TEST(EventTypeName, IsTheServersOwn) {
  EXPECT_EQ(event_type_name(kQueryEvent), "Query");
  EXPECT_EQ(event_type_name(kUserVarEvent), "User var");
  EXPECT_EQ(event_type_name(32), "Delete_rows");
  EXPECT_EQ(event_type_name(kGtidTaggedEvent), "Gtid_tagged_log_event");
  EXPECT_EQ(event_type_name(kMariadbAnnotateRowsEvent), "Annotate_rows");
  EXPECT_EQ(event_type_name(171), "Delete_rows_compressed");
  for (const uint8_t type : ByteVector{43, 100, 159, 172, 255}) {
    EXPECT_EQ(event_type_name(type), "Unknown");
  }
}

TEST(Crc32, IsZlibsAndGoesOn) {
  EXPECT_EQ(crc32(0, as_bytes("123456789")), 0xcbf43926u);
  EXPECT_EQ(crc32(crc32(0, as_bytes("1234")), as_bytes("56789")), 0xcbf43926u);
  EXPECT_EQ(crc32(0xcbf43926, {}), 0xcbf43926u);
}

TEST(Checksum, CoversAllButItself) {
  ByteVector bytes = event(kXidEvent, ByteVector(8, 1), 4, true);
  EXPECT_TRUE(checksum_matches(bytes));
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= 1;
    EXPECT_FALSE(checksum_matches(bytes)) << i;
    bytes[i] ^= 1;
  }
}

TEST(Checksum, OfAFormatDescriptionLeavesOutTheInUseFlag) {
  ByteVector bytes =
      event(kFormatDescriptionEvent, format_body("9.7.4", Checksum::kCrc32), 4, true);
  const ByteVector closed = bytes;
  bytes[17] |= kFlagInUse;
  EXPECT_TRUE(checksum_matches(bytes));
  write_checksum(bytes);
  EXPECT_TRUE(std::equal(bytes.end() - 4, bytes.end(), closed.end() - 4));
  bytes[17] |= 2;
  EXPECT_FALSE(checksum_matches(bytes));
  ByteVector query = event(kStopEvent, {}, 4, true);
  query[17] |= kFlagInUse;
  EXPECT_FALSE(checksum_matches(query));
}

TEST(Checksum, FollowsANewLogPos) {
  ByteVector bytes = event(kStopEvent, {}, 4, true);
  set_log_pos(bytes, 0x01020304, true);
  EXPECT_EQ(parse_header(bytes.data()).log_pos, 0x01020304u);
  EXPECT_TRUE(checksum_matches(bytes));
  ByteVector plain = event(kStopEvent, {}, 4, false);
  set_log_pos(plain, 9, false);
  EXPECT_EQ(plain, event(kStopEvent, {}, uint64_t{9} - kHeaderBytes, false));
}

struct VersionCase {
  const char* version;
  bool checksum_byte;
};
void PrintTo(const VersionCase& test, std::ostream* out) { *out << test.version; }
const VersionCase kVersions[] = {
    {"5.0.96-log", false},
    {"5.1.73", false},
    {"5.5.62-log", false},
    {"5.6.0", false},
    {"5.6.1", true},
    {"5.6.1-m5-debug", true},
    {"5.7.44-log", true},
    {"8.0.36", true},
    {"9.7.4-2", true},
    {"10.0.0", true},
    {"5.2.14-MariaDB", false},
    {"5.3.0-MariaDB", true},
    {"5.5.68-MariaDB-log", true},
    {"10.11.6-MariaDB-1:10.11.6+maria~ubu2204", true},
    {"12.0.2-MariaDB", true},
    {"garbage", false},
    {"", false},
};
class Version : public testing::TestWithParam<VersionCase> {};
TEST_P(Version, DecidesWhetherAChecksumIsDescribed) {
  const ByteVector body = format_body(GetParam().version, Checksum::kCrc32);
  const ByteVector bytes = event(kFormatDescriptionEvent, body, 4, GetParam().checksum_byte);
  const auto format = parse_format_description(bytes);
  ASSERT_TRUE(format) << format.error().message;
  EXPECT_EQ(format->server_version, GetParam().version);
  EXPECT_EQ(format->checksum, GetParam().checksum_byte ? Checksum::kCrc32 : Checksum::kNone);
  EXPECT_EQ(format->post_header_bytes.size(), GetParam().checksum_byte ? 27u : 28u);
  EXPECT_EQ(format->created, 1700000000u);
}
INSTANTIATE_TEST_SUITE_P(Servers, Version, testing::ValuesIn(kVersions));

TEST(FormatDescription, MariadbIsKnownByItsName) {
  EXPECT_TRUE(FormatDescription{.server_version = "10.11.6-MariaDB-log"}.mariadb());
  EXPECT_FALSE(FormatDescription{.server_version = "8.0.36"}.mariadb());
}

TEST(FormatDescription, ChecksumMayBeDescribedAsOff) {
  const auto format = parse_format_description(
      event(kFormatDescriptionEvent, format_body("9.7.4", Checksum::kNone), 4, true));
  EXPECT_EQ(format->checksum, Checksum::kNone);
}

// As a dump from within a file has it: without its time, and without a place.
TEST(FormatDescription, MadeForAConnectionWithoutChecksumsHasAWrongOne) {
  ByteVector bytes = event(kFormatDescriptionEvent, format_body("9.7.4", Checksum::kNone), 4, true);
  store_le<4>(&bytes[kHeaderBytes + 52], 0);
  EXPECT_FALSE(parse_format_description(bytes)) << "a file's own has a right one";
  set_log_pos(bytes, 0, false);
  const auto format = parse_format_description(bytes);
  ASSERT_TRUE(format) << format.error().message;
  EXPECT_EQ(format->created, 0U);
  ByteVector checked =
      event(kFormatDescriptionEvent, format_body("9.7.4", Checksum::kCrc32), 4, true);
  set_log_pos(checked, 0, false);
  EXPECT_FALSE(parse_format_description(checked));
}

struct BadFormat {
  const char* name;
  void (*damage)(ByteVector&);
  Code want;
};
void PrintTo(const BadFormat& test, std::ostream* out) { *out << test.name; }
const BadFormat kBadFormats[] = {
    {"version_3", [](ByteVector& b) { b[19] = 3; }, Code::kUnsupported},
    {"checksum_wrong", [](ByteVector& b) { b[30] ^= 1; }, Code::kCorrupt},
    {"short_headers",
     [](ByteVector& b) {
       b[19 + 56] = 18;
       write_checksum(b);
     },
     Code::kCorrupt},
    {"unknown_algorithm",
     [](ByteVector& b) {
       b[b.size() - 5] = 2;
       write_checksum(b);
     },
     Code::kUnsupported},
    {"development_tree",
     [](ByteVector& b) {
       std::ranges::copy(as_bytes("5.2.2-a_drop6p13"), b.begin() + 21);
       write_checksum(b);
     },
     Code::kUnsupported},
};
class RefusedFormat : public testing::TestWithParam<BadFormat> {};
TEST_P(RefusedFormat, SaysWhy) {
  ByteVector bytes =
      event(kFormatDescriptionEvent, format_body("9.7.4", Checksum::kCrc32), 4, true);
  GetParam().damage(bytes);
  const auto format = parse_format_description(bytes);
  ASSERT_FALSE(format);
  EXPECT_EQ(format.error().code, GetParam().want) << format.error().message;
}
INSTANTIATE_TEST_SUITE_P(Cases, RefusedFormat, testing::ValuesIn(kBadFormats),
                         [](const auto& test) { return test.param.name; });

TEST(FormatDescription, CutShortAnywhereIsRefused) {
  const ByteVector bytes =
      event(kFormatDescriptionEvent, format_body("9.7.4", Checksum::kCrc32), 4, true);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(parse_format_description(Bytes(bytes).first(size))) << size;
  }
}

}  // namespace
}  // namespace binbus::binlog
