#include "io/clock.h"

#include <chrono>

namespace binbus::io {
namespace {

class SystemClock final : public Clock {
 public:
  uint64_t wall_us() override { return since_epoch_us(std::chrono::system_clock::now()); }
  uint64_t monotonic_us() override { return since_epoch_us(std::chrono::steady_clock::now()); }

 private:
  template <class TimePoint>
  static uint64_t since_epoch_us(TimePoint now) {
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count());
  }
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

}  // namespace binbus::io
