#include "io/sleep.h"

#include <gtest/gtest.h>

#include <thread>

namespace binbus::io {
namespace {

constexpr uint64_t kForEverMs = 1ULL << 40;

TEST(Sleep, EndsWhenItIsAskedTo) {
  std::stop_source stop;
  std::jthread sleeper([&] { sleep_for(kForEverMs, stop.get_token()); });
  stop.request_stop();
  sleeper.join();
  sleep_for(kForEverMs, stop.get_token());  // not even begun
}

}  // namespace
}  // namespace binbus::io
