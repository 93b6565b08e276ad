// What stands at names/nodes and names/owners, as JSON. Pure. What cannot be read comes out empty: somebody has written it by
// hand, and who reads goes on without it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "coordinate/placement.h"

namespace binbus::coordinate {

struct NodeRecord {
  Node node;
  std::string instance;
  static NodeRecord parse(const std::string& name, std::string_view text);
  std::string print() const;
};

struct OwnerRecord {
  std::string node;
  std::string instance;
  uint64_t epoch = 0;
  static OwnerRecord parse(std::string_view text);
  std::string print() const;
};

}  // namespace binbus::coordinate
