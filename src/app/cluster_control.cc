// The control group at work: who is in it, and what it wants of the streams' groups.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "app/cluster.h"
#include "base/log.h"

namespace binbus::app {
namespace {

constexpr auto kLook = std::chrono::milliseconds(200);
// A leader that may stay hands over for the sake of a preference so seldom, and not soon after it began.
constexpr uint64_t kSettleUs = 10'000'000;
constexpr uint64_t kAgainUs = 2'000'000;
// A group that is busy with one thing for so long has a disk that may hang.
constexpr uint64_t kHangsMs = 1'000;
constexpr uint64_t kAskUs = 5'000'000;
constexpr uint64_t kForgetUs = 1'000'000;
constexpr auto kFound = std::chrono::seconds(4);

// "NAME@HOST:PORT"
raft::Peer parse_peer(const std::string& text) {
  const size_t at = text.find('@');
  return {.name = text.substr(0, at), .address = text.substr(at + 1)};
}

}  // namespace

void Cluster::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "cluster");
  while (!stop.stop_requested()) {
    const auto told = state();
    follow_nodes(*told);
    const Group group = control();
    if (!group) {
      const Status opened = open_control();
      const std::lock_guard lock(mutex_);
      const std::string error = opened ? "" : opened.error().message;
      if (!opened && error != control_error_)
        log::warn("cluster_waits", {{"node", self_.name}, {"reason", error}});
      control_error_ = error;
    } else {
      announce(*told);
      tend("", *group, *told);
      std::map<std::string, std::weak_ptr<raft::GroupRunner>> groups;
      {
        const std::lock_guard lock(mutex_);
        groups = groups_;
      }
      for (const auto& [stream, weak] : groups) {
        if (const auto open = weak.lock()) tend(stream, *open, *told);
      }
      if (group->leading() != 0) {
        fill_places();
        forget_removed();
      }
    }
    changed_.notify_all();
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, kLook, [] { return false; });
  }
}

Status Cluster::open_control() {
  store::LogOptions log;
  log.directory = control_folder();
  raft::GroupOptions group = group_options(std::move(log));
  if (!has_group(files_, control_folder())) {
    BINBUS_TRY(members, founders());
    group.founders = members;
    std::string cluster = cluster_name(members.voters);
    {
      const std::lock_guard lock(mutex_);
      if (members.empty()) cluster = cluster_of_peer_;
    }
    BINBUS_RETURN_IF_ERROR(keep_identity(cluster));
  }
  BINBUS_TRY(opened,
             raft::GroupRunner::open("cluster", files_, clock_, std::move(group), *host_, nullptr));
  if (Status kept = keep_identity(self_.cluster); !kept) {
    opened->stop();
    return kept;
  }
  host_->transport()->set_cluster(self_.cluster);
  {
    const std::lock_guard lock(mutex_);
    control_ = std::move(opened);
  }
  log::info("cluster_opened", {{"node", self_.name}, {"cluster", self_.cluster}});
  return ok();
}

Result<raft::Members> Cluster::founders() {
  const std::lock_guard lock(mutex_);
  if (!cluster_of_peer_.empty()) return raft::Members();
  raft::Members all;
  std::vector<std::string> missing;
  bool founds = config_.peers.empty();
  for (const std::string& text : config_.peers) {
    const std::string name = parse_peer(text).name;
    founds = founds || name == self_.name;
    const auto found =
        std::ranges::find_if(known_, [&](const auto& each) { return each.second.name == name; });
    found != known_.end() ? all.voters.push_back(found->first) : missing.push_back(text);
  }
  if (!founds) {
    if (missing.empty()) return fail(Code::kUnavailable, "waits for its peers' cluster to begin");
    return fail(
        Code::kUnavailable,
        fmt::format("waits for one of {}, whose cluster it is to join: [node] peers has not "
                    "this node itself, so it begins none",
                    fmt::join(missing, ", ")));
  }
  if (!missing.empty()) {
    return fail(Code::kUnavailable,
                fmt::format("waits for {} to be started: the first time, all of [node] peers must "
                            "have met",
                            fmt::join(missing, ", ")));
  }
  if (all.voters.empty()) all.voters.push_back(self_.id);
  std::ranges::sort(all.voters);
  return all;
}

