#include "state/pace.h"

#include <gtest/gtest.h>

#include "state/source_testing.h"

namespace binbus::state {
namespace {

using testing_source::FakeClock;

constexpr uint64_t kMs = 1000;

class SourcePaceTest : public testing::Test {
 protected:
  SourcePace pace(uint64_t rows_per_second, uint64_t bytes_per_second = 0) {
    FillOptions options;
    options.rows_per_second = rows_per_second;
    options.bytes_per_second = bytes_per_second;
    return {options, clock_};
  }
  void read(SourcePace& pace, uint64_t rows, uint64_t bytes, uint64_t took_us) {
    begun_us_ = clock_.now_us;
    ASSERT_TRUE(pace.begin([] { return Result<uint64_t>(1); }));
    clock_.now_us += took_us;
    pace.read(rows, bytes);
  }

  FakeClock clock_;
  uint64_t begun_us_ = 0;
};

TEST_F(SourcePaceTest, WithoutALimitTheNextIsDueAtOnce) {
  SourcePace free = pace(0);
  read(free, 1'000'000, 1 << 30, 5 * kMs);
  EXPECT_LE(free.due_us(), clock_.now_us);
  EXPECT_EQ(free.rows_at_once(), UINT64_MAX);
  EXPECT_EQ(free.bytes_at_once(), UINT64_MAX);
}

TEST_F(SourcePaceTest, ARateIsAnEvenOne) {
  SourcePace rows = pace(10'000);
  EXPECT_EQ(rows.rows_at_once(), 500U);
  EXPECT_EQ(rows.bytes_at_once(), UINT64_MAX);
  read(rows, 500, 1 << 20, 5 * kMs);
  EXPECT_EQ(rows.due_us(), begun_us_ + 50 * kMs);
  EXPECT_EQ(rows.rows_at_once(), 500U);

  SourcePace bytes = pace(0, 1'000'000);
  EXPECT_EQ(bytes.bytes_at_once(), 50'000U);
  read(bytes, 10, 50'000, 5 * kMs);
  EXPECT_EQ(bytes.due_us(), begun_us_ + 50 * kMs);

  EXPECT_EQ(pace(1).rows_at_once(), 1U);
}

TEST_F(SourcePaceTest, ASourceThatIsFarAwayIsReadAtTheSameRate) {
  SourcePace far = pace(10'000);
  read(far, 500, 0, 200 * kMs);
  EXPECT_LE(far.due_us(), clock_.now_us);
  EXPECT_EQ(far.rows_at_once(), 4000U);
  read(far, 4000, 0, 200 * kMs);
  EXPECT_EQ(far.due_us(), begun_us_ + 400 * kMs);
}

TEST_F(SourcePaceTest, AChunkHasWhatIsAllowedAtOnce) {
  const SourcePace free = pace(0), rows = pace(10'000), bytes = pace(0, 1'000'000);
  ChunkRows fast(free), few(rows), small(bytes);
  for (int i = 0; i < 10; ++i) {  // 10 us and 100 bytes a row
    fast.took(fast.rows_max() * 10, fast.rows_max() * 100);
    few.took(few.rows_max() * 10, few.rows_max() * 100);
    small.took(small.rows_max() * 10, small.rows_max() * 100);
  }
  EXPECT_EQ(fast.rows_max(), 30'000U);  // 0.3 s
  EXPECT_EQ(few.rows_max(), 500U);
  EXPECT_EQ(small.rows_max(), 500U);
}

}  // namespace
}  // namespace binbus::state
