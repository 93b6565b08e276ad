// Who a node is. Nodes tell each other when a connection begins.
#pragma once

#include <cstdint>
#include <string>

#include "store/members.h"

namespace binbus::raft {

using store::NodeId;  // drawn at random at a node's first start; 0: none

struct NodeIdentity {
  NodeId id = 0;
  std::string name;     // for people
  std::string cluster;  // "": not known yet, everyone is welcome; two that differ refuse each other
  std::string address;  // HOST:PORT where the others reach it
  bool operator==(const NodeIdentity&) const = default;
};

}  // namespace binbus::raft
