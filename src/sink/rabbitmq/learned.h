// What the broker has refused, for the Targets that are made after that.
#pragma once

#include <cstdint>
#include <limits>

namespace binbus::sink::rabbitmq {

struct Learned {
  // The broker's own limit: it says so by closing the channel, and does not say for which message.
  uint64_t message_bytes_max = std::numeric_limits<uint64_t>::max();
};

}  // namespace binbus::sink::rabbitmq
