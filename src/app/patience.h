// How long a node that has a stream's lease and cannot work on it keeps it, and for how long it then leaves it to others: the longer
// the more often it fails, so that a fault that all nodes share does not make them race. Pure: who asks tells the time.
//
//   taken() -> look() ... -> has_ended(): another node is to have it -> leave() -> leaves_it() until it may take it again -> taken()
//
// Times are monotonic, in microseconds.
// Thread: one.
#pragma once

#include <cstdint>
#include <string>

#include "admin/status.h"
#include "base/backoff.h"

namespace binbus::app {

class Patience {
 public:
  // What is stopped, or has no room, may be so for a moment; a source may restart, and what was received from one that is away
  // goes to sinks and replicas first.
  static constexpr uint64_t kStoppedUs = 5'000'000;
  static constexpr uint64_t kSourceAwayUs = 60'000'000;
  // In a group all nodes have what was received.
  static constexpr uint64_t kSourceAwayFromLeaderUs = 10'000'000;
  // How long it receives before all is well.
  static constexpr uint64_t kWellUs = 5'000'000;
  // A stream that is left to others and that none of them takes for so long is taken again.
  static constexpr uint64_t kFreeUs = 5'000'000;

  explicit Patience(uint64_t seed, uint64_t source_away_us = kSourceAwayUs);

  void taken(uint64_t now_us);
  // What a stream under the lease says of itself.
  void look(const admin::StreamStatus& stream, uint64_t now_us);
  bool has_ended() const { return !why_.empty(); }
  // What the node cannot do; "" while it is patient.
  const std::string& why() const { return why_; }

  // It is given back, or could not be taken. Returns for how long it is left to others.
  uint64_t leave(uint64_t now_us);
  // Whether it is still others' to take; `free`: no node has it now.
  bool leaves_it(bool free, uint64_t now_us);

 private:
  uint64_t source_away_us_;
  Backoff backoff_;
  bool failed_ = false;       // and has not worked since
  uint64_t well_us_ = 0;      // when it worked, or had not begun to, for the last time
  uint64_t receives_us_ = 0;  // since then; 0: it does not
  std::string why_;
  uint64_t leaves_until_us_ = 0;
  uint64_t free_since_us_ = 0;  // 0: it was not
};

}  // namespace binbus::app