// With whom the stream's group begins: those who voted in the control group when it was first asked for, or some of them. Whoever is not
// among them begins with nothing, and is taken in by its leader.
Result<raft::Members> Cluster::stream_founders(const std::string& stream, uint64_t copies) {
  const auto told = [&]() -> std::optional<raft::Members> {
    const auto now = state();
    const auto found = now->founders.find(stream);
    if (found == now->founders.end()) return std::nullopt;
    raft::Members members;
    if (std::ranges::count(found->second, self_.id) > 0) members.voters = found->second;
    return members;
  };
  // At the first start a leader of the control group is about to be elected.
  Status asked = ok();
  for (const auto until = std::chrono::steady_clock::now() + kFound;;) {
    if (auto members = told()) return std::move(*members);
    asked = order({{"verb", "begin"}, {"stream", stream}, {"copies", copies}});
    if (!asked && asked.error().code != Code::kUnavailable) return fail(asked.error());
    if (std::chrono::steady_clock::now() > until) break;
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, kLook, [this] { return stopping_; })) break;
  }
  BINBUS_RETURN_IF_ERROR(asked);
  return fail(Code::kUnavailable, "this node's copy of the control log lags behind");
}

// Talks with those that the control log names, and until it names all of its group with those of the configuration too.
void Cluster::follow_nodes(const ClusterState& told) {
  std::vector<raft::Peer> peers;
  const Group group = control();
  const raft::Members members = group ? group->status().members : raft::Members();
  bool complete = !members.empty();
  for (const raft::NodeId node : members.all()) complete = complete && told.nodes.contains(node);
  if (!complete) {
    for (const std::string& text : config_.peers) peers.push_back(parse_peer(text));
  }
  for (const auto& each : told.nodes) {
    const ClusterNode& node = each.second;
    std::erase_if(peers, [&](const raft::Peer& peer) { return peer.address == node.address; });
    peers.push_back({node.name, node.address, node.bytes_per_second});
  }
  std::erase_if(peers, [&](const raft::Peer& peer) { return peer.name == self_.name; });
  const auto same = [](const raft::Peer& a, const raft::Peer& b) {
    return a.name == b.name && a.address == b.address && a.bytes_per_second == b.bytes_per_second;
  };
  if (std::ranges::equal(peers, peers_, same)) return;
  if (Status set = host_->transport()->set_peers(peers); !set) {
    log::error("peers_not_set", {{"node", self_.name}, {"error", set.error()}});
    return;
  }
  peers_ = std::move(peers);
}

// What this node's configuration says of it.
void Cluster::announce(const ClusterState& told) {
  const Group group = control();
  const raft::GroupStatus now = group->status();
  if (!now.members.has(self_.id)) return;
  if (now.core.leader == 0) return ask_whether_removed();
  const auto known = told.nodes.find(self_.id);
  if (known != told.nodes.end()) {
    const ClusterNode& node = known->second;
    if (node.leaving ||
        (node.name == config_.name && node.address == config_.listen &&
         node.votes == config_.votes && node.site == config_.site &&
         node.lead_priority == config_.lead_priority &&
         node.bytes_per_second == config_.bytes_per_second && node.feed == config_.feed))
      return;
  }
  Json record = own_record();
  record["verb"] = "announce";
  static_cast<void>(order(record));  // once more soon
}

// Without a leader, though others are there, this node may have been removed while it was away: nobody tells it then.
void Cluster::ask_whether_removed() {
  const uint64_t now_us = clock_.monotonic_us();
  if (now_us - asked_us_ < kAskUs) return;
  asked_us_ = now_us;
  raft::NodeId other = 0;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, node] : known_) {
      if (id != self_.id && node.connected) other = id;
    }
  }
  if (other == 0) return;
  Json record = own_record();
  record["verb"] = "announce";
  const auto told = host_->transport()->call(other, "order", as_bytes(record.dump()), kAskMs);
  const bool removed = !told && told.error().code == Code::kInvalid;
  const std::lock_guard lock(mutex_);
  if (removed && removed_.empty())
    log::error("node_removed", {{"node", self_.name}, {"error", told.error()}});
  removed_ = removed ? told.error().message : "";
}

Unfit Cluster::unfit(const raft::GroupRunner& group) const {
  return parse_unfit(group.log().cursor(std::string(kUnfitCursor)), clock_.wall_us());
}

