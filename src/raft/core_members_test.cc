// Members that come, go and change their role, and the snapshots that they begin with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "raft/core_testing.h"

namespace binbus::raft {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

class CoreMembersTest : public testing::Test, protected CoreCluster {};

TEST_F(CoreMembersTest, AMemberIsReplacedThroughAJointMembership) {
  begin({1, 2, 3});
  elect(1);
  begin_empty(4);
  std::vector<Members> seen;
  on_message_ = [&](NodeId, const CoreMessage&) {
    if (seen.empty() || !(seen.back() == node(1).members)) seen.push_back(node(1).members);
  };
  ASSERT_TRUE(change(1, {{MemberChange::Kind::kAddVoter, 4}, {MemberChange::Kind::kRemove, 3}}));
  tick(4);
  const Members before{.voters = {1, 2, 3}};
  const Members joint{.voters = {1, 2, 4}, .outgoing = {1, 2, 3}, .auto_leave = true};
  const Members after{.voters = {1, 2, 4}};
  EXPECT_THAT(seen, ElementsAre(before, joint, after));
  EXPECT_EQ(node(4).members, after);

  cut_off_ = {2, 3};
  ASSERT_TRUE(propose(1, "a"));
  EXPECT_THAT(node(4).applied, ElementsAre("a"));
}

// It could lead in that term once more after a crash, with other entries.
TEST_F(CoreMembersTest, TheOnlyVoterSaysNothingBeforeItsTermIsKept) {
  begin({1});
  elect(1);
  begin_empty(2);
  ASSERT_TRUE(change(1, {{MemberChange::Kind::kAddLearner, 2}}));
  tick(4);
  start(1);
  Core& core = *node(1).core;
  ASSERT_TRUE(core.campaign());
  const Ready ready = *core.ready();
  ASSERT_TRUE(ready.hard_state);
  EXPECT_GT(ready.hard_state->term, node(2).core->status().term);
  EXPECT_EQ(core.status().role, Role::kLeader);
  EXPECT_THAT(ready.messages, IsEmpty());
  EXPECT_THAT(ready.persisted_messages, Not(IsEmpty()));
}

TEST_F(CoreMembersTest, OneChangeOfMembersAtATime) {
  begin({1, 2, 3});
  elect(1);
  cut_off_ = {2, 3};
  ASSERT_TRUE(change(1, {{MemberChange::Kind::kAddLearner, 4}}));
  const auto refused = change(1, {{MemberChange::Kind::kAddLearner, 5}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(code_of(refused), Code::kUnavailable);
  cut_off_ = {};
  tick(4);
  EXPECT_TRUE(change(1, {{MemberChange::Kind::kAddLearner, 5}}));
  EXPECT_EQ(node(1).members, (Members{.voters = {1, 2, 3}, .learners = {4, 5}}));
}

TEST_F(CoreMembersTest, ChangesThatDoNotFitAreRefused) {
  begin({1});
  elect(1);
  EXPECT_EQ(code_of(change(1, {})), Code::kInvalid);
  EXPECT_EQ(code_of(change(1, {{MemberChange::Kind::kRemove, 1}})), Code::kInvalid);
  EXPECT_EQ(node(1).members, (Members{.voters = {1}}));
}

TEST_F(CoreMembersTest, ALearnerCatchesUpAndIsPromoted) {
  begin({1, 2});
  elect(1);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(propose(1, std::to_string(i)));
  begin_empty(3);
  ASSERT_TRUE(change(1, {{MemberChange::Kind::kAddLearner, 3}}));
  tick(4);
  EXPECT_EQ(node(3).applied, node(1).applied);
  EXPECT_EQ(code_of(node(3).core->campaign()), Code::kInvalid);
  EXPECT_EQ(code_of(node(1).core->transfer_leader(3)), Code::kInvalid);

  cut_off_ = {2};
  ASSERT_TRUE(propose(1, "a learner does not count"));
  EXPECT_EQ(node(1).applied.size(), 10u);
  cut_off_ = {};
  tick(4);
  ASSERT_TRUE(change(1, {{MemberChange::Kind::kAddVoter, 3}}));
  EXPECT_EQ(node(3).members, (Members{.voters = {1, 2, 3}}));
  cut_off_ = {2};
  ASSERT_TRUE(propose(1, "a voter does"));
  EXPECT_EQ(node(1).applied.back(), "a voter does");
}

TEST_F(CoreMembersTest, AVoterBecomesALearner) {
  begin({1, 2, 3});
  elect(1);
  ASSERT_TRUE(
      change(1, {{MemberChange::Kind::kAddLearner, 3}, {MemberChange::Kind::kAddLearner, 4}}));
  tick(4);
  EXPECT_EQ(node(2).members, (Members{.voters = {1, 2}, .learners = {3, 4}}));
}

TEST_F(CoreMembersTest, ALeaderThatRemovesItselfStepsDown) {
  begin({1, 2, 3});
  elect(1);
  ASSERT_TRUE(change(1, {{MemberChange::Kind::kRemove, 1}}));
  EXPECT_EQ(node(1).role(), Role::kFollower);
  tick(60);
  EXPECT_EQ(node(1).role(), Role::kFollower);
  ASSERT_EQ(leaders().size(), 1u);
  ASSERT_TRUE(propose(leaders()[0], "a"));
  EXPECT_THAT(node(2).applied, ElementsAre("a"));
  EXPECT_EQ(node(2).members, (Members{.voters = {2, 3}}));
}

TEST_F(CoreMembersTest, ARemovedMemberComesBackEmpty) {
  begin({1, 2, 3});
  elect(1);
  ASSERT_TRUE(change(1, {{MemberChange::Kind::kRemove, 3}}));
  nodes_.erase(3);
  begin_empty(3);
  ASSERT_TRUE(change(1, {{MemberChange::Kind::kAddVoter, 3}}));
  tick(4);
  EXPECT_EQ(node(3).members, (Members{.voters = {1, 2, 3}}));
  cut_off_ = {2};
  ASSERT_TRUE(propose(1, "a"));
  EXPECT_THAT(node(3).applied, ElementsAre("a"));
}

TEST_F(CoreMembersTest, ANewNodeGetsASnapshotAndThenEntries) {
  begin({1, 2});
  elect(1);
  for (const char* text : {"a", "b", "c"}) ASSERT_TRUE(propose(1, text));
  node(1).log.purge(5, node(1).members);  // "c" is entry 5
  begin_empty(3);
  std::vector<uint64_t> snapshots;
  on_message_ = [&](NodeId, const CoreMessage& message) {
    if (message.type != MessageType::kSnapshot) return;
    snapshots.push_back(message.snapshot_index);
    EXPECT_EQ(progress(1, 3).state, PeerProgress::State::kSnapshot);
  };
  ASSERT_TRUE(change(1, {{MemberChange::Kind::kAddVoter, 3}}));
  tick(4);
  EXPECT_THAT(snapshots, ElementsAre(4));
  EXPECT_EQ(node(3).log.begin.index, 4u);
  EXPECT_EQ(node(3).log.begin.members, (Members{.voters = {1, 2}, .learners = {3}}));
  EXPECT_EQ(node(3).members, (Members{.voters = {1, 2, 3}}));
  EXPECT_THAT(node(3).applied, ElementsAre("c"));
  EXPECT_EQ(progress(1, 3).state, PeerProgress::State::kReplicate);
  EXPECT_EQ(progress(1, 3).match, node(1).log.last_index());
}

TEST_F(CoreMembersTest, ANodeThatFellBehindGetsASnapshot) {
  begin({1, 2, 3});
  elect(1);
  cut_off_ = {3};
  for (const char* text : {"a", "b", "c"}) ASSERT_TRUE(propose(1, text));
  node(1).log.purge(5, node(1).members);
  cut_off_ = {};
  tick(4);
  EXPECT_EQ(node(3).log.begin, node(1).log.begin);
  EXPECT_THAT(node(3).applied, ElementsAre("c"));
}

TEST_F(CoreMembersTest, ASnapshotThatIsTakenInIsApplied) {
  begin({1, 2, 3});
  elect(1);
  cut_off_ = {3};
  for (const char* text : {"a", "b", "c"}) ASSERT_TRUE(propose(1, text));
  node(1).log.purge(node(1).log.last_index() + 1, node(1).members);
  cut_off_ = {};
  tick(4);
  ASSERT_EQ(node(3).log.begin, node(1).log.begin);
  EXPECT_EQ(node(3).core->status().applied, node(1).log.last_index());
}

TEST_F(CoreMembersTest, ASnapshotThatFailedIsSentAgain) {
  begin({1, 2, 3});
  elect(1);
  cut_off_ = {3};
  for (const char* text : {"a", "b", "c"}) ASSERT_TRUE(propose(1, text));
  node(1).log.purge(5, node(1).members);
  cut_off_ = {};
  int snapshots = 0;
  on_message_ = [&](NodeId, const CoreMessage& message) {
    if (message.type == MessageType::kSnapshot && ++snapshots == 1) cut_off_ = {3};
  };
  reports_snapshots_ = false;
  tick(4);
  cut_off_ = {};
  tick(20);
  ASSERT_EQ(snapshots, 1);  // nobody said what became of it
  ASSERT_TRUE(node(1).core->report_snapshot(3, false));
  tick(20);
  EXPECT_EQ(snapshots, 2);
  EXPECT_THAT(node(3).applied, ElementsAre("c"));
}

TEST_F(CoreMembersTest, AnAnswerOfOneThatIsNoMemberIsIgnored) {
  begin({1, 2, 3});
  elect(1);
  std::optional<CoreMessage> answer;
  on_message_ = [&](NodeId from, const CoreMessage& message) {
    if (from == 3 && message.type == MessageType::kAppendResponse) answer = message;
  };
  ASSERT_TRUE(change(1, {{MemberChange::Kind::kRemove, 3}}));
  ASSERT_TRUE(answer);
  EXPECT_TRUE(node(1).core->step(3, answer->head, {}));
  EXPECT_THAT(leaders(), ElementsAre(1));
}

}  // namespace
}  // namespace binbus::raft
