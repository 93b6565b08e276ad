// Bytes per second, as a token bucket: what was not sent while there was nothing to send is made up for at most
// kPaceBurstUs. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

namespace binbus::raft {

inline constexpr uint64_t kPaceBurstUs = 100'000;

class Pace {
 public:
  // Microseconds to wait before these bytes are sent; they count as sent. bytes_per_second 0: no limit.
  uint64_t take(uint64_t bytes, uint64_t bytes_per_second, uint64_t now_us) {
    if (bytes_per_second == 0) return 0;
    const uint64_t start_us = std::max(paid_us_, now_us - std::min(now_us, kPaceBurstUs));
    paid_us_ = start_us + bytes * 1'000'000 / bytes_per_second;
    return start_us > now_us ? start_us - now_us : 0;
  }

 private:
  uint64_t paid_us_ = 0;  // when the bytes taken so far are sent, at this pace
};

}  // namespace binbus::raft
