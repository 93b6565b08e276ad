// What nodes ask of each other, and what is ordered of the cluster: carried out where the control group is led.
//
//   method "order"       JSON {"verb", "hops", ...}; answers "" once the control log has it
//   method "identity"    answers this node's record, as it may be taken in
//   method "lead"        a question to a stream's leader, of Streams
//   method "describe"    JSON {"stream"}; answers the group as this node sees it
//   method "members"     JSON {"stream"}; answers {"term", "nodes"}, of a leader

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <set>

#include "admin/status_json.h"
#include "app/cluster.h"
#include "base/log.h"

namespace binbus::app {
namespace {

using Json = nlohmann::json;

constexpr int kCallMs = 5000;
constexpr auto kInsist = std::chrono::seconds(4);
constexpr auto kAgain = std::chrono::milliseconds(300);
constexpr int kHopsMax =
    2;  // from a node that is in no cluster to one that is, and on to the leader
constexpr const char* kNoMajority =
    "no majority of the cluster's nodes answers, so nothing can be changed: start them, or begin "
    "anew with one (`binbus cluster init`)";

Result<Json> parse(Bytes body) {
  Json json = Json::parse(body.begin(), body.end(), nullptr, false);
  if (!json.is_object()) return fail(Code::kCorrupt, "what a node was asked is no JSON");
  return json;
}

Result<const ClusterNode*> find_node(const ClusterState& told, const std::string& name) {
  if (const ClusterNode* found = told.find(name)) return found;
  std::vector<std::string> names;
  for (const auto& [id, node] : told.nodes) names.push_back(node.name);
  std::ranges::sort(names);
  return fail(Code::kNotFound, fmt::format("the cluster has no node \"{}\"; there are: {}", name,
                                           fmt::join(names, ", ")));
}

Status check_stream(const ClusterState& told, const std::string& stream) {
  if (told.founders.contains(stream)) return ok();
  std::vector<std::string> names;
  for (const auto& each : told.founders) names.push_back(each.first);
  return fail(Code::kNotFound, fmt::format("the cluster has no stream \"{}\"; there are: {}",
                                           stream, fmt::join(names, ", ")));
}

ByteVector bytes_of(const std::string& text) { return to_owned(as_bytes(text)); }

}  // namespace

Json Cluster::own_record() const {
  const std::lock_guard lock(mutex_);
  return {{"id", self_.id},
          {"cluster", self_.cluster},
          {"name", config_.name},
          {"address", config_.listen},
          {"votes", config_.votes},
          {"site", config_.site},
          {"lead_priority", config_.lead_priority},
          {"bytes_per_second", config_.bytes_per_second},
          {"feed", config_.feed}};
}

Result<ByteVector> Cluster::answer(const raft::NodeIdentity&, std::string_view method, Bytes body) {
  if (method == "identity") return bytes_of(own_record().dump());
  if (method == "lead") {
    Answer answer;
    {
      const std::lock_guard lock(mutex_);
      answer = answer_;
    }
    if (!answer) return fail(Code::kUnavailable, self_.name + " is starting, or stopping");
    BINBUS_TRY(text, answer(std::string(as_text(body))));
    return bytes_of(text);
  }
  BINBUS_TRY(asked, parse(body));
  try {
    if (method == "order") {
      BINBUS_RETURN_IF_ERROR(order(asked));
      return ByteVector();
    }
    if (method == "describe") {
      BINBUS_TRY(group, find_group(asked.at("stream")));
      return bytes_of(admin::to_json(describe(asked.at("stream"), *group)));
    }
    if (method == "members") {
      BINBUS_TRY(group, find_group(asked.at("stream")));
      const raft::GroupStatus now = group->status();
      if (!now.leads) return fail(Code::kUnavailable, self_.name + " does not lead");
      return bytes_of(Json{{"term", now.core.term}, {"nodes", now.members.all()}}.dump());
    }
  } catch (const Json::exception& error) {
    return fail(Code::kInvalid, std::string("what a node was asked: ") + error.what());
  }
  return fail(Code::kUnsupported, "no method " + std::string(method));
}

void Cluster::set_answer(Answer answer) {
  const std::lock_guard lock(mutex_);
  answer_ = std::move(answer);
}

std::vector<raft::NodeId> Cluster::keepers(const std::string& stream) const {
  const auto told = state();
  std::vector<raft::NodeId> out;
  for (const auto& each : told->nodes) {
    const raft::NodeId id = each.first;
    if (id != self_.id && told->keeps(stream, id) && connected(id)) out.push_back(id);
  }
  return out;
}

std::optional<Cluster::Led> Cluster::find_leader(const std::string& stream) const {
  std::vector<raft::NodeId> asked = keepers(stream);
  if (const auto group = find_group(stream)) {
    const raft::GroupStatus now = (*group)->status();
    if (now.leads) return Led{self_.id, now.core.term, now.members.all()};
    // Who is in the group no more may not know of the next one.
    if (now.core.leader != 0 && now.core.leader != self_.id)
      asked.insert(asked.begin(), now.core.leader);
  }
  const std::string question = Json{{"stream", stream}}.dump();
  for (const raft::NodeId node : asked) {
    const auto answer = host_->transport()->call(node, "members", as_bytes(question), kAskMs);
    const auto told = answer ? parse(*answer) : fail(answer.error());
    if (!told) continue;
    try {
      return Led{node, told->at("term"), told->at("nodes")};
    } catch (const Json::exception&) {  // of another version
    }
  }
  return std::nullopt;
}

Result<std::string> Cluster::ask_leader(const std::string& stream,
                                        const std::string& question) const {
  raft::NodeId leader = 0;
  if (const auto group = find_group(stream)) {
    leader = (*group)->status().core.leader;
  } else if (const auto led = find_leader(stream)) {
    leader = led->leader;
  }
  if (leader == 0 || leader == self_.id)
    return fail(Code::kUnavailable, "no node leads stream " + stream + ", for now");
  BINBUS_TRY(answer, host_->transport()->call(leader, "lead", as_bytes(question), kCallMs));
  return std::string(as_text(answer));
}

std::map<std::string, std::string> Cluster::feeds() const {
  std::map<std::string, std::string> out;
  const auto told = state();
  for (const auto& each : told->nodes) {
    const ClusterNode& node = each.second;
    if (!node.feed.empty() && !node.leaving) out.emplace(node.name, node.feed);
  }
  return out;
}

// Where nobody leads, as some node sees it that keeps the stream.
admin::GroupStatus Cluster::describe_at_leader(const std::string& stream) const {
  const auto here = find_group(stream);
  const auto led = find_leader(stream);
  std::vector<raft::NodeId> asked;
  if (led && led->leader != self_.id) asked = {led->leader};
  if (!led && !here) asked = keepers(stream);
  for (const raft::NodeId node : asked) {
    const auto told = host_->transport()->call(node, "describe",
                                               as_bytes(Json{{"stream", stream}}.dump()), kCallMs);
    auto there = told ? admin::parse_group(std::string(as_text(*told))) : fail(told.error());
    if (there) return std::move(*there);
  }
  return here ? describe(stream, **here) : admin::GroupStatus();
}

// While the control group's lead changes hands it is asked for once more.
Status Cluster::command(const admin::ClusterCommand& command) {
  for (const auto until = std::chrono::steady_clock::now() + kInsist;;) {
    Status done = try_command(command);
    if (done || done.error().code != Code::kUnavailable || std::chrono::steady_clock::now() > until)
      return done;
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, kAgain, [this] { return stopping_; })) return done;
  }
}

