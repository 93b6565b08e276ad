#include "raft/pace.h"

#include <gtest/gtest.h>

namespace binbus::raft {
namespace {

TEST(Pace, NoLimitNeverWaits) {
  Pace pace;
  EXPECT_EQ(pace.take(1 << 30, 0, 1'000'000), 0u);
  EXPECT_EQ(pace.take(1 << 30, 0, 1'000'000), 0u);
}

TEST(Pace, WhatWasSentIsWaitedForBeforeTheNext) {
  Pace pace;
  uint64_t now_us = 10'000'000;
  EXPECT_EQ(pace.take(500, 1000, now_us), 0u);  // half a second, of which the burst pays 0.1 s
  EXPECT_EQ(pace.take(500, 1000, now_us), 400'000u);
  now_us += 400'000;
  EXPECT_EQ(pace.take(500, 1000, now_us), 500'000u);
}

TEST(Pace, OverTimeTheRateHolds) {
  Pace pace;
  uint64_t now_us = 10'000'000;
  for (int i = 0; i < 1000; ++i) now_us += pace.take(64 * 1024, 1 << 20, now_us);
  // The last piece is not waited for, the first ones were free.
  const auto sent_us = uint64_t{999} * 64 * 1024 * 1'000'000 / (1 << 20) - kPaceBurstUs;
  EXPECT_NEAR(static_cast<double>(now_us - 10'000'000), static_cast<double>(sent_us), 1000);
}

TEST(Pace, AfterSilenceOnlyTheBurstIsFree) {
  Pace pace;
  EXPECT_EQ(pace.take(1000, 1000, 1'000'000), 0u);
  const uint64_t later_us = 100'000'000;
  EXPECT_EQ(pace.take(100, 1000, later_us), 0u);  // the burst
  EXPECT_EQ(pace.take(100, 1000, later_us), 0u);
  EXPECT_EQ(pace.take(100, 1000, later_us), 100'000u);
}

TEST(Pace, AChangedLimitHoldsForWhatComesNext) {
  Pace pace;
  EXPECT_EQ(pace.take(1100, 1000, 10'000'000), 0u);
  EXPECT_EQ(pace.take(1000, 1'000'000, 10'000'000), 1'000'000u);
  EXPECT_EQ(pace.take(1000, 1'000'000, 11'000'000), 1'000u);
}

}  // namespace
}  // namespace binbus::raft
