#include "state/pace.h"

#include <algorithm>

namespace binbus::state {
namespace {

constexpr uint64_t kRowsMin = 50;
constexpr uint64_t kRowsMax = 500'000;
constexpr uint64_t kChunkUs = 300'000;  // how long a chunk is to take
constexpr uint64_t kLoadedUs = 1'000'000;

}  // namespace

Status SourcePace::check_load(const std::function<Result<uint64_t>()>& running) {
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
  due_us_ = std::max(due_us_, clock_.monotonic_us()) + wait_us;
}

void ChunkRows::took(uint64_t took_us, uint64_t bytes) {
  const auto part = [](uint64_t wanted, uint64_t was) {
    return static_cast<double>(wanted) / static_cast<double>(std::max<uint64_t>(1, was));
  };
  const double factor =
      std::clamp(std::min(part(kChunkUs, took_us), part(kChunkBytes / 2, bytes)), 0.25, 4.0);
  rows_max_ = std::clamp(static_cast<uint64_t>(static_cast<double>(rows_max_) * factor), kRowsMin,
                         kRowsMax);
}

}  // namespace binbus::state
