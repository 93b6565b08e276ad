#include "coordinate/placement.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace binbus::coordinate {
namespace {

using Owners = std::map<std::string, std::string>;

std::set<std::string> streams(size_t count) {
  std::set<std::string> out;
  for (size_t i = 0; i < count; ++i) out.insert("s" + std::to_string(i));
  return out;
}

std::map<std::string, size_t> loads(const Owners& placed) {
  std::map<std::string, size_t> out;
  for (const auto& [stream, node] : placed) ++out[node];
  return out;
}

size_t moved(const Owners& before, const Owners& after) {
  return static_cast<size_t>(std::ranges::count_if(
      before, [&](const auto& each) { return after.at(each.first) != each.second; }));
}

TEST(Placement, OneNodeTakesAll) {
  EXPECT_EQ(loads(place({{"a", streams(5), {}}}, {})), (std::map<std::string, size_t>{{"a", 5}}));
}

TEST(Placement, NobodyIsThere) { EXPECT_TRUE(place({}, {}).empty()); }

TEST(Placement, TwoNodesAndOneStream_WhoHasItKeepsIt) {
  const std::vector<Node> nodes = {{"a", {"shop"}, {}}, {"b", {"shop"}, {}}};
  EXPECT_EQ(place(nodes, {{"shop", "a"}}), (Owners{{"shop", "a"}}));
  EXPECT_EQ(place(nodes, {{"shop", "b"}}), (Owners{{"shop", "b"}}));
}

TEST(Placement, AStreamGoesOnlyWhereItIsConfigured) {
  const std::vector<Node> nodes = {{"a", {"shop"}, {}}, {"b", {"mall"}, {}}};
  EXPECT_EQ(place(nodes, {}), (Owners{{"mall", "b"}, {"shop", "a"}}));
}

TEST(Placement, SpreadEvenly) {
  for (const size_t count : {1U, 2U, 3U, 7U, 12U, 100U}) {
    std::vector<Node> nodes;
    for (const char* name : {"a", "b", "c"}) nodes.push_back({name, streams(count), {}});
    const Owners placed = place(nodes, {});
    EXPECT_EQ(placed.size(), count);
    for (const auto& [node, load] : loads(placed)) EXPECT_LE(load, (count + 2) / 3);
  }
}

TEST(Placement, OfADeadNodeOnlyItsOwnAreMoved) {
  std::vector<Node> nodes;
  for (const char* name : {"a", "b", "c"}) nodes.push_back({name, streams(12), {}});
  const Owners before = place(nodes, {});
  nodes.pop_back();
  Owners left = before;
  std::erase_if(left, [](const auto& each) { return each.second == "c"; });
  const Owners after = place(nodes, left);
  EXPECT_EQ(moved(left, after), 0u);
  EXPECT_EQ(loads(after), (std::map<std::string, size_t>{{"a", 6}, {"b", 6}}));
}

TEST(Placement, ANewNodeGetsItsShareAndNoMore) {
  std::vector<Node> nodes = {{"a", streams(6), {}}, {"b", streams(6), {}}};
  const Owners before = place(nodes, {});
  nodes.push_back({"c", streams(6), {}});
  const Owners after = place(nodes, before);
  EXPECT_EQ(moved(before, after), 2u);
  EXPECT_EQ(loads(after), (std::map<std::string, size_t>{{"a", 2}, {"b", 2}, {"c", 2}}));
  EXPECT_EQ(place(nodes, after), after);
}

TEST(Placement, OneThatYieldsGetsItOnlyWhenThereIsNobodyElse) {
  const Node yielding{"a", {"shop"}, {"shop"}};
  EXPECT_EQ(place({yielding, {"b", {"shop"}, {}}}, {}), (Owners{{"shop", "b"}}));
  EXPECT_EQ(place({yielding, {"b", {"mall"}, {}}}, {}).at("shop"), "a");
}

TEST(Placement, AnOwnerThatIsNotListedKeepsWhatItHas) {
  EXPECT_EQ(place({{"b", {"shop"}, {}}}, {{"shop", "gone"}}), (Owners{{"shop", "gone"}}));
}

}  // namespace
}  // namespace binbus::coordinate
