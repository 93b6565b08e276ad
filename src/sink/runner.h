// A sink at work: one thread that takes changes from its source to its target, keeps the checkpoint, and gets over faults.
//
// What is to be tried again is tried again from the last checkpoint, with a target made anew, after a capped backoff with jitter.
// What somebody must mend stops the sink, until resume(), seek() or reconfigure(). Either is in status(), and once in the log.
//
// Files, in `folder`: <name>.checkpoint, unless it is kept elsewhere (a target that keeps its own is believed first),
// <name>.dead_letters.jsonl and, with a filter table, <name>.filter_table.json, unless that is kept elsewhere.
//
// Owner:  owns the source and the targets; borrows files and clock.
// Thread: its own, "sink"; public functions from any.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "base/backoff.h"
#include "changes/change_source.h"
#include "sink/checkpoints.h"
#include "sink/delivery.h"
#include "sink/filter_history.h"

namespace binbus::sink {

enum class State : uint8_t {
  kStarting,  // connecting
  kRunning,
  kRetrying,  // waits after an error, see reason
  kPaused,
  kStopped  // by an error that somebody must mend, see reason
};
std::string_view state_name(State state);  // "starting", ...

struct RunnerStatus {
  State state = State::kStarting;
  uint64_t since_us = 0;  // when the state began; of kRetrying: the first failure
  std::string reason;     // of kRetrying and kStopped; else what the target waits for, if anything
  uint64_t failures = 0;  // in a row
  uint64_t retry_at_us = 0;  // kRetrying
  Counts counts;
  Checkpoint committed;  // "": none yet
  Checkpoint read;       // where the source is; what lies between both is under way
  // Up to where the target has all: committed, or read where nothing was for it.
  Checkpoint delivered;
  // Since the newest transaction read was committed at the source; 0: all was read, whether it is delivered or not.
  uint64_t read_lag_us = 0;
  // Reconfigurations taken so far, and the place between transactions from which the newest holds.
  uint64_t revision = 0;
  Checkpoint revision_from;
  bool request_waits = false;  // a seek, reconfiguration or replay is not yet done
  uint64_t replayed = 0;       // dead letters sent again
};

struct Surroundings {
  std::unique_ptr<changes::ChangeSource> source;
  // kInvalid for options that make no sense; connects nowhere yet.
  std::function<Result<std::unique_ptr<Target>>(const SinkOptions&)> make_target;
  io::FileSystem& files;
  io::Clock& clock;
  std::string folder;  // <data>/<stream>/sinks; made when it is not there
  // The rows of a filter table, read at the source now; may be left out where there are no filter tables.
  std::function<Result<std::vector<FilterRow>>(const std::string& table)> read_filter_table = {};
  std::shared_ptr<Checkpoints> checkpoints = {};   // null: in the file
  std::shared_ptr<FilterStore> filter_store = {};  // the same; of what the filter table held
};

class Runner {
 public:
  Runner(const SinkOptions& options, Surroundings around);
  ~Runner();
  // kInvalid for options that make no sense. May be called before start(), which otherwise finds out: that stops the sink.
  Status check();
  void start();
  // What is under way is confirmed first, as far as the target can at once. May be called twice.
  void stop();
  // Forgets how far it came; to be called after stop(). Dead letters stay.
  Status forget();

  // These take effect at a transaction's end; where the target holds up everything, at the last checkpoint.
  void pause();
  void resume();  // also after a stop
  // Goes on from there: as changes::ChangeSource::start(). Durable when it was done (request_waits).
  void seek(std::string where);
  // Checked at once. Returns the revision that status() will tell.
  Result<uint64_t> reconfigure(const SinkOptions& options);
  // Sends dead letters again, once, at a transaction's end.
  void replay_dead_letters();
  RunnerStatus status() const;

 private:
  struct Prepared {
    SinkOptions options;
    std::unique_ptr<Delivery> delivery;  // null: not checked yet
  };

  Result<Prepared> prepare(const SinkOptions& options);
  void run(const std::stop_token& stop);
  // False: asked to stop.
  bool wait_until_wanted(const std::stop_token& stop);
  // Until something else is asked for: ok; or the error.
  Status session(const std::stop_token& stop);
  Status go_to_start(const std::optional<Checkpoint>& kept);
  Status deliver_until_asked(const std::stop_token& stop);
  // Gives the filter table its rows at the source's place; `known`: all of the log up to there was followed already.
  Status know_filter_table(bool known);
  Status keep_filter_table(const Checkpoint& place);
  bool before(const Checkpoint& one, const Checkpoint& other) const {
    return around_.source->before(one, other);
  }
  Status commit();
  bool all_committed() const;
  bool commit_due(bool idle) const;
  uint64_t wait_ms() const;
  bool asked() const;
  Status replay();
  void settle(const Error& error);
  void set_state(State state, std::string reason = "");
  void show_waiting(std::string_view reason);
  void interrupt_if_held_up();  // under mutex_
  void show_place(bool caught_up);

  const Surroundings around_;
  const std::string name_, stream_;
  const std::shared_ptr<Checkpoints> checkpoints_;
  DeadLetters dead_letters_;
  FilterHistory filter_history_;
  Counters counters_;

  // Of the thread.
  Prepared now_;
  std::unique_ptr<Target> target_;
  Backoff backoff_;
  Checkpoint committed_;
  uint64_t committed_at_us_ = 0;  // monotonic

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  RunnerStatus shown_;               // guarded by mutex_
  std::stop_source session_stop_;    // guarded by mutex_
  uint64_t revision_asked_ = 0;      // guarded by mutex_
  std::optional<Prepared> next_;     // guarded by mutex_
  std::optional<std::string> seek_;  // guarded by mutex_
  bool hurry_ = false;   // something was asked for since the session began; guarded by mutex_
  bool pause_ = false;   // guarded by mutex_
  bool held_ = false;    // stopped by an error; guarded by mutex_
  bool replay_ = false;  // guarded by mutex_
  bool replay_begins_ = false;     // it was asked for since the last attempt; guarded by mutex_
  uint64_t newest_commit_us_ = 0;  // guarded by mutex_
  bool caught_up_ = false;         // guarded by mutex_
  std::jthread thread_;
};

}  // namespace binbus::sink