LedGroup Cluster::led(const raft::GroupRunner& group, const raft::GroupStatus& now) const {
  return {.self = self_.id,
          .members = now.members,
          .last_index = now.last_index,
          .progress = now.progress,
          .unfit = unfit(group)};
}

bool Cluster::another_could_lead(const std::string& stream, const raft::GroupRunner& group) const {
  LedGroup without = led(group, group.status());
  without.unfit[self_.id] = UINT64_MAX;
  return wanted_leader(*state(), without, stream, 0) != 0;
}

Status Cluster::give_way(raft::GroupRunner& group, uint64_t term, uint64_t for_us) const {
  Unfit nodes = unfit(group);
  nodes[self_.id] = clock_.wall_us() + for_us;
  return group.put(term, {std::string(kUnfitCursor), encode_unfit(nodes)});
}

void Cluster::tend(const std::string& stream, raft::GroupRunner& group, const ClusterState& told) {
  const raft::GroupStatus now = group.status();
  if (!now.leads) {
    tended_.erase(stream);
    return;
  }
  // To tell it something would have all other groups wait for its disk.
  if (busy_ms(now) > kHangsMs) return;
  const uint64_t now_us = clock_.monotonic_us();
  Tended& tended = tended_[stream];
  if (tended.term != now.core.term) tended = {now.core.term, now_us};
  const LedGroup led = this->led(group, now);
  const std::vector<raft::MemberChange> changes = next_changes(told, led, stream);
  if (!changes.empty()) {
    const Status proposed = group.propose_members(changes);
    if (proposed) {
      log::info("members_change", {{"stream", stream}, {"changes", changes.size()}});
    } else if (proposed.error().code != Code::kUnavailable) {
      log::warn("members_change_refused", {{"stream", stream}, {"error", proposed.error()}});
    }
    return;
  }
  const auto preferred = told.leads.find(stream);
  const raft::NodeId to =
      wanted_leader(told, led, stream, preferred == told.leads.end() ? 0 : preferred->second);
  if (to == 0 || to == self_.id || !led.caught_up(to)) return;
  const auto self = told.nodes.find(self_.id);
  const bool asked = preferred != told.leads.end() && preferred->second == to;
  const bool drained = self != told.nodes.end() && self->second.drained;
  const bool must =
      asked || drained || !told.keeps(stream, self_.id) || led.unfit.contains(self_.id);
  if (now_us - tended.handed_over_us < (must ? kAgainUs : kSettleUs) && !(must && tended.first))
    return;
  tended.handed_over_us = now_us;
  tended.first = false;
  log::info("hands_over", {{"stream", stream}, {"to", name_of(to)}});
  static_cast<void>(group.transfer_leader(to));
}

void Cluster::fill_places() {
  const std::lock_guard order(order_mutex_);
  const Group group = control();
  const uint64_t term = group->leading();
  ClusterState told = *state();
  for (auto& [stream, place] : told.places) {
    Place now = filled(told, stream, place, [this](raft::NodeId node) { return connected(node); });
    if (now == place) continue;
    if (!group->put(term, {place_cursor(stream), encode_place(now)})) return;
    log::info("stream_placed", {{"stream", stream}, {"nodes", now.nodes.size()}});
    place = std::move(now);
  }
}

void Cluster::forget_removed() {
  const uint64_t now_us = clock_.monotonic_us();
  if (now_us - forgot_us_ < kForgetUs) return;
  forgot_us_ = now_us;
  const auto told = state();
  const auto leaves = [](const auto& each) { return each.second.leaving; };
  if (std::ranges::none_of(told->nodes, leaves)) return;
  // A group without a leader takes it out once it has one: it is a forgotten one then.
  std::vector<raft::NodeId> members = told->members;
  for (const auto& each : told->founders) {
    const auto led = find_leader(each.first);
    if (led) members.insert(members.end(), led->members.begin(), led->members.end());
  }
  const std::lock_guard order(order_mutex_);
  const Group group = control();
  for (const auto& [id, node] : told->nodes) {
    if (!node.leaving || std::ranges::find(members, id) != members.end()) continue;
    if (group->put(group->leading(), {node_cursor(id), std::nullopt}))
      log::info("node_forgotten", {{"node", node.name}});
  }
}

}  // namespace binbus::app