Status Cluster::try_command(const admin::ClusterCommand& command) {
  using Kind = admin::ClusterCommand::Kind;
  switch (command.kind) {
    case Kind::kJoin: {
      if (state()->nodes.contains(self_.id))
        return fail(Code::kExists, self_.name + " is in the cluster already");
      Json record = own_record();
      record["verb"] = "admit";
      Status asked = fail(Code::kInvalid, "[node] peers names no other node to ask");
      for (const std::string& peer : config_.peers) {
        const std::string address = peer.substr(peer.find('@') + 1);
        if (address == config_.listen) continue;
        const auto answer =
            host_->transport()->call(address, "order", as_bytes(record.dump()), kCallMs);
        if (answer) return ok();
        asked = fail(answer.error());
        if (answer.error().code != Code::kNetwork) break;
      }
      return asked;
    }
    case Kind::kAdd:
      return order({{"verb", "add"}, {"node", command.node}});
    case Kind::kRemove:
      return order({{"verb", "remove"}, {"node", command.node}});
    case Kind::kDrain:
      return order({{"verb", "drain"}, {"node", command.node}, {"drained", !command.end}});
    case Kind::kTransfer:
      return order({{"verb", "transfer"}, {"stream", command.stream}, {"node", command.node}});
    case Kind::kPlace:
      return order({{"verb", "place"}, {"stream", command.stream}, {"nodes", command.nodes}});
  }
  return ok();
}

