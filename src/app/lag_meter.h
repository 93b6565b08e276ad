// How far behind: the stream behind its source, and readers behind the stream, by the source's
// commit times and without reading the log.
//
// Thread: any.
// Limits: a fixed number of samples, kept closer together the newer they are: a reader's lag is a
//         few percent off at most. Readers at places older than all of them get the oldest's.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "admin/delay_histogram.h"
#include "binlog/position.h"

namespace binbus::app {

// What the log holds after a sync.
struct Stored {
  binlog::Position visible;
  uint64_t commit_us = 0;   // of the newest visible transaction; 0: none
  bool unfinished = false;  // part of another transaction follows
};

class LagMeter {
 public:
  // What the log held when it was opened.
  explicit LagMeter(const Stored& before) { sample(before); }
  // After each sync, at wall time `now_us`.
  void stored(const Stored& now, uint64_t now_us);

  // What the log holds now, where another node stores it: called often enough for readers' lags, which are as exact as that.
  void seen(const Stored& now);

  // While the source is connected: how long the newest transaction took from its commit to our
  // disk, as long as they come, or how long we have been receiving the one under way if that is more.
  uint64_t source_lag_ms(uint64_t now_us) const;
  // How long transactions took from their commit to our disk: of each sync, its newest.
  admin::DelayHistogram delays() const;
  // The age of the first transaction after `position`; 0 when there is none.
  uint64_t reader_lag_ms(binlog::Position position, uint64_t now_us) const;

 private:
  struct Sample {
    binlog::Position end;
    uint64_t commit_us;
  };
  void sample(const Stored& now);
  void thin();

  mutable std::mutex mutex_;
  std::vector<Sample> samples_;  // guarded by mutex_, as the rest
  uint64_t stored_us_ = 0;       // when something was stored last
  uint64_t delay_us_ = 0;        // of the newest transaction
  admin::DelayHistogram delays_;
  uint64_t unfinished_since_us_ = 0;  // 0: no transaction is under way
};

}  // namespace binbus::app
