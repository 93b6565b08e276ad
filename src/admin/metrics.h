// Prometheus' text form of a Snapshot; the metrics are listed in docs/operations.md, which a test
// compares.
#pragma once

#include <string>

#include "admin/status.h"

namespace binbus::admin {

std::string to_prometheus(const Snapshot& snapshot);

}  // namespace binbus::admin
