#include "base/backoff.h"

#include <algorithm>

namespace binbus {

uint32_t Backoff::next_ms() {
  step_ms_ = step_ms_ == 0
                 ? first_ms_
                 : static_cast<uint32_t>(std::min<uint64_t>(max_ms_, uint64_t{step_ms_} * 2));
  return std::uniform_int_distribution<uint32_t>(step_ms_ / 2, step_ms_)(random_);
}

}  // namespace binbus
