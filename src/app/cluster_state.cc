#include "app/cluster_state.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

namespace binbus::app {
namespace {

using Json = nlohmann::json;
using raft::MemberChange;
using raft::NodeId;

constexpr std::string_view kNode = "node/", kFounders = "founders/", kLead = "lead/",
                           kPlace = "place/";
constexpr uint64_t kNearEntries = 256;

uint64_t hash(std::string_view text, uint64_t seed) {  // FNV-1a
  uint64_t value = 0xcbf29ce484222325 ^ seed;
  for (const char c : text) value = (value ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  value ^= value >> 33;
  return value * 0xff51afd7ed558ccd;
}

std::optional<ClusterNode> parse_node(const std::string& key, const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  try {
    ClusterNode node{
        .id = std::stoull(key), .name = json.at("name"), .address = json.at("address")};
    node.votes = json.value("votes", true);
    node.site = json.value("site", "");
    node.lead_priority = json.value("lead_priority", uint64_t{1});
    node.bytes_per_second = json.value("bytes_per_second", uint64_t{0});
    node.feed = json.value("feed", "");
    node.drained = json.value("drained", false);
    node.leaving = json.value("leaving", false);
    return node;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::vector<NodeId> parse_ids(const Json& json) {
  std::vector<NodeId> ids;
  for (const Json& id : json) {
    if (id.is_number_unsigned()) ids.push_back(id);
  }
  return ids;
}

bool has(const std::vector<NodeId>& nodes, NodeId node) {
  return std::ranges::find(nodes, node) != nodes.end();
}

}  // namespace

ClusterState ClusterState::parse(const std::map<std::string, std::string>& cursors) {
  ClusterState state;
  for (const auto& [key, text] : cursors) {
    if (key.starts_with(kNode)) {
      if (auto node = parse_node(key.substr(kNode.size()), text)) state.nodes[node->id] = *node;
      continue;
    }
    const Json json = Json::parse(text, nullptr, false);
    if (key.starts_with(kFounders) && json.is_array())
      state.founders[key.substr(kFounders.size())] = parse_ids(json);
    if (key.starts_with(kLead) && json.is_number_unsigned())
      state.leads[key.substr(kLead.size())] = json;
    if (key.starts_with(kPlace) && json.is_object() && json.contains("nodes") &&
        json.contains("copies") && json["copies"].is_number_unsigned())
      state.places[key.substr(kPlace.size())] = {json["copies"], parse_ids(json["nodes"])};
  }
  return state;
}

const ClusterNode* ClusterState::find(const std::string& name) const {
  const auto found = std::ranges::find_if(
      nodes, [&](const auto& each) { return each.second.name == name && !each.second.leaving; });
  return found == nodes.end() ? nullptr : &found->second;
}

bool ClusterState::keeps(const std::string& stream, NodeId node) const {
  const auto known = nodes.find(node);
  if (forgotten(node) || (known != nodes.end() && known->second.leaving)) return false;
  const auto place = places.find(stream);
  return place == places.end() || has(place->second.nodes, node) ||
         (known != nodes.end() && !known->second.votes);
}

bool ClusterState::forgotten(NodeId node) const {
  return !members.empty() && !nodes.contains(node) && !has(members, node);
}

std::string node_cursor(NodeId node) { return std::string(kNode) + std::to_string(node); }
std::string founders_cursor(const std::string& stream) { return std::string(kFounders) + stream; }
std::string lead_cursor(const std::string& stream) { return std::string(kLead) + stream; }

std::string place_cursor(const std::string& stream) { return std::string(kPlace) + stream; }

std::string encode_node(const ClusterNode& node) {
  return Json{{"name", node.name},
              {"address", node.address},
              {"votes", node.votes},
              {"site", node.site},
              {"lead_priority", node.lead_priority},
              {"bytes_per_second", node.bytes_per_second},
              {"feed", node.feed},
              {"drained", node.drained},
              {"leaving", node.leaving}}
      .dump();
}

std::string encode_ids(const std::vector<NodeId>& nodes) { return Json(nodes).dump(); }

std::string encode_place(const Place& place) {
  return Json{{"copies", place.copies}, {"nodes", place.nodes}}.dump();
}

std::string encode_unfit(const Unfit& unfit) {
  return Json(std::vector<std::pair<NodeId, uint64_t>>(unfit.begin(), unfit.end())).dump();
}

Unfit parse_unfit(const std::string& text, uint64_t now_us) {
  Unfit unfit;
  for (const Json& each : Json::parse(text, nullptr, false)) {
    const std::vector<uint64_t> pair = parse_ids(each);
    if (pair.size() == 2 && pair[1] > now_us) unfit[pair[0]] = pair[1];
  }
  return unfit;
}

std::string cluster_name(const std::vector<NodeId>& founders) {
  return fmt::format("{:016x}", hash(fmt::format("{}", fmt::join(founders, ",")), 0));
}

bool LedGroup::answers(NodeId node) const {
  if (node == self) return true;
  const auto found = std::ranges::find(progress, node, &raft::PeerProgress::id);
  return found != progress.end() && found->recent_active;
}

bool LedGroup::caught_up(NodeId node) const {
  if (node == self) return true;
  const auto found = std::ranges::find(progress, node, &raft::PeerProgress::id);
  return found != progress.end() && found->recent_active &&
         found->match + kNearEntries >= last_index;
}

Place filled(const ClusterState& state, const std::string& stream, Place place,
             const std::function<bool(NodeId)>& answers) {
  const auto can = [&](NodeId id) {
    const auto known = state.nodes.find(id);
    return state.keeps("", id) && (known == state.nodes.end() || known->second.votes);
  };
  std::erase_if(place.nodes, [&](NodeId id) { return !can(id); });
  const auto site_of = [&](NodeId id) {
    const auto known = state.nodes.find(id);
    return known == state.nodes.end() ? std::string() : known->second.site;
  };
  while (place.nodes.size() < place.copies) {
    NodeId best = 0;
    std::tuple<int64_t, size_t, uint64_t> least;
    for (const auto& [id, node] : state.nodes) {
      if (!can(id) || !answers(id) || has(place.nodes, id)) continue;
      const auto at_its_site = std::ranges::count(place.nodes, node.site, site_of);
      size_t streams = 0;
      for (const auto& [other, at] : state.places) streams += has(at.nodes, id) ? 1 : 0;
      const std::tuple<int64_t, size_t, uint64_t> rank = {at_its_site, streams, hash(stream, id)};
      if (best == 0 || rank < least) {
        best = id;
        least = rank;
      }
    }
    if (best == 0) break;
    place.nodes.push_back(best);
  }
  return place;
}

std::vector<MemberChange> next_changes(const ClusterState& state, const LedGroup& group,
                                       const std::string& stream) {
  const raft::Members& now = group.members;
  if (!now.outgoing.empty()) return {};  // one after the other
  std::vector<MemberChange> changes;
  std::vector<NodeId> voters;  // that are to stay, with those who are to vote from now on
  bool all_vote = true;        // who are to
  for (const auto& [id, node] : state.nodes) {
    if (!state.keeps(stream, id)) continue;
    const bool votes = node.votes && (now.is_voter(id) || (now.has(id) && group.caught_up(id)));
    all_vote = all_vote && votes == node.votes;
    if (!now.has(id)) {
      changes.push_back({MemberChange::Kind::kAddLearner, id});
    } else if (votes) {
      voters.push_back(id);
      if (!now.is_voter(id)) changes.push_back({MemberChange::Kind::kAddVoter, id});
    }
  }
  for (const NodeId id : now.voters) {
    if (!state.nodes.contains(id) && state.keeps(stream, id))
      voters.push_back(id);  // it has not told of itself yet
  }
  const auto answering =
      std::ranges::count_if(voters, [&](NodeId id) { return group.answers(id); });
  const bool enough = static_cast<size_t>(answering) * 2 > voters.size();
  for (const NodeId id : now.all()) {
    if (id == group.self) continue;
    if (state.keeps(stream, id)) {
      const auto node = state.nodes.find(id);
      const bool gives_up = node != state.nodes.end() && !node->second.votes && now.is_voter(id);
      if (enough && gives_up) changes.push_back({MemberChange::Kind::kAddLearner, id});
      continue;
    }
    const bool gone = !state.keeps("", id);  // from the cluster, not from the stream alone
    const bool may_go = enough && (gone || all_vote);
    if (may_go || !now.is_voter(id)) changes.push_back({MemberChange::Kind::kRemove, id});
  }
  return changes;
}

NodeId wanted_leader(const ClusterState& state, const LedGroup& group, const std::string& stream,
                     NodeId preferred) {
  NodeId best = 0;
  std::pair<uint64_t, uint64_t> highest;
  for (const auto& [id, node] : state.nodes) {
    if (node.drained || group.unfit.contains(id) || !state.keeps(stream, id) || !node.votes ||
        !has(group.members.voters, id) || !group.answers(id))
      continue;
    if (id == preferred) return id;
    const std::pair<uint64_t, uint64_t> rank = {node.lead_priority, hash(stream, id)};
    if (best == 0 || rank > highest) {
      best = id;
      highest = rank;
    }
  }
  return best;
}

std::string refuse_removal(const ClusterState& state, NodeId node,
                           const std::function<bool(NodeId)>& answers) {
  const std::string& name = state.nodes.at(node).name;
  std::vector<std::string> all = {""};  // the cluster, and streams
  for (const auto& [stream, place] : state.places) {
    if (has(place.nodes, node)) all.push_back(stream);
  }
  for (const std::string& stream : all) {
    std::vector<std::string> silent;
    size_t voters = 0;
    for (const auto& [id, each] : state.nodes) {
      if (id == node || !each.votes || !state.keeps(stream, id)) continue;
      ++voters;
      if (!answers(id)) silent.push_back(each.name);
    }
    const size_t answering = voters - silent.size();
    if (answering * 2 > voters) continue;
    if (stream.empty() && voters == 0)
      return fmt::format("{} is the only one that votes: add another first", name);
    // One that has no majority anyway loses nothing; one that is at this node alone first goes to another.
    const bool has_majority = (answering + (answers(node) ? 1 : 0)) * 2 > voters + 1;
    if (!stream.empty() && (!has_majority || voters == 0)) continue;
    return fmt::format(
        "without {} there would be {} that vote{}, of which {} not answer: no majority. Start {}, "
        "or remove {} first while {} is there",
        name, voters, stream.empty() ? "" : " in stream " + stream,
        silent.size() == 1 ? "one does" : fmt::format("{} do", silent.size()),
        fmt::join(silent, ", "), silent.size() == 1 ? "it" : "them", name);
  }
  return "";
}

}  // namespace binbus::app
