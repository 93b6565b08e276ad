// The JSON that the endpoint answers with. Documented in docs/operations.md; the command line reads
// the same.
#pragma once

#include <string>
#include <vector>

#include "admin/health.h"
#include "admin/status.h"

namespace binbus::admin {

std::string to_json(const Snapshot& snapshot);
std::string to_json(const std::vector<SegmentStatus>& segments);
std::string to_json(const std::vector<CursorStatus>& cursors);
std::string to_json(const Location& location);
std::string to_json(const MadeSnapshot& made);
std::string to_json(const Health& health);
std::string to_json(const Error& error);
std::string to_json(const ClusterView& view);
std::string to_json(const GroupStatus& status);
// Of another node's to_json().
Result<GroupStatus> parse_group(const std::string& text);

}  // namespace binbus::admin
