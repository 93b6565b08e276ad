#include "state/verification.h"

#include <chrono>

namespace binbus::state {

void Verification::cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
}

bool Verification::is_cancelled() const {
  const std::lock_guard lock(mutex_);
  return cancelled_;
}

VerificationStatus Verification::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

VerificationStatus Verification::wait(uint64_t wait_ms, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  ended_.wait_for(lock, stop, std::chrono::milliseconds(wait_ms), [this] { return status_.ended; });
  return status_;
}

void Verification::change(const std::function<void(VerificationStatus&)>& to) {
  const std::lock_guard lock(mutex_);
  if (status_.ended) return;
  to(status_);
  if (status_.ended) ended_.notify_all();
}

void Verification::end(const std::string& error) {
  change([&](VerificationStatus& status) {
    status.ended = true;
    status.error = error;
    status.waits.clear();
  });
}

}  // namespace binbus::state
