#include "io/sleep.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace binbus::io {

void sleep_for(uint64_t ms, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, std::chrono::milliseconds(ms), [] { return false; });
}

}  // namespace binbus::io
