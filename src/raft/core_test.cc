#include "raft/core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "raft/core_testing.h"

namespace binbus::raft {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CoreTest : public testing::Test, protected CoreCluster {};

TEST_F(CoreTest, ANodeAloneLeadsAndCommits) {
  begin({1});
  elect(1);
  EXPECT_EQ(propose(1, "a").value(), 3u);  // 2 is what a new leader begins with
  EXPECT_THAT(node(1).applied, ElementsAre("a"));
  EXPECT_EQ(node(1).core->status().commit, 3u);
}

TEST_F(CoreTest, TimeElectsOneLeader) {
  begin({1, 2, 3});
  tick(100);
  ASSERT_EQ(leaders().size(), 1u);
  for (auto& [id, node] : nodes_) EXPECT_EQ(node.core->status().leader, leaders()[0]);
}

TEST_F(CoreTest, WhatAMajorityHasIsCommittedEverywhere) {
  begin({1, 2, 3});
  elect(2);
  cut_off_ = {3};
  ASSERT_TRUE(propose(2, "a"));
  EXPECT_THAT(node(1).applied, ElementsAre("a"));
  EXPECT_THAT(node(2).applied, ElementsAre("a"));
  cut_off_ = {1, 3};
  ASSERT_TRUE(propose(2, "b"));
  EXPECT_THAT(node(2).applied, ElementsAre("a"));
  cut_off_ = {};
  tick(4);
  for (auto& [id, node] : nodes_) EXPECT_THAT(node.applied, ElementsAre("a", "b")) << id;
}

TEST_F(CoreTest, WhatWasNotCommittedGivesWayToTheNewLeader) {
  begin({1, 2, 3});
  elect(1);
  cut_off_ = {1};
  ASSERT_TRUE(propose(1, "lost"));
  ASSERT_TRUE(propose(1, "lost too"));
  tick(40);
  ASSERT_EQ(leaders().size(), 1u);
  const NodeId leader = leaders()[0];
  ASSERT_NE(leader, 1u);
  ASSERT_TRUE(propose(leader, "kept"));
  ASSERT_EQ(node(1).log.truncations, 0);

  cut_off_ = {};
  tick(10);
  EXPECT_EQ(node(1).log.truncations, 1);
  for (auto& [id, node] : nodes_) EXPECT_THAT(node.applied, ElementsAre("kept")) << id;
}

// Also while the entries do not come through.
TEST_F(CoreTest, AFollowerIsToldWhatItsLeaderHasCommitted) {
  begin({1, 2, 3});
  elect(1);
  on_message_ = [this](NodeId, const CoreMessage& message) {
    cut_off_.clear();
    if (message.type == MessageType::kAppend && message.to == 3) cut_off_ = {3};
  };
  ASSERT_EQ(propose(1, "a").value(), 3u);
  tick(4);
  EXPECT_EQ(node(1).core->status().leader_commit, 3u);
  EXPECT_EQ(node(2).core->status().leader_commit, 3u);
  EXPECT_EQ(node(3).core->status().leader_commit, 3u);
  EXPECT_EQ(node(3).core->status().commit, 2u);
  start(3);
  EXPECT_EQ(node(3).core->status().leader_commit, 0u);
}

TEST_F(CoreTest, ANodeThatWasCutOffDoesNotDisturb) {
  begin({1, 2, 3});
  elect(1);
  const uint64_t term = node(1).core->status().term;
  cut_off_ = {3};
  tick(200);
  EXPECT_EQ(node(3).role(), Role::kPreCandidate);
  cut_off_ = {};
  tick(50);
  EXPECT_THAT(leaders(), ElementsAre(1));
  EXPECT_EQ(node(1).core->status().term, term);
  EXPECT_EQ(node(3).core->status().leader, 1u);
}

TEST_F(CoreTest, ALeaderWithoutAMajorityStepsDown) {
  begin({1, 2, 3});
  elect(1);
  cut_off_ = {2, 3};
  tick_only(1, 2 * node(1).options.election_ticks);
  EXPECT_NE(node(1).role(), Role::kLeader);
  EXPECT_EQ(code_of(propose(1, "a")), Code::kUnavailable);
}

TEST_F(CoreTest, TheLeadIsHandedOver) {
  begin({1, 2, 3});
  elect(1);
  ASSERT_TRUE(node(1).core->transfer_leader(3));
  EXPECT_EQ(node(1).core->status().transferee, 3u);
  const auto refused = node(1).core->propose(as_bytes("a"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(code_of(refused), Code::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("handed over to node 3"));
  settle();
  EXPECT_THAT(leaders(), ElementsAre(3));
  EXPECT_TRUE(propose(3, "a"));

  EXPECT_EQ(code_of(node(3).core->transfer_leader(7)), Code::kInvalid);
  EXPECT_EQ(code_of(node(1).core->transfer_leader(2)), Code::kUnavailable);
}

TEST_F(CoreTest, OnlyTheLeaderTakesProposals) {
  begin({1, 2, 3});
  EXPECT_THAT(propose(1, "a").error().message, HasSubstr("no leader is known"));
  elect(1);
  const auto refused = propose(2, "a");
  ASSERT_FALSE(refused);
  EXPECT_EQ(code_of(refused), Code::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("node 1 does"));
  EXPECT_EQ(code_of(change(2, {{MemberChange::Kind::kAddVoter, 4}})), Code::kUnavailable);
  EXPECT_EQ(code_of(propose(1, "")), Code::kInvalid);
  EXPECT_THAT(node(1).applied, IsEmpty());
}

TEST_F(CoreTest, NoVoteForALowerPriority) {
  begin({1, 2});
  node(2).options.priority = 5;
  start(2);
  ASSERT_TRUE(node(1).core->campaign());
  settle();
  EXPECT_THAT(leaders(), IsEmpty());
  elect(2);

  ASSERT_TRUE(node(1).core->set_priority(5));
  ASSERT_TRUE(node(2).core->transfer_leader(1));
  settle();
  EXPECT_THAT(leaders(), ElementsAre(1));
}

class DeterminismTest : public CoreTest {
 protected:
  std::string run(uint64_t seed) {
    nodes_.clear();
    trace_.clear();
    cut_off_.clear();
    begin({1, 2, 3}, {.seed = seed});
    for (int round = 0; round < 10; ++round) {
      cut_off_ = {static_cast<NodeId>(round % 3 + 1)};
      tick(40);
      for (const NodeId leader : leaders()) EXPECT_TRUE(propose(leader, "a"));
    }
    return trace_;
  }
};

TEST_F(DeterminismTest, TheSameSeedMakesTheSameRun) {
  const std::string first = run(1);
  EXPECT_EQ(first, run(1));
  EXPECT_NE(first, run(2));
}

TEST_F(CoreTest, TimeoutsOfEqualSeedsDifferByNode) {
  const auto first_campaign = [&](NodeId id) {
    nodes_.clear();
    const Members members{.voters = {id, 99}};
    CoreNode& node = nodes_[id];
    node.options = {.election_ticks = 10, .election_ticks_max = 1000};
    node.log.begin = {1, 1, members};
    node.log.hard_state = kFirstHardState;
    node.members = members;
    node.applied_index = 1;
    start(id);
    int ticks = 0;
    for (; node.role() == Role::kFollower; ++ticks) EXPECT_TRUE(node.core->tick());
    EXPECT_GE(ticks, 10);
    EXPECT_LT(ticks, 1000);
    return ticks;
  };
  EXPECT_NE(first_campaign(1), first_campaign(2));
}

TEST_F(CoreTest, AnErrorOfTheStorageEndsTheCore) {
  begin({1, 2});
  elect(1);
  node(1).log.broken = Error{Code::kIo, "segment binlog.000007: the disk failed"};
  const auto index = node(1).core->propose(as_bytes("a"));
  ASSERT_FALSE(index);
  EXPECT_EQ(code_of(index), Code::kIo);
  EXPECT_EQ(index.error().message, "segment binlog.000007: the disk failed");
  EXPECT_TRUE(node(1).core->is_dead());

  node(1).log.broken.reset();
  EXPECT_EQ(code_of(node(1).core->tick()), Code::kIo);
  EXPECT_EQ(code_of(node(1).core->propose(as_bytes("a"))), Code::kIo);
  EXPECT_FALSE(node(1).core->has_ready());
  EXPECT_THAT(node(1).core->progress(), IsEmpty());
  EXPECT_EQ(node(1).role(), Role::kFollower);
}

TEST_F(CoreTest, AlsoOneThatRaftPassesOver) {
  begin({1});
  elect(1);
  ASSERT_TRUE(node(1).core->propose(as_bytes("a")));
  const auto ready = node(1).core->ready();
  ASSERT_TRUE(ready);
  node(1).log.append(ready->entries);
  node(1).log.broken = Error{Code::kIo, "the disk failed"};
  EXPECT_EQ(code_of(node(1).core->advance()), Code::kIo);
  EXPECT_EQ(code_of(node(1).core->tick()), Code::kIo);
}

TEST_F(CoreTest, WhatRaftPanicsAtIsAnErrorAndEndsTheCore) {
  begin({1});
  elect(1);
  const Status status = node(1).core->advance_apply(1000);
  ASSERT_FALSE(status);
  EXPECT_EQ(code_of(status), Code::kCorrupt);
  EXPECT_THAT(status.error().message, HasSubstr("applied(1000) is out of range"));
  EXPECT_EQ(node(1).core->tick().error().message, status.error().message);
}

TEST_F(CoreTest, OptionsThatDoNotFitAreRefused) {
  MemoryLog log;
  const auto make = [&](const CoreOptions& options) { return Core::make(options, log, {}, {}, 0); };
  EXPECT_TRUE(make({.id = 1}));
  for (const CoreOptions& wrong : std::vector<CoreOptions>{
           {.id = 0},
           {.id = 1, .election_ticks = 10, .election_ticks_max = 10},
           {.id = 1, .election_ticks = 2, .heartbeat_ticks = 2},
           {.id = 1, .heartbeat_ticks = 0},
           {.id = 1, .inflight_messages_max = 0},
       }) {
    const auto core = make(wrong);
    ASSERT_FALSE(core);
    EXPECT_EQ(code_of(core), Code::kInvalid) << core.error().message;
  }
}

TEST_F(CoreTest, MessagesThatAreNoneAreRefused) {
  begin({1, 2});
  std::optional<CoreMessage> append;
  on_message_ = [&](NodeId, const CoreMessage& message) {
    if (message.type == MessageType::kAppend && !message.entries.empty()) append = message;
  };
  elect(1);
  ASSERT_TRUE(append);
  Core& core = *node(2).core;
  EXPECT_EQ(code_of(core.step(3, append->head, append->entries)), Code::kInvalid);
  EXPECT_EQ(code_of(node(1).core->step(1, append->head, append->entries)), Code::kInvalid);
  EXPECT_EQ(code_of(core.step(1, as_bytes("no message"), {})), Code::kCorrupt);
  const ByteVector proposal = {0x08, 2, 0x10, 2, 0x18, 1, 0x20, 9};  // msg_type, to, from, term
  EXPECT_EQ(code_of(core.step(1, proposal, {})), Code::kCorrupt);
  const ByteVector without_term = {0x08, 8, 0x10, 2, 0x18, 1};
  EXPECT_EQ(code_of(core.step(1, without_term, {})), Code::kCorrupt);
  auto entries = append->entries;
  entries[0].index += 1;
  EXPECT_EQ(code_of(core.step(1, append->head, entries)), Code::kCorrupt);
  entries = append->entries;
  entries[0].term += 7;
  EXPECT_EQ(code_of(core.step(1, append->head, entries)), Code::kCorrupt);

  ASSERT_TRUE(propose(1, "all is well"));
  EXPECT_THAT(node(2).applied, ElementsAre("all is well"));
}

TEST_F(CoreTest, ARestartedNodeKeepsItsTermVoteAndLog) {
  begin({1, 2, 3});
  elect(1);
  ASSERT_TRUE(propose(1, "a"));
  const CoreStatus before = node(2).core->status();
  start(2);
  const CoreStatus& after = node(2).core->status();
  EXPECT_EQ(after.term, before.term);
  EXPECT_EQ(after.vote, 1u);
  EXPECT_EQ(after.commit, before.commit);
  EXPECT_EQ(after.applied, before.applied);
  EXPECT_EQ(after.leader, 0u);

  tick(4);
  ASSERT_TRUE(propose(1, "b"));
  EXPECT_THAT(node(2).applied, ElementsAre("a", "b"));  // "a" not again
}

TEST_F(CoreTest, ARestartedNodeAppliesAgainFromWhereItSays) {
  begin({1});
  elect(1);
  for (int i = 0; i < 3000; ++i) ASSERT_TRUE(node(1).core->propose(as_bytes(std::to_string(i))));
  settle();
  const auto applied = std::exchange(node(1).applied, {});
  ASSERT_EQ(applied.size(), 3000u);
  node(1).applied_index = 1;
  start(1);
  settle();
  EXPECT_EQ(node(1).applied, applied);
  EXPECT_EQ(node(1).log.longest_read, 1024u);  // not all at once
}

TEST_F(CoreTest, MessagesHaveNoMoreEntriesThanAllowed) {
  begin({1, 2, 3}, {.message_entries_max = 4});
  elect(1);
  cut_off_ = {3};
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(node(1).core->propose(as_bytes("at once")));
  settle();
  EXPECT_EQ(node(2).applied.size(), 10u);
  EXPECT_EQ(node(2).longest_append, 4u);

  cut_off_ = {};
  tick(4);
  EXPECT_EQ(node(3).applied.size(), 10u);
  EXPECT_EQ(node(3).longest_append, 4u);  // from the log
}

TEST_F(CoreTest, NoMoreMessagesAreInFlightThanAllowed) {
  begin({1, 2}, {.inflight_messages_max = 3});
  elect(1);
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(progress(1, 2).paused);
    ASSERT_TRUE(node(1).core->propose(as_bytes("a")));
  }
  EXPECT_TRUE(progress(1, 2).paused);
  const uint64_t next = progress(1, 2).next;
  ASSERT_TRUE(node(1).core->propose(as_bytes("b")));
  EXPECT_EQ(progress(1, 2).next, next);
  settle();
  EXPECT_FALSE(progress(1, 2).paused);
  EXPECT_THAT(node(2).applied, ElementsAre("a", "a", "a", "b"));
}

TEST_F(CoreTest, AnUnreachableNodeIsProbed) {
  begin({1, 2});
  elect(1);
  EXPECT_EQ(progress(1, 2).state, PeerProgress::State::kReplicate);
  EXPECT_TRUE(progress(1, 2).recent_active);
  ASSERT_TRUE(node(1).core->report_unreachable(2));
  EXPECT_EQ(progress(1, 2).state, PeerProgress::State::kProbe);
  EXPECT_THAT(node(2).core->progress(), IsEmpty());
}

TEST_F(CoreTest, ALeaderKeepsReadiesInFlight) {
  begin({1, 2});
  elect(1);
  CoreNode& leader = node(1);
  leader.syncs = false;
  ASSERT_TRUE(propose(1, "a"));
  const uint64_t with_a = leader.in_flight;
  ASSERT_TRUE(propose(1, "b"));
  EXPECT_EQ(progress(1, 2).match, leader.log.last_index());  // sent before it was durable here
  EXPECT_THAT(leader.applied, IsEmpty());                    // durable at one of two

  ASSERT_TRUE(leader.core->on_persist(with_a));
  settle();
  EXPECT_THAT(leader.applied, ElementsAre("a"));
  EXPECT_THAT(node(2).applied, ElementsAre("a"));
  ASSERT_TRUE(leader.core->on_persist(leader.in_flight));
  settle();
  EXPECT_THAT(leader.applied, ElementsAre("a", "b"));
  EXPECT_THAT(node(2).applied, ElementsAre("a", "b"));
}

TEST_F(CoreTest, AFollowerAnswersWhenItsReadyIsDurable) {
  begin({1, 2});
  elect(1);
  ASSERT_TRUE(node(1).core->propose(as_bytes("a")));
  const auto sent = node(1).core->ready();
  ASSERT_TRUE(sent);
  ASSERT_EQ(sent->messages.size(), 1u);
  ASSERT_TRUE(node(2).core->step(1, sent->messages[0].head, sent->messages[0].entries));
  const auto ready = node(2).core->ready();
  ASSERT_TRUE(ready);
  EXPECT_TRUE(ready->must_sync);
  EXPECT_EQ(ready->entries, sent->messages[0].entries);
  EXPECT_THAT(ready->messages, IsEmpty());
  EXPECT_EQ(ready->persisted_messages.size(), 1u);
  EXPECT_EQ(code_of(node(2).core->ready()), Code::kInvalid);  // not advanced
}

TEST_F(CoreTest, ACommitIndexAloneNeedsNoSync) {
  begin({1, 2});
  elect(1);
  std::optional<CoreMessage> last;
  on_message_ = [&](NodeId, const CoreMessage& message) {
    if (message.type == MessageType::kAppend && message.entries.empty()) {
      last = message;
      cut_off_ = {1};
    }
  };
  ASSERT_TRUE(propose(1, "a"));
  ASSERT_TRUE(last);
  EXPECT_THAT(node(2).applied, IsEmpty());
  ASSERT_TRUE(node(2).core->step(1, last->head, last->entries));
  const auto ready = node(2).core->ready();
  ASSERT_TRUE(ready);
  ASSERT_TRUE(ready->hard_state);
  EXPECT_EQ(ready->hard_state->commit, 3u);
  EXPECT_FALSE(ready->must_sync);
  EXPECT_EQ(ready->committed.size(), 1u);
}

TEST_F(CoreTest, ANodeWhoseLogIsNotDurableDoesNotStandForElection) {
  begin({1, 2});
  elect(1);
  ASSERT_TRUE(node(1).core->propose(as_bytes("a")));
  const auto sent = node(1).core->ready();
  ASSERT_TRUE(sent);
  Core& core = *node(2).core;
  ASSERT_TRUE(core.step(1, sent->messages[0].head, sent->messages[0].entries));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(core.tick());
  EXPECT_EQ(core.status().role, Role::kFollower);
  EXPECT_EQ(code_of(core.campaign()), Code::kInvalid);

  const auto ready = core.ready();
  ASSERT_TRUE(ready);
  node(2).log.append(ready->entries);
  ASSERT_TRUE(core.advance());
  ASSERT_TRUE(core.tick());
  EXPECT_EQ(core.status().role, Role::kPreCandidate);
}

}  // namespace
}  // namespace binbus::raft
