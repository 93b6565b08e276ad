// A log that is one node's alone and agrees with itself: a stream's without `[node] listen`, and of imports, tools and tests.
#pragma once

#include <mutex>

#include "store/log_writer.h"

namespace binbus::store {

// Log and LogWriter in one; see there.
class LocalLog final : public Log, private Agreement {
 public:
  // What an unfinished transaction has left is cut too.
  static Result<std::unique_ptr<LocalLog>> open(io::FileSystem& files, io::Clock& clock,
                                                LogOptions options, RecoveryReport* report);

  Status begin_segment(const std::string& name, std::optional<SourceSpan> source = std::nullopt) {
    return writer_.begin_segment(name, std::move(source));
  }
  Status append(Bytes bytes, std::span<const TransactionEnd> ends) {
    return writer_.append(bytes, ends);
  }
  Status sync() { return writer_.sync(); }
  uint64_t unsynced_bytes() const { return writer_.unsynced_bytes(); }
  Status abort_transaction() { return writer_.abort_transaction(); }
  Status record_source(SourceSpan span) { return writer_.record_source(std::move(span)); }
  Status record_schema(SchemaPlace place, Bytes baseline) {
    return writer_.record_schema(place, baseline);
  }
  Status record_same_schema(SchemaPlace place, Position same) {
    return writer_.record_same_schema(place, same);
  }
  // Any thread.
  Result<std::vector<std::string>> apply_retention(uint64_t now_us,
                                                   uint64_t keep_from = UINT64_MAX);
  LogWriter& writer() { return writer_; }

 private:
  explicit LocalLog(std::unique_ptr<State> state);
  Tail tail() const override;
  Status stage(Bytes bytes) override;
  Result<uint64_t> propose(std::vector<Proposal> proposals) override;
  Result<bool> settled(uint64_t) override { return true; }
  Status wait(uint64_t) override { return ok(); }
  Status agree_on_all(std::vector<Proposal>& proposals);
  Status settle(const Status& status);

  mutable std::mutex mutex_;  // held while the log is written, and while retention takes of it
  LogWriter writer_;
};

}  // namespace binbus::store
