#include "ingest/position_rewriter.h"

#include <gtest/gtest.h>

#include "ingest/dump_testing.h"

namespace binbus::ingest {
namespace {

ByteVector rows_event() {
  return testing_dump::SourceFile("binlog.000001", "")
      .transaction(testing_dump::kUuidA, 1, 100)
      .events()[4];
}

// Passes the event in a first piece of `first` bytes (a header at least) and further ones of `step`.
Status rewrite(ByteVector& event, uint32_t log_pos, bool checksummed, size_t first, size_t step) {
  PositionRewriter rewriter;
  rewriter.begin(binlog::parse_header(event.data()), log_pos, checksummed);
  std::span<uint8_t> rest(event);
  for (size_t count = first; !rest.empty(); count = step) {
    count = std::min(count, rest.size());
    if (Status applied = rewriter.apply(rest.first(count)); !applied) return applied;
    rest = rest.subspan(count);
  }
  return ok();
}

TEST(PositionRewriter, gives_place_and_checksum_whatever_the_cuts) {
  ByteVector want = rows_event();
  binlog::set_log_pos(want, 123'456, true);
  for (size_t first = binlog::kHeaderBytes; first <= want.size(); ++first) {
    for (size_t step : {1U, 2U, 3U, 5U, 1000U}) {
      ByteVector event = rows_event();
      EXPECT_TRUE(rewrite(event, 123'456, true, first, step)) << first << " " << step;
      EXPECT_EQ(event, want) << first << " " << step;
    }
  }
}

TEST(PositionRewriter, leaves_the_end_alone_without_checksums) {
  ByteVector want = rows_event();
  binlog::set_log_pos(want, 77, false);
  ByteVector event = rows_event();
  EXPECT_TRUE(rewrite(event, 77, false, 50, 7));
  EXPECT_EQ(event, want);
}

TEST(PositionRewriter, notices_damage_on_the_way) {
  for (size_t at = binlog::kHeaderBytes; at < rows_event().size(); ++at) {
    ByteVector event = rows_event();
    event[at] ^= 1;
    const Status done = rewrite(event, 77, true, 30, 11);
    ASSERT_FALSE(done) << at;
    EXPECT_EQ(done.error().code, Code::kCorrupt);
  }
}

}  // namespace
}  // namespace binbus::ingest
