// Which random lives a test runs: as many as fit every day, or those that the environment asks for.
// BINBUS_LIVES: how many; BINBUS_SEED: the first one's seed, alone unless BINBUS_LIVES says more.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

namespace binbus {

// Sanitizers look for what any life shows, and take twenty times as long.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BINBUS_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(BINBUS_SANITIZED)
inline constexpr uint64_t kLivesDivisor = 25;
#else
inline constexpr uint64_t kLivesDivisor = 1;
#endif

struct Seeds {
  uint64_t first;
  uint64_t end;

  static Seeds from_environment(uint64_t first, uint64_t lives) {
    const char* seed = std::getenv("BINBUS_SEED");
    const char* count = std::getenv("BINBUS_LIVES");
    lives /= kLivesDivisor;
    if (seed != nullptr) first = std::stoull(seed), lives = 1;
    if (count != nullptr) lives = std::stoull(count);
    return {first, first + lives};
  }
};

}  // namespace binbus
