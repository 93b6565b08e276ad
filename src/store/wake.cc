#include "store/wake.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <ctime>

namespace binbus::store {
namespace {

static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t),
              "the kernel looks at it as a plain word");

void futex(std::atomic<uint32_t>* word, int operation, uint32_t value, const timespec* timeout) {
  ::syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, timeout, nullptr, 0);
}

}  // namespace

void Wake::all() {
  count_.fetch_add(1);
  if (sleepers_.load() > 0) futex(&count_, FUTEX_WAKE, INT_MAX, nullptr);
}

void Wake::sleep(uint32_t ticket, uint64_t timeout_us) {
  constexpr uint64_t kSecond = 1'000'000;
  const timespec timeout{static_cast<time_t>(timeout_us / kSecond),
                         static_cast<long>(timeout_us % kSecond * 1000)};
  sleepers_.fetch_add(1);
  futex(&count_, FUTEX_WAIT, ticket, &timeout);
  sleepers_.fetch_sub(1);
}

}  // namespace binbus::store
