#include "store/source_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace binbus::store {
namespace {

SourceSpan span(Position from, const char* server, const char* file, uint64_t offset) {
  return {from, server, 1, "8.0.32", file, offset};
}

// A's files from the fifth on under their names; then B's 40th from the middle, its 41st and on; then back to A.
const std::vector<SourceSpan> kSpans = {
    span({5, 0}, "A", "binlog.000005", 0),
    span({8, 300}, "B", "mysql-bin.000040", 1300),
    span({11, 0}, "A", "binlog.000009", 0),
};

struct MapCase {
  const char* name;
  Position position;
  const char* server;
  const char* file;
  uint64_t offset;
};
const MapCase kMapCases[] = {
    {"first_byte", {5, 0}, "A", "binlog.000005", 0},
    {"within_the_first", {5, 1000}, "A", "binlog.000005", 1000},
    {"in_a_later_segment", {7, 5'000'000'000}, "A", "binlog.000007", 5'000'000'000},
    {"before_the_failover", {8, 299}, "A", "binlog.000008", 299},
    {"moved_by_a_constant", {8, 310}, "B", "mysql-bin.000040", 1310},
    {"its_next_files", {10, 500}, "B", "mysql-bin.000042", 500},
    {"back_again", {11, 4}, "A", "binlog.000009", 4},
};

TEST(SourceMap, GoesBothWays) {
  for (const MapCase& test : kMapCases) {
    SCOPED_TRACE(test.name);
    const auto source = map_to_source(kSpans, test.position);
    ASSERT_TRUE(source);
    EXPECT_EQ(*source, span(test.position, test.server, test.file, test.offset));
    EXPECT_THAT(map_from_source(kSpans, test.server, test.file, test.offset),
                testing::Contains(test.position));
  }
}

TEST(SourceMap, AnswersTheNewestFirst) {
  EXPECT_THAT(map_from_source({span({1, 0}, "A", "b.000001", 0), span({3, 0}, "A", "b.000001", 0)},
                              "A", "b.000001", 50),
              testing::ElementsAre(Position{3, 50}, Position{1, 50}));
}

TEST(SourceMap, ASpansEndBelongsToItToo) {
  EXPECT_THAT(map_from_source(kSpans, "A", "binlog.000008", 300),
              testing::ElementsAre(Position{8, 300}));
  EXPECT_THAT(map_from_source(kSpans, "A", "binlog.000008", 301), testing::IsEmpty());
}

TEST(SourceMap, KnowsNothingElse) {
  EXPECT_FALSE(map_to_source(kSpans, {4, 100}));
  EXPECT_FALSE(map_to_source({}, {1, 0}));
  EXPECT_THAT(map_from_source(kSpans, "C", "binlog.000005", 4), testing::IsEmpty());
  EXPECT_THAT(map_from_source(kSpans, "A", "binlog.000004", 4), testing::IsEmpty());
  EXPECT_THAT(map_from_source(kSpans, "A", "other.000005", 4), testing::IsEmpty());
  EXPECT_THAT(map_from_source(kSpans, "B", "mysql-bin.000040", 1299), testing::IsEmpty());
}

TEST(SourceMap, PruningKeepsWhatIsInForce) {
  auto spans = kSpans;
  prune(spans, 9);
  EXPECT_EQ(spans, (std::vector{kSpans[1], kSpans[2]}));
  prune(spans, 11);
  EXPECT_EQ(spans, (std::vector{kSpans[2]}));
  prune(spans, 20);
  EXPECT_EQ(spans, (std::vector{kSpans[2]}));
}

}  // namespace
}  // namespace binbus::store
