#include "base/backoff.h"

#include <gtest/gtest.h>

namespace binbus {
namespace {

TEST(Backoff, doubles_up_to_its_cap_and_begins_anew) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Backoff backoff(100, 1000, seed);
    for (int round = 0; round < 2; ++round) {
      for (const uint32_t step : {100U, 200U, 400U, 800U, 1000U, 1000U, 1000U}) {
        const uint32_t wait = backoff.next_ms();
        EXPECT_GE(wait, step / 2);
        EXPECT_LE(wait, step);
      }
      backoff.reset();
    }
  }
}

}  // namespace
}  // namespace binbus
