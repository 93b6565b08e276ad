// Whether binbus makes progress: pure judgement of a Snapshot.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "admin/status.h"

namespace binbus::admin {

struct HealthLimits {
  uint64_t stalled_after_ms = 60'000;
  uint64_t ready_lag_ms = 30'000;
};

struct Health {
  bool ok = true;
  std::vector<std::string> reasons;  // why not, one per stream, and one of the cluster
};

// Is every thread that has work getting on with it? Not while a stream that is connected has had no
// sign of life from its source for `stalled_after_ms` (heartbeats come every few seconds: its
// thread hangs, for instance in a write to a dead disk); nor while a cluster's group is at one thing
// for as long. A stream that waits for its source, or needs somebody to act, is alive: a restart
// would mend nothing.
Health live(const Snapshot& snapshot, const HealthLimits& limits);

// Is every stream receiving, at most `ready_lag_ms` behind its source or its leader, and served on its port?
Health ready(const Snapshot& snapshot, const HealthLimits& limits);

}  // namespace binbus::admin
