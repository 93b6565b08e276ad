// Which queue a message goes to, where binbus divides them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sink/rabbitmq/rabbitmq_target.h"

namespace binbus::sink::rabbitmq {

class Queues {
 public:
  explicit Queues(const RabbitmqOptions& options);
  // Those to declare; none where there are none.
  const std::vector<std::string>& names() const { return names_; }
  // What each is bound with.
  std::string binding_key(size_t index) const;
  // The routing key to publish with: the message's own, or the name of the queue that is its.
  const std::string& routing_key(std::string_view own, size_t bytes);

 private:
  size_t choose(std::string_view own, size_t bytes);

  const RabbitmqOptions::Queues kind_;
  const bool by_name_;
  const std::string everything_;  // the binding key that gets everything
  std::vector<std::string> names_;
  std::vector<uint64_t> bytes_;
  std::string own_;
};

}  // namespace binbus::sink::rabbitmq
