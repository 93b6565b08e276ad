// Where something is in a stream's log.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace binbus::binlog {

// Totally ordered, equal on all nodes. `segment` is the number at the end of the segment's name, `offset` a byte in it.
struct Position {
  uint64_t segment = 0;
  uint64_t offset = 0;
  auto operator<=>(const Position&) const = default;
};

// A binlog file's name as the server makes it: base name, dot, number with at least six digits.
struct SegmentName {
  std::string base;
  uint64_t number = 0;
  // "binlog.000123"; a path, an empty base or another ending is kInvalid.
  static Result<SegmentName> parse(std::string_view name);
  std::string to_string() const;
  bool operator==(const SegmentName&) const = default;
};

}  // namespace binbus::binlog
