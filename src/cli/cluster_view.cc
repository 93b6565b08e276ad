#include "cli/cluster_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/json_text.h"

namespace binbus::cli {
namespace {

std::string node_role(const Json& node) {
  if (node.at("leaving").get<bool>()) return "leaving";
  if (node.at("drained").get<bool>()) return "drained";
  return node.at("votes").get<bool>() ? "votes" : "learner";
}

std::string nodes_text(const Json& cluster) {
  std::vector<std::vector<std::string>> rows = {
      {"NODE", "ADDRESS", "ROLE", "SITE", "STATE", "LEADS"}};
  for (const Json& node : cluster.at("nodes")) {
    const std::string name = text(node, "name");
    std::string leads;
    for (const Json& stream : cluster.at("streams")) {
      if (text(stream, "leader") == name)
        leads += (leads.empty() ? "" : ", ") + text(stream, "name");
    }
    const std::string state = name == text(cluster, "node")      ? "this one"
                              : node.at("connected").get<bool>() ? "connected"
                                                                 : "away";
    rows.push_back({name, text(node, "address"), node_role(node), or_dash(text(node, "site")),
                    state, or_dash(leads)});
  }
  return table(rows, "");
}

std::string streams_text(const Json& cluster) {
  std::vector<std::vector<std::string>> rows = {{"STREAM", "LEADER", "TERM", "ENTRIES", "MEMBERS"}};
  for (const Json& stream : cluster.at("streams")) {
    const std::string leader = text(stream, "leader");
    rows.push_back({text(stream, "name"), leader.empty() ? "none" : leader,
                    std::to_string(number(stream, "term")),
                    std::to_string(number(stream, "commit_index")), members_text(stream)});
  }
  return rows.size() == 1 ? "" : "\n" + table(rows, "");
}

const Json* find(const Json& list, const std::string& name) {
  for (const Json& each : list) {
    if (text(each, "name") == name) return &each;
  }
  return nullptr;
}

bool is_to_keep(const Json& node, const Json& stream) {
  const Json& placed = stream.at("placed");
  return !node.at("leaving").get<bool>() &&
         (placed.empty() || !node.at("votes").get<bool>() ||
          std::ranges::find(placed, node.at("name")) != placed.end());
}

// Of a stream that is kept elsewhere from now on.
std::string move_left(const Json& cluster, const Json& stream, std::vector<std::string> wanted) {
  const std::string its_name = text(stream, "name");
  std::ranges::sort(wanted);
  if (stream.at("placed") != Json(wanted)) return its_name + "'s leader does not know of it yet";
  for (const Json& node : cluster.at("nodes")) {
    const std::string name = text(node, "name");
    const Json* member = find(stream.at("members"), name);
    const bool votes = member != nullptr && member->at("voter").get<bool>();
    if (!is_to_keep(node, stream) && member != nullptr)
      return fmt::format("{} still keeps {}", name, its_name);
    if (is_to_keep(node, stream) && node.at("votes").get<bool>() && !votes)
      return fmt::format("{} catches up with {}", name, its_name);
  }
  return "";
}

// Of a node that is to be in: the first stream that it does not vote in, or learn of, yet.
std::string not_in_yet(const Json& cluster, const std::string& name) {
  const Json* node = find(cluster.at("nodes"), name);
  if (node == nullptr) return name + " is not in the control log yet";
  for (const Json& stream : cluster.at("streams")) {
    if (!is_to_keep(*node, stream)) continue;
    const Json* member = find(stream.at("members"), name);
    if (member == nullptr)
      return fmt::format("{} is not in stream {} yet", name, text(stream, "name"));
    if (node->at("votes").get<bool>() && !member->at("voter").get<bool>())
      return fmt::format("{} catches up with stream {}", name, text(stream, "name"));
  }
  return "";
}

std::string change_left(const Json& cluster, const CommandCluster& command) {
  const std::string name = command.verb == "join" ? text(cluster, "node")
                                                  : command.node.substr(0, command.node.find('@'));
  if (command.verb == "join" || command.verb == "add") return not_in_yet(cluster, name);
  if (command.verb == "remove")
    return find(cluster.at("nodes"), name) == nullptr ? ""
                                                      : name + " is being taken out of the groups";
  for (const Json& stream : cluster.at("streams")) {
    const std::string leader = text(stream, "leader");
    const std::string its_name = text(stream, "name");
    if (command.verb == "place") {
      if (its_name == command.stream) return move_left(cluster, stream, command.nodes);
      continue;
    }
    if (command.verb == "transfer" && its_name == command.stream && leader != name)
      return fmt::format("{} is led by {}", its_name, leader.empty() ? "no node" : leader);
    if (command.verb == "drain" && !command.end && leader == name)
      return fmt::format("{} still leads {}", name, its_name);
  }
  return "";
}

}  // namespace

Result<std::string> cluster_text(std::string_view cluster) {
  return reading<std::string>(cluster, [](const Json& json) {
    const std::string name = text(json, "name"), reason = text(json, "reason");
    std::string out = fmt::format("cluster {}, asked at {}\n", name.empty() ? "not known" : name,
                                  text(json, "node"));
    if (!reason.empty()) out += reason + "\n";
    return out + "\n" + nodes_text(json) + streams_text(json);
  });
}

Result<std::string> cluster_change_left(std::string_view cluster, const CommandCluster& command) {
  return reading<std::string>(cluster,
                              [&](const Json& json) { return change_left(json, command); });
}

}  // namespace binbus::cli
