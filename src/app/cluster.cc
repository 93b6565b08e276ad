#include "app/cluster.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/random.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "io/address.h"
#include "io/durable_file.h"
#include "raft/hard_state_file.h"

namespace binbus::app {
namespace {

using Json = nlohmann::json;

// How long a stream's thread waits for what its group begins with, before it says what is missing.
constexpr auto kMeet = std::chrono::seconds(2);

Result<raft::NodeId> draw_id() {
  raft::NodeId id = 0;
  while (id == 0) {
    if (::getrandom(&id, sizeof id, 0) != static_cast<ssize_t>(sizeof id))
      return fail(Code::kIo, "cannot draw a random id: " + io::os_error(errno));
    id >>= 1;  // JSON's integers are signed elsewhere
  }
  return id;
}

std::string_view role_name(raft::Role role) {
  switch (role) {
    case raft::Role::kLeader:
      return "leader";
    case raft::Role::kCandidate:
    case raft::Role::kPreCandidate:
      return "candidate";
    case raft::Role::kFollower:
      break;
  }
  return "follower";
}

}  // namespace

bool has_group(io::FileSystem& files, const std::string& folder) {
  return files.exists(folder + "/" + std::string(raft::HardStateFile::kName));
}

Result<std::unique_ptr<Cluster>> Cluster::open(const NodeConfig& config, const DataFolder& data,
                                               io::FileSystem& files, io::Clock& clock) {
  std::unique_ptr<Cluster> cluster(new Cluster(config, data, files, clock));
  BINBUS_RETURN_IF_ERROR(cluster->open());
  return cluster;
}

Status Cluster::load_identity() {
  const std::string path = folder_ + "/node";
  self_.name = config_.name;
  self_.address = config_.listen;
  BINBUS_TRY(text, io::read_if_there(files_, path));
  if (!text) {
    BINBUS_TRY(id, draw_id());
    self_.id = id;
    return keep_identity("");
  }
  const Json json = Json::parse(*text, nullptr, false);
  if (!json.is_object() || !json.contains("id") || !json["id"].is_number_unsigned()) {
    return fail(Code::kCorrupt, path +
                                    " does not tell this node's id; restore it, or wipe the data "
                                    "folder and let the node join anew");
  }
  self_.id = json["id"];
  self_.cluster = json.value("cluster", "");
  if (json.value("began", false) && !has_group(files_, control_folder())) {
    return fail(
        Code::kCorrupt,
        control_folder() +
            " is gone, and with it how this node has voted: have it removed (`binbus cluster "
            "remove`), wipe the data folder and let the node join anew");
  }
  return ok();
}

// The cluster's name, once it is known; from then on the node has a part in its control group.
Status Cluster::keep_identity(const std::string& cluster) {
  {
    const std::lock_guard lock(mutex_);
    self_.cluster = cluster;
  }
  const Json json{
      {"id", self_.id}, {"cluster", cluster}, {"began", has_group(files_, control_folder())}};
  return io::write_durably(files_, folder_ + "/node", json.dump() + "\n");
}

Status Cluster::open() {
  BINBUS_RETURN_IF_ERROR(load_identity());
  known_[self_.id] = {self_.id, self_.name, self_.address, true};
  raft::TransportOptions transport{.self = self_, .listen = config_.listen};
  if (!config_.tls_cert.empty()) {
    transport.tls = raft::NodeTls{.certificate_file = config_.tls_cert,
                                  .key_file = config_.tls_key,
                                  .ca_file = config_.tls_ca};
  }
  raft::GroupHost::Events events{
      .answer = [this](const raft::NodeIdentity& from, std::string_view method,
                       Bytes body) { return answer(from, method, body); },
      .peer_seen = [this](const raft::NodeIdentity& node,
                          const std::string& address) { seen(node, address); },
      .peer_lost = [this](raft::NodeId node) { lost(node); }};
  BINBUS_TRY(host, raft::GroupHost::open(std::move(transport), std::move(events), clock_));
  host_ = std::move(host);
  log::info("node_started", {{"node", self_.name},
                             {"id", self_.id},
                             {"listen", config_.listen},
                             {"cluster", self_.cluster}});
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  return ok();
}

Cluster::~Cluster() { stop(); }

void Cluster::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  thread_.request_stop();
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (const Group group = control()) group->stop();
  if (host_) host_->stop();
}

void Cluster::seen(const raft::NodeIdentity& node, const std::string& address) {
  {
    const std::lock_guard lock(mutex_);
    known_[node.id] = {node.id, node.name, address, true};
    if (!node.cluster.empty()) cluster_of_peer_ = node.cluster;
  }
  changed_.notify_all();
  log::info("node_seen", {{"node", node.name}, {"address", address}});
}

