#include "serve/old_replica.h"

#include <gtest/gtest.h>

#include "binlog/event.h"

namespace binbus::serve {
namespace {

ByteVector from_hex(std::string_view text) {
  ByteVector bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoul(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

ByteVector event(uint8_t type, uint32_t timestamp, uint32_t log_pos, uint16_t flags, size_t size) {
  ByteVector bytes(size);
  binlog::store_header(bytes.data(), {.timestamp = timestamp,
                                      .type = type,
                                      .server_id = 23310,
                                      .size = static_cast<uint32_t>(size),
                                      .log_pos = log_pos,
                                      .flags = flags});
  return bytes;
}

// As MariaDB 10.11 sent them to a reader of capability 0.
struct GoldenCase {
  const char* name;
  uint8_t type;
  uint32_t timestamp;
  uint32_t log_pos;
  Status (*make)(std::span<uint8_t>, bool);
  const char* want;
};
const GoldenCase kGoldenCases[] = {
    {"gtid_list_is_too_small", binlog::kMariadbGtidListEvent, 0x6b00a333, 0x11d, make_dummy,
     "33a3006b0e0e5b00001d0000001d0100000800010000002101bbe07f7c"},
    {"checkpoint", binlog::kMariadbBinlogCheckpointEvent, 0x6b00a333, 0x145, make_dummy,
     "33a3006b020e5b000028000000450100000800000000000000000000000000000023204490fe3023"},
    {"standalone_gtid", binlog::kMariadbGtidEvent, 0x6b00a37d, 0x16f, make_dummy,
     "7da3006b020e5b00002a0000006f01000008000000000000000000000000000000232044756dc9807356"},
    {"gtid_of_a_transaction", binlog::kMariadbGtidEvent, 0x6b00a37d, 0x43e, make_begin,
     "7da3006b020e5b00002a0000003e04000008000000000000000000000000000000424547494e30b89983"},
    {"annotate", binlog::kMariadbAnnotateRowsEvent, 0x6b00a37d, 0x479, make_dummy,
     "7da3006b020e5b00003b0000007904000008000000000000000000000000000000232044756d6d79206576656e742"
     "07265706c6163696e4db3"
     "3129"},
};
class GoldenTest : public testing::TestWithParam<GoldenCase> {};
TEST_P(GoldenTest, IsWhatMariadbSends) {
  const GoldenCase& test = GetParam();
  const ByteVector want = from_hex(test.want);
  ByteVector made = event(test.type, test.timestamp, test.log_pos, 0, want.size());
  ASSERT_TRUE(test.make(made, true));
  EXPECT_EQ(made, want);
}
INSTANTIATE_TEST_SUITE_P(OldReplica, GoldenTest, testing::ValuesIn(kGoldenCases),
                         [](const auto& param) { return param.param.name; });

// Whatever the GTID event carries beside, the statement is BEGIN and nothing more: old replicas compare all of it.
TEST(OldReplica, BeginStandsAlone) {
  for (const size_t extra : {0U, 2U, 3U, 9U}) {
    ByteVector made = event(binlog::kMariadbGtidEvent, 1, 100, 4, 38 + extra);
    ASSERT_TRUE(make_begin(made, false));
    const size_t status_bytes = load_u16(&made[19 + 11]);
    EXPECT_EQ(status_bytes, extra);
    EXPECT_EQ(made[19 + 13 + status_bytes], 0);  // no database
    EXPECT_EQ(as_text(Bytes(made).subspan(19 + 13 + status_bytes + 1)), "BEGIN");
    EXPECT_EQ(binlog::parse_header(made.data()).flags, 8);
  }
}

TEST(OldReplica, TooSmallIsUnsupported) {
  ByteVector tiny = event(binlog::kMariadbGtidListEvent, 1, 100, 0, 24);
  EXPECT_EQ(make_dummy(tiny, false).error().code, Code::kUnsupported);
  ByteVector cut = event(binlog::kMariadbGtidEvent, 1, 100, 0, 30);
  EXPECT_EQ(make_begin(cut, false).error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace binbus::serve
