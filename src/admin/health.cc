#include "admin/health.h"

#include <fmt/format.h>

namespace binbus::admin {
namespace {

void judge(Health& health, const std::string& what, const std::string& reason) {
  if (reason.empty()) return;
  health.ok = false;
  health.reasons.push_back(fmt::format("{}: {}", what, reason));
}

std::string hanging(uint64_t busy_ms, const HealthLimits& limits) {
  if (busy_ms <= limits.stalled_after_ms) return "";
  return fmt::format("its log's disk has not answered for {} s (limit {} s)", busy_ms / 1000,
                     limits.stalled_after_ms / 1000);
}

std::string stalled(const StreamStatus& stream, uint64_t now_us, const HealthLimits& limits) {
  if (stream.cluster) {
    if (std::string hangs = hanging(stream.cluster->busy_ms, limits); !hangs.empty()) return hangs;
  }
  if (stream.state != StreamState::kStreaming) return "";
  const uint64_t silent_ms =
      now_us > stream.last_activity_us ? (now_us - stream.last_activity_us) / 1000 : 0;
  if (silent_ms <= limits.stalled_after_ms) return "";
  return fmt::format("no progress for {} s (limit {} s) at {}:{}", silent_ms / 1000,
                     limits.stalled_after_ms / 1000, stream.position.file, stream.position.offset);
}

std::string stalled(const std::optional<ClusterStatus>& cluster, const HealthLimits& limits) {
  return cluster ? hanging(cluster->busy_ms, limits) : "";
}

// In a cluster: it serves what its leader has, as far as it has it.
bool follows(const StreamStatus& stream) {
  return stream.state == StreamState::kStandby && stream.cluster &&
         stream.cluster->role == "follower" && !stream.cluster->leader.empty();
}

std::string lagging(uint64_t lag_ms, std::string_view behind, const HealthLimits& limits) {
  if (lag_ms <= limits.ready_lag_ms) return "";
  return fmt::format("{} ms behind its {} (limit {} ms)", lag_ms, behind, limits.ready_lag_ms);
}

std::string unready(const StreamStatus& stream, const HealthLimits& limits) {
  // Ready to take over; a group's leader has done so, and does not work yet.
  if (stream.state == StreamState::kStandby && stream.reason.empty() && !stream.cluster) return "";
  if (!stream.kept_at.empty()) return "";  // other nodes' matter
  if (follows(stream)) {
    if (!stream.listen_error.empty()) return stream.listen_error;
    return lagging(stream.cluster->lag_ms, "leader", limits);
  }
  if (stream.state != StreamState::kStreaming) {
    return fmt::format("{}{}{}", state_name(stream.state), stream.reason.empty() ? "" : ": ",
                       stream.reason);
  }
  if (!stream.listen_error.empty()) return stream.listen_error;
  // Known of one that is streaming.
  return lagging(stream.lag_ms.value_or(0), "source", limits);
}

}  // namespace

Health live(const Snapshot& snapshot, const HealthLimits& limits) {
  Health health;
  for (const StreamStatus& stream : snapshot.streams) {
    judge(health, "stream " + stream.name, stalled(stream, snapshot.now_us, limits));
  }
  judge(health, "cluster", stalled(snapshot.cluster, limits));
  return health;
}

Health ready(const Snapshot& snapshot, const HealthLimits& limits) {
  Health health;
  for (const StreamStatus& stream : snapshot.streams) {
    const std::string stall = stalled(stream, snapshot.now_us, limits);
    judge(health, "stream " + stream.name, stall.empty() ? unready(stream, limits) : stall);
  }
  judge(health, "cluster", stalled(snapshot.cluster, limits));
  return health;
}

}  // namespace binbus::admin
