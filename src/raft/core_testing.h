// Cores for tests: with logs in memory, and messages passed by hand.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "raft/core.h"

namespace binbus::raft {

// What a call failed with; nothing where it did not.
template <class T>
std::optional<Code> code_of(const Result<T>& result) {
  if (result) return std::nullopt;
  return result.error().code;
}

// A log in memory, all of it durable.
class MemoryLog : public CoreStorage {
 public:
  Result<std::vector<CoreEntry>> entries(uint64_t from, uint64_t to, uint64_t max) override;
  Result<uint64_t> term(uint64_t index) override;
  uint64_t first_index() override { return begin.index + 1; }
  uint64_t last_index() override { return begin.index + entries_.size(); }
  SnapshotMeta snapshot() override { return begin; }

  void replace(const SnapshotMeta& snapshot);
  void append(const std::vector<CoreEntry>& added);
  // Drops what is before `index`.
  void purge(uint64_t index, const Members& members);

  SnapshotMeta begin;
  HardState hard_state;
  int truncations = 0;          // by append()
  size_t longest_read = 0;      // entries at once
  std::optional<Error> broken;  // what reading fails with

 private:
  std::vector<CoreEntry> entries_;
};

struct CoreNode {
  CoreOptions options;
  MemoryLog log;
  Members members;
  uint64_t applied_index = 0;
  std::vector<std::string> applied;  // what the entries with data carried
  std::unique_ptr<Core> core;
  size_t longest_append = 0;  // entries in one message that came
  bool syncs = true;          // with every Ready; else the test says when, by on_persist()
  uint64_t in_flight = 0;     // the newest Ready that was not synced

  Role role() const { return core->status().role; }
};

// Nodes that get each other's messages in the order in which they were sent, but to and from those that are cut off. What must
// go well and does not is a failure of the test.
class CoreCluster {
 protected:
  // A group of `voters`, each with an empty log.
  void begin(const std::vector<NodeId>& voters, const CoreOptions& options = {});
  // A node that is in no group yet.
  void begin_empty(NodeId id) { start(id); }
  // From what is stored, as after a crash.
  void start(NodeId id);
  void elect(NodeId id);

  // Handles what is ready and delivers messages until nothing is left to do.
  void settle();
  // Those below settle too.
  void tick(int times = 1);
  void tick_only(NodeId id, int times);
  Result<uint64_t> propose(NodeId id, std::string_view text);
  Result<uint64_t> change(NodeId id, const std::vector<MemberChange>& changes);

  CoreNode& node(NodeId id) { return nodes_.at(id); }
  std::vector<NodeId> leaders();
  PeerProgress progress(NodeId leader, NodeId peer);

  std::map<NodeId, CoreNode> nodes_;
  std::set<NodeId> cut_off_;
  bool reports_snapshots_ = true;  // as soon as one is delivered
  std::string trace_;              // of all messages
  std::function<void(NodeId from, const CoreMessage&)> on_message_ = [](NodeId, const auto&) {};

 private:
  void handle(NodeId id, CoreNode& node);
  void apply(CoreNode& node, const std::vector<CoreEntry>& committed);
  void send(NodeId from, std::vector<CoreMessage>& messages);
  bool deliver();

  std::deque<std::pair<NodeId, CoreMessage>> queue_;
};

}  // namespace binbus::raft
