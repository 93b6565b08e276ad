// Sleepers and whoever wakes them, at the price of one futex call a wake, and none when nobody sleeps.
#pragma once

#include <atomic>
#include <cstdint>

namespace binbus::store {

// Thread: any. Take a ticket, look whether there is anything to do, and only then sleep with that ticket: a wake in
// between is not missed.
class Wake {
 public:
  uint32_t ticket() const { return count_.load(); }
  void all();
  // Returns after all() was called since the ticket was taken, or after the time; now and then early.
  void sleep(uint32_t ticket, uint64_t timeout_us);

 private:
  std::atomic<uint32_t> count_{0};
  std::atomic<uint32_t> sleepers_{0};
};

}  // namespace binbus::store
