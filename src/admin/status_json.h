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
std::string to_json(const Location& location);
std::string to_json(const Health& health);
std::string to_json(const Error& error);

}  // namespace binbus::admin
