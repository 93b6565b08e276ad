#include "coordinate/member.h"

#include <gtest/gtest.h>

#include <atomic>

#include "coordinate/memory_testing.h"
#include "coordinate/names.h"

namespace binbus::coordinate {
namespace {

using End = Member::End;

constexpr uint64_t kLongMs = 60'000;  // what waits so long has failed

// A node whose streams do nothing but hold their leases.
class TestNode {
 public:
  TestNode(MemoryServer& server, std::string name, uint64_t ttl_ms = 6'000, GroupCopy copy = {}) {
    MemberOptions options{
        .node = std::move(name), .session = {}, .copy = std::move(copy), .keep_copy = {}};
    options.session.root = "/binbus/test";
    options.session.ttl_ms = ttl_ms;
    options.keep_copy = [this](const GroupCopy& now) -> Status {
      const std::lock_guard lock(mutex_);
      copy_ = now;
      return ok();
    };
    member_ = Member::start(std::move(options), server.connect(), io::system_clock());
  }
  ~TestNode() { member_->stop(); }
  Member& member() { return *member_; }
  std::shared_ptr<Lease> take(const std::string& stream) {
    return member_->wait_for(stream, kLongMs, std::stop_token());
  }
  GroupCopy copy() const {
    const std::lock_guard lock(mutex_);
    return copy_;
  }

