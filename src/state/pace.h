// How fast rows are read at a source: as much as is allowed, in chunks of about a time and a size.
//
// Owner:  borrows the clock.
// Thread: one.
#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"
#include "io/clock.h"

namespace binbus::state {

inline constexpr uint64_t kChunkBytes = 32 << 20;  // in memory, of one table
inline constexpr uint64_t kBatchBytes = 8 << 20;   // of what waits to be written or judged

struct FillOptions {
  uint64_t tables_at_once = 2;
  uint64_t rows_per_second = 0;   // of all tables; 0: no limit
  uint64_t bytes_per_second = 0;  // the same
  uint64_t threads_running_max =
      0;  // statements that run at the source, above which nothing is read; 0: no limit
};

class SourcePace {
 public:
  SourcePace(const FillOptions& options, io::Clock& clock) : options_(options), clock_(clock) {}

  // kUnavailable: the source has enough to do, and nothing is due for a while. `running` asks it.
  Status check_load(const std::function<Result<uint64_t>()>& running);
  // So much was read.
  void read(uint64_t rows, uint64_t bytes);
  // At what monotonic time the next chunk is due.
  uint64_t due_us() const { return due_us_; }
  bool limits_rate() const { return options_.rows_per_second > 0 || options_.bytes_per_second > 0; }

 private:
  const FillOptions options_;
  io::Clock& clock_;
  uint64_t due_us_ = 0;
};

// The number of rows of a table's next chunk.
class ChunkRows {
 public:
  uint64_t rows_max() const { return rows_max_; }
  void took(uint64_t took_us, uint64_t bytes);

 private:
  uint64_t rows_max_ = 1000;
};

}  // namespace binbus::state
