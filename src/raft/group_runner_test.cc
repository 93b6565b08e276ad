// Groups at work on three nodes of this process, over loopback.
#include "raft/group_runner.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "io/simulated_disk.h"
#include "raft/node_server.h"
#include "raft/node_testing.h"
#include "store/log_testing.h"

namespace binbus::raft {
namespace {

// Of what waits for one node: little, so that it is soon used up.
constexpr size_t kQueuedBytesMax = 4 << 20;

class GroupRunnerTest : public testing::Test {
 protected:
  struct Node {
    io::SimulatedDisk disk;
    std::unique_ptr<GroupHost> host;
    std::shared_ptr<GroupRunner> group;
    ~Node() {
      disk.on_sync(nullptr);
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
      transport.bulk.bytes_max = kQueuedBytesMax;
      transport.backoff_first_ms = transport.backoff_max_ms = 10;
      auto host = GroupHost::open(transport,
                                  {.answer = [](auto&&...) { return ByteVector(); },
                                   .peer_seen = [](auto&&...) {},
                                   .peer_lost = [](auto) {}},
                                  io::system_clock());
      ASSERT_TRUE(host) << host.error().message;
      nodes_[id].host = std::move(*host);
    }
    for (auto& [id, node] : nodes_) {
      set_peers(id);
      auto group = open(id, "log");
      ASSERT_TRUE(group) << group.error().message;
      node.group = std::move(*group);
    }
  }

  // With so many bytes of entries per second towards one; 0: no limit.
  void set_peers(NodeId of, NodeId slow = 0, uint64_t bytes_per_second = 0) {
    std::vector<Peer> peers;
    for (auto& [id, node] : nodes_)
      peers.push_back({.name = "",
                       .address = node.host->transport()->self().address,
                       .bytes_per_second = id == slow ? bytes_per_second : 0});
    ASSERT_TRUE(nodes_.at(of).host->transport()->set_peers(peers));
  }

