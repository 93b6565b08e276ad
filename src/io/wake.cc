#include "io/wake.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "io/address.h"

namespace binbus::io {

Wake::Wake() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Wake::~Wake() {
  if (event_ >= 0) ::close(event_);
}

void Wake::wake() {
  const uint64_t one = 1;
  static_cast<void>(::write(event_, &one, sizeof(one)));  // fails when it is full, and so wakes
}

Result<Wake::Ended> Wake::wait_readable(const Stream& stream, int timeout_ms) {
  std::array<pollfd, 2> entries{{{stream.descriptor(), POLLIN, 0}, {event_, POLLIN, 0}}};
  const int count = ::poll(entries.data(), entries.size(), timeout_ms);
  if (count < 0 && errno != EINTR)
    return fail(Code::kNetwork, stream.peer() + ": cannot wait for it: " + os_error(errno));
  if (count > 0 && entries[0].revents != 0) return Ended::kReadable;
  uint64_t times = 0;
  const bool woken = ::read(event_, &times, sizeof(times)) == sizeof(times);
  return woken || count < 0 ? Ended::kWoken : Ended::kTimeout;
}

}  // namespace binbus::io
