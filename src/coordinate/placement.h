// Which node works on which stream. Pure: every node comes to the same from the same facts.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace binbus::coordinate {

// A node that lives.
struct Node {
  std::string name;
  std::set<std::string> streams;  // that it works on or waits for
  std::set<std::string> yields;   // of them, those that another one is to take, if there is one
};

// stream -> node. Who has a stream keeps it, unless another node has at least two fewer; a free one goes to the node that has
// the fewest. `owners` may name a node that is not among `nodes`: it counts as there for what it has.
std::map<std::string, std::string> place(const std::vector<Node>& nodes,
                                         const std::map<std::string, std::string>& owners);

}  // namespace binbus::coordinate
