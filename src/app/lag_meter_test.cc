#include "app/lag_meter.h"

#include <gtest/gtest.h>

namespace binbus::app {
namespace {

constexpr uint64_t kSecond = 1'000'000;
constexpr uint64_t kStart = 1'000'000 * kSecond + 300'000;

TEST(LagMeter, NothingStoredIsNoLag) {
  const LagMeter meter({});
  EXPECT_EQ(meter.source_lag_ms(kStart), 0u);
  EXPECT_EQ(meter.reader_lag_ms({0, 0}, kStart), 0u);
}

TEST(LagMeter, IsTheDelayOfTheNewestTransactionWhileTheyCome) {
  LagMeter meter({{1, 100}, kStart - 3600 * kSecond, false});
  EXPECT_EQ(meter.source_lag_ms(kStart), 0u);
  meter.stored({{1, 200}, kStart - 700'000, false}, kStart);
  EXPECT_EQ(meter.source_lag_ms(kStart + 1), 700u);
  EXPECT_EQ(meter.source_lag_ms(kStart + 999'999), 700u);
  EXPECT_EQ(meter.source_lag_ms(kStart + 1'000'000), 0u) << "nothing came for a second: caught up";
}

TEST(LagMeter, CountsTheDelayOfEachSyncsNewestTransaction) {
  LagMeter meter({{1, 100}, kStart - 3600 * kSecond, false});  // what was there before counts not
  meter.stored({{1, 200}, kStart - 400, false}, kStart);
  meter.stored({{1, 200}, kStart - 400, true}, kStart + kSecond);  // nothing new is whole
  meter.stored({{1, 300}, kStart + 1, false}, kStart + 3 * kSecond + 1);
  const admin::DelayHistogram delays = meter.delays();
  EXPECT_EQ(delays.sum_us, 400u + 3'000'000u);
  EXPECT_EQ(delays.counts[0], 1u);   // up to 0.5 ms
  EXPECT_EQ(delays.counts[12], 1u);  // over 2 s, up to 5 s
  uint64_t count = 0;
  for (const uint64_t in_bucket : delays.counts) count += in_bucket;
  EXPECT_EQ(count, 2u);
}

TEST(LagMeter, AClockBehindTheSourcesIsNoLag) {
  LagMeter meter({});
  meter.stored({{1, 200}, kStart + 5 * kSecond, false}, kStart);
  EXPECT_EQ(meter.source_lag_ms(kStart), 0u);
  EXPECT_EQ(meter.reader_lag_ms({1, 100}, kStart), 0u);
}

TEST(LagMeter, WholeSecondsMeanTheirEnd) {
  const uint64_t commit = kStart - 300'000;
  LagMeter meter({});
  meter.stored({{1, 200}, commit, false}, commit + 999'000);
  EXPECT_EQ(meter.source_lag_ms(commit + 999'000), 0u);
  EXPECT_EQ(meter.reader_lag_ms({1, 100}, commit + 3 * kSecond), 2'000u);
}

TEST(LagMeter, ALongTransactionLagsSinceItBegan) {
  LagMeter meter({{1, 100}, kStart, false});
  meter.stored({{1, 100}, kStart, true}, kStart + 1 * kSecond);
  meter.stored({{1, 100}, kStart, true}, kStart + 9 * kSecond);
  EXPECT_EQ(meter.source_lag_ms(kStart + 10 * kSecond), 9'000u);
  meter.stored({{1, 900}, kStart + 10 * kSecond, false}, kStart + 11 * kSecond);
  EXPECT_EQ(meter.source_lag_ms(kStart + 11 * kSecond), 1'000u);
}

TEST(LagMeter, ABacklogThatEndsWithinATransactionIsAsOldAsItsNewest) {
  LagMeter meter({{1, 100}, kStart - 7200 * kSecond, false});
  for (uint64_t i = 1; i <= 3; ++i) {
    const uint64_t now = kStart + i * kSecond;
    meter.stored({{1, 100 + i}, now - 7000 * kSecond, true}, now);
    EXPECT_EQ(meter.source_lag_ms(now + kSecond / 2), 7'000'000u);
  }
}

TEST(LagMeter, ABusySourceIsNotBehindForBeingWithinSomeTransaction) {
  LagMeter meter({{1, 100}, kStart, false});
  for (uint64_t i = 1; i <= 100; ++i) {
    const uint64_t now = kStart + i * kSecond / 2;
    meter.stored({{1, 100 + i}, now - 1000, true}, now);
    EXPECT_LE(meter.source_lag_ms(now + 1000), 1u);
  }
}

TEST(LagMeter, ReadersLagByWhatTheyLack) {
  LagMeter meter({{1, 100}, kStart, false});
  meter.stored({{1, 200}, kStart + 10 * kSecond, false}, kStart + 10 * kSecond);
  meter.stored({{2, 50}, kStart + 20 * kSecond, false}, kStart + 20 * kSecond);
  const uint64_t now = kStart + 30 * kSecond;
  EXPECT_EQ(meter.reader_lag_ms({2, 50}, now), 0u);
  EXPECT_EQ(meter.reader_lag_ms({2, 4}, now), 10'000u);
  EXPECT_EQ(meter.reader_lag_ms({1, 200}, now), 10'000u);
  EXPECT_EQ(meter.reader_lag_ms({1, 199}, now), 20'000u);
  EXPECT_EQ(meter.reader_lag_ms({1, 4}, now), 30'000u)
      << "older than all samples: as old as the oldest";
}

TEST(LagMeter, ManySamplesStayFewAndTrue) {
  LagMeter meter({});
  constexpr uint64_t kCount = 100'000;
  for (uint64_t i = 1; i <= kCount; ++i)
    meter.stored({{1, i * 10}, kStart + i * kSecond, false}, kStart + i * kSecond);
  const uint64_t now = kStart + kCount * kSecond;
  EXPECT_EQ(meter.reader_lag_ms({1, kCount * 10 - 1}, now), 0u);
  EXPECT_EQ(meter.reader_lag_ms({1, (kCount - 100) * 10}, now), 99'000u);
  const uint64_t old = meter.reader_lag_ms({1, 10}, now) / 1000;
  EXPECT_GT(old, 90'000u);
  EXPECT_LE(old, kCount);
}

// A node that does not store itself sees what others do.
TEST(LagMeter, ReadersLagBehindWhatWasSeen) {
  LagMeter meter({{1, 100}, 1'000'001, false});
  meter.seen({{1, 200}, 2'000'001, false});
  meter.seen({{1, 300}, 3'000'001, false});
  meter.seen({{1, 300}, 9'000'001, false});  // nothing new
  EXPECT_EQ(meter.reader_lag_ms({1, 100}, 5'000'001), 3000u);
  EXPECT_EQ(meter.reader_lag_ms({1, 200}, 5'000'001), 2000u);
  EXPECT_EQ(meter.reader_lag_ms({1, 300}, 5'000'001), 0u);
  EXPECT_EQ(meter.delays().sum_us, 0u);
}

}  // namespace
}  // namespace binbus::app
