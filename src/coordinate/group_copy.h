// A node's own copy of what its group has kept at the coordinator, as of a moment ago: for when that data is lost. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "coordinate/session.h"

namespace binbus::coordinate {

struct GroupCopy {
  std::string group_id;  // of the data that this is a copy of; "": of none yet
  std::string instance;  // of the node, drawn once: who comes with it can be no other process
  std::map<std::string, std::map<std::string, std::string>> folders;  // folder -> name -> value

  // kCorrupt for what is none; "" is an empty one.
  static Result<GroupCopy> parse(std::string_view text);
  std::string print() const;
  void set(const std::string& folder, const std::vector<Entry>& entries);
  uint64_t epoch(const std::string& stream) const;  // 0: none
  // One that was seen; a lower one than known changes nothing.
  void saw_epoch(const std::string& stream, uint64_t epoch);

  bool operator==(const GroupCopy&) const = default;
};

// As it stands in names::kEpochs; 0 for what is none.
uint64_t epoch_of(std::string_view text);

// The folders that are copied, in this order: what filter tables held after the checkpoints that need it.
std::vector<std::string> copied_folders();

}  // namespace binbus::coordinate
