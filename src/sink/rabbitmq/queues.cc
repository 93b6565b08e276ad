#include "sink/rabbitmq/queues.h"

#include <fmt/format.h>

#include <algorithm>

namespace binbus::sink::rabbitmq {
namespace {

// FNV-1a: the same in every version of binbus, or a table's changes would move to another queue.
uint64_t hash(std::string_view text) {
  uint64_t value = 0xcbf29ce484222325;
  for (const char c : text) value = (value ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return value;
}

}  // namespace

Queues::Queues(const RabbitmqOptions& options)
    : kind_(options.queues),
      by_name_(kind_ == RabbitmqOptions::Queues::kByTable ||
               kind_ == RabbitmqOptions::Queues::kByVolume ||
               (kind_ == RabbitmqOptions::Queues::kOne &&
                (options.exchange.empty() || options.exchange_type == "direct"))),
      everything_(options.exchange_type == "topic" ? "#" : "") {
  if (kind_ == RabbitmqOptions::Queues::kOne) names_ = {options.queue};
  if (kind_ == RabbitmqOptions::Queues::kByTable || kind_ == RabbitmqOptions::Queues::kByVolume)
    for (uint32_t i = 0; i < options.queue_count; ++i)
      names_.push_back(fmt::format("{}.{}", options.queue, i));
  bytes_.resize(names_.size());
}

std::string Queues::binding_key(size_t index) const {
  return by_name_ ? names_[index] : everything_;
}

const std::string& Queues::routing_key(std::string_view own, size_t bytes) {
  if (by_name_) return names_[choose(own, bytes)];
  own_ = own;
  return own_;
}

size_t Queues::choose(std::string_view own, size_t bytes) {
  if (kind_ == RabbitmqOptions::Queues::kByTable) return hash(own) % names_.size();
  const auto least = std::ranges::min_element(bytes_);
  *least += bytes + 1;
  return static_cast<size_t>(least - bytes_.begin());
}

}  // namespace binbus::sink::rabbitmq
