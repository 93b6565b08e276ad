#include "raft/group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>

#include "io/simulated_disk.h"
#include "raft/core_testing.h"
#include "store/log_testing.h"

namespace binbus::raft {
namespace {

using store::LogWriter;
using store::MadeFile;

// Nodes of a group in one thread: what one sends, the others get in order, but to and from those that are cut off.
class GroupTest : public testing::Test {
 protected:
  struct Node : Network, store::Agreement {
    Node(GroupTest& test, NodeId self) : cluster(test), id(self) {}
    void send(Message message) override {
      ++cluster.sent_;
      cluster.queue_.emplace_back(id, std::move(message));
    }
    bool connected(NodeId node) const override {
      return cluster.watched_ && !cluster.unheard_.contains({id, node}) &&
             !cluster.cut_off_.contains(id) && !cluster.cut_off_.contains(node);
    }
    Tail tail() const override { return {group->log().end(), group->log().last_end()}; }
    Status stage(Bytes bytes) override { return group->stage(term, bytes); }
    Result<uint64_t> propose(std::vector<store::Proposal> proposals) override {
      if (proposals.empty()) return 0;
      return group->propose(term, std::move(proposals));
    }
    Result<bool> settled(uint64_t proposed) override { return group->settled(term, proposed); }
    Status wait(uint64_t proposed) override {
      cluster.settle();
      BINBUS_TRY(done, settled(proposed));
      return done ? ok() : fail(Code::kTimeout, "not yet");
    }

    GroupTest& cluster;
    const NodeId id;
    io::SimulatedDisk disk;
    std::unique_ptr<Group> group;
    uint64_t term = 0;
  };

  void start(NodeId id, const std::vector<NodeId>& founders, bool alone = false) {
    auto& node = nodes_.try_emplace(id, std::make_unique<Node>(*this, id)).first->second;
    GroupOptions options;
    options.log.directory = "log";
    options.log.keep_free_bytes = 0;
    options.log.entry_bytes_max = 1000;
    options.log.retain_bytes = retain_bytes_;
    options.founders.voters = founders;
    options.alone = alone;
    options.core.id = id;
    options.core.seed = 7;
    node->group.reset();
    auto group = Group::open(node->disk, io::system_clock(), options, *node, nullptr);
    ASSERT_TRUE(group) << group.error().message;
    node->group = std::move(*group);
  }
  void begin(const std::vector<NodeId>& ids) {
    for (const NodeId id : ids) start(id, ids);
  }
  void settle() {
    while (!queue_.empty()) {
      auto [from, message] = std::move(queue_.front());
      queue_.pop_front();
      if (cut_off_.contains(from) || cut_off_.contains(message.to)) continue;
      if (message.to == held_for_) {
        held_.emplace_back(from, std::move(message));
        continue;
      }
      ByteVector body;
      if (!message.load(body)) continue;
      const Received received{from, message.head, body};
      const Status done = nodes_.at(message.to)->group->receive({&received, 1});
      ASSERT_TRUE(done) << done.error().message;
    }
  }
  // What was held for a node comes together.
  void release() {
    std::vector<ByteVector> bodies(held_.size());
    std::vector<Received> together;
    for (size_t i = 0; i < held_.size(); ++i) {
      ASSERT_TRUE(held_[i].second.load(bodies[i]));
      together.push_back({held_[i].first, held_[i].second.head, bodies[i]});
    }
    ASSERT_TRUE(nodes_.at(std::exchange(held_for_, 0))->group->receive(together));
    held_.clear();
  }
  void tick(int times = 1) {
    for (int i = 0; i < times; ++i) {
      for (auto& [id, node] : nodes_) {
        const Status ticked = node->group->tick();
        ASSERT_TRUE(ticked) << ticked.error().message;
        settle();
      }
    }
  }
  // The one that leads, by now or soon, of those that are not cut off.
  Node& leader() {
    for (int i = 0; i < 200; ++i) {
      for (auto& [id, node] : nodes_) {
        if (cut_off_.contains(id) || node->group->leading() == 0) continue;
        node->term = node->group->leading();
        return *node;
      }
      tick();
    }
    ADD_FAILURE() << "nobody leads";
    return *nodes_.begin()->second;
  }
  bool all_rest() const {
    return std::ranges::all_of(nodes_,
                               [](const auto& each) { return each.second->group->resting(); });
  }
  bool nobody_rests() const {
    return std::ranges::none_of(nodes_,
                                [](const auto& each) { return each.second->group->resting(); });
  }
  // The leader of three nodes that rest.
  Node& rest() {
    watched_ = true;
    begin({1, 2, 3});
    Node& node = leader();
    for (int i = 0; i < 40 && !all_rest(); ++i) tick();
    EXPECT_TRUE(all_rest());
    return node;
  }
  std::vector<Node*> followers_of(const Node& node) {
    std::vector<Node*> found;
    for (auto& [id, each] : nodes_) {
      if (id != node.id) found.push_back(each.get());
    }
    return found;
  }
  // Its process ends, and so do its connections; returns the others, who know.
  std::vector<Node*> end(const Node& node) {
    cut_off_.insert(node.id);
    const auto others = followers_of(node);
    for (Node* each : others) EXPECT_TRUE(each->group->disconnected(node.id, 0));
    return others;
  }
  static std::string text(Node& node) {
    auto reader = node.group->log().reader({1, 0});
    if (!reader) return "";
    const auto bytes = read_all(**reader);
    return bytes ? std::string(as_text(*bytes)) : "";
  }
  static Status store(LogWriter& writer, const MadeFile& file, uint64_t from, uint64_t to) {
    BINBUS_RETURN_IF_ERROR(
        writer.append(Bytes(file.bytes).subspan(from, to - from), file.ends_in(from, to)));
    return writer.sync();
  }

