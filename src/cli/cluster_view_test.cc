#include "cli/cluster_view.h"

#include <gtest/gtest.h>

namespace binbus::cli {
namespace {

constexpr const char* kCluster = R"({"node": "n1", "name": "c1", "reason": "", "nodes": [
  {"name": "n1", "id": 1, "address": "a:1", "connected": true, "votes": true, "site": "", "drained": false,
   "leaving": false},
  {"name": "n2", "id": 2, "address": "b:1", "connected": true, "votes": true, "site": "berlin", "drained": true,
   "leaving": false},
  {"name": "n3", "id": 3, "address": "c:1", "connected": false, "votes": false, "site": "", "drained": false,
   "leaving": false}],
 "streams": [{"name": "shop", "node": "n1", "role": "leader", "leader": "n1", "term": 4, "last_index": 12,
   "commit_index": 11, "reason": "", "placed": [], "members": [
    {"name": "n1", "voter": true, "lag_entries": 0, "active": true},
    {"name": "n2", "voter": false, "lag_entries": 7, "active": true}]}]})";

std::string left(const std::string& verb, const std::string& node, const std::string& stream = "",
                 bool end = false) {
  const auto text = cluster_change_left(
      kCluster,
      {.config = "", .admin = "", .verb = verb, .node = node, .stream = stream, .end = end});
  return text ? *text : text.error().message;
}

TEST(ClusterView, ShowsNodesAndStreams) {
  const auto text = cluster_text(kCluster);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text,
            "cluster c1, asked at n1\n\n"
            "NODE  ADDRESS  ROLE     SITE    STATE      LEADS\n"
            "n1    a:1      votes    -       this one   shop\n"
            "n2    b:1      drained  berlin  connected  -\n"
            "n3    c:1      learner  -       away       -\n"
            "\n"
            "STREAM  LEADER  TERM  ENTRIES  MEMBERS\n"
            "shop    n1      4     11       n1, n2 (learner) (7 entries behind)\n");
}

TEST(ClusterView, TellsWhatIsLeftOfAChange) {
  EXPECT_EQ(left("join", ""), "");
  EXPECT_EQ(left("add", "n2@b:1"), "n2 catches up with stream shop");
  EXPECT_EQ(left("add", "n3@c:1"), "n3 is not in stream shop yet");
  EXPECT_EQ(left("add", "n4@d:1"), "n4 is not in the control log yet");
  EXPECT_EQ(left("remove", "n2"), "n2 is being taken out of the groups");
  EXPECT_EQ(left("remove", "n4"), "");
  EXPECT_EQ(left("transfer", "n2", "shop"), "shop is led by n1");
  EXPECT_EQ(left("transfer", "n1", "shop"), "");
  EXPECT_EQ(left("drain", "n1"), "n1 still leads shop");
  EXPECT_EQ(left("drain", "n1", "", true), "");
  EXPECT_EQ(left("drain", "n2"), "");
}

// Of stream shop, which n1 and n2 keep, as it is to be at these.
std::string left_of_place(const std::string& placed, bool second_votes,
                          const std::vector<std::string>& wanted) {
  std::string cluster = kCluster;
  const auto replace = [&](const std::string& what, const std::string& by) {
    cluster.replace(cluster.find(what), what.size(), by);
  };
  replace(R"("placed": [])", R"("placed": )" + placed);
  if (second_votes) replace(R"("n2", "voter": false)", R"("n2", "voter": true)");
  const auto text = cluster_change_left(
      cluster,
      {.config = "", .admin = "", .verb = "place", .node = "", .stream = "shop", .nodes = wanted});
  return text ? *text : text.error().message;
}

TEST(ClusterView, TellsHowFarAStreamHasMoved) {
  EXPECT_EQ(left_of_place(R"(["n1", "n2"])", false, {"n2", "n1"}), "n2 catches up with shop");
  EXPECT_EQ(left_of_place(R"(["n1", "n2"])", true, {"n2", "n1"}), "");
  EXPECT_EQ(left_of_place(R"(["n1"])", true, {"n1"}), "n2 still keeps shop");
  EXPECT_EQ(left_of_place("[]", true, {}), "");
  EXPECT_EQ(left_of_place("[]", true, {"n1"}), "shop's leader does not know of it yet");
}

TEST(ClusterView, RefusesWhatIsNoAnswer) {
  EXPECT_EQ(cluster_text("{}").error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace binbus::cli
