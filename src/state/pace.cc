#include "state/pace.h"

#include <algorithm>

namespace binbus::state {
namespace {

constexpr uint64_t kRowsMin = 50;
constexpr uint64_t kRowsMax = 500'000;
constexpr uint64_t kChunkUs = 300'000;  // how long a chunk is to take
constexpr uint64_t kLoadedUs = 1'000'000;
constexpr uint64_t kEvenUs = 50'000;  // for how long a chunk may have what a rate allows

}  // namespace

Status SourcePace::begin(const std::function<Result<uint64_t>()>& running) {
  begun_us_ = clock_.monotonic_us();
  if (options_.threads_running_max == 0) return ok();
  BINBUS_TRY(statements, running());
  if (statements <= options_.threads_running_max) return ok();
  due_us_ = clock_.monotonic_us() + kLoadedUs;
  return fail(Code::kUnavailable, "the source runs " + std::to_string(statements) +
                                      " statements, more than threads_running_max");
}

void SourcePace::read(uint64_t rows, uint64_t bytes) {
  uint64_t wait_us = 0;
  if (options_.rows_per_second > 0) wait_us = rows * 1'000'000 / options_.rows_per_second;
  if (options_.bytes_per_second > 0)
    wait_us = std::max(wait_us, bytes * 1'000'000 / options_.bytes_per_second);
  due_us_ = std::max(due_us_, begun_us_) + wait_us;
  took_us_ = clock_.monotonic_us() - begun_us_;
}

uint64_t SourcePace::at_once(uint64_t per_second) const {
  if (per_second == 0) return UINT64_MAX;
  const double span_s = static_cast<double>(std::max(kEvenUs, 2 * took_us_)) / 1e6;
  return std::max<uint64_t>(1, static_cast<uint64_t>(span_s * static_cast<double>(per_second)));
}

void ChunkRows::took(uint64_t took_us, uint64_t bytes) {
  const auto part = [](uint64_t wanted, uint64_t was) {
    return static_cast<double>(wanted) / static_cast<double>(std::max<uint64_t>(1, was));
  };
  const uint64_t bytes_max = std::min(kChunkBytes / 2, pace_->bytes_at_once());
  const double factor =
      std::clamp(std::min(part(kChunkUs, took_us), part(bytes_max, bytes)), 0.25, 4.0);
  rows_max_ = std::clamp(static_cast<uint64_t>(static_cast<double>(rows_max_) * factor), kRowsMin,
                         kRowsMax);
}

}  // namespace binbus::state