Status Cluster::order(const Json& order) {
  const Group group = control();
  if (!group) {
    const std::lock_guard lock(mutex_);
    return fail(Code::kUnavailable, control_error_);
  }
  if (const uint64_t term = group->leading(); term != 0) return carry_out(term, order);
  const raft::GroupStatus now = group->status();
  if (now.members.empty())
    return fail(Code::kUnavailable, self_.name + " is in no cluster yet: `binbus cluster join`");
  if (now.core.leader == 0 || now.core.leader == self_.id)
    return fail(Code::kUnavailable, kNoMajority);
  if (!connected(now.core.leader)) {
    return fail(Code::kUnavailable,
                name_of(now.core.leader) + ", which leads the cluster, does not answer");
  }
  Json passed = order;
  const int hops = passed.value("hops", 0);
  if (hops >= kHopsMax) return fail(Code::kUnavailable, "the cluster's lead is changing hands");
  passed["hops"] = hops + 1;
  const auto answer =
      host_->transport()->call(now.core.leader, "order", as_bytes(passed.dump()), kCallMs);
  return answer ? ok() : fail(answer.error());
}

Status Cluster::put_node(uint64_t term, const ClusterNode& node) {
  return control()->put(term, {node_cursor(node.id), encode_node(node)});
}

Status Cluster::carry_out(uint64_t term, const Json& order) {
  const std::lock_guard in_turn(order_mutex_);
  const std::string verb = order.at("verb");
  const auto told = state();
  if (verb == "announce" || verb == "admit") return admit(term, order);
  if (verb == "begin") return begin_stream(term, order);
  if (verb == "place") return place(term, order);
  if (verb == "add") {
    const std::string given = order.at("node");
    const size_t at = given.find('@');
    if (at == std::string::npos)
      return fail(Code::kInvalid, "\"" + given + "\": must be NAME@HOST:PORT");
    BINBUS_TRY(answer,
               host_->transport()->call(given.substr(at + 1), "identity", Bytes(), kCallMs));
    BINBUS_TRY(record, parse(answer));
    if (record.at("name") != given.substr(0, at)) {
      return fail(Code::kInvalid,
                  fmt::format("at {} is node {}, not {}", given.substr(at + 1),
                              record.at("name").get<std::string>(), given.substr(0, at)));
    }
    return admit(term, record);
  }
  const std::string name = order.at("node");
  BINBUS_TRY(found, find_node(*told, name));
  ClusterNode node = *found;
  if (verb == "remove") {
    const std::string why =
        refuse_removal(*told, node.id, [this](raft::NodeId each) { return connected(each); });
    if (!why.empty()) return fail(Code::kInvalid, why);
    node.leaving = true;
    return put_node(term, node);
  }
  if (verb == "drain") {
    node.drained = order.at("drained");
    return put_node(term, node);
  }
  if (verb == "transfer") {
    if (!node.votes || node.drained || !connected(node.id)) {
      return fail(Code::kInvalid,
                  fmt::format("{} cannot lead: it {}", name,
                              !node.votes    ? "has no vote"
                              : node.drained ? "is drained (`binbus cluster drain --end`)"
                                             : "does not answer"));
    }
    const std::string stream = order.at("stream");
    BINBUS_RETURN_IF_ERROR(check_stream(*told, stream));
    if (!told->keeps(stream, node.id)) {
      return fail(Code::kInvalid,
                  fmt::format("{} does not keep stream {} (`binbus cluster place`)", name, stream));
    }
    return control()->put(term, {lead_cursor(stream), std::to_string(node.id)});
  }
  return fail(Code::kUnsupported, "no order " + verb);
}