  Result<std::shared_ptr<GroupRunner>> open(NodeId id, const std::string& folder) {
    GroupOptions options;
    options.log.directory = folder;
    options.log.keep_free_bytes = 0;
    options.founders.voters = {1, 2, 3};
    options.core.id = id;
    options.core.seed = 7;
    Node& node = nodes_.at(id);
    return GroupRunner::open("g", node.disk, io::system_clock(), options, *node.host, nullptr);
  }
  // Of those whose group is there.
  NodeId leader() { return leader_besides(0); }
  NodeId leader_besides(NodeId other) {
    NodeId found = 0;
    EXPECT_TRUE(eventually([&] {
      for (auto& [id, node] : nodes_) {
        if (id != other && node.group && node.group->leading() != 0) found = id;
      }
      return found != 0;
    }));
    return found;
  }
  // What one node's transport knows of another.
  PeerStatus peer(NodeId of, NodeId other) {
    for (PeerStatus& each : nodes_.at(of).host->transport()->status()) {
      if (each.urgent.peer.id == other) return each;
    }
    ADD_FAILURE() << of << " does not know " << other;
    return {};
  }
  bool has_all(NodeId id, size_t bytes) {
    return eventually([&log = nodes_.at(id).group->log(), bytes] {
      return log.visible_end() == store::Position{1, bytes};
    });
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
  for (const auto& [id, each] : nodes_) EXPECT_TRUE(has_all(id, file.bytes.size())) << id;
  EXPECT_TRUE(all_rest());
}

// It works on until then, and goes without holding up its host.
TEST_F(GroupRunnerTest, OneThatIsLetGoOfEndsWithItsSuccessorOrItsHost) {
  const std::weak_ptr<GroupRunner> first = nodes_.at(1).group, second = nodes_.at(2).group;
  for (auto& [id, node] : nodes_) node.group.reset();
  EXPECT_FALSE(second.expired());
  auto successor = open(1, "another");
  ASSERT_TRUE(successor) << successor.error().message;
  nodes_.at(1).group = std::move(*successor);
  EXPECT_TRUE(eventually([&] { return first.expired(); }));
  nodes_.clear();
  EXPECT_TRUE(second.expired());
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

// Who waits for it may have to stop before there is room.
TEST_F(GroupRunnerTest, ACursorThatHasNoRoomIsNotWaitedFor) {
  Node& node = nodes_.at(leader());
  ASSERT_TRUE(all_rest());
  node.disk.set_capacity(UINT64_MAX - *node.disk.free_bytes("log"));
  const Status put = node.group->put(node.group->leading(), {"small", "x"});
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, Code::kDiskFull) << put.error().message;
  node.disk.set_capacity(UINT64_MAX);
}

TEST_F(GroupRunnerTest, StatusTellsOfADiskThatHangs) {
  for (const bool leads : {true, false}) {
    const NodeId first = leader(), id = leads ? first : first % 3 + 1;
    Node& stuck = nodes_.at(id);
    std::promise<void> released;
    std::atomic<int> held = 0;
    stuck.disk.on_sync([&held, release = released.get_future().share()] {
      ++held;
      release.wait();
      return ok();
    });
    const uint64_t before = stuck.group->status().last_index;
    const auto put = std::async(std::launch::async, [&group = *nodes_.at(first).group] {
      static_cast<void>(group.put(group.leading(), {"a", "x"}));
    });
    EXPECT_TRUE(eventually([&] { return held == 1; }));
    const GroupStatus now = stuck.group->status();
    EXPECT_EQ(now.leads, leads);
    EXPECT_EQ(now.last_index, before);
    ASSERT_TRUE(now.busy_since_us);
    EXPECT_LE(*now.busy_since_us, io::system_clock().monotonic_us());
    if (leads) {
      EXPECT_NE(leader_besides(id), id);
    }
    EXPECT_EQ(stuck.group->status().busy_since_us, now.busy_since_us);
    stuck.disk.on_sync(nullptr);
    released.set_value();
    put.wait();
    EXPECT_TRUE(eventually([&] {
      const GroupStatus later = stuck.group->status();
      return later.last_index > before && !later.leads && !later.busy_since_us;
    }));
  }
}

TEST_F(GroupRunnerTest, AFollowerKnowsSinceWhenItIsBehind) {
  const NodeId first = leader(), slow = first % 3 + 1;
  const auto behind_since = [&] { return nodes_.at(slow).group->status().behind_since_us; };
  ASSERT_TRUE(eventually([&] { return !behind_since(); }));
  const uint64_t before = io::system_clock().monotonic_us();
  set_peers(first, slow, 1 << 20);
  GroupRunner& group = *nodes_.at(first).group;
  Leadership leadership(group, group.leading());
  store::LogWriter writer(group.log(), leadership);
  const store::MadeFile file = store::make_files(mysql::Flavor::kMysql, 1, 10, 300'000)[0];
  ASSERT_TRUE(writer.begin_segment(file.name));
  ASSERT_TRUE(writer.append(file.bytes, file.ends));
  ASSERT_TRUE(writer.sync());
  ASSERT_TRUE(eventually([&] { return behind_since().has_value(); }));
  const auto since = behind_since();
  EXPECT_GT(*since, before);
  std::this_thread::sleep_for(std::chrono::milliseconds(3 * kTickMs));  // as heartbeats come
  EXPECT_EQ(behind_since(), since);
  set_peers(first);
  EXPECT_TRUE(has_all(slow, file.bytes.size()));
  EXPECT_TRUE(eventually([&] { return !behind_since(); }));
}

// The others go on; what waits for it, here and there, is bounded; and it has all of it in the end.
TEST_F(GroupRunnerTest, ANodeWhoseDiskHangsHoldsUpNobody) {
  const NodeId first = leader(), stuck = first % 3 + 1, other = stuck % 3 + 1;
  io::SimulatedDisk& disk = nodes_.at(stuck).disk;
  GroupRunner& group = *nodes_.at(first).group;
  // It hangs with its vote for itself, on a thread of its host's: what comes on the bulk lane is still read.
  std::promise<void> released;
  std::atomic<int> held = 0;
  disk.on_sync([&held, release = released.get_future().share()] {
    ++held;
    release.wait();
    return ok();
  });
  ASSERT_TRUE(group.transfer_leader(stuck));
  ASSERT_TRUE(eventually([&] { return held == 1; }));
  ASSERT_TRUE(eventually([&] { return group.status().core.transferee == 0; }));
  const auto refused = [&] {
    return std::ranges::any_of(group.status().progress, [&](const PeerProgress& each) {
      return each.id == stuck && each.state == PeerProgress::State::kProbe;
    });
  };
  ASSERT_FALSE(refused());
  Leadership leadership(group, group.leading());
  store::LogWriter writer(group.log(), leadership);
  store::FileMaker maker(mysql::Flavor::kMysql, binlog::Checksum::kCrc32);
  maker.start("binlog.000001", {});
  ASSERT_TRUE(writer.begin_segment(maker.file().name));
  size_t written = 0;
  const auto write = [&] {
    const store::MadeFile& file = maker.file();
    const Status appended =
        writer.append(Bytes(file.bytes).subspan(written), file.ends_in(written, file.bytes.size()));
    written = file.bytes.size();
    return appended && writer.sync();
  };
  const auto received = [&] { return peer(stuck, first).bytes_received; };
  for (uint64_t number = 1; !refused() && number < 200; ++number) {
    maker.transaction(store::mysql_gtid(number), number, 1 << 20);
    ASSERT_TRUE(write());
    EXPECT_LE(peer(first, stuck).bulk.queued_bytes, kQueuedBytesMax);
    if (written < kInboxBytesMax) {
      ASSERT_TRUE(eventually([&] { return received() >= written; }));
    }
  }
  EXPECT_TRUE(refused());
  EXPECT_LE(received(), kInboxBytesMax + kTogetherBytesMax);
  EXPECT_TRUE(has_all(first, written) && has_all(other, written));
  EXPECT_EQ(held, 1);
  disk.on_sync(nullptr);
  released.set_value();
  EXPECT_TRUE(has_all(stuck, written));
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
