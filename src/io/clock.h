// Time as a dependency, so that cores and tests can be given theirs.
#pragma once

#include <cstdint>

namespace binbus::io {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual uint64_t wall_us() = 0;       // microseconds since the Unix epoch; may jump
  virtual uint64_t monotonic_us() = 0;  // microseconds since some point; never goes back
};

Clock& system_clock();

}  // namespace binbus::io
