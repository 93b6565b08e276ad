#include "app/cluster_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace binbus::app {
namespace {

using Kind = raft::MemberChange::Kind;
using testing::HasSubstr;

ClusterState three() {
  ClusterState state;
  for (const raft::NodeId id : {1U, 2U, 3U}) {
    const std::string name = "n" + std::to_string(id);
    state.nodes[id] = {.id = id, .name = name, .address = name + ":1"};
  }
  return state;
}

raft::PeerProgress at(raft::NodeId id, uint64_t match, bool active = true) {
  return {.id = id, .match = match, .next = match + 1, .recent_active = active};
}

LedGroup led() {
  return {.self = 1,
          .members = {.voters = {1, 2, 3}},
          .last_index = 1000,
          .progress = {at(1, 1000), at(2, 1000), at(3, 1000)}};
}

std::string text(const std::vector<raft::MemberChange>& changes) {
  std::string out;
  for (const raft::MemberChange& each : changes)
    out += (each.kind == Kind::kAddVoter ? "+"
            : each.kind == Kind::kRemove ? "-"
                                         : "~") +
           std::to_string(each.node) + " ";
  return out;
}

TEST(ClusterState, IsReadFromCursorsAndLeavesOutNonsense) {
  const ClusterNode node{.id = 7,
                         .name = "n7",
                         .address = "h:1",
                         .votes = false,
                         .site = "far",
                         .lead_priority = 4,
                         .bytes_per_second = 9,
                         .drained = true,
                         .leaving = true};
  const ClusterState state = ClusterState::parse({{node_cursor(7), encode_node(node)},
                                                  {node_cursor(8), "{}"},
                                                  {"node/x", encode_node(node)},
                                                  {founders_cursor("shop"), encode_ids({3, 7})},
                                                  {lead_cursor("shop"), "7"},
                                                  {lead_cursor("other"), "me"},
                                                  {place_cursor("shop"), encode_place({3, {3, 7}})},
                                                  {place_cursor("other"), "[]"}});
  EXPECT_EQ(state.nodes, (std::map<raft::NodeId, ClusterNode>{{7, node}}));
  EXPECT_EQ(state.founders.at("shop"), (std::vector<raft::NodeId>{3, 7}));
  EXPECT_EQ(state.leads, (std::map<std::string, raft::NodeId>{{"shop", 7}}));
  EXPECT_EQ(state.places, (std::map<std::string, Place>{{"shop", {3, {3, 7}}}}));
  EXPECT_EQ(state.find("n7"), nullptr);  // it leaves
}

TEST(ClusterState, WhoIsUnfitIsSoForSomeTime) {
  const Unfit unfit = {{3, 100}, {7, 200}};
  EXPECT_EQ(parse_unfit(encode_unfit(unfit), 99), unfit);
  EXPECT_EQ(parse_unfit(encode_unfit(unfit), 100), (Unfit{{7, 200}}));
  for (const char* text : {"", "{", "7", "[7]", R"([[7]])", R"({"7": 200})", R"([["7", 200]])"})
    EXPECT_EQ(parse_unfit(text, 1), Unfit()) << text;
}

TEST(ClusterState, FoundersAreNamedTheSameEverywhere) {
  EXPECT_EQ(cluster_name({1, 2, 3}), cluster_name({1, 2, 3}));
  EXPECT_NE(cluster_name({1, 2, 3}), cluster_name({1, 2, 4}));
}

TEST(NextChanges, NothingWhereAllIsAsWanted) {
  EXPECT_EQ(text(next_changes(three(), led(), "shop")), "");
  LedGroup joint = led();
  joint.members.outgoing = {1, 2};
  ClusterState four = three();
  four.nodes[4] = {.id = 4, .name = "n4", .address = "n4:1"};
  EXPECT_EQ(text(next_changes(four, joint, "shop")), "");  // one change after the other
}

TEST(NextChanges, ANewNodeLearnsAndVotesWhenItHasCaughtUp) {
  ClusterState state = three();
  state.nodes[4] = {.id = 4, .name = "n4", .address = "n4:1"};
  LedGroup group = led();
  EXPECT_EQ(text(next_changes(state, group, "shop")), "~4 ");
  group.members.learners = {4};
  group.progress.push_back(at(4, 10));
  EXPECT_EQ(text(next_changes(state, group, "shop")), "");
  group.progress.back().match = 900;
  EXPECT_EQ(text(next_changes(state, group, "shop")), "+4 ");
  state.nodes[4].votes = false;
  EXPECT_EQ(text(next_changes(state, group, "shop")), "");
}

TEST(NextChanges, OneThatIsReplacedGoesWhenItsSuccessorVotes) {
  ClusterState state = three();
  state.nodes[3].leaving = true;
  state.nodes[4] = {.id = 4, .name = "n3", .address = "n3:1"};
  LedGroup group = led();
  group.progress = {at(1, 1000), at(2, 1000, false), at(3, 0, false)};  // only the leader answers
  EXPECT_EQ(text(next_changes(state, group, "shop")), "~4 ");
  group.members.learners = {4};
  group.progress.push_back(at(4, 1000));
  EXPECT_EQ(text(next_changes(state, group, "shop")), "+4 -3 ");
}

TEST(NextChanges, NobodyGoesWhileMostOfTheOthersAreSilent) {
  ClusterState state = three();
  state.nodes[3].leaving = true;
  LedGroup group = led();
  EXPECT_EQ(text(next_changes(state, group, "shop")), "-3 ");
  group.progress[1].recent_active = false;
  EXPECT_EQ(text(next_changes(state, group, "shop")), "");
  state.nodes[3].leaving = false;
  state.nodes[1].leaving = true;  // the leader itself: whoever leads next does it
  EXPECT_EQ(text(next_changes(state, led(), "shop")), "");
}

TEST(NextChanges, WhoHasNotToldOfItselfStays) {
  ClusterState state = three();
  state.nodes.erase(3);
  EXPECT_EQ(text(next_changes(state, led(), "shop")), "");
}

TEST(NextChanges, AVoteIsTakenAway) {
  ClusterState state = three();
  state.nodes[2].votes = false;
  EXPECT_EQ(text(next_changes(state, led(), "shop")), "~2 ");
}

TEST(NextChanges, AVoteIsNotTakenAwayWhileMostOfTheOthersAreSilent) {
  ClusterState state = three();
  state.nodes[2].votes = false;
  LedGroup group = led();
  group.progress[2].recent_active = false;
  EXPECT_EQ(text(next_changes(state, group, "shop")), "");
}

// Of `count` nodes, each at a site of its own where `sites` are given, in turn.
ClusterState many(raft::NodeId count, const std::vector<std::string>& sites = {""}) {
  ClusterState state;
  for (raft::NodeId id = 1; id <= count; ++id) {
    const std::string name = "n" + std::to_string(id);
    state.nodes[id] = {.id = id, .name = name, .address = name + ":1"};
    state.nodes[id].site = sites[(id - 1) % sites.size()];
  }
  return state;
}

bool always(raft::NodeId) { return true; }

TEST(Keeps, AreThoseThatThePlaceNamesAndLearners) {
  ClusterState state = many(4);
  EXPECT_TRUE(state.keeps("shop", 4));
  state.places["shop"] = {3, {1, 2, 3}};
  EXPECT_TRUE(state.keeps("shop", 3));
  EXPECT_FALSE(state.keeps("shop", 4));
  EXPECT_TRUE(state.keeps("other", 4));
  EXPECT_TRUE(state.keeps("", 4));
  state.nodes[4].votes = false;
  EXPECT_TRUE(state.keeps("shop", 4));
  state.nodes[3].leaving = true;
  EXPECT_FALSE(state.keeps("shop", 3));
}

TEST(Filled, StreamsAreSpreadEvenly) {
  ClusterState state = many(5);
  std::map<raft::NodeId, int> kept;
  for (int i = 0; i < 50; ++i) {
    const std::string stream = "stream" + std::to_string(i);
    state.places[stream] = filled(state, stream, {3, {}}, always);
    EXPECT_EQ(std::set(state.places[stream].nodes.begin(), state.places[stream].nodes.end()).size(),
              3U);
    for (const raft::NodeId node : state.places[stream].nodes) ++kept[node];
  }
  for (const auto& [node, count] : kept) EXPECT_EQ(count, 30) << node;
}

TEST(Filled, EachSiteHasOneBeforeAnyHasTwo) {
  const ClusterState state = many(6, {"a", "b", "c"});
  const Place place = filled(state, "shop", {3, {}}, always);
  std::set<std::string> sites;
  for (const raft::NodeId node : place.nodes) sites.insert(state.nodes.at(node).site);
  EXPECT_EQ(sites.size(), 3U);
}

TEST(Filled, OthersTakeThePlaceOfThoseWhoAreGone) {
  ClusterState state = many(5);
  const Place place{3, {1, 2, 3}};
  EXPECT_EQ(filled(state, "shop", place, always), place);
  EXPECT_EQ(filled(state, "shop", place, [](raft::NodeId node) { return node != 2; }), place);
  state.nodes[2].leaving = true;
  const auto without_4 = [](raft::NodeId node) { return node != 4; };
  EXPECT_EQ(filled(state, "shop", place, without_4), (Place{3, {1, 3, 5}}));
  state.nodes[5].votes = false;
  EXPECT_EQ(filled(state, "shop", place, without_4), (Place{3, {1, 3}}));  // for now
  EXPECT_EQ(filled(state, "shop", place, always), (Place{3, {1, 3, 4}}));
  state.nodes.erase(2);
  state.members = {1, 2, 3, 4};
  EXPECT_EQ(filled(state, "shop", place, always), place);
  state.members = {1, 3, 4};
  EXPECT_EQ(filled(state, "shop", place, always), (Place{3, {1, 3, 4}}));
}

TEST(NextChanges, AStreamMovesWhenAllWhoAreToKeepItVote) {
  ClusterState state = many(5);
  state.places["shop"] = {3, {1, 4, 5}};
  LedGroup group = led();
  EXPECT_EQ(text(next_changes(state, group, "shop")), "~4 ~5 ");
  EXPECT_EQ(text(next_changes(state, group, "other")), "~4 ~5 ");  // everywhere
  EXPECT_EQ(text(next_changes(state, group, "")), "~4 ~5 ");       // the control group
  group.members.learners = {4, 5};
  group.progress.push_back(at(4, 1000));
  group.progress.push_back(at(5, 10));
  EXPECT_EQ(text(next_changes(state, group, "shop")), "+4 ");
  group.members.voters = {1, 2, 3, 4};
  group.members.learners = {5};
  EXPECT_EQ(text(next_changes(state, group, "shop")), "");  // nobody goes yet
  group.progress.back().match = 1000;
  EXPECT_EQ(text(next_changes(state, group, "shop")), "+5 -2 -3 ");
}

TEST(NextChanges, ALeaderThatKeepsTheStreamNoMoreIsTakenOutByTheNext) {
  ClusterState state = many(4);
  state.places["shop"] = {3, {2, 3, 4}};
  LedGroup group = led();
  group.members = {.voters = {1, 2, 3, 4}};
  group.progress.push_back(at(4, 1000));
  EXPECT_EQ(text(next_changes(state, group, "shop")), "");
  EXPECT_NE(wanted_leader(state, group, "shop", 1), 1U);
  group.self = 2;
  EXPECT_EQ(text(next_changes(state, group, "shop")), "-1 ");
}

TEST(NextChanges, WhoWasForgottenIsTakenOut) {
  ClusterState state = three();
  state.nodes.erase(3);
  state.members = {1, 2, 3};
  EXPECT_EQ(text(next_changes(state, led(), "shop")), "");  // it has not told of itself
  state.members = {1, 2};
  EXPECT_EQ(text(next_changes(state, led(), "shop")), "-3 ");
  LedGroup group = led();
  group.progress[1].recent_active = false;
  EXPECT_EQ(text(next_changes(state, group, "shop")), "");  // most of the others are silent
}

TEST(NextChanges, ALearnerThatThePlaceDoesNotNameMayGoAtOnce) {
  ClusterState state = many(4);
  state.places["shop"] = {3, {1, 2, 3}};
  LedGroup group = led();
  group.members.learners = {4};
  group.progress[1].recent_active = false;
  group.progress[2].recent_active = false;
  EXPECT_EQ(text(next_changes(state, group, "shop")), "-4 ");
}

TEST(WantedLeader, IsSpreadByTheStreamsName) {
  std::map<raft::NodeId, int> leads;
  for (int i = 0; i < 300; ++i)
    ++leads[wanted_leader(three(), led(), "stream" + std::to_string(i), 0)];
  EXPECT_EQ(leads.size(), 3U);
  for (const auto& [node, count] : leads) EXPECT_GT(count, 60) << node;
}

TEST(WantedLeader, IsOneThatCan) {
  ClusterState state = three();
  EXPECT_EQ(wanted_leader(state, led(), "shop", 2), 2U);
  state.nodes[2].drained = true;
  EXPECT_NE(wanted_leader(state, led(), "shop", 2), 2U);
  state.nodes[3].lead_priority = 5;
  EXPECT_EQ(wanted_leader(state, led(), "shop", 2), 3U);
  EXPECT_EQ(wanted_leader(state, led(), "shop", 1), 1U);
  LedGroup group = led();
  group.progress[2].recent_active = false;
  EXPECT_EQ(wanted_leader(state, group, "shop", 0), 1U);
  state.nodes[1].leaving = true;
  EXPECT_EQ(wanted_leader(state, group, "shop", 0), 0U);
}

TEST(WantedLeader, IsNoneThatIsUnfitAlsoWhenItIsAskedFor) {
  LedGroup group = led();
  group.unfit = {{1, 1}, {2, 1}};
  EXPECT_EQ(wanted_leader(three(), group, "shop", 2), 3U);
  group.unfit[3] = 1;
  EXPECT_EQ(wanted_leader(three(), group, "shop", 2), 0U);
}

TEST(RefuseRemoval, NamesWhoIsSilent) {
  const ClusterState state = three();
  EXPECT_EQ(refuse_removal(state, 3, [](raft::NodeId) { return true; }), "");
  EXPECT_THAT(refuse_removal(state, 3, [](raft::NodeId node) { return node == 1; }),
              HasSubstr("n2"));
  EXPECT_EQ(refuse_removal(state, 2, [](raft::NodeId node) { return node != 2; }), "");
  ClusterState one;
  one.nodes[1] = {.id = 1, .name = "n1", .address = "n1:1"};
  EXPECT_THAT(refuse_removal(one, 1, [](raft::NodeId) { return true; }), HasSubstr("the only one"));
}

TEST(RefuseRemoval, OfWhatAStreamNeeds) {
  ClusterState state = many(5);
  state.places["shop"] = {3, {1, 2, 3}};
  const auto without_2 = [](raft::NodeId node) { return node != 2; };
  EXPECT_THAT(refuse_removal(state, 3, without_2), HasSubstr("in stream shop"));
  EXPECT_EQ(refuse_removal(state, 4, without_2), "");
  EXPECT_EQ(refuse_removal(state, 2, without_2), "");
  // What is lost already cannot be lost by it.
  const auto only_1 = [](raft::NodeId node) { return node == 1 || node > 3; };
  EXPECT_EQ(refuse_removal(state, 2, only_1), "");
  state.places["alone"] = {1, {4}};
  EXPECT_EQ(refuse_removal(state, 4, always), "");
}

}  // namespace
}  // namespace binbus::app
