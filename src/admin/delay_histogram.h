// Delays counted by size, as Prometheus wants them: by value, part of a Snapshot.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace binbus::admin {

struct DelayHistogram {
  // Upper bounds: 0.5 ms to 60 s, inclusive. What is longer counts behind the last.
  static constexpr std::array<uint64_t, 16> kBoundsUs = {
      500,     1'000,   2'000,     5'000,     10'000,    20'000,     50'000,     100'000,
      200'000, 500'000, 1'000'000, 2'000'000, 5'000'000, 10'000'000, 30'000'000, 60'000'000};

  std::array<uint64_t, kBoundsUs.size() + 1> counts{};  // not cumulative
  uint64_t sum_us = 0;

  void observe(uint64_t delay_us) {
    ++counts[static_cast<size_t>(std::ranges::lower_bound(kBoundsUs, delay_us) -
                                 kBoundsUs.begin())];
    sum_us += delay_us;
  }
};

}  // namespace binbus::admin