  std::map<NodeId, std::unique_ptr<Node>> nodes_;
  uint64_t retain_bytes_ = 0;
  NodeId held_for_ = 0;
  std::vector<std::pair<NodeId, Message>> held_;
  std::set<NodeId> cut_off_;
  bool watched_ = false;                         // connections are: groups may rest
  std::set<std::pair<NodeId, NodeId>> unheard_;  // by the first
  size_t sent_ = 0;
  std::deque<std::pair<NodeId, Message>> queue_;
  const std::vector<MadeFile> files_ = store::make_files(mysql::Flavor::kMysql, 3, 10, 300);
};

TEST_F(GroupTest, OneNodeIsAGroupOfItsOwn) {
  begin({1});
  Node& node = leader();
  LogWriter writer(node.group->log(), node);
  ASSERT_TRUE(writer.begin_segment(files_[0].name));
  ASSERT_TRUE(store(writer, files_[0], 0, files_[0].bytes.size()));
  EXPECT_EQ(text(node), as_text(files_[0].bytes));
  start(1, {1});
  EXPECT_EQ(text(leader()), as_text(files_[0].bytes));
  EXPECT_EQ(leader().group->log().executed().to_string(),
            "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-10");
}

// A leader sends events as void once their cut is in effect, also when they were on their way as they had been.
TEST_F(GroupTest, WhatComesAsVoidAndWithItsEventsIsOneOrTheOther) {
  begin({1, 2, 3});
  Node& node = leader();
  LogWriter writer(node.group->log(), node);
  ASSERT_TRUE(writer.begin_segment(files_[0].name));
  tick(3);
  for (const bool void_first : {true, false}) {
    Node& other = *followers_of(node)[void_first ? 0 : 1];
    held_for_ = other.id;
    const uint64_t from = writer.end().offset;
    ASSERT_TRUE(store(writer, files_[0], from, from + 50));
    held_for_ = 0;
    const auto held = std::exchange(held_, {});
    const auto found =
        std::ranges::find_if(held, [](const auto& each) { return each.second.body_bytes() == 50; });
    ASSERT_NE(found, held.end());
    ByteVector body;
    ASSERT_TRUE(found->second.load(body));
    ByteVector as_void = found->second.head;
    const auto record = std::span(as_void).last(store::kEntryBytes);
    store::Entry entry = *store::parse_entry(record);
    entry = {.index = entry.index,
             .term = entry.term,
             .offset = entry.offset,
             .kind = store::EntryKind::kVoid};
    ByteWriter out;
    store::store_entry(out, entry);
    std::ranges::copy(out.view(), record.begin());

    std::vector<Received> both = {{node.id, as_void, {}}, {node.id, found->second.head, body}};
    if (!void_first) std::swap(both[0], both[1]);
    const Status received = other.group->receive(both);
    ASSERT_TRUE(received) << received.error().message;
    ASSERT_TRUE(store(writer, files_[0], from + 50, from + 80));  // which stands behind it
    start(other.id, {});
    const auto entries = other.group->log().entries(entry.index, entry.index + 1, 1);
    ASSERT_TRUE(entries) << entries.error().message;
    EXPECT_EQ(entries->front().kind == store::EntryKind::kVoid, void_first);
    tick(20);
  }
}

TEST_F(GroupTest, AllNodesHoldWhatTheLeaderWrites) {
  begin({1, 2, 3});
  Node& node = leader();
  LogWriter writer(node.group->log(), node);
  std::string all;
  for (const MadeFile& file : files_) {
    const Status begun = writer.begin_segment(file.name);
    ASSERT_TRUE(begun) << begun.error().message;
    ASSERT_TRUE(store(writer, file, 0, file.bytes.size()));
    all += as_text(file.bytes);
  }
  tick(3);
  for (auto& [id, each] : nodes_) {
    EXPECT_EQ(text(*each), all) << id;
    EXPECT_EQ(each->group->log().executed(), node.group->log().executed()) << id;
    EXPECT_EQ(each->group->log().segments().size(), 3U);
  }
}

TEST_F(GroupTest, AnUnfinishedTransactionIsCutByTheNextLeader) {
  begin({1, 2, 3});
  Node& first = leader();
  LogWriter writer(first.group->log(), first);
  const MadeFile& file = files_[0];
  const uint64_t half = file.ends[5].offset + 200;
  ASSERT_TRUE(writer.begin_segment(file.name));
  ASSERT_TRUE(store(writer, file, 0, half));
  tick(3);
  cut_off_.insert(first.id);
  Node& second = leader();
  ASSERT_NE(second.id, first.id);
  EXPECT_EQ(second.group->log().end(), (store::Position{1, file.ends[5].offset}));
  LogWriter next(second.group->log(), second);
  ASSERT_TRUE(store(next, file, file.ends[5].offset, file.bytes.size()));
  cut_off_.clear();
  tick(30);
  for (auto& [id, each] : nodes_) EXPECT_EQ(text(*each), as_text(file.bytes)) << id;
  EXPECT_EQ(first.group->leading(), 0U);
  EXPECT_EQ(first.group->stage(first.term, as_bytes("x")).error().code, Code::kUnavailable);
}

TEST_F(GroupTest, WhatADeposedLeaderWroteAloneGivesWay) {
  begin({1, 2, 3});
  Node& first = leader();
  LogWriter writer(first.group->log(), first);
  const MadeFile& file = files_[0];
  ASSERT_TRUE(writer.begin_segment(file.name));
  ASSERT_TRUE(store(writer, file, 0, file.ends[3].offset));
  tick(3);
  cut_off_.insert(first.id);
  EXPECT_EQ(store(writer, file, file.ends[3].offset, file.ends[8].offset).error().code,
            Code::kTimeout);
  EXPECT_EQ(first.group->log().visible_end(), (store::Position{1, file.ends[3].offset}));
  Node& second = leader();
  LogWriter next(second.group->log(), second);
  ASSERT_TRUE(store(next, file, file.ends[3].offset, file.ends[5].offset));
  cut_off_.clear();
  tick(30);
  ASSERT_TRUE(store(next, file, file.ends[5].offset, file.bytes.size()));
  tick(3);
  for (auto& [id, each] : nodes_) EXPECT_EQ(text(*each), as_text(file.bytes)) << id;
}

TEST_F(GroupTest, ANodeThatIsAddedGetsAllOfIt) {
  begin({1});
  Node& node = leader();
  LogWriter writer(node.group->log(), node);
  std::string all;
  for (const MadeFile& file : files_) {
    ASSERT_TRUE(writer.begin_segment(file.name));
    ASSERT_TRUE(store(writer, file, 0, file.bytes.size()));
    all += as_text(file.bytes);
  }
  ASSERT_TRUE(writer.record_schema({writer.end(), writer.end()}, ByteVector(5000, 7)));
  start(2, {});
  const MemberChange add{MemberChange::Kind::kAddVoter, 2};
  ASSERT_TRUE(node.group->propose_members({&add, 1}));
  settle();
  tick(20);
  EXPECT_EQ(text(*nodes_.at(2)), all);
  EXPECT_EQ(nodes_.at(2)->group->members().voters, (std::vector<NodeId>{1, 2}));
  EXPECT_EQ(*nodes_.at(2)->group->log().read_schema(writer.end()), ByteVector(5000, 7));
  start(2, {});
  tick(20);
  EXPECT_EQ(nodes_.at(2)->group->members().voters, (std::vector<NodeId>{1, 2}));
}

// It would stand for election, and vote, with members of before.
TEST_F(GroupTest, ASegmentsBeginningKeepsNobodyFromKnowingTheMembers) {
  begin({1, 2, 3});
  Node& node = leader();
  LogWriter writer(node.group->log(), node);
  Node& full = *followers_of(node)[0];
  const NodeId third = followers_of(node)[1]->id;
  held_for_ = full.id;
  ASSERT_TRUE(writer.begin_segment(files_[0].name));
  const MemberChange change{MemberChange::Kind::kAddLearner, third};
  ASSERT_TRUE(node.group->propose_members({&change, 1}));
  settle();
  // Enough for both entries, not for the segment's files.
  full.disk.set_capacity(UINT64_MAX - *full.disk.free_bytes("log") + 150);
  release();
  ASSERT_TRUE(full.group->log().barrier_waits());
  full.disk.set_capacity(UINT64_MAX);
  start(full.id, {});
  EXPECT_EQ(full.group->members().learners, std::vector{third});
  EXPECT_EQ(full.group->log().commit_index(), node.group->log().commit_index());
}

TEST_F(GroupTest, AFullDiskIsTriedAgain) {
  begin({1, 2, 3});
  Node& node = leader();
  LogWriter writer(node.group->log(), node);
  const MadeFile& file = files_[0];
  ASSERT_TRUE(writer.begin_segment(file.name));
  Node& other = *nodes_.at(node.id == 1 ? 2 : 1);
  tick(3);
  other.disk.set_capacity(1);
  ASSERT_TRUE(store(writer, file, 0, file.bytes.size()));
  tick(3);
  EXPECT_TRUE(other.group->blocked());
  other.disk.set_capacity(UINT64_MAX);
  tick(30);
  EXPECT_FALSE(other.group->blocked());
  EXPECT_EQ(text(other), as_text(file.bytes));
}

TEST_F(GroupTest, AMessageThatMakesNoSenseIsLeftOut) {
  begin({1, 2, 3});
  Node& node = leader();
  const ByteVector rubbish = {3, 0, 0, 0, 'a', 'b', 'c', 0, 0, 0, 0};
  const Received received{2, rubbish, {}};
  EXPECT_TRUE(node.group->receive({&received, 1}));
  EXPECT_FALSE(node.group->has_ended());
  LogWriter writer(node.group->log(), node);
  EXPECT_TRUE(writer.begin_segment(files_[0].name));
}

// To one that does not answer, before it leads; and goes on once that is given up.
TEST_F(GroupTest, WhoHandsTheLeadOverFirstCutsWhatIsUnfinishedThen) {
  begin({1, 2, 3});
  Node& first = leader();
  Node& next = *followers_of(first)[0];
  Node& voter = *followers_of(first)[1];
  LogWriter writer(first.group->log(), first);
  const MadeFile& file = files_[0];
  ASSERT_TRUE(writer.begin_segment(file.name));
  ASSERT_TRUE(store(writer, file, 0, file.ends[5].offset + 200));
  cut_off_.insert(first.id);
  held_for_ = next.id;
  const auto leads = [&] { return next.group->status().role == Role::kLeader; };
  for (int i = 0; i < 200 && !leads(); ++i) {
    ASSERT_TRUE(next.group->tick());
    if (i < 10) {  // until it has heard no leader for long enough
      ASSERT_TRUE(voter.group->tick());
    }
    settle();
    for (const auto& [from, message] : std::exchange(held_, {})) {
      ByteVector body;
      const Received received{from, message.head, body};
      if (leads()) break;
      ASSERT_TRUE(next.group->receive({&received, 1}));
    }
  }
  ASSERT_TRUE(leads());
  settle();
  ASSERT_TRUE(next.group->transfer_leader(first.id));
  release();
  EXPECT_EQ(next.group->leading(), 0U);
  tick(30);
  EXPECT_NE(next.group->leading(), 0U);
  EXPECT_EQ(next.group->log().end(), (store::Position{1, file.ends[5].offset}));
}

TEST_F(GroupTest, WhoCannotDropWhatItHadBegunEnds) {
  begin({1, 2, 3});
  Node& first = leader();
  LogWriter writer(first.group->log(), first);
  ASSERT_TRUE(writer.begin_segment(files_[0].name));
  ASSERT_TRUE(first.group->stage(first.term, Bytes(files_[0].bytes).first(100)));
  cut_off_.insert(first.id);
  leader();
  cut_off_.clear();
  held_for_ = first.id;
  tick(3);
  ASSERT_FALSE(held_.empty());
  ByteVector body;
  ASSERT_TRUE(held_[0].second.load(body));
  const Received received{held_[0].first, held_[0].second.head, body};
  first.disk.on_sync([] { return fail(Code::kDiskFull, "no room"); });
  EXPECT_EQ(code_of(first.group->receive({&received, 1})), Code::kDiskFull);
  EXPECT_TRUE(first.group->has_ended());
}

// It waits with a leader that is deposed as its disk is full; and the one of then would be told of with the bytes of now.
TEST_F(GroupTest, ASnapshotThatWaitsForRoomWhichRetentionMakesIsNotSent) {
  retain_bytes_ = 1;
  begin({1, 2, 3, 4, 5});
  Node& first = leader();
  Node& behind = *followers_of(first)[0];
  Node& next = *followers_of(first)[1];
  LogWriter writer(first.group->log(), first);
  std::string all;
  for (const MadeFile& file : files_) {
    ASSERT_TRUE(writer.begin_segment(file.name));
    ASSERT_TRUE(store(writer, file, 0, file.bytes.size()));
    all += as_text(file.bytes);
    cut_off_.insert(behind.id);
  }
  ASSERT_TRUE(first.group->apply_retention(0, 2));
  ASSERT_TRUE(first.group->unreachable(behind.id));
  // It hears that one is there that needs a snapshot, and of the next leader, at once.
  cut_off_.clear();
  held_for_ = first.id;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(first.group->tick());
    settle();
  }
  cut_off_.insert(behind.id);
  ASSERT_TRUE(first.group->transfer_leader(next.id));
  settle();
  ASSERT_NE(next.group->leading(), 0);
  first.disk.set_capacity(1);
  release();
  ASSERT_TRUE(first.group->blocked());
  ASSERT_TRUE(first.group->apply_retention(0, 3));
  first.disk.set_capacity(UINT64_MAX);
  cut_off_.clear();
  ASSERT_TRUE(first.group->tick());
  settle();
  tick(30);
  EXPECT_EQ(text(behind), all);
}

TEST_F(GroupTest, ALeaderWithAFullDiskHandsTheLeadOver) {
  watched_ = true;
  begin({1, 2, 3});
  Node& full = leader();
  const MadeFile& file = files_[0];
  const uint64_t half = file.ends[4].offset;
  LogWriter writer(full.group->log(), full);
  ASSERT_TRUE(writer.begin_segment(file.name));
  ASSERT_TRUE(store(writer, file, 0, half));
  full.disk.set_capacity(1);
  EXPECT_EQ(code_of(store(writer, file, half, file.bytes.size())), Code::kDiskFull);
  settle();
  EXPECT_EQ(full.group->leading(), 0);
  Node& next = leader();  // without an election timeout, and though the other goes on ticking
  EXPECT_NE(next.id, full.id);
  LogWriter there(next.group->log(), next);
  ASSERT_TRUE(store(there, file, half, file.bytes.size()));
  full.disk.set_capacity(UINT64_MAX);
  tick(30);
  EXPECT_EQ(text(full), as_text(file.bytes));
}

TEST_F(GroupTest, ALeaderWithAFullDiskAndNobodyThereLeadsOn) {
  begin({1, 2, 3});
  Node& full = leader();
  const MadeFile& file = files_[0];
  LogWriter writer(full.group->log(), full);
  ASSERT_TRUE(writer.begin_segment(file.name));
  for (const NodeId id : {1U, 2U, 3U}) nodes_.at(id)->disk.set_capacity(1);
  EXPECT_EQ(code_of(store(writer, file, 0, file.bytes.size())), Code::kDiskFull);
  tick(50);
  for (const NodeId id : {1U, 2U, 3U}) nodes_.at(id)->disk.set_capacity(UINT64_MAX);
  Node& next = leader();
  LogWriter there(next.group->log(), next);
  ASSERT_TRUE(store(there, file, 0, file.bytes.size()));
  tick(30);
  EXPECT_EQ(text(full), as_text(file.bytes));
}

// The others are gone for good. What the one that is left had not heard to be committed counts, too.
TEST_F(GroupTest, ALostMajorityIsComeBackFrom) {
  begin({1, 2, 3});
  Node& first = leader();
  Node& left = *followers_of(first)[0];
  const MadeFile& file = files_[0];
  const uint64_t half = file.ends[4].offset;
  LogWriter writer(first.group->log(), first);
  ASSERT_TRUE(writer.begin_segment(file.name));
  ASSERT_TRUE(store(writer, file, 0, half));
  tick();
  const NodeId id = left.id;
  for (Node* other : followers_of(left)) cut_off_.insert(other->id);
  tick(100);
  EXPECT_EQ(left.group->leading(), 0U);
  start(id, {}, true);
  EXPECT_EQ(left.group->members(), Members{.voters = {id}});
  EXPECT_EQ(text(left), as_text(Bytes(file.bytes).first(half)));
  LogWriter there(leader().group->log(), left);
  ASSERT_TRUE(store(there, file, half, file.bytes.size()));
  // It stays so, by the log alone.
  for (int i = 0; i < 2; ++i) {
    start(id, {});
    EXPECT_EQ(left.group->members(), Members{.voters = {id}});
    EXPECT_EQ(leader().id, id);
    EXPECT_EQ(text(left), as_text(file.bytes));
  }
}

// --- rest ------------------------------------------------------------------------------------------------------------

TEST_F(GroupTest, WhoRestsSendsNothing) {
  const Node& node = rest();
  const size_t before = sent_;
  tick(100);
  EXPECT_EQ(sent_, before);
  EXPECT_EQ(node.group->leading(), node.term);
}

TEST_F(GroupTest, WhatIsWrittenWakesAll) {
  Node& node = rest();
  LogWriter writer(node.group->log(), node);
  ASSERT_TRUE(writer.begin_segment(files_[0].name));
  EXPECT_TRUE(nobody_rests());
  ASSERT_TRUE(store(writer, files_[0], 0, files_[0].bytes.size()));
  tick(3);
  for (auto& [id, each] : nodes_) EXPECT_EQ(text(*each), as_text(files_[0].bytes)) << id;
  tick(40);
  EXPECT_TRUE(all_rest());
}

// It is awake and says nothing, as it has to write first.
TEST_F(GroupTest, ALeaderThatCannotWriteIsReplacedThoughAllRested) {
  Node& node = rest();
  node.disk.set_capacity(1);
  LogWriter writer(node.group->log(), node);
  EXPECT_FALSE(writer.begin_segment(files_[0].name));
  settle();
  EXPECT_TRUE(nobody_rests());
  tick(40);
  const auto others = followers_of(node);
  EXPECT_TRUE(others[0]->group->leading() != 0 || others[1]->group->leading() != 0);
}

TEST_F(GroupTest, WhoWritesNowAndThenStaysAwake) {
  watched_ = true;
  begin({1, 2, 3});
  Node& node = leader();
  LogWriter writer(node.group->log(), node);
  ASSERT_TRUE(writer.begin_segment(files_[0].name));
  uint64_t from = 0;
  for (const store::TransactionEnd& end : files_[0].ends) {
    tick(9);
    ASSERT_TRUE(store(writer, files_[0], from, end.offset));
    from = end.offset;
    EXPECT_TRUE(nobody_rests());
  }
}

TEST_F(GroupTest, NobodyRestsWhileANodeIsBehind) {
  const Node& node = rest();
  const NodeId other = followers_of(node)[0]->id;
  cut_off_.insert(other);
  ASSERT_TRUE(nodes_.at(node.id)->group->disconnected(other, 0));
  settle();
  tick(100);
  for (auto& [id, each] : nodes_) EXPECT_EQ(each->group->resting(), id == other) << id;
  EXPECT_EQ(node.group->leading(), node.term);
}

// With nothing to send to it, the core goes on probing it.
TEST_F(GroupTest, WhoWasNotReachedForAMomentKeepsNobodyAwake) {
  const Node& node = rest();
  ASSERT_TRUE(node.group->unreachable(followers_of(node)[0]->id));
  EXPECT_FALSE(node.group->resting());
  tick(40);
  EXPECT_TRUE(all_rest());
}

TEST_F(GroupTest, NobodyRestsWhoseConnectionsNobodyWatches) {
  begin({1, 2, 3});
  leader();
  tick(100);
  EXPECT_TRUE(nobody_rests());
}

TEST_F(GroupTest, AFollowerThatDoesNotAgreeWakesTheLeader) {
  watched_ = true;
  begin({1, 2, 3});
  Node& node = leader();
  Node& other = *followers_of(node)[0];
  unheard_.insert({other.id, node.id});
  for (int i = 0; i < 100; ++i) {
    tick();
    EXPECT_FALSE(node.group->resting());
    EXPECT_FALSE(other.group->resting());
  }
  EXPECT_EQ(node.group->leading(), node.term);  // and nobody has stood for election
  unheard_.clear();
  tick(40);
  EXPECT_TRUE(all_rest());
}

// The word comes by another connection than entries do.
TEST_F(GroupTest, AWordToRestThatComesLateIsNotHeeded) {
  watched_ = true;
  begin({1, 2, 3});
  Node& node = leader();
  Node& other = *followers_of(node)[0];
  for (int i = 0; i < 40 && !node.group->resting(); ++i) {
    if (held_for_ != 0) release();
    held_for_ = other.id;
    tick();
  }
  ASSERT_TRUE(node.group->resting());
  LogWriter writer(node.group->log(), node);
  ASSERT_TRUE(writer.begin_segment(files_[0].name));
  // The word to rest, the word to wake, the entry; that it is committed is lost.
  ASSERT_GE(held_.size(), 3U);
  held_.erase(held_.begin() + 3, held_.end());
  std::rotate(held_.begin(), held_.begin() + 1, held_.end());
  other.disk.set_capacity(1);
  release();
  EXPECT_TRUE(other.group->blocked());
  EXPECT_FALSE(other.group->resting());
  other.disk.set_capacity(UINT64_MAX);
  tick(3);
  EXPECT_EQ(other.group->log().end(), node.group->log().end());
}

TEST_F(GroupTest, ALeaderThatIsLostIsReplacedAsSoonAsIfAllWereAwake) {
  const Node& first = rest();
  cut_off_.insert(first.id);
  for (Node* each : followers_of(first)) {
    ASSERT_TRUE(each->group->disconnected(first.id, 10));
    EXPECT_FALSE(each->group->resting());
  }
  tick(10);  // of 10 to 20 ticks without a word from the leader, 10 are over
  const NodeId second = leader().id;
  EXPECT_NE(second, first.id);
  // It comes back as the leader that it was: it is told of the new term.
  cut_off_.clear();
  EXPECT_TRUE(first.group->resting());
  ASSERT_TRUE(nodes_.at(first.id)->group->disconnected(second, 0));
  tick(3);
  EXPECT_EQ(first.group->leading(), 0U);
  EXPECT_EQ(first.group->status().leader, second);
  tick(40);
  EXPECT_TRUE(all_rest());
}

// A process that ends closes its connections; nobody waits for it as long as for one that is silent.
TEST_F(GroupTest, ALeaderThatEndedIsReplacedWithinAFewTicks) {
  for (const bool ended : {false, true}) {
    nodes_.clear();
    cut_off_.clear();
    watched_ = true;
    begin({1, 2, 3});
    const Node& first = leader();
    cut_off_.insert(first.id);
    const auto others = ended ? end(first) : followers_of(first);
    tick(4);
    EXPECT_EQ(others[0]->group->leading() + others[1]->group->leading() > 0, ended);
  }
}

// What is read after its connections ended is no sign of life.
TEST_F(GroupTest, AnEndedLeadersLastMessagesDelayNothing) {
  watched_ = true;
  begin({1, 2, 3});
  const Node& first = leader();
  const auto others = followers_of(first);
  tick(3);
  held_for_ = others[0]->id;
  for (int i = 0; i < 10 && held_.empty(); ++i) tick();
  ASSERT_EQ(held_.front().first, first.id);
  end(first);
  release();
  tick(6);
  EXPECT_TRUE(others[0]->group->leading() != 0 || others[1]->group->leading() != 0);
}

// Both that are left stand for election at the same time, and have the same priority.
TEST_F(GroupTest, ASplitVoteIsRepeatedWithinAFewTicks) {
  watched_ = true;
  begin({1, 2, 3});
  const Node& first = leader();
  const auto others = end(first);
  tick(1);
  for (Node* each : others) ASSERT_TRUE(each->group->campaign());
  settle();
  for (const Node* each : others) ASSERT_EQ(each->group->status().role, Role::kCandidate);
  tick(8);
  EXPECT_TRUE(others[0]->group->leading() != 0 || others[1]->group->leading() != 0);
}

TEST_F(GroupTest, WhoAloneHasLostTheLeaderChangesNothing) {
  watched_ = true;
  begin({1, 2, 3});
  const Node& node = leader();
  Node& other = *followers_of(node)[0];
  cut_off_.insert(other.id);
  ASSERT_TRUE(other.group->disconnected(node.id, 0));
  tick(4);
  EXPECT_NE(other.group->status().role, Role::kFollower);
  cut_off_.clear();
  tick(40);
  EXPECT_EQ(node.group->leading(), node.term);
  EXPECT_EQ(other.group->status().leader, node.id);
}

TEST_F(GroupTest, ALeaderThatIsCutOffStepsDown) {
  const Node& node = rest();
  cut_off_.insert(node.id);
  for (const Node* each : followers_of(node))
    ASSERT_TRUE(nodes_.at(node.id)->group->disconnected(each->id, 10));
  tick(15);
  EXPECT_EQ(node.group->leading(), 0U);
}

TEST_F(GroupTest, WhoseConnectionsHaveEndedIsNotActive) {
  const Node& node = rest();
  const auto others = followers_of(node);
  cut_off_.insert(others[0]->id);
  ASSERT_TRUE(nodes_.at(node.id)->group->disconnected(others[0]->id, 0));
  for (const PeerProgress& peer : nodes_.at(node.id)->group->progress()) {
    if (peer.id == node.id) continue;
    EXPECT_EQ(peer.recent_active, peer.id == others[1]->id) << peer.id;
  }
}

TEST_F(GroupTest, AFollowerThatIsLostCostsTheLeaderNothing) {
  const Node& node = rest();
  cut_off_.insert(followers_of(node)[0]->id);
  ASSERT_TRUE(nodes_.at(node.id)->group->disconnected(followers_of(node)[0]->id, 10));
  tick(100);
  EXPECT_EQ(node.group->leading(), node.term);
}

TEST_F(GroupTest, AFollowerRestsOnWhenAnotherFollowerIsLost) {
  const Node& node = rest();
  const auto others = followers_of(node);
  ASSERT_TRUE(others[0]->group->disconnected(others[1]->id, 10));
  EXPECT_TRUE(all_rest());
}

TEST_F(GroupTest, WhoStandsForElectionWhileTheLeaderRestsIsRefused) {
  const Node& node = rest();
  ASSERT_TRUE(followers_of(node)[0]->group->campaign());
  settle();
  EXPECT_FALSE(node.group->resting());
  tick(40);
  EXPECT_EQ(node.group->leading(), node.term);
  EXPECT_TRUE(all_rest());
}

TEST_F(GroupTest, WhoLeavesWakesTheOthers) {
  const Node& node = rest();
  nodes_.at(node.id)->group->leave();
  settle();
  EXPECT_TRUE(nobody_rests());
}

// The disk may hang under what it stages: only who is awake misses it then.
TEST_F(GroupTest, WhoStagesWakesTheOthers) {
  Node& node = rest();
  static_cast<void>(node.group->stage(node.term, Bytes(files_[0].bytes).first(100)));
  settle();
  EXPECT_TRUE(nobody_rests());
}

TEST_F(GroupTest, ALeadThatIsHandedOverWakesAll) {
  Node& node = rest();
  const NodeId to = followers_of(node)[0]->id;
  ASSERT_TRUE(node.group->transfer_leader(to));
  settle();
  EXPECT_NE(nodes_.at(to)->group->leading(), 0U);
  tick(40);
  EXPECT_TRUE(all_rest());
}

}  // namespace
}  // namespace binbus::raft
