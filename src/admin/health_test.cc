#include "admin/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace binbus::admin {
namespace {

constexpr uint64_t kNowUs = 1'000'000'000'000;
constexpr HealthLimits kLimits{.stalled_after_ms = 60'000, .ready_lag_ms = 30'000};

StreamStatus streaming() {
  StreamStatus stream;
  stream.name = "shop";
  stream.state = StreamState::kStreaming;
  stream.position = {"binlog.000007", 4711};
  stream.last_activity_us = kNowUs - 1'000'000;
  return stream;
}

struct Case {
  const char* name;
  void (*change)(StreamStatus&);
  const char* not_live;   // "": live
  const char* not_ready;  // "": ready
};

const Case kCases[] = {
    {"streaming", [](StreamStatus&) {}, "", ""},
    {"caught_up_and_idle_for_long", [](StreamStatus& s) { s.last_commit_us = 1; }, "", ""},
    {"at_the_limits",
     [](StreamStatus& s) {
       s.last_activity_us = kNowUs - 60'000'000;
       s.lag_ms = 30'000;
     },
     "", ""},
    {"lagging", [](StreamStatus& s) { s.lag_ms = 30'001; }, "",
     "stream shop: 30001 ms behind its source (limit 30000 ms)"},
    {"hanging", [](StreamStatus& s) { s.last_activity_us = kNowUs - 61'000'000; },
     "stream shop: no progress for 61 s (limit 60 s) at binlog.000007:4711",
     "stream shop: no progress for 61 s (limit 60 s) at binlog.000007:4711"},
    {"connecting", [](StreamStatus& s) { s.state = StreamState::kConnecting; }, "",
     "stream shop: connecting"},
    {"waiting_for_its_source_for_long",
     [](StreamStatus& s) {
       s.state = StreamState::kWaiting;
       s.reason = "127.0.0.1:3306: connection refused";
       s.last_activity_us = 0;
     },
     "", "stream shop: waiting: 127.0.0.1:3306: connection refused"},
    {"stopped",
     [](StreamStatus& s) {
       s.state = StreamState::kStopped;
       s.reason = "purged";
     },
     "", "stream shop: stopped: purged"},
    {"standing_by", [](StreamStatus& s) { s.state = StreamState::kStandby; }, "", ""},
    {"standing_by_without_the_coordinator",
     [](StreamStatus& s) {
       s.state = StreamState::kStandby;
       s.reason = "etcd is away";
     },
     "", "stream shop: standby: etcd is away"},
    {"following_its_groups_leader",
     [](StreamStatus& s) {
       s.state = StreamState::kStandby;
       s.reason = "n2 leads";
       s.cluster = {.node = "n1", .role = "follower", .leader = "n2", .reason = "", .members = {}};
     },
     "", ""},
    {"following_at_the_limit",
     [](StreamStatus& s) {
       s.state = StreamState::kStandby;
       s.cluster = {.node = "n1", .role = "follower", .leader = "n2", .reason = "", .members = {}};
       s.cluster->lag_ms = 30'000;
     },
     "", ""},
    {"following_far_behind",
     [](StreamStatus& s) {
       s.state = StreamState::kStandby;
       s.reason = "n2 leads";
       s.cluster = {.node = "n1", .role = "follower", .leader = "n2", .reason = "", .members = {}};
       s.cluster->lag_ms = 30'001;
     },
     "", "stream shop: 30001 ms behind its leader (limit 30000 ms)"},
    {"following_with_a_disk_that_hangs",
     [](StreamStatus& s) {
       s.state = StreamState::kStandby;
       s.cluster.emplace().busy_ms = 60'001;
     },
     "stream shop: its log's disk has not answered for 60 s (limit 60 s)",
     "stream shop: its log's disk has not answered for 60 s (limit 60 s)"},
    {"busy_at_the_limit", [](StreamStatus& s) { s.cluster.emplace().busy_ms = 60'000; }, "", ""},
    {"without_a_leader",
     [](StreamStatus& s) {
       s.state = StreamState::kStandby;
       s.reason = "no node leads, for now";
       s.cluster = {.node = "n1", .role = "follower", .leader = "", .reason = "", .members = {}};
     },
     "", "stream shop: standby: no node leads, for now"},
    {"leading_and_not_at_work_yet",
     [](StreamStatus& s) {
       s.state = StreamState::kStandby;
       s.cluster = {.node = "n1", .role = "leader", .leader = "n1", .reason = "", .members = {}};
     },
     "", "stream shop: standby"},
    {"kept_at_other_nodes",
     [](StreamStatus& s) {
       s.state = StreamState::kStandby;
       s.reason = "kept at n2, n3";
       s.kept_at = {"n2", "n3"};
     },
     "", ""},
    {"not_serving", [](StreamStatus& s) { s.listen_error = "cannot listen on 127.0.0.1:3307"; }, "",
     "stream shop: cannot listen on 127.0.0.1:3307"},
};

class HealthCases : public ::testing::TestWithParam<Case> {};

TEST_P(HealthCases, AreJudgedByProgress) {
  const Case& c = GetParam();
  Snapshot snapshot;
  snapshot.now_us = kNowUs;
  snapshot.streams = {streaming()};
  c.change(snapshot.streams[0]);
  const auto expect = [](const Health& health, const std::string& reason) {
    EXPECT_EQ(health.ok, reason.empty());
    EXPECT_EQ(health.reasons, reason.empty() ? std::vector<std::string>{} : std::vector{reason});
  };
  expect(live(snapshot, kLimits), c.not_live);
  expect(ready(snapshot, kLimits), c.not_ready);
}

INSTANTIATE_TEST_SUITE_P(All, HealthCases, ::testing::ValuesIn(kCases),
                         [](const auto& i) { return i.param.name; });

TEST(Health, TheControlLogsDiskIsEveryStreams) {
  Snapshot snapshot;
  snapshot.cluster.emplace().busy_ms = 61'000;
  const std::string reason = "cluster: its log's disk has not answered for 61 s (limit 60 s)";
  EXPECT_THAT(live(snapshot, kLimits).reasons, ::testing::ElementsAre(reason));
  EXPECT_THAT(ready(snapshot, kLimits).reasons, ::testing::ElementsAre(reason));
}

TEST(Health, OneBadStreamIsNamedAmongGoodOnes) {
  Snapshot snapshot;
  snapshot.now_us = kNowUs;
  snapshot.streams = {streaming(), streaming()};
  snapshot.streams[1].name = "orders";
  snapshot.streams[1].state = StreamState::kStarting;
  EXPECT_THAT(ready(snapshot, kLimits).reasons, ::testing::ElementsAre("stream orders: starting"));
  EXPECT_TRUE(live(snapshot, kLimits).ok);
}

}  // namespace
}  // namespace binbus::admin
