#include "app/schema_recorder.h"

namespace binbus::app {

Status SchemaRecorder::record(changes::SchemaHistory::SegmentStart baseline,
                              const std::function<void()>& wake, const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    waiting_ = std::move(baseline);
    outcome_.reset();
  }
  wake();
  std::unique_lock lock(mutex_);
  if (!done_.wait(lock, stop, [this] { return outcome_.has_value(); })) {
    waiting_.reset();
    return fail(Code::kStopped, "asked to stop");
  }
  return *outcome_;
}

Status SchemaRecorder::write() {
  std::optional<changes::SchemaHistory::SegmentStart> baseline;
  {
    const std::lock_guard lock(mutex_);
    if (!waiting_ || writer_.within_transaction()) return ok();
    baseline.swap(waiting_);
  }
  Status recorded = baseline->changed
                        ? writer_.record_schema(baseline->place, baseline->encoded)
                        : writer_.record_same_schema(baseline->place, baseline->before);
  {
    const std::lock_guard lock(mutex_);
    outcome_ = recorded;
  }
  done_.notify_all();
  const bool disk =
      !recorded && (recorded.error().code == Code::kDiskFull || recorded.error().code == Code::kIo);
  return disk ? recorded : ok();
}

}  // namespace binbus::app
