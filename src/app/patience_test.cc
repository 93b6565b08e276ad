#include "app/patience.h"

#include <gtest/gtest.h>

namespace binbus::app {
namespace {

using admin::StreamState;
using admin::StreamStatus;

constexpr uint64_t kSecond = 1'000'000;
constexpr uint64_t kMinute = 60 * kSecond;
constexpr uint64_t kStart = 1'000 * kSecond;

StreamStatus stream(StreamState state, const std::string& code = "",
                    const std::string& reason = "") {
  StreamStatus status;
  status.state = state;
  status.error_code = code;
  status.reason = reason;
  return status;
}
const StreamStatus kWell = stream(StreamState::kStreaming);
const StreamStatus kStopped = stream(StreamState::kStopped, "purged", "the file is gone");
const StreamStatus kAway = stream(StreamState::kWaiting, "network", "no route");

class PatienceTest : public ::testing::Test {
 protected:
  PatienceTest() { patience_.taken(now_us_); }
  // So long, as it is looked at by a node.
  void pass(const StreamStatus& status, uint64_t time_us) {
    for (const uint64_t until_us = now_us_ + time_us; now_us_ < until_us;) {
      now_us_ += kSecond / 2;
      patience_.look(status, now_us_);
    }
  }
  // For how long it leaves the stream to others that have it.
  uint64_t leaves() {
    const uint64_t since_us = now_us_;
    while (patience_.leaves_it(false, now_us_)) now_us_ += kSecond;
    return now_us_ - since_us;
  }

  Patience patience_{7};
  uint64_t now_us_ = kStart;
};

TEST_F(PatienceTest, LastsWhileAllIsWell) {
  EXPECT_FALSE(patience_.leaves_it(true, now_us_));
  pass(stream(StreamState::kStarting), 10 * kMinute);
  pass(stream(StreamState::kConnecting), 10 * kSecond);
  pass(kWell, 10 * kMinute);
  pass(kAway, 50 * kSecond);
  pass(kWell, kMinute);
  pass(kAway, 50 * kSecond);
  EXPECT_FALSE(patience_.has_ended());
}

struct EndCase {
  const char* name;
  StreamStatus status;
  uint64_t after_us;
  const char* why;
};
const EndCase kEnds[] = {
    {"stopped", kStopped, 5 * kSecond, "the file is gone"},
    {"disk_full", stream(StreamState::kWaiting, "disk_full", "make room"), 5 * kSecond,
     "make room"},
    {"source_away", kAway, kMinute, "no route"},
    {"connecting", stream(StreamState::kConnecting), kMinute, "the source does not answer"},
};

TEST_F(PatienceTest, EndsByWhatIsWrong) {
  for (const EndCase& each : kEnds) {
    patience_ = Patience(7);
    patience_.taken(now_us_);
    pass(kWell, kMinute);
    pass(each.status, each.after_us - kSecond);
    EXPECT_FALSE(patience_.has_ended()) << each.name;
    pass(each.status, 2 * kSecond);
    EXPECT_EQ(patience_.why(), each.why) << each.name;
    pass(kWell, 4 * kSecond);
    EXPECT_TRUE(patience_.has_ended()) << each.name << ": a moment is not enough";
    pass(kWell, 2 * kSecond);
    EXPECT_FALSE(patience_.has_ended()) << each.name;
  }
}

TEST_F(PatienceTest, EndsThoughItReceivesForAMomentNowAndThen) {
  for (int i = 0; i < 10; ++i) {
    pass(kWell, kSecond);
    pass(stream(StreamState::kWaiting, "disk_full", "make room"), kSecond);
  }
  EXPECT_TRUE(patience_.has_ended());
}

TEST_F(PatienceTest, WhatOthersMayNotHaveIsReadFirst) {
  StreamStatus sink = kAway, replica = kAway, stuck = kAway;
  sink.sinks.emplace_back().state = "running";
  sink.sinks.back().lag_ms = 1;
  replica.replicas.emplace_back().state = "sending";
  stuck.sinks.emplace_back().state = "retrying";
  stuck.sinks.back().lag_ms = 1;
  StreamStatus waits = sink;
  waits.sinks.back().reason = "the brokers do not confirm";
  for (const StreamStatus& nothing_is_read : {stuck, waits}) {
    patience_.taken(now_us_);
    pass(sink, 10 * kMinute);
    pass(replica, 10 * kMinute);
    EXPECT_FALSE(patience_.has_ended());
    pass(nothing_is_read, kSecond);
    EXPECT_TRUE(patience_.has_ended());
  }
}

TEST_F(PatienceTest, LeavesItForLongerTheMoreOftenItFails) {
  uint64_t all_us = 0;
  for (int i = 0; i < 10; ++i) {
    patience_.leave(now_us_);
    const uint64_t time_us = leaves();
    EXPECT_GE(time_us, kMinute);
    EXPECT_LE(time_us, 10 * kMinute + kSecond);
    all_us += time_us;
    patience_.taken(now_us_);
    pass(kAway, 6 * kSecond);
    EXPECT_TRUE(patience_.has_ended()) << "it waits no minute once more";
  }
  EXPECT_GE(all_us, 40 * kMinute);
  pass(kWell, 10 * kSecond);
  patience_.leave(now_us_);
  EXPECT_LE(leaves(), 2 * kMinute + kSecond);
}

TEST_F(PatienceTest, WhatNobodyTakesIsNotLeft) {
  patience_.leave(now_us_);
  EXPECT_TRUE(patience_.leaves_it(true, now_us_));
  EXPECT_TRUE(patience_.leaves_it(true, now_us_ + 4 * kSecond));
  EXPECT_TRUE(patience_.leaves_it(false, now_us_ + 6 * kSecond)) << "another has it";
  EXPECT_TRUE(patience_.leaves_it(true, now_us_ + 7 * kSecond));
  EXPECT_FALSE(patience_.leaves_it(true, now_us_ + 12 * kSecond));
}

}  // namespace
}  // namespace binbus::app
