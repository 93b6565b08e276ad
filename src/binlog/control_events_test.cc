#include "binlog/control_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "binlog/events_testing.h"
#include "binlog/gtid_events.h"

namespace binbus::binlog {
namespace {

using testing_events::event;

constexpr EventHeader kLike{.timestamp = 5, .server_id = 7, .log_pos = 99, .flags = 0x20};

TEST(Rotate, RoundTripsWithAndWithoutChecksum) {
  for (const bool checksummed : {false, true}) {
    const ByteVector made = make_rotate(kLike, {1ull << 40, "binlog.000007"}, checksummed);
    const EventHeader header = parse_header(made.data());
    EXPECT_EQ(header.type, kRotateEvent);
    EXPECT_EQ(header.size, made.size());
    EXPECT_EQ(header.log_pos, kLike.log_pos);
    EXPECT_EQ(header.flags, kLike.flags);
    EXPECT_EQ(checksummed, checksum_matches(made));
    const auto parsed = parse_rotate(made, checksummed);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->position, 1ull << 40);
    EXPECT_EQ(parsed->file, "binlog.000007");
  }
}

TEST(Rotate, TooShortIsTruncated) {
  EXPECT_EQ(parse_rotate(event(kRotateEvent, ByteVector(7)), false).error().code, Code::kTruncated);
  EXPECT_EQ(parse_rotate(event(kRotateEvent, ByteVector(8)), false).error().code, Code::kTruncated);
  EXPECT_EQ(parse_rotate(event(kRotateEvent, ByteVector(3)), true).error().code, Code::kTruncated);
  EXPECT_EQ(parse_rotate({}, false).error().code, Code::kTruncated);
}

struct HeartbeatCase {
  const char* name;
  uint8_t type;
  uint64_t position;
};
void PrintTo(const HeartbeatCase& test, std::ostream* out) { *out << test.name; }
const HeartbeatCase kHeartbeats[] = {
    {"v1", kHeartbeatEvent, 1234},
    {"v1_to_4_gib", kHeartbeatEvent, 0xffffffff},
    {"v1_past_4_gib", kHeartbeatEvent, 0x100000000},
    {"v2", kHeartbeatEventV2, 1234},
    {"v2_past_4_gib", kHeartbeatEventV2, 0x123456789a},
};
class Heartbeat : public testing::TestWithParam<HeartbeatCase> {};
TEST_P(Heartbeat, RoundTrips) {
  for (const bool checksummed : {false, true}) {
    const ByteVector made =
        make_heartbeat(GetParam().type, 3, {"binlog.000009", GetParam().position}, checksummed);
    const auto parsed = parse_heartbeat(made, checksummed);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->file, "binlog.000009");
    EXPECT_EQ(parsed->position, GetParam().position);
    EXPECT_EQ(parse_header(made.data()).timestamp, 0u);
    EXPECT_EQ(parse_header(made.data()).server_id, 3u);
  }
}
INSTANTIATE_TEST_SUITE_P(Versions, Heartbeat, testing::ValuesIn(kHeartbeats),
                         [](const auto& test) { return test.param.name; });

TEST(Heartbeat, UnknownFieldsOfVersion2ArePassedOver) {
  ByteWriter body;
  body.u8(9).lenenc_text("later").u8(1).lenenc_text("b.000001").u8(2).u8(1).u8(77).u8(0).u8(0xff);
  const auto parsed = parse_heartbeat(event(kHeartbeatEventV2, body.view()), false);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->file, "b.000001");
  EXPECT_EQ(parsed->position, 77u);
}

TEST(Heartbeat, TooShortIsTruncated) {
  const ByteVector bad = {1, 200, 'x'};  // claims 200 bytes
  EXPECT_EQ(parse_heartbeat(event(kHeartbeatEventV2, bad), false).error().code, Code::kTruncated);
  ByteVector no_position = event(kHeartbeatEvent, ByteVector(3));
  set_log_pos(no_position, 0, false);
  EXPECT_EQ(parse_heartbeat(no_position, false).error().code, Code::kTruncated);
}

TEST(Query, PartsAreViewsOfThePrefix) {
  ByteWriter body;
  body.u32(7).u32(8).u8(4).u16(9).u16(3).text("abc").nul_terminated("shop").text("SELECT 1");
  const ByteVector bytes = event(kQueryEvent, body.view());
  const auto query = parse_query(bytes);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->thread_id, 7u);
  EXPECT_EQ(query->execution_s, 8u);
  EXPECT_EQ(query->error_code, 9u);
  EXPECT_EQ(as_text(query->status_variables), "abc");
  EXPECT_EQ(query->database, "shop");
  EXPECT_EQ(query->statement, "SELECT 1");
  EXPECT_EQ(query->statement.data() + 8,
            reinterpret_cast<const char*>(bytes.data() + bytes.size()));
}

TEST(Query, StatementMayBeCutButNothingBeforeIt) {
  const ByteVector bytes = event(kQueryEvent, testing_events::query_body("SELECT 1", 5));
  const size_t statement_at = bytes.size() - 8;
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto query = parse_query(Bytes(bytes).first(size));
    ASSERT_EQ(query.has_value(), size >= statement_at) << size;
    if (query) {
      EXPECT_EQ(query->statement.size(), size - statement_at);
    }
  }
}

TEST(PreviousGtids, TakeTheFlavourOfTheSet) {
  for (const bool checksummed : {false, true}) {
    for (const auto& [flavor, text] :
         {std::pair(mysql::Flavor::kMysql, "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:tag:7"),
          std::pair(mysql::Flavor::kMysql, ""), std::pair(mysql::Flavor::kMariadb, "0-1-5,3-2-9"),
          std::pair(mysql::Flavor::kMariadb, "")}) {
      const auto executed = mysql::Executed::parse(flavor, text);
      const ByteVector made = make_previous_gtids(kLike, *executed, checksummed);
      EXPECT_EQ(parse_header(made.data()).type,
                flavor == mysql::Flavor::kMysql ? kPreviousGtidsEvent : kMariadbGtidListEvent);
      EXPECT_EQ(parse_previous_gtids(made, checksummed).value(), *executed);
      EXPECT_EQ(parse_previous_gtids(Bytes(made).first(20), checksummed).error().code,
                Code::kTruncated);
    }
  }
}

}  // namespace
}  // namespace binbus::binlog
