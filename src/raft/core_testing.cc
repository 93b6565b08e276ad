#include "raft/core_testing.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace binbus::raft {
namespace {

Result<Light> advance(CoreNode& node, uint64_t number) {
  if (node.syncs) return node.core->advance();
  node.in_flight = number;
  BINBUS_RETURN_IF_ERROR(node.core->advance_async());
  return Light{};
}

}  // namespace

Result<std::vector<CoreEntry>> MemoryLog::entries(uint64_t from, uint64_t to, uint64_t max) {
  if (broken) return fail(*broken);
  if (from < first_index()) return fail(Code::kPurged, "entries");
  const auto first = entries_.begin() + static_cast<ptrdiff_t>(from - first_index());
  const uint64_t count = std::min(to - from, max);
  longest_read = std::max(longest_read, count);
  return std::vector<CoreEntry>(first, first + static_cast<ptrdiff_t>(count));
}

Result<uint64_t> MemoryLog::term(uint64_t index) {
  if (broken) return fail(*broken);
  if (index == begin.index) return begin.term;
  if (index < begin.index) return fail(Code::kPurged, "term");
  if (index > last_index()) return fail(Code::kNotFound, "term");
  return entries_[index - first_index()].term;
}

void MemoryLog::replace(const SnapshotMeta& snapshot) {
  begin = snapshot;
  entries_.clear();
}

void MemoryLog::append(const std::vector<CoreEntry>& added) {
  if (added.empty()) return;
  if (added[0].index <= last_index()) ++truncations;
  entries_.resize(added[0].index - first_index());
  entries_.insert(entries_.end(), added.begin(), added.end());
}

void MemoryLog::purge(uint64_t index, const Members& members) {
  const SnapshotMeta later{index - 1, term(index - 1).value(), members};
  entries_.erase(entries_.begin(),
                 entries_.begin() + static_cast<ptrdiff_t>(index - first_index()));
  begin = later;
}

void CoreCluster::begin(const std::vector<NodeId>& voters, const CoreOptions& options) {
  const Members members{.voters = voters};
  for (const NodeId id : voters) {
    CoreNode& node = nodes_[id];
    node.options = options;
    node.log.begin = {1, 1, members};
    node.log.hard_state = kFirstHardState;
    node.members = members;
    node.applied_index = 1;
    start(id);
  }
}

void CoreCluster::start(NodeId id) {
  CoreNode& node = nodes_[id];
  node.options.id = id;
  node.core.reset();
  auto core =
      Core::make(node.options, node.log, node.log.hard_state, node.members, node.applied_index);
  ASSERT_TRUE(core) << core.error().message;
  node.core = std::move(*core);
}

void CoreCluster::elect(NodeId id) {
  ASSERT_TRUE(node(id).core->campaign());
  settle();
  ASSERT_EQ(node(id).role(), Role::kLeader);
}

void CoreCluster::settle() {
  do {
    for (auto& [id, node] : nodes_) handle(id, node);
  } while (deliver());
}

void CoreCluster::tick(int times) {
  for (; times > 0; --times) {
    for (auto& [id, node] : nodes_) ASSERT_TRUE(node.core->tick());
    settle();
  }
}

void CoreCluster::tick_only(NodeId id, int times) {
  for (; times > 0; --times) {
    ASSERT_TRUE(node(id).core->tick());
    settle();
  }
}

Result<uint64_t> CoreCluster::propose(NodeId id, std::string_view text) {
  auto index = node(id).core->propose(as_bytes(text));
  settle();
  return index;
}

Result<uint64_t> CoreCluster::change(NodeId id, const std::vector<MemberChange>& changes) {
  auto index = node(id).core->propose_members(changes);
  settle();
  return index;
}

std::vector<NodeId> CoreCluster::leaders() {
  std::vector<NodeId> found;
  for (const auto& [id, node] : nodes_)
    if (node.role() == Role::kLeader) found.push_back(id);
  return found;
}

PeerProgress CoreCluster::progress(NodeId leader, NodeId peer) {
  for (const PeerProgress& each : node(leader).core->progress())
    if (each.id == peer) return each;
  ADD_FAILURE() << "no node " << peer;
  return {};
}

void CoreCluster::handle(NodeId id, CoreNode& node) {
  while (node.core->has_ready()) {
    auto ready = node.core->ready();
    ASSERT_TRUE(ready) << ready.error().message;
    send(id, ready->messages);
    if (ready->snapshot) {
      node.log.replace(*ready->snapshot);
      node.members = ready->snapshot->members;
      node.applied_index = ready->snapshot->index;
    }
    node.log.append(ready->entries);
    if (ready->hard_state) node.log.hard_state = *ready->hard_state;
    send(id, ready->persisted_messages);
    auto light = advance(node, ready->number);
    ASSERT_TRUE(light) << light.error().message;
    if (light->commit) node.log.hard_state.commit = *light->commit;
    send(id, light->messages);
    apply(node, ready->committed);
    apply(node, light->committed);
    if (ready->committed.empty() && light->committed.empty()) continue;
    ASSERT_TRUE(node.core->advance_apply(node.applied_index));
  }
}

void CoreCluster::apply(CoreNode& node, const std::vector<CoreEntry>& committed) {
  for (const CoreEntry& entry : committed) {
    ASSERT_EQ(entry.index, node.applied_index + 1);
    node.applied_index = entry.index;
    if (entry.members) {
      auto members = node.core->apply_members(entry.data);
      ASSERT_TRUE(members) << members.error().message;
      node.members = *members;
    } else if (!entry.data.empty()) {
      node.applied.emplace_back(as_text(entry.data));
    }
  }
}

void CoreCluster::send(NodeId from, std::vector<CoreMessage>& messages) {
  for (CoreMessage& message : messages) queue_.emplace_back(from, std::move(message));
}

bool CoreCluster::deliver() {
  if (queue_.empty()) return false;
  for (auto now = std::exchange(queue_, {}); auto& [from, message] : now) {
    trace_ += std::to_string(from) + ">" + std::to_string(message.to) + ":" +
              std::to_string(static_cast<int>(message.type)) + "+" +
              std::to_string(message.entries.size()) + " ";
    on_message_(from, message);
    if (!nodes_.contains(message.to) || cut_off_.contains(from) || cut_off_.contains(message.to))
      continue;
    CoreNode& to = node(message.to);
    to.longest_append = std::max(to.longest_append, message.entries.size());
    const Status taken = to.core->step(from, message.head, message.entries);
    EXPECT_TRUE(taken) << taken.error().message;
    handle(message.to, to);
    if (message.type == MessageType::kSnapshot && reports_snapshots_) {
      EXPECT_TRUE(node(from).core->report_snapshot(message.to, true));
    }
  }
  return true;
}

}  // namespace binbus::raft
