// Keeps a stream's log fed: one thread that connects to the first candidate source that answers and fits, receives its
// binlog, and begins again after whatever ends that.
//
// Owner:  borrows the destination and the clock, which must outlive it; is the destination's one writer while it runs.
// Thread: its own, named "ingest"; public functions from any. stop() may have to wait for a connection attempt's
//         timeout. The process must ignore SIGPIPE.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/backoff.h"
#include "ingest/options.h"
#include "ingest/session.h"
#include "ingest/source_errors.h"
#include "ingest/status.h"
#include "io/clock.h"

namespace binbus::ingest {

class Ingest {
 public:
  static std::unique_ptr<Ingest> start(IngestOptions options, Destination& destination,
                                       io::Clock& clock);
  ~Ingest();
  void stop();
  // Another node goes on, and is connected soon: begins to stop, and keeps MySQL's dump until that one's is there, or some seconds have
  // passed. stop() ends that.
  void retire();
  // Has Destination::settled() called soon, where a session goes on; one that begins calls it anyway.
  void wake();
  IngestStatus status() const;

 private:
  struct Candidate {
    std::string address;
    Next next = Next::kRetry;
    uint64_t not_before_us = 0;  // monotonic
    std::optional<Error> error;  // the newest
    std::string replaced_file;   // see Past
    std::string torn_file;       // the same
  };

  Ingest(IngestOptions options, Destination& destination, io::Clock& clock);
  void run(const std::stop_token& stop);
  // One attempt at each candidate whose time has come, the newest that worked first. kDiskFull or kIo when that ended it.
  std::optional<Code> try_candidates(const std::stop_token& stop);
  // Connects and receives; returns what ended it.
  Error attempt(Candidate& candidate, const std::stop_token& stop);
  // A session has begun: says so, and lets stop() reach it.
  void announce(const Candidate& candidate, Session& session);
  void publish(const Session& session, const IngestStatus& before);
  // Notes what an error means for its candidate.
  void judge(Candidate& candidate, Error error);
  // Waits for the next candidate's time, in the state that follows from all of theirs.
  void wait_for_next(const std::stop_token& stop);
  // Until the monotonic time (UINT64_MAX: for ever) or stop.
  void wait(const std::stop_token& stop, IngestState state, uint64_t until_us);
  ErrorContext context(const Candidate& candidate) const;
  void set_state(IngestState state, const std::string& address = "", uint64_t retry_at_us = 0);
  void draw_identity();

  const IngestOptions options_;
  Destination& destination_;
  io::Clock& clock_;

  // The thread's own.
  std::vector<Candidate> candidates_;
  size_t current_ = 0;  // the newest candidate that worked
  std::string errant_logged_;
  uint64_t worked_us_;  // monotonic; when a session last worked
  ReplicaIdentity identity_;
  Backoff backoff_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  IngestStatus status_;         // guarded by mutex_
  Session* session_ = nullptr;  // guarded by mutex_; for stop() to wake
  std::jthread thread_;
};

}  // namespace binbus::ingest
