// Groups at work on three nodes of this process, over loopback.
#include "raft/group_runner.h"

#include <gtest/gtest.h>

#include "io/simulated_disk.h"
#include "raft/node_testing.h"
#include "store/log_testing.h"

namespace binbus::raft {
namespace {

class GroupRunnerTest : public testing::Test {
 protected:
  struct Node {
    io::SimulatedDisk disk;
    std::unique_ptr<GroupHost> host;
    std::shared_ptr<GroupRunner> group;
    ~Node() {
      if (group) group->stop();
      group.reset();
      host->stop();
    }
  };

  void SetUp() override {
    for (NodeId id = 1; id <= 3; ++id) {
      TransportOptions transport;
      transport.self = {id, "n" + std::to_string(id), "test", ""};
      transport.listen = "127.0.0.1:0";
      transport.lost_after_ms = 20'000;  // a slow machine must not look like a lost node
      transport.backoff_first_ms = transport.backoff_max_ms = 10;
      auto host = GroupHost::open(transport,
                                  {.answer = [](auto&&...) { return ByteVector(); },
                                   .peer_seen = [](auto&&...) {},
                                   .peer_lost = [](auto) {}},
                                  io::system_clock());
      ASSERT_TRUE(host) << host.error().message;
      nodes_[id].host = std::move(*host);
    }
    std::vector<Peer> peers;
    for (auto& [id, node] : nodes_)
      peers.push_back({.name = "", .address = node.host->transport()->self().address});
    for (auto& [id, node] : nodes_) {
      ASSERT_TRUE(node.host->transport()->set_peers(peers));
      GroupOptions options;
      options.log.directory = "log";
      options.log.keep_free_bytes = 0;
      options.founders.voters = {1, 2, 3};
      options.core.id = id;
      options.core.seed = 7;
      auto group =
          GroupRunner::open("g", node.disk, io::system_clock(), options, *node.host, nullptr);
      ASSERT_TRUE(group) << group.error().message;
      node.group = std::move(*group);
    }
  }

  // Of those whose group is there.
  NodeId leader() {
    NodeId found = 0;
    EXPECT_TRUE(eventually([&] {
      for (auto& [id, node] : nodes_) {
        if (node.group && node.group->leading() != 0) found = id;
      }
      return found != 0;
    }));
    return found;
  }
  bool all_rest() {
    return eventually([&] {
      return std::ranges::all_of(
          nodes_, [](const auto& each) { return each.second.group->status().resting; });
    });
  }

  std::map<NodeId, Node> nodes_;
};

TEST_F(GroupRunnerTest, RestsUntilSomethingIsWritten) {
  Node& node = nodes_.at(leader());
  ASSERT_TRUE(all_rest());
  Leadership leadership(*node.group, node.group->leading());
  store::LogWriter writer(node.group->log(), leadership);
  const store::MadeFile file = store::make_files(mysql::Flavor::kMysql, 1, 10, 300)[0];
  ASSERT_TRUE(writer.begin_segment(file.name));
  ASSERT_TRUE(writer.append(file.bytes, file.ends));
  ASSERT_TRUE(writer.sync());
  for (auto& [id, each] : nodes_) {
    EXPECT_TRUE(eventually([&log = each.group->log(), &file] {
      return log.visible_end() == store::Position{1, file.bytes.size()};
    })) << id;
  }
  EXPECT_TRUE(all_rest());
}

TEST_F(GroupRunnerTest, ACursorOfMoreThanAnEntryHoldsIsRefusedAndNothingElse) {
  GroupRunner& group = *nodes_.at(leader()).group;
  const uint64_t term = group.leading();
  const Status refused = group.put(term, {"large", std::string(store::kInlineBytesMax, 'x')});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kLimit);
  EXPECT_TRUE(group.put(term, {"small", "x"}));
  EXPECT_EQ(group.log().cursor("large"), "");
  EXPECT_EQ(group.log().cursor("small"), "x");
}

TEST_F(GroupRunnerTest, AnotherLeadsWhenTheLeadersNodeIsLostWhileAllRest) {
  const NodeId first = leader();
  ASSERT_TRUE(all_rest());
  nodes_.erase(first);
  EXPECT_NE(leader(), first);
}

TEST_F(GroupRunnerTest, AnotherLeadsWhenTheLeadersGroupEndsWhileAllRest) {
  Node& first = nodes_.at(leader());
  ASSERT_TRUE(all_rest());
  first.group->stop();
  first.group.reset();
  leader();
}

}  // namespace
}  // namespace binbus::raft