void Cluster::lost(raft::NodeId node) {
  std::string name;
  {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(node);
    if (found == known_.end()) return;
    found->second.connected = false;
    name = found->second.name;
  }
  log::warn("node_lost", {{"node", name}});
}

raft::GroupOptions Cluster::group_options(store::LogOptions log) const {
  raft::GroupOptions group;
  group.log = std::move(log);
  group.core.id = self_.id;
  group.core.election_ticks = 10;
  group.core.election_ticks_max = 15;
  group.core.seed = clock_.wall_us();
  return group;
}

Result<Cluster::Group> Cluster::open_group(const std::string& stream, uint64_t copies,
                                           store::LogOptions options,
                                           store::RecoveryReport* report) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kMeet, [this] { return stopping_ || control_; });
    if (!control_) return fail(Code::kUnavailable, control_error_);
  }
  const auto unless_elsewhere = [&]() -> Status {
    if (kept_at(stream).empty() || !may_close(stream, nullptr)) return ok();
    return fail(Code::kUnavailable, "other nodes keep stream " + stream);
  };
  BINBUS_RETURN_IF_ERROR(unless_elsewhere());
  const std::string began = control_folder() + "/" + stream + ".began";
  raft::GroupOptions group = group_options(std::move(options));
  if (!has_group(files_, group.log.directory)) {
    if (files_.exists(began)) {
      return fail(
          Code::kCorrupt,
          group.log.directory +
              " is gone, and with it what this node has acknowledged: have the node removed "
              "(`binbus cluster remove`), wipe its data folder and let it join anew");
    }
    BINBUS_TRY(members, stream_founders(stream, copies));
    BINBUS_RETURN_IF_ERROR(unless_elsewhere());
    group.founders = std::move(members);
  }
  BINBUS_TRY(opened, raft::GroupRunner::open("stream/" + stream, files_, clock_, std::move(group),
                                             *host_, report));
  Status told = files_.exists(began) ? ok() : io::write_durably(files_, began, "");
  if (!told) {
    opened->stop();
    return fail(std::move(told).error());
  }
  const std::lock_guard lock(mutex_);
  groups_[stream] = opened;
  return opened;
}

void Cluster::closed(const std::string& stream) {
  const std::lock_guard lock(mutex_);
  groups_.erase(stream);
}

std::vector<std::string> Cluster::kept_at(const std::string& stream) const {
  const auto told = state();
  const auto self = told->nodes.find(self_.id);
  const bool leaves = self != told->nodes.end() && self->second.leaving;
  if (leaves || told->keeps(stream, self_.id)) return {};
  std::vector<std::string> names;
  for (const auto& [id, node] : told->nodes) {
    if (told->keeps(stream, id)) names.push_back(node.name);
  }
  std::ranges::sort(names);
  return names;
}

bool Cluster::may_close(const std::string& stream, const raft::GroupRunner* group) const {
  uint64_t term = 0;
  if (group != nullptr) {
    if (group->leading() != 0) return false;
    term = group->status().core.term;
  } else {
    const auto kept = raft::HardStateFile::open(files_, folder_ + "/" + stream);
    if (!kept) return false;
    if (!*kept) return true;  // it never had a part
    term = (*kept)->state().term;
  }
  // A leader that is deposed may not know that this node was taken in again since; then this node knows the newer term.
  const auto led = find_leader(stream);
  return led && led->term >= term &&
         std::ranges::find(led->members, self_.id) == led->members.end();
}

Cluster::Group Cluster::control() const {
  const std::lock_guard lock(mutex_);
  return control_;
}

Result<Cluster::Group> Cluster::find_group(const std::string& stream) const {
  const std::lock_guard lock(mutex_);
  const auto found = groups_.find(stream);
  Group group = found == groups_.end() ? nullptr : found->second.lock();
  if (group) return group;
  return fail(Code::kNotFound, "this node has no stream \"" + stream + "\"");
}

// Each stream asks all the time, and the control log changes seldom.
std::shared_ptr<const ClusterState> Cluster::state() const {
  const Group group = control();
  if (!group) return std::make_shared<const ClusterState>();
  const raft::GroupStatus now = group->status();
  {
    const std::lock_guard lock(mutex_);
    if (state_ && state_index_ == now.commit_index) return state_;
  }
  // It may know more than that index says: then it is read once more the next time.
  auto read = std::make_shared<ClusterState>(ClusterState::parse(group->log().cursors("")));
  read->members = now.members.all();
  const std::lock_guard lock(mutex_);
  if (!state_ || state_index_ <= now.commit_index) {
    state_ = read;
    state_index_ = now.commit_index;
  }
  return read;
}

bool Cluster::connected(raft::NodeId node) const {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(node);
  return found != known_.end() && found->second.connected;
}

std::string Cluster::name_of(raft::NodeId node) const {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(node);
  if (found != known_.end()) return found->second.name;
  const ClusterState told =
      control_ ? ClusterState::parse(control_->log().cursors("node/")) : ClusterState();
  const auto record = told.nodes.find(node);
  return record == told.nodes.end() ? fmt::format("{:016x}", node) : record->second.name;
}

