#include "raft/sim_cluster_testing.h"

namespace binbus::raft {
namespace {

constexpr uint64_t kLostAfterRounds = 10;
constexpr uint64_t kRoundUs = 100'000;
constexpr int kSyncingMax = 2;
// Where a clock that jumps may come to stand.
constexpr uint64_t kWallMinUs = 940'000'000, kWallMaxUs = 1'060'000'000;

}  // namespace

void SimNode::send(Message message) { cluster.send(*this, std::move(message)); }

bool SimNode::stalled() const { return stalled_to > cluster.round_; }
bool SimNode::able() const { return up() && !syncing && !stalled(); }

SimNode& SimCluster::add(NodeId id, std::vector<NodeId> founders) {
  auto& node = nodes_[id] = std::make_unique<SimNode>(*this, id);
  node->founders = std::move(founders);
  node->disk.lie_about_syncs(lying_disks_);
  node->slow_percent = slow_percent_;
  start(*node);
  return *node;
}

// The power may fail once more while it starts.
void SimCluster::start(SimNode& node) {
  GroupOptions options = options_;
  options.founders.voters = node.founders;
  options.core.id = node.id;
  options.core.seed = random_();
  ++node.incarnation;
  node.peers.clear();
  node.end = SimNode::End::kNone;
  for (int tries = 0; tries < 4; ++tries) {
    if (one_in(8)) node.disk.fail_sync(1 + below(5));
    auto opened = Group::open(node.disk, node.clock, options, node, nullptr);
    node.disk.fail_sync(0);
    if (opened) {
      node.group = std::move(*opened);
      if (on_start_) on_start_(node);
      node.disk.on_sync([this, &node] { return slow_sync(node); });
      return;
    }
    const Code code = opened.error().code;
    node.last_error = opened.error().message;
    if (code != Code::kIo && code != Code::kDiskFull)
      return wrong("node " + std::to_string(node.id) + " opens: " + opened.error().message);
    node.disk.set_capacity(UINT64_MAX);
    if (code == Code::kIo) node.disk.crash(random_());
  }
  node.start_at = round_ + 10;
}

void SimCluster::end(SimNode& node, SimNode::End how) {
  if (!node.group) return;
  node.end = std::max(node.end, how);
  if (node.calls == 0) bury(node);
}

void SimCluster::bury(SimNode& node) {
  if (before_end_) before_end_(node);
  node.disk.on_sync(nullptr);
  if (node.end == SimNode::End::kStop && one_in(2)) node.group->leave();
  node.group.reset();
  node.inbox = {};
  if (node.end == SimNode::End::kPowerCut) node.disk.crash(random_());
  if (one_in(2)) node.disk.set_capacity(UINT64_MAX);
  node.disk.fail_sync(0);
  node.end = SimNode::End::kNone;
  node.start_at = round_ + (one_in(2) ? 0 : below(60));
}

void SimCluster::wipe(SimNode& node) {
  node.wiped = true;
  end(node, SimNode::End::kStop);
}

bool SimCluster::told(SimNode& node, const Status& status) {
  if (node.end != SimNode::End::kNone) {  // within the call
    end(node, node.end);
    return false;
  }
  if (status) return true;
  const Code code = status.error().code;
  if (code == Code::kIo) node.last_error = status.error().message;
  if (code == Code::kIo) {
    end(node, one_in(2) ? SimNode::End::kStop : SimNode::End::kPowerCut);
  } else if (code != Code::kUnavailable && code != Code::kInvalid && code != Code::kDiskFull) {
    wrong("node " + std::to_string(node.id) + ": " + status.error().message);
  }
  return false;
}

void SimCluster::send(SimNode& from, Message message) {
  if (on_send_) on_send_(from, message);
  const NodeId to = message.to;
  Flying what{from.id, from.incarnation, std::move(message), std::nullopt};
  if (cut_.contains({from.id, to}) || below(100) < loss_percent_) return;
  if (one_in(2) && !load(what)) return;
  const bool again = below(100) < repeat_percent_;
  if (again) fly(what);
  fly(what);
}

void SimCluster::fly(const Flying& what) {
  const uint64_t delay = below(100) < delay_percent_ ? 1 + below(one_in(10) ? 40 : 4) : 0;
  flying_.emplace(round_ + delay, what);
}

// Payloads are read when the message leaves, which may be later than it was made.
bool SimCluster::load(Flying& what) {
  if (what.body) return true;
  const SimNode& from = *nodes_.at(what.from);
  if (!from.group || from.incarnation != what.incarnation) return false;
  ByteVector body;
  if (!what.message.load(body)) return false;
  what.body = std::move(body);
  return true;
}

// While it is in a sync its other threads go on, and its ticks add up; while it stands still there are none.
void SimCluster::tick(SimNode& node) {
  node.clock.go_on(kRoundUs);
  if (one_in(100)) node.clock.set_wall(kWallMinUs + below(kWallMaxUs - kWallMinUs));
  if (!node.up() || node.stalled()) return;
  if (one_in(150)) {
    node.stalled_to = round_ + below(40);
    return;
  }
  watch(node);
  if (!node.group->resting()) node.inbox.ticks += one_in(200) ? static_cast<int>(below(30)) : 1;
  handle(node);
}

SimCounts& SimCounts::operator+=(const SimCounts& more) {
  rests += more.rests;
  slow_syncs += more.slow_syncs;
  ends_in_sync += more.ends_in_sync;
  held += more.held;
  too_old += more.too_old;
  power_cuts += more.power_cuts;
  one_way_cuts += more.one_way_cuts;
  leads += more.leads;
  members += more.members;
  restores += more.restores;
  sources += more.sources;
  return *this;
}

// As GroupRunner does.
void SimCluster::handle(SimNode& node) {
  if (!node.able()) return;
  const SimNode::Inbox inbox = std::exchange(node.inbox, {});
  std::vector<Received> received;
  for (const auto& [from, head, body] : inbox.messages) received.push_back({from, head, body});
  bool well = true;
  for (const NodeId id : inbox.unreachable) well = well && told(node, node.group->unreachable(id));
  for (const auto& [id, silent_ticks] : inbox.disconnected)
    well = well && told(node, node.group->disconnected(id, silent_ticks));
  if (!well) return;  // it has no group any more
  const uint64_t last = node.log().last_index();
  if (!received.empty()) well = told(node, node.group->receive(received));
  if (well && node.log().first_index() > last + 1) ++counts_.restores;
  for (int i = 0; well && i < inbox.ticks; ++i) {
    const bool rested = node.group->resting();
    well = told(node, node.group->tick());
    if (well && node.group->resting() && !rested) ++counts_.rests;
  }
}

// Its process may also stand still meanwhile, or end.
Status SimCluster::slow_sync(SimNode& node) {
  if (below(100) >= node.slow_percent || syncing_ == kSyncingMax || !wrong_.empty()) return ok();
  const uint64_t until = round_ + 1 + below(one_in(8) ? 60 : 6);
  node.syncing = true;
  ++node.calls;
  ++syncing_;
  while ((round_ < until || node.stalled()) && node.end == SimNode::End::kNone && wrong_.empty())
    meanwhile_();
  if (one_in(8)) end(node, one_in(2) ? SimNode::End::kStop : SimNode::End::kPowerCut);
  --syncing_;
  --node.calls;
  node.syncing = false;
  ++counts_.slow_syncs;
  if (node.end == SimNode::End::kNone) return ok();
  ++counts_.ends_in_sync;
  return fail(Code::kIo, "sync: the process ended");
}

// As the transport does: a connection ends for both when one has not heard the other for a while, or has ended.
void SimCluster::watch(SimNode& node) {
  for (auto& [id, other] : nodes_) {
    if (id == node.id || !node.up()) continue;
    SimNode::Peer& here = node.peers[id];
    SimNode::Peer& there = other->peers[node.id];
    const bool answers = other->up() && !other->stalled() && !cut_.contains({node.id, id}) &&
                         !cut_.contains({id, node.id});
    if (!here.connected) {
      if (answers && !there.connected) here = there = {true, round_};
      continue;
    }
    const uint64_t silent = round_ - here.heard;
    if (answers) here.heard = round_;
    const bool lost = !other->up() || silent >= kLostAfterRounds;
    if ((!answers && !lost) || (answers && there.connected)) continue;
    here.connected = false;
    int& known = node.inbox.disconnected[id];
    known = std::max(known, static_cast<int>(silent));
  }
}

// What has come together is handled together, or waits together.
void SimCluster::deliver() {
  for (int limit = 0; limit < 500 && wrong_.empty(); ++limit) {
    if (flying_.empty() || flying_.begin()->first > round_) return;
    const NodeId to = flying_.begin()->second.message.to;
    std::vector<Flying> together;
    for (auto at = flying_.begin(); at != flying_.end() && at->first <= round_;) {
      const bool taken = at->second.message.to == to;
      if (taken) together.push_back(std::move(at->second));
      at = taken ? flying_.erase(at) : std::next(at);
      if (taken && one_in(3)) break;
    }
    const auto found = nodes_.find(to);
    if (found == nodes_.end()) continue;
    SimNode& node = *found->second;
    if (!node.up()) {
      SimNode& from = *nodes_.at(together.front().from);
      if (!from.up() || !one_in(4)) continue;
      from.inbox.unreachable.insert(to);
      handle(from);
      continue;
    }
    for (Flying& each : together) {
      if (cut_.contains({each.from, to}) || !load(each)) continue;
      node.inbox.messages.push_back(
          {each.from, std::move(each.message.head), std::move(*each.body)});
      if (!node.able()) ++counts_.held;
    }
    handle(node);
  }
}

void SimCluster::round() {
  ++round_;
  for (auto& [id, node] : nodes_) {
    if (!node->group && !node->wiped && node->start_at <= round_) start(*node);
    tick(*node);
  }
  deliver();
}

void SimCluster::heal() {
  cut_.clear();
  loss_percent_ = repeat_percent_ = delay_percent_ = 0;
  for (auto& [id, node] : nodes_) {
    node->disk.set_capacity(UINT64_MAX);
    node->disk.fail_sync(0);
    node->start_at = node->stalled_to = node->slow_percent = 0;
  }
}

}  // namespace binbus::raft
