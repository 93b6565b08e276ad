// Hands schema baselines from the keeper's thread to the log's one writer.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

#include "changes/schema_history.h"
#include "store/log_writer.h"

namespace binbus::app {

// Owner:  borrows the log's writer.
// Thread: record() from the keeper's, write() from the writer's.
class SchemaRecorder {
 public:
  explicit SchemaRecorder(store::LogWriter& writer) : writer_(writer) {}
  // Returns when the writer has recorded it, or could not. `wake` has the writer's thread call write() soon. kStopped when asked
  // to stop before.
  Status record(changes::SchemaHistory::SegmentStart baseline, const std::function<void()>& wake,
                const std::stop_token& stop);
  // Records what waits, where no transaction is under way. kDiskFull and kIo as of any write; what else is wrong is the
  // keeper's to hear.
  Status write();

 private:
  store::LogWriter& writer_;
  std::mutex mutex_;
  std::condition_variable_any done_;
  std::optional<changes::SchemaHistory::SegmentStart> waiting_;  // guarded by mutex_
  std::optional<Status> outcome_;                                // guarded by mutex_
};

}  // namespace binbus::app
