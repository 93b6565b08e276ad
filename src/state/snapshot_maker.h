// Makes snapshots of kept rows, for who asks and by a schedule, and removes what the schedule keeps no longer.
//
// Owner:  borrows log, clock and file system.
// Thread: ask() and stop() any; the rest that of the rows.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "io/clock.h"
#include "state/snapshot_folder.h"
#include "store/log.h"

namespace binbus::state {

struct SnapshotOptions {
  std::string folder;
  uint64_t every_ms = 0;  // 0: when asked only
  uint64_t kept = 0;      // of the schedule's own
};

inline constexpr std::string_view kScheduled = "schedule";

class SnapshotMaker {
 public:
  SnapshotMaker(std::string stream, SnapshotOptions options, store::Log& log, io::FileSystem& files,
                io::Clock& clock);

  // Returns when it is there. kUnavailable: the rows are at no place where they can be kept, for `wait_ms`.
  Result<SnapshotInfo> ask(const std::string& purpose, uint64_t wait_ms);
  void stop();  // whoever waits is told

  // Before the first make().
  void begin();
  bool wanted();
  // All that was committed, which is of one place, where every table that is ready is right.
  void make(Tables& tables);
  // Removes old ones that somebody still read when their time came.
  void keep();

 private:
  struct Request {
    std::string purpose;
    std::optional<Result<SnapshotInfo>> answer;
  };
  Result<SnapshotInfo> make_one(Tables& tables, const std::string& purpose);
  void remove_old();
  bool is_due() const;

  const std::string stream_;
  const SnapshotOptions options_;
  store::Log& log_;
  io::Clock& clock_;
  const SnapshotFolder folder_;
  uint64_t due_us_ = UINT64_MAX;     // wall time
  uint64_t remove_us_ = UINT64_MAX;  // the same

  std::mutex mutex_;
  std::condition_variable answered_;
  std::vector<std::shared_ptr<Request>> requests_;  // guarded by mutex_
  bool stopped_ = false;                            // the same
};

}  // namespace binbus::state
