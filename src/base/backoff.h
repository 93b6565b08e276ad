// How long to wait before the next try: doubling up to a cap, with jitter so that many do not come at once. Pure.
#pragma once

#include <cstdint>
#include <random>

namespace binbus {

class Backoff {
 public:
  Backoff(uint32_t first_ms, uint32_t max_ms, uint64_t seed)
      : first_ms_(first_ms), max_ms_(max_ms), random_(seed) {}
  // Between a half and the whole of first_ms doubled by each call since reset(), at most max_ms.
  uint32_t next_ms();
  void reset() { step_ms_ = 0; }

 private:
  uint32_t first_ms_;
  uint32_t max_ms_;
  uint32_t step_ms_ = 0;  // 0: the next is the first
  std::minstd_rand random_;
};

}  // namespace binbus
