#include "app/patience.h"

#include <algorithm>

namespace binbus::app {
namespace {

using admin::StreamState;

constexpr uint32_t kLeaveFirstMs = 2 * 60'000;  // Backoff's first is a half of it at least
constexpr uint32_t kLeaveMaxMs = 10 * 60'000;

// Whether somebody reads what another node's log may not have. A sink that its target makes wait reads nothing.
bool is_read(const admin::StreamStatus& stream) {
  return std::ranges::any_of(stream.sinks,
                             [](const admin::SinkStatus& sink) {
                               return sink.state == "running" && sink.reason.empty() &&
                                      sink.lag_ms > 0;
                             }) ||
         std::ranges::any_of(stream.replicas, [](const admin::ReplicaStatus& replica) {
           return replica.state == "sending";
         });
}

}  // namespace

Patience::Patience(uint64_t seed, uint64_t source_away_us)
    : source_away_us_(source_away_us), backoff_(kLeaveFirstMs, kLeaveMaxMs, seed) {}

void Patience::taken(uint64_t now_us) {
  well_us_ = now_us;
  receives_us_ = 0;
  why_.clear();
}

void Patience::look(const admin::StreamStatus& stream, uint64_t now_us) {
  if (stream.state == StreamState::kStarting) return taken(now_us);  // a long log takes a while
  if (stream.state == StreamState::kStreaming) {
    // A disk that is full is known with the next bytes only.
    if (receives_us_ == 0) receives_us_ = now_us;
    if (now_us - receives_us_ < kWellUs) return;
    well_us_ = now_us;
    failed_ = false;
    backoff_.reset();
    why_.clear();
    return;
  }
  receives_us_ = 0;
  const bool stopped = stream.state == StreamState::kStopped || stream.error_code == "disk_full";
  if (now_us - well_us_ < (stopped || failed_ ? kStoppedUs : source_away_us_)) return;
  if (!stopped && is_read(stream)) return;
  why_ = stream.reason.empty() ? "the source does not answer" : stream.reason;
}

uint64_t Patience::leave(uint64_t now_us) {
  failed_ = true;
  const uint64_t for_us = uint64_t{backoff_.next_ms()} * 1000;
  leaves_until_us_ = now_us + for_us;
  free_since_us_ = 0;
  return for_us;
}

bool Patience::leaves_it(bool free, uint64_t now_us) {
  if (now_us >= leaves_until_us_) return false;
  if (!free) {
    free_since_us_ = 0;
    return true;
  }
  if (free_since_us_ == 0) free_since_us_ = now_us;
  return now_us - free_since_us_ < kFreeUs;
}

}  // namespace binbus::app
