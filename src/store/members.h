// Who belongs to the group of a log.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace binbus::store {

using NodeId = uint64_t;  // drawn at random at a node's first start; never 0

// Each list in ascending order. While `outgoing` is not empty the membership is joint: a majority of `voters` and one of
// `outgoing` decide.
struct Members {
  std::vector<NodeId> voters = {};
  std::vector<NodeId> outgoing = {};  // voters of before, in a change under way (joint consensus)
  std::vector<NodeId> learners = {};
  std::vector<NodeId> learners_next = {};  // voters that become learners when it ends
  bool auto_leave = false;                 // the leader ends it by itself
  bool operator==(const Members&) const = default;

  bool empty() const { return voters.empty(); }
  bool is_voter(NodeId node) const { return in(voters, node) || in(outgoing, node); }
  bool has(NodeId node) const {
    return is_voter(node) || in(learners, node) || in(learners_next, node);
  }
  // Whether anyone else relies on the entries' numbers.
  bool shared() const { return voters.size() + outgoing.size() + learners.size() > 1; }
  std::vector<NodeId> all() const {
    std::vector<NodeId> nodes = voters;
    for (const auto* more : {&outgoing, &learners, &learners_next}) {
      for (const NodeId node : *more) {
        if (!in(nodes, node)) nodes.push_back(node);
      }
    }
    return nodes;
  }

 private:
  static bool in(const std::vector<NodeId>& nodes, NodeId node) {
    return std::ranges::find(nodes, node) != nodes.end();
  }
};

}  // namespace binbus::store