Status Cluster::begin_stream(uint64_t term, const Json& order) {
  const std::string stream = order.at("stream");
  const auto told = state();
  if (told->founders.contains(stream)) return ok();
  std::vector<raft::NodeId> founders = control()->status().members.voters;
  if (const auto placed = told->places.find(stream); placed != told->places.end()) {
    founders = placed->second.nodes;  // by a leader that came no further
  } else if (const uint64_t copies = order.value("copies", uint64_t{0}); copies > 0) {
    const auto known = [&](raft::NodeId id) { return told->nodes.contains(id); };
    if (!std::ranges::all_of(founders, known))
      return fail(Code::kUnavailable, "not all nodes have told of themselves yet");
    const Place place =
        filled(*told, stream, {copies, {}}, [this](raft::NodeId node) { return connected(node); });
    if (place.nodes.empty()) return fail(Code::kUnavailable, "no node answers that could keep it");
    BINBUS_RETURN_IF_ERROR(control()->put(term, {place_cursor(stream), encode_place(place)}));
    founders = place.nodes;
  }
  return control()->put(term, {founders_cursor(stream), encode_ids(founders)});
}

Status Cluster::place(uint64_t term, const Json& order) {
  const auto told = state();
  const std::string stream = order.at("stream");
  BINBUS_RETURN_IF_ERROR(check_stream(*told, stream));
  const auto names = order.at("nodes").get<std::set<std::string>>();
  if (names.empty()) return control()->put(term, {place_cursor(stream), std::nullopt});
  Place place{.copies = names.size(), .nodes = {}};
  std::vector<std::string> silent;
  for (const std::string& name : names) {
    BINBUS_TRY(node, find_node(*told, name));
    if (!node->votes)
      return fail(Code::kInvalid, name + " does not vote: it keeps all streams anyway");
    place.nodes.push_back(node->id);
    if (!connected(node->id)) silent.push_back(name);
  }
  if (silent.size() * 2 >= names.size()) {
    return fail(Code::kInvalid, fmt::format("no majority of them answers: start {}, or name others",
                                            fmt::join(silent, ", ")));
  }
  return control()->put(term, {place_cursor(stream), encode_place(place)});
}

// A node's own word of itself: one that is known tells what changed, a new one is taken in. One of the same name that is gone
// gives way to it.
Status Cluster::admit(uint64_t term, const Json& record) {
  const auto told = state();
  ClusterNode node{
      .id = record.at("id"), .name = record.at("name"), .address = record.at("address")};
  const bool takes_in = record.value("verb", "") != "announce";
  const auto known = told->nodes.find(node.id);
  if (known != told->nodes.end()) node = known->second;
  if (node.leaving) {
    return fail(Code::kInvalid,
                node.name + " was removed: wipe its data folder before it joins anew");
  }
  const bool member = control()->status().members.has(node.id);
  if (!takes_in && known == told->nodes.end() && !member) {
    return fail(Code::kInvalid, node.name +
                                    " is not in the cluster any more: wipe its data folder before "
                                    "it joins anew");
  }
  if (takes_in && (known != told->nodes.end() || member))
    return fail(Code::kExists, node.name + " is in the cluster already");
  node.name = record.at("name");
  node.address = record.at("address");
  node.votes = record.at("votes");
  node.site = record.at("site");
  node.lead_priority = record.at("lead_priority");
  node.bytes_per_second = record.at("bytes_per_second");
  node.feed = record.value("feed", "");
  const ClusterNode* other = told->find(node.name);
  if (other != nullptr && other->id != node.id) {
    if (connected(other->id)) {
      return fail(Code::kExists, fmt::format("another node {} answers at {}: give one of them "
                                             "another name",
                                             node.name, other->address));
    }
    BINBUS_RETURN_IF_ERROR(put_node(term, node));
    // It has the other one's streams before that one is gone: else others would be to keep them.
    for (auto [stream, place] : told->places) {
      if (std::ranges::find(place.nodes, other->id) == place.nodes.end()) continue;
      std::ranges::replace(place.nodes, other->id, node.id);
      BINBUS_RETURN_IF_ERROR(control()->put(term, {place_cursor(stream), encode_place(place)}));
    }
    ClusterNode gone = *other;
    gone.leaving = true;
    BINBUS_RETURN_IF_ERROR(put_node(term, gone));
  } else {
    BINBUS_RETURN_IF_ERROR(put_node(term, node));
  }
  if (takes_in) log::info("node_taken_in", {{"node", node.name}, {"address", node.address}});
  return ok();
}

}  // namespace binbus::app
