// How long to wait before the next attempt: longer each time, and never as long as others do.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

namespace binbus {

class Backoff {
 public:
  using Milliseconds = std::chrono::milliseconds;
  static constexpr Milliseconds kFirst{20};
  static constexpr Milliseconds kMax{2'000};

  Milliseconds next() {
    const Milliseconds::rep longest = std::exchange(longest_, std::min(longest_ * 2, kMax)).count();
    return Milliseconds(std::uniform_int_distribution(longest / 2, longest)(random_));
  }
  void reset() { longest_ = kFirst; }

 private:
  Milliseconds longest_ = kFirst;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace binbus
