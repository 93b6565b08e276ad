// What was published and is not confirmed yet. Pure.
#pragma once

#include <cstdint>
#include <deque>

namespace binbus::sink::rabbitmq {

class ConfirmWindow {
 public:
  // The next message is under way; the broker counts them from 1.
  void published(uint32_t bytes);
  // The broker has taken the message `tag`; `multiple`: and all before it. What is not under way is ignored.
  void confirmed(uint64_t tag, bool multiple);

  uint64_t count() const { return count_; }
  uint64_t bytes() const { return bytes_; }

 private:
  struct Sent {
    uint32_t bytes;
    bool confirmed;
  };
  void confirm(Sent& sent);

  std::deque<Sent> sent_;  // from the oldest that is not confirmed
  uint64_t first_tag_ = 1;
  uint64_t count_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace binbus::sink::rabbitmq
