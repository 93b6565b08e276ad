// How fast rows are read at a source: as much as is allowed, in chunks of about a time and a size.
//
// Owner:  borrows the clock.
// Thread: one.
#pragma once

#include <algorithm>
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

  // Begins to read. kUnavailable: the source has enough to do, and nothing is due for a while. `running` asks it.
  Status begin(const std::function<Result<uint64_t>()>& running);
  // So much was read since then.
  void read(uint64_t rows, uint64_t bytes);
  // At what monotonic time the next chunk is due.
  uint64_t due_us() const { return due_us_; }
  bool limits_rate() const { return options_.rows_per_second > 0 || options_.bytes_per_second > 0; }
  // What a chunk may have where rates are limited: what is allowed in a short time, so that they are even ones and the source is
  // never busy for long; as much more as it takes with a source that is far away. Otherwise UINT64_MAX.
  uint64_t rows_at_once() const { return at_once(options_.rows_per_second); }
  uint64_t bytes_at_once() const { return at_once(options_.bytes_per_second); }

 private:
  uint64_t at_once(uint64_t per_second) const;

  const FillOptions options_;
  io::Clock& clock_;
  uint64_t begun_us_ = 0;
  uint64_t took_us_ = 0;  // the last time, from beginning to read
  uint64_t due_us_ = 0;
};

// The number of rows of a table's next chunk. Borrows the pace.
class ChunkRows {
 public:
  explicit ChunkRows(const SourcePace& pace) : pace_(&pace) {}
  uint64_t rows_max() const { return std::min(rows_max_, pace_->rows_at_once()); }
  void took(uint64_t took_us, uint64_t bytes);

 private:
  const SourcePace* pace_;
  uint64_t rows_max_ = 1000;
};

}  // namespace binbus::state
