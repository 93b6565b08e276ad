#include "coordinate/placement.h"

#include <cstdint>
#include <tuple>

namespace binbus::coordinate {
namespace {

// Spreads ties, the same way at every node.
uint32_t draw(const std::string& stream, const std::string& node) {
  uint32_t hash = 2166136261;  // FNV-1a
  for (const char c : stream + '/' + node) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619;
  return hash;
}

// Who has the fewest of those that could take the stream; null when there is none.
const Node* fewest(const std::vector<Node>& nodes, const std::string& stream,
                   const std::map<std::string, size_t>& loads, bool yielding_too) {
  const Node* best = nullptr;
  const auto rank = [&](const Node& node) {
    return std::tuple(loads.at(node.name), draw(stream, node.name), node.name);
  };
  for (const Node& node : nodes) {
    const bool can =
        node.streams.contains(stream) && (yielding_too || !node.yields.contains(stream));
    if (can && (best == nullptr || rank(node) < rank(*best))) best = &node;
  }
  return best;
}

}  // namespace

std::map<std::string, std::string> place(const std::vector<Node>& nodes,
                                         const std::map<std::string, std::string>& owners) {
  std::map<std::string, size_t> loads;
  std::set<std::string> streams;
  for (const Node& node : nodes) {
    loads[node.name];
    streams.insert(node.streams.begin(), node.streams.end());
  }
  std::map<std::string, std::string> placed = owners;
  for (const auto& [stream, owner] : owners) ++loads[owner];

  for (const std::string& stream : streams) {
    if (placed.contains(stream)) continue;
    const Node* taker = fewest(nodes, stream, loads, false);
    if (taker == nullptr) taker = fewest(nodes, stream, loads, true);
    placed[stream] = taker->name;
    ++loads[taker->name];
  }
  // Each move makes the loads more even, so that there is a last one.
  for (bool moved = true; moved;) {
    moved = false;
    for (auto& [stream, owner] : placed) {
      const Node* taker = fewest(nodes, stream, loads, false);
      if (taker == nullptr || loads[owner] < loads[taker->name] + 2) continue;
      --loads[owner];
      ++loads[taker->name];
      owner = taker->name;
      moved = true;
    }
  }
  return placed;
}

}  // namespace binbus::coordinate
