// What the broker has refused, for the Targets that are made after that.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

namespace binbus::sink::rabbitmq {

struct Learned {
  // The broker's own limit: it says so by closing the channel, and does not say for which message.
  uint64_t message_bytes_max = std::numeric_limits<uint64_t>::max();
  // A queue was full: until then each message waits until the one before is taken. Else all since the last commit would have to
  // find room at once, and order would be lost.
  std::chrono::steady_clock::time_point one_by_one_until;
};

}  // namespace binbus::sink::rabbitmq