uint64_t Cluster::busy_ms(const raft::GroupStatus& group) const {
  const uint64_t now_us = clock_.monotonic_us();
  return group.busy_since_us ? (now_us - *group.busy_since_us) / 1000 : 0;
}

// What it does not have has come since it last had all, and after the newest transaction that it has.
uint64_t Cluster::lag_ms(const raft::GroupStatus& group, const store::Log& log) const {
  if (group.commit_index >= group.core.leader_commit) return 0;
  const uint64_t behind_us = clock_.monotonic_us() - group.behind_since_us.value_or(0);
  const uint64_t now_us = clock_.wall_us();
  return std::min(behind_us, now_us - std::min(now_us, log.last_commit_us())) / 1000;
}

std::string Cluster::leader_name(const raft::GroupRunner& group) const {
  const raft::NodeId leader = group.status().core.leader;
  return leader == 0 ? "" : name_of(leader);
}

admin::GroupStatus Cluster::describe(const std::string& stream,
                                     const raft::GroupRunner& group) const {
  const raft::GroupStatus now = group.status();
  admin::GroupStatus out{.node = self_.name,
                         .role = std::string(role_name(now.core.role)),
                         .leader = now.core.leader == 0 ? "" : name_of(now.core.leader),
                         .term = now.core.term,
                         .last_index = now.last_index,
                         .commit_index = now.commit_index,
                         .reason = now.error     ? now.error->message
                                   : now.blocked ? now.blocked->message
                                                 : "",
                         .members = {},
                         .busy_ms = busy_ms(now),
                         .lag_ms = lag_ms(now, group.log())};
  if (out.reason.empty() && now.members.empty())
    out.reason = "this node is not in the stream's group yet: its leader takes it in";
  if (out.reason.empty() && !now.leads)
    out.reason = out.leader.empty() ? "no node leads, for now" : out.leader + " leads";
  for (const raft::NodeId node : now.members.all()) {
    admin::MemberStatus member{.name = name_of(node), .voter = now.members.is_voter(node)};
    for (const raft::PeerProgress& progress : now.progress) {
      if (progress.id != node) continue;
      member.lag_entries = now.last_index - std::min(now.last_index, progress.match);
      member.active = node == self_.id || progress.recent_active;
    }
    out.members.push_back(std::move(member));
  }
  std::ranges::sort(out.members, {}, &admin::MemberStatus::name);
  const auto told = state();
  if (const auto place = told->places.find(stream); place != told->places.end()) {
    for (const raft::NodeId node : place->second.nodes) out.placed.push_back(name_of(node));
  }
  std::ranges::sort(out.placed);
  return out;
}

admin::ClusterStatus Cluster::status() const {
  admin::ClusterStatus out{.node = self_.name, .name = {}};
  const Group group = control();
  const auto told = state();
  const std::lock_guard lock(mutex_);
  out.name = self_.cluster;
  const auto add = [&](admin::NodeStatus node) {
    const auto found = known_.find(node.id);
    node.connected = found != known_.end() && found->second.connected;
    out.nodes.push_back(std::move(node));
  };
  for (const auto& [id, node] : told->nodes) {
    add({.name = node.name,
         .id = id,
         .address = node.address,
         .votes = node.votes,
         .site = node.site,
         .drained = node.drained,
         .leaving = node.leaving});
  }
  const raft::GroupStatus now = group ? group->status() : raft::GroupStatus();
  const raft::Members& members = now.members;
  out.busy_ms = busy_ms(now);
  const auto named = [&](const std::string& name) {
    return std::ranges::find(out.nodes, name, &admin::NodeStatus::name) != out.nodes.end();
  };
  for (const auto& [id, node] : known_) {
    if (!told->nodes.contains(id) && !named(node.name) && (members.empty() || members.has(id)))
      add({.name = node.name, .id = id, .address = node.address});
  }
  if (!group) {
    out.reason = control_error_;
    for (const std::string& peer : config_.peers) {
      const size_t at = peer.find('@');
      if (!named(peer.substr(0, at)))
        add({.name = peer.substr(0, at), .id = 0, .address = peer.substr(at + 1)});
    }
  } else if (!removed_.empty()) {
    out.reason = removed_;
  } else if (members.empty()) {
    out.reason = "this node is in no cluster yet: `binbus cluster join` asks for it";
  }
  std::ranges::sort(out.nodes, {}, &admin::NodeStatus::name);
  return out;
}

void Cluster::reload_tls() {
  if (Status reloaded = host_->transport()->reload_tls(); !reloaded)
    log::error("tls_reload_failed", {{"node", self_.name}, {"error", reloaded.error()}});
}

}  // namespace binbus::app