 private:
  mutable std::mutex mutex_;
  GroupCopy copy_;
  std::unique_ptr<Member> member_;
};

template <class Condition>
void wait_until(const Condition& condition) {
  while (!condition()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

std::shared_ptr<MemoryServer> server() { return std::make_shared<MemoryServer>(); }

TEST(Member, TakesAStreamAndGivesItBack) {
  const auto at = server();
  TestNode a(*at, "a");
  const auto lease = a.take("shop");
  ASSERT_NE(lease, nullptr);
  EXPECT_EQ(lease->epoch(), 1u);
  EXPECT_TRUE(lease->valid());
  EXPECT_EQ(OwnerRecord::parse(at->value("owners/shop")).node, "a");
  a.member().release(*lease);
  EXPECT_FALSE(lease->valid());
  EXPECT_EQ(at->value("owners/shop"), "");
  EXPECT_EQ(a.take("shop")->epoch(), 2u);
}

TEST(Member, AStandbyTakesOverWhenTheOwnerGoes) {
  const auto at = server();
  auto a = std::make_unique<TestNode>(*at, "a");
  const auto first = a->take("shop");
  TestNode b(*at, "b");
  std::shared_ptr<Lease> second;
  std::jthread waiting([&] { second = b.take("shop"); });
  wait_until([&] { return b.member().status().owners.contains("shop"); });
  EXPECT_EQ(b.member().status().owners["shop"].node, "a");
  a->member().release(*first);
  a.reset();
  waiting.join();
  EXPECT_EQ(second->epoch(), 2u);
}

TEST(Member, WhoIsAskedToStopGetsNone) {
  const auto at = server();
  TestNode a(*at, "a"), b(*at, "b");
  const auto held = a.take("shop");
  std::stop_source stop;
  std::shared_ptr<Lease> got = held;
  std::jthread waiting([&] { got = b.member().wait_for("shop", kLongMs, stop.get_token()); });
  stop.request_stop();
  waiting.join();
  EXPECT_EQ(got, nullptr);
}

TEST(Member, ALeaseOutlivesAShortAbsenceAndEndsByItsOwnDeadline) {
  const auto at = server();
  TestNode a(*at, "a");
  const auto lease = a.take("shop");
  at->set_away(true);
  wait_until([&] { return !a.member().status().connected; });
  EXPECT_TRUE(lease->valid());
  // The server has not ended the session when the deadline comes.
  EXPECT_EQ(a.member().wait_end(*lease, kLongMs, std::stop_token()), End::kOver);
  EXPECT_NE(at->value("owners/shop"), "");
  EXPECT_EQ(lease->write("positions/shop", "x", std::nullopt).error().code, Code::kStopped);
  a.member().release(*lease);
  at->set_away(false);
  // What the session before left there does not keep it from its own stream.
  EXPECT_EQ(a.take("shop")->epoch(), 2u);
}

TEST(Member, AnExpiredSessionEndsTheLeaseAtOnce) {
  const auto at = server();
  TestNode a(*at, "a", kLongMs);
  const auto lease = a.take("shop");
  at->expire_sessions();
  EXPECT_EQ(a.member().wait_end(*lease, kLongMs, std::stop_token()), End::kOver);
  a.member().release(*lease);
  EXPECT_EQ(a.take("shop")->epoch(), 2u);
}

TEST(Member, WritesAreFencedByTheServerEvenBeforeTheOwnerKnows) {
  const auto at = server();
  TestNode a(*at, "a", kLongMs);
  const auto lease = a.take("shop");
  const auto version = lease->write("checkpoints/s", "1", std::nullopt);
  ASSERT_TRUE(version && *version);
  // Another owner, of which a's thread cannot have heard yet when the write is tried under the same lease.
  at->put("owners/shop", OwnerRecord{.node = "b", .instance = "", .epoch = 2}.print());
  EXPECT_EQ(lease->write("checkpoints/s", "2", **version).error().code, Code::kStopped);
  EXPECT_EQ(at->value("checkpoints/s"), "1");
  EXPECT_FALSE(lease->valid());
}

TEST(Member, AWriteSeesThatSomebodyHasChangedItByHand) {
  const auto at = server();
  TestNode a(*at, "a");
  const auto lease = a.take("shop");
  const auto version = lease->write("checkpoints/s", "1", std::nullopt);
  ASSERT_TRUE(version && *version);
  at->remove("checkpoints/s");
  const auto again = lease->write("checkpoints/s", "2", **version);
  ASSERT_TRUE(again);
  EXPECT_FALSE(*again);
  EXPECT_TRUE(lease->valid());
  EXPECT_EQ(at->value("checkpoints/s"), "");
}

TEST(Member, AnOwnerKeyRemovedByHandMovesTheStream) {
  const auto at = server();
  TestNode a(*at, "a", kLongMs), b(*at, "b", kLongMs);
  auto lease = a.take("shop");
  std::shared_ptr<Lease> next;
  std::jthread waiting([&] { next = b.take("shop"); });
  wait_until([&] { return b.member().status().nodes.size() == 2; });
  at->remove("owners/shop");
  EXPECT_EQ(a.member().wait_end(*lease, kLongMs, std::stop_token()), End::kOver);
  a.member().release(*lease);
  waiting.join();
  EXPECT_EQ(next->epoch(), 2u);
  EXPECT_TRUE(next->valid());
}

TEST(Member, AnOwnerKeyRemovedByHandMovesTheStreamAlsoWhenAWriteSeesItFirst) {
  const auto at = server();
  // With nothing else to decide it, b comes first.
  TestNode a(*at, "a", kLongMs), b(*at, "b", kLongMs);
  const auto lease = b.take("shop");
  std::shared_ptr<Lease> next;
  std::jthread waiting([&] { next = a.take("shop"); });
  const auto waits_at = [&](const char* seer) {
    const auto there = NodeRecord::parse(seer, at->value(std::string("nodes/") + seer));
    return there.node.streams.contains("shop");
  };
  wait_until([&] { return waits_at("a") && waits_at("b"); });
  at->remove_untold("owners/shop");
  EXPECT_EQ(lease->write("checkpoints/s", "1", std::nullopt).error().code, Code::kStopped);
  b.member().release(*lease);
  EXPECT_EQ(b.member().wait_for("shop", 500, std::stop_token()), nullptr);
  waiting.join();
  EXPECT_TRUE(next->valid());
}

TEST(Member, HandsOverWhenAsked) {
  const auto at = server();
  TestNode a(*at, "a");
  const auto lease = a.take("shop");
  EXPECT_EQ(a.member().hand_over("shop").error().code, Code::kNotFound);  // to nobody
  TestNode b(*at, "b");
  std::shared_ptr<Lease> next;
  std::jthread waiting([&] { next = b.take("shop"); });
  wait_until([&] { return a.member().status().nodes.size() == 2; });
  EXPECT_EQ(b.member().hand_over("shop").error().code, Code::kNotFound);  // not its own
  ASSERT_TRUE(a.member().hand_over("shop"));
  EXPECT_EQ(a.member().wait_end(*lease, kLongMs, std::stop_token()), End::kWanted);
  EXPECT_TRUE(lease->valid());  // so that what is under way can be finished
  a.member().release(*lease);
  waiting.join();
  EXPECT_EQ(next->epoch(), 2u);
}

TEST(Member, KeepsWhatNoOtherHasBeenAskedToTake) {
  const auto at = server();
  TestNode a(*at, "a"), b(*at, "b");
  const auto lease = a.take("shop");
  wait_until([&] { return a.member().status().nodes.size() == 2; });
  ASSERT_TRUE(a.member().hand_over("shop"));  // to b, which does not wait for it
  wait_until(
      [&] { return NodeRecord::parse("a", at->value("nodes/a")).node.yields.contains("shop"); });
  a.member().keep("shop");
  wait_until([&] { return NodeRecord::parse("a", at->value("nodes/a")).node.yields.empty(); });
  EXPECT_EQ(b.member().wait_for("shop", 200, std::stop_token()), nullptr);
  EXPECT_EQ(a.member().wait_end(*lease, 200, std::stop_token()), std::nullopt);
}

TEST(Member, ThreeNodesShareSixStreams) {
  const auto at = server();
  const std::set<std::string> streams = {"s0", "s1", "s2", "s3", "s4", "s5"};
  std::vector<std::unique_ptr<TestNode>> nodes;
  std::vector<std::jthread> workers;
  std::stop_source stop;
  for (const char* name : {"a", "b", "c"}) {
    TestNode& node = *nodes.emplace_back(std::make_unique<TestNode>(*at, name, 2'000));
    for (const std::string& stream : streams) {
      workers.emplace_back([&node, stream, token = stop.get_token()] {
        while (const auto lease = node.member().wait_for(stream, kLongMs, token)) {
          while (!node.member().wait_end(*lease, kLongMs, token)) continue;
          node.member().release(*lease);
        }
      });
    }
  }
  const auto loads = [&] {
    std::map<std::string, int> out;
    for (const auto& [stream, owner] : nodes[0]->member().status().owners) ++out[owner.node];
    return out;
  };
  wait_until([&] { return loads() == std::map<std::string, int>{{"a", 2}, {"b", 2}, {"c", 2}}; });
  nodes[2]->member().stop();
  wait_until([&] { return loads() == std::map<std::string, int>{{"a", 3}, {"b", 3}}; });
  stop.request_stop();
}

TEST(Member, ANameIsOneNodes) {
  const auto at = server();
  TestNode a(*at, "a", kLongMs);
  const auto lease = a.take("shop");
  TestNode other(*at, "a", kLongMs);
  wait_until([&] { return !other.member().status().error.empty(); });
  EXPECT_NE(other.member().status().error.find("another node of the name \"a\""),
            std::string::npos);
  EXPECT_TRUE(lease->valid());
}

TEST(Member, ARestartedNodeNeedNotWaitForItsSessionToExpire) {
  const auto at = server();
  auto a = std::make_unique<TestNode>(*at, "a", kLongMs);
  ASSERT_NE(a->take("shop"), nullptr);
  const GroupCopy copy = a->copy();
  at->set_away(true);  // killed: the session is not ended
  a.reset();
  at->set_away(false);
  ASSERT_NE(at->value("owners/shop"), "");
  TestNode again(*at, "a", kLongMs, copy);
  EXPECT_EQ(again.take("shop")->epoch(), 2u);
}

TEST(Member, WhatWasWipedIsPutBack) {
  const auto at = server();
  TestNode a(*at, "a", kLongMs);
  auto lease = a.take("shop");
  ASSERT_TRUE(lease->write("filter_tables/s", "what it held", std::nullopt));
  ASSERT_TRUE(lease->write("checkpoints/s", "binlog.000001:4", std::nullopt));
  at->put("sinks/s", "type = \"file\"");
  // The copy is made with the next keep-alive; a shorter one would let it expire.
  TestNode b(*at, "b", 1'000);
  wait_until([&] { return b.copy().folders["checkpoints"].contains("s"); });
  wait_until([&] { return a.member().sinks().contains("s"); });
  at->wipe();
  EXPECT_EQ(a.member().wait_end(*lease, kLongMs, std::stop_token()), End::kOver);
  a.member().release(*lease);
  wait_until([&] { return at->value("checkpoints/s") == "binlog.000001:4"; });
  EXPECT_EQ(at->value("filter_tables/s"), "what it held");
  wait_until([&] { return at->value("sinks/s") == "type = \"file\""; });
  lease = a.take("shop");
  EXPECT_GT(lease->epoch(), 1u);
}

TEST(Member, AFilterTableWithoutACheckpointGivesWayToBothOfTheCopy) {
  const auto at = server();
  at->put("filter_tables/s", "of a sink that has begun anew and delivered nothing");
  GroupCopy copy{.group_id = "lost", .instance = "i", .folders = {}};
  copy.folders["checkpoints"]["s"] = "binlog.000001:4";
  copy.folders["filter_tables"]["s"] = "what it held";
  TestNode a(*at, "a", kLongMs, copy);
  wait_until([&] { return at->value("checkpoints/s") == "binlog.000001:4"; });
  EXPECT_EQ(at->value("filter_tables/s"), "what it held");
}

TEST(Member, AnOlderBackupAndAHandBringNoEpochBack) {
  const auto at = server();
  TestNode a(*at, "a", 1'000);
  a.member().release(*a.take("shop"));
  auto lease = a.take("shop");
  EXPECT_EQ(lease->epoch(), 2u);
  for (const char* epoch : {"1", "x", "18446744073709551615"}) {
    const uint64_t known = lease->epoch();
    ASSERT_TRUE(lease->write("checkpoints/s", "binlog.000001:4", std::nullopt));
    wait_until([&] {
      const GroupCopy copy = a.copy();
      return copy.epoch("shop") == known && copy.folders.at("checkpoints").contains("s");
    });
    at->set_away(true);
    at->put("epochs/shop", epoch);
    at->remove("checkpoints/s");
    at->set_away(false);
    EXPECT_EQ(a.member().wait_end(*lease, kLongMs, std::stop_token()), End::kOver) << epoch;
    a.member().release(*lease);
    EXPECT_EQ(at->value("checkpoints/s"), "binlog.000001:4");
    at->remove("checkpoints/s");
    lease = a.take("shop");
    EXPECT_GT(lease->epoch(), known) << epoch;
  }
}

TEST(Member, AnOwnerThatIsNoneKeepsNobodyAway) {
  const auto at = server();
  at->put("owners/shop", "written by hand");
  TestNode a(*at, "a");
  EXPECT_TRUE(a.take("shop")->valid());
}

TEST(Member, ALongLookCostsNoLease) {
  const auto at = server();
  TestNode a(*at, "a", 400);
  at->set_slow(5);
  std::vector<std::string> streams;
  for (int i = 0; i < 150; ++i) streams.push_back("s" + std::to_string(i));
  for (const std::string& stream : streams) a.member().wait_for(stream, 0, std::stop_token());
  std::vector<std::shared_ptr<Lease>> leases;
  for (const std::string& stream : streams) leases.push_back(a.take(stream));
  for (const auto& lease : leases) EXPECT_TRUE(lease->valid()) << lease->stream();
}

TEST(Member, WhoLeavesGivesBackWhatItWasGiven) {
  const auto at = server();
  TestNode a(*at, "a", kLongMs);
  ASSERT_NE(a.take("shop"), nullptr);
  a.member().leave("shop");
  EXPECT_EQ(at->value("owners/shop"), "");
  wait_until([&] { return NodeRecord::parse("a", at->value("nodes/a")).node.streams.empty(); });
}

// Of a node that has not been there since.
GroupCopy old_copy(const std::string& instance, const std::string& epoch) {
  return {.group_id = "lost", .instance = instance, .folders = {{"epochs", {{"shop", epoch}}}}};
}

TEST(Member, ANewerCopyRaisesTheEpochOfWhoHasTakenTheStreamByAnOlderOne) {
  const auto at = server();
  TestNode old(*at, "old", kLongMs, old_copy("i", "3"));
  const auto lease = old.take("shop");
  EXPECT_EQ(lease->epoch(), 5u);  // one may have come after the copy
  TestNode newer(*at, "newer", kLongMs, old_copy("j", "7"));
  EXPECT_EQ(old.member().wait_end(*lease, kLongMs, std::stop_token()), End::kOver);
  old.member().release(*lease);
  EXPECT_EQ(old.take("shop")->epoch(), 9u);
}

TEST(Member, AnOlderCopyLowersNoEpoch) {
  const auto at = server();
  TestNode newer(*at, "newer", kLongMs, old_copy("j", "7"));
  const auto lease = newer.take("shop");
  TestNode old(*at, "old", kLongMs, old_copy("i", "3"));
  wait_until([&] { return old.copy().group_id == at->value("group/id"); });
  EXPECT_EQ(at->value("epochs/shop"), "9");
  EXPECT_TRUE(lease->valid());
}

TEST(Member, WhatASinkWasToldIsPutBackByTheFirstAlone) {
  const auto at = server();
  TestNode fresh(*at, "fresh", kLongMs);  // which has nothing to put back
  wait_until([&] { return fresh.member().status().connected; });
  GroupCopy copy = old_copy("i", "3");
  copy.folders["sinks"]["kept"] = "type = \"file\"";
  copy.folders["checkpoints"]["kept"] = "binlog.000001:4";
  TestNode first(*at, "first", kLongMs, copy);
  wait_until([&] { return at->value("group/restored") == "first"; });
  EXPECT_NE(at->value("sinks/kept"), "");
  // Taken away at the others while this one was down; a sink of binbus.toml whose checkpoint the first copy lacked.
  copy.instance = "j";
  copy.folders["sinks"]["removed"] = "type = \"file\"";
  copy.folders["checkpoints"]["newer"] = "binlog.000002:4";
  copy.folders["checkpoints"]["kept"] = "binlog.000002:4";
  TestNode second(*at, "second", kLongMs, copy);
  wait_until([&] { return at->value("checkpoints/newer") == "binlog.000002:4"; });
  wait_until([&] { return second.copy().group_id == first.copy().group_id; });
  EXPECT_EQ(at->value("sinks/removed"), "");
  EXPECT_EQ(at->value("checkpoints/kept"), "binlog.000001:4");
}

TEST(Member, AnAttemptToConnectIsGivenUpAtAStop) {
  std::atomic<bool> trying = false;
  const Connect connect = [&](const SessionOptions& options) -> Result<std::unique_ptr<Session>> {
    trying = true;
    wait_until([&] { return options.stop.stop_requested(); });
    return fail(Code::kNetwork, "none answers");
  };
  MemberOptions options{.node = "a", .session = {}, .copy = {}, .keep_copy = {}};
  const auto member = Member::start(std::move(options), connect, io::system_clock());
  wait_until([&] { return trying.load(); });
  member->stop();
  EXPECT_EQ(member->status().error, "");
}

TEST(Member, TellsWhatSinksAreTold) {
  const auto at = server();
  TestNode a(*at, "a"), b(*at, "b");
  wait_until([&] { return a.member().status().connected; });
  ASSERT_TRUE(a.member().tell_sink("s", "type = \"file\""));
  EXPECT_EQ(b.member().wait_sinks({}, std::stop_token()),
            (Member::Sinks{{"s", "type = \"file\""}}));
  at->remove("sinks/s");
  EXPECT_EQ(b.member().wait_sinks({{"s", "type = \"file\""}}, std::stop_token()), Member::Sinks{});
  at->set_away(true);
  wait_until([&] { return !a.member().status().connected; });
  EXPECT_FALSE(a.member().tell_sink("s", "x"));
}

TEST(Member, ALeaseThatOutlivesItHearsOfNothing) {
  const auto at = server();
  std::shared_ptr<Lease> lease;
  {
    TestNode a(*at, "a");
    lease = a.take("shop");
  }
  EXPECT_FALSE(lease->valid());
  at->put("nodes/b", "{}");  // its session is still there, and tells of it
}

TEST(Member, SaysWhyItIsNotConnected) {
  const auto at = server();
  at->set_away(true);
  TestNode a(*at, "a");
  wait_until([&] { return a.member().status().error == "memory: away"; });
  at->set_away(false);
  wait_until([&] { return a.member().status().connected; });
  EXPECT_EQ(a.member().status().error, "");
}

TEST(GroupCopy, IsReadAsItWasPrinted) {
  GroupCopy copy{.group_id = "g", .instance = "i", .folders = {{"epochs", {{"shop", "7"}}}}};
  EXPECT_EQ(GroupCopy::parse(copy.print()), copy);
  EXPECT_EQ(copy.epoch("shop"), 7u);
  copy.saw_epoch("shop", 5);
  EXPECT_EQ(copy.epoch("shop"), 7u);
  EXPECT_EQ(GroupCopy::parse(""), GroupCopy());
  for (const char* text :
       {"x", "[]", "{\"instance\": 1}", "{\"epochs\": {\"a\": 1}}", "{\"epochs\": 1}"})
    EXPECT_EQ(GroupCopy::parse(text).error().code, Code::kCorrupt) << text;
}

TEST(Records, AreReadAsTheyWerePrinted) {
  const NodeRecord node{{"a", {"s", "t"}, {"t"}}, "i"};
  const NodeRecord read = NodeRecord::parse("a", node.print());
  EXPECT_EQ(read.node.streams, node.node.streams);
  EXPECT_EQ(read.node.yields, node.node.yields);
  EXPECT_EQ(read.instance, "i");
  EXPECT_EQ(OwnerRecord::parse(OwnerRecord{"a", "i", 7}.print()).epoch, 7u);
  EXPECT_EQ(OwnerRecord::parse("written by hand").node, "");
  EXPECT_TRUE(NodeRecord::parse("a", "[1]").node.streams.empty());
}

}  // namespace
}  // namespace binbus::coordinate
