#include "sink/runner.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace binbus::sink {
namespace {

constexpr uint32_t kRetryFirstMs = 100;
constexpr uint64_t kIdleMs = 20;         // without anything new: what was sent is committed
constexpr uint64_t kLookAroundMs = 250;  // how soon an idle sink sees what it is asked

// What trying again cannot mend.
bool must_be_mended(Code code) {
  switch (code) {
    case Code::kInvalid:
    case Code::kUnsupported:
    case Code::kCorrupt:
    case Code::kPurged:
    case Code::kDiverged:
    case Code::kExists:
      return true;
    default:
      return false;
  }
}

Backoff backoff_of(const SinkOptions& options, io::Clock& clock) {
  const auto max_ms =
      static_cast<uint32_t>(std::clamp<uint64_t>(options.retry_max_ms, 1, UINT32_MAX));
  return {std::min(kRetryFirstMs, max_ms), max_ms, clock.wall_us() ^ clock.monotonic_us()};
}

}  // namespace

std::string_view state_name(State state) {
  switch (state) {
    case State::kStarting:
      return "starting";
    case State::kRunning:
      return "running";
    case State::kRetrying:
      return "retrying";
    case State::kPaused:
      return "paused";
    case State::kStopped:
      return "stopped";
  }
  return "";
}

Runner::Runner(const SinkOptions& options, Surroundings around)
    : around_(std::move(around)),
      name_(options.name),
      stream_(options.stream),
      checkpoints_(
          around_.checkpoints
              ? around_.checkpoints
              : file_checkpoints(around_.files, around_.folder + "/" + name_ + ".checkpoint")),
      dead_letters_(around_.files, around_.folder + "/" + name_ + ".dead_letters.jsonl"),
      filter_history_(around_.filter_store
                          ? around_.filter_store
                          : file_filter_store(around_.files,
                                              around_.folder + "/" + name_ + ".filter_table.json"),
                      [this](const Checkpoint& a, const Checkpoint& b) { return before(a, b); }),
      now_{.options = options, .delivery = nullptr},
      backoff_(backoff_of(options, around_.clock)),
      pause_(options.paused) {
  shown_.since_us = around_.clock.wall_us();
  // Where it cannot be asked for now, the thread asks again.
  if (auto stored = checkpoints_->read(); stored && *stored)
    shown_.committed = shown_.delivered = **stored;
}

Runner::~Runner() { stop(); }

Status Runner::check() {
  BINBUS_TRY(prepared, prepare(now_.options));
  now_ = std::move(prepared);
  return ok();
}

Result<Runner::Prepared> Runner::prepare(const SinkOptions& options) {
  BINBUS_RETURN_IF_ERROR(around_.files.make_directories(around_.folder));
  BINBUS_TRY(delivery, Delivery::make(options, dead_letters_, around_.clock, counters_));
  BINBUS_TRY(target, around_.make_target(options));  // its options are checked, too
  (void)target;
  return Prepared{options, std::move(delivery)};
}

void Runner::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Runner::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

Status Runner::forget() {
  BINBUS_RETURN_IF_ERROR(checkpoints_->forget());
  return filter_history_.forget();
}

// A target that holds up its session hears of nothing else; what it has not confirmed is sent again.
void Runner::interrupt_if_held_up() {
  const bool held_up = shown_.state == State::kStarting || !shown_.reason.empty();
  if (held_up && (pause_ || next_ || seek_)) session_stop_.request_stop();
}

void Runner::pause() {
  const std::lock_guard lock(mutex_);
  pause_ = true;
  interrupt_if_held_up();
  wake_.notify_all();
}

void Runner::resume() {
  const std::lock_guard lock(mutex_);
  pause_ = held_ = false;
  hurry_ = true;
  wake_.notify_all();
}

void Runner::seek(std::string where) {
  const std::lock_guard lock(mutex_);
  seek_ = std::move(where);
  held_ = false;
  hurry_ = true;
  interrupt_if_held_up();
  wake_.notify_all();
}

Result<uint64_t> Runner::reconfigure(const SinkOptions& options) {
  if (options.name != name_ || options.stream != stream_) {
    return fail(Code::kInvalid, "a sink keeps its name and stream; add another sink instead");
  }
  BINBUS_TRY(prepared, prepare(options));
  const std::lock_guard lock(mutex_);
  next_ = std::move(prepared);
  held_ = false;
  hurry_ = true;
  interrupt_if_held_up();
  wake_.notify_all();
  return ++revision_asked_;
}

void Runner::replay_dead_letters() {
  const std::lock_guard lock(mutex_);
  replay_ = replay_begins_ = true;
  wake_.notify_all();
}

RunnerStatus Runner::status() const {
  const std::lock_guard lock(mutex_);
  RunnerStatus out = shown_;
  out.counts = counters_.read();
  out.request_waits = next_ || seek_ || replay_;
  const uint64_t now_us = around_.clock.wall_us();
  if (!caught_up_ && newest_commit_us_ != 0 && now_us > newest_commit_us_) {
    out.read_lag_us = now_us - newest_commit_us_;
  }
  return out;
}

void Runner::set_state(State state, std::string reason) {
  const std::lock_guard lock(mutex_);
  if (shown_.state != state) shown_.since_us = around_.clock.wall_us();
  shown_.state = state;
  shown_.reason = std::move(reason);
}

void Runner::show_waiting(std::string_view reason) {
  const std::lock_guard lock(mutex_);
  shown_.reason = reason;
  interrupt_if_held_up();
}

void Runner::show_place(bool caught_up) {
  Checkpoint place = around_.source->place();
  const std::lock_guard lock(mutex_);
  shown_.read = std::move(place);
  shown_.committed = committed_;
  shown_.delivered = now_.delivery->uncommitted() == 0 ? shown_.read : committed_;
  if (now_.delivery->commit_us() != 0) newest_commit_us_ = now_.delivery->commit_us();
  caught_up_ = caught_up;
}

bool Runner::asked() const {
  const std::lock_guard lock(mutex_);
  return pause_ || next_ || seek_;
}

void Runner::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "sink");
  while (wait_until_wanted(stop)) {
    std::stop_source source;
    {
      const std::lock_guard lock(mutex_);
      session_stop_ = source;
    }
    const std::stop_callback both(stop, [&source] { source.request_stop(); });
    const Status ended = session(source.get_token());
    target_.reset();
    if (!ended && !source.stop_requested()) settle(ended.error());
  }
}

bool Runner::wait_until_wanted(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while ((pause_ || held_) && !stop.stop_requested()) {
    if (!held_ && shown_.state != State::kPaused) {
      shown_.state = State::kPaused;
      shown_.since_us = around_.clock.wall_us();
      shown_.reason.clear();
    }
    wake_.wait(lock, stop, [this, held = held_] { return held_ != held || !(pause_ || held_); });
  }
  if (shown_.state == State::kRetrying) {
    const uint64_t now_us = around_.clock.wall_us();
    const uint64_t wait_us = shown_.retry_at_us - std::min(shown_.retry_at_us, now_us);
    wake_.wait_for(lock, stop, std::chrono::microseconds(wait_us),
                   [this] { return pause_ || hurry_; });
  }
  if (!pause_ && !held_ && shown_.state != State::kRetrying) {
    shown_.state = State::kStarting;
    shown_.since_us = around_.clock.wall_us();
    shown_.reason.clear();
  }
  return !stop.stop_requested();
}

void Runner::settle(const Error& error) {
  const bool mend = must_be_mended(error.code);
  uint64_t wait_ms = mend ? 0 : backoff_.next_ms();
  // What is not in the log yet may be with its next bytes.
  if (error.code == Code::kNotFound) wait_ms = std::min(wait_ms, kLookAroundMs);
  set_state(mend ? State::kStopped : State::kRetrying, error.message);
  uint64_t failures = 0;
  {
    const std::lock_guard lock(mutex_);
    failures = ++shown_.failures;
    shown_.retry_at_us = mend ? 0 : around_.clock.wall_us() + wait_ms * 1000;
    // What was asked for meanwhile may be the mend.
    held_ = mend && !hurry_;
  }
  if (mend) {
    log::error("sink_stopped", {{"stream", stream_}, {"sink", name_}, {"reason", error}});
  } else if (failures == 1) {
    log::warn("sink_retrying", {{"stream", stream_}, {"sink", name_}, {"reason", error}});
  }
}

Status Runner::session(const std::stop_token& stop) {
  bool reconfigured = false;
  uint64_t revision = 0;
  {
    const std::lock_guard lock(mutex_);
    if (pause_) return ok();
    hurry_ = false;
    if (next_) {
      now_ = std::move(*next_);
      next_.reset();
      reconfigured = true;
      revision = revision_asked_;
    }
  }
  const auto start = [&]() -> Status {
    if (!now_.delivery) BINBUS_RETURN_IF_ERROR(check());
    around_.source->configure(
        {.tables = [delivery = now_.delivery.get()](
                       std::string_view database,
                       std::string_view table) { return delivery->may_deliver(database, table); },
         .skip_losses = now_.options.on_loss == "skip",
         .sql_text = now_.options.sql_text,
         .full_rows = now_.options.full_rows});
    BINBUS_TRY(made, around_.make_target(now_.options));
    target_ = std::move(made);
    target_->on_waiting = [this](std::string_view reason) { show_waiting(reason); };
    BINBUS_TRY(kept, target_->open(stop));
    return go_to_start(kept);
  };
  Status started = start();
  if (reconfigured) {
    const std::lock_guard lock(mutex_);
    shown_.revision = revision;
    // When the target cannot be reached, it will go on from what was committed last.
    shown_.revision_from = started ? around_.source->place() : committed_;
  }
  BINBUS_RETURN_IF_ERROR(std::move(started));
  set_state(State::kRunning);
  show_place(false);
  if (status().failures == 0) {
    log::info("sink_running",
              {{"stream", stream_}, {"sink", name_}, {"position", around_.source->place()}});
  }
  return deliver_until_asked(stop);
}

Status Runner::go_to_start(const std::optional<Checkpoint>& kept) {
  std::optional<std::string> where;
  {
    const std::lock_guard lock(mutex_);
    where = seek_;
  }
  BINBUS_TRY(checkpoint, kept ? checkpoints_->reconcile(*kept) : checkpoints_->read());
  if (checkpoint) committed_ = *checkpoint;
  if (!where && checkpoint) {
    BINBUS_RETURN_IF_ERROR(around_.source->seek(*checkpoint));
    BINBUS_RETURN_IF_ERROR(know_filter_table(true));
    committed_at_us_ = around_.clock.monotonic_us();
    return now_.delivery->attach(*target_, committed_);
  }
  if (Status begun = around_.source->start(where ? *where : now_.options.start); !begun) {
    // A place that is not there is not asked for again: the sink goes on from its checkpoint when it is resumed.
    const std::lock_guard lock(mutex_);
    if (seek_ == where && must_be_mended(begun.error().code)) seek_.reset();
    return begun;
  }
  BINBUS_RETURN_IF_ERROR(
      know_filter_table(checkpoint && !before(*checkpoint, around_.source->place())));
  BINBUS_RETURN_IF_ERROR(now_.delivery->attach(*target_, around_.source->place()));
  BINBUS_RETURN_IF_ERROR(commit());  // so that it is not asked for again
  if (where) {
    log::info("sink_seeked",
              {{"stream", stream_}, {"sink", name_}, {"position", around_.source->place()}});
    const std::lock_guard lock(mutex_);
    if (seek_ == where) seek_.reset();
  }
  return ok();
}

Status Runner::know_filter_table(bool known) {
  FilterTable* table = now_.delivery->filter_table();
  if (table == nullptr) return filter_history_.forget();  // nobody follows it from here on
  const Checkpoint place = around_.source->place();
  if (known) {
    BINBUS_TRY(rows, filter_history_.at(table->name(), place));
    if (rows) {
      table->set_rows(std::move(*rows));
      return ok();
    }
  }
  // Of rows that change between this place and now the log tells in time.
  BINBUS_TRY(rows, around_.read_filter_table(table->name()));
  BINBUS_RETURN_IF_ERROR(filter_history_.add(table->name(), place, rows, committed_));
  table->set_rows(std::move(rows));
  return ok();
}

Status Runner::keep_filter_table(const Checkpoint& place) {
  FilterTable* table = now_.delivery->filter_table();
  if (table == nullptr || !table->take_changed()) return ok();
  return filter_history_.add(table->name(), place, table->rows(), committed_);
}

Status Runner::deliver_until_asked(const std::stop_token& stop) {
  const auto emit = [this, &stop](const schema::Change& change) -> Status {
    if (stop.stop_requested()) return fail(Code::kStopped, "sink " + name_);
    return now_.delivery->take(change);
  };
  for (;;) {
    const bool leave = asked() || stop.stop_requested();
    if (leave && all_committed()) return ok();
    if (leave) return commit();
    bool replay_asked = false;
    {
      const std::lock_guard lock(mutex_);
      replay_asked = replay_;
    }
    if (replay_asked) BINBUS_RETURN_IF_ERROR(replay());
    BINBUS_TRY(any, around_.source->read(emit, wait_ms(), stop));
    show_place(!any);
    if (commit_due(!any)) BINBUS_RETURN_IF_ERROR(commit());
  }
}

uint64_t Runner::wait_ms() const {
  return now_.delivery->uncommitted() > 0 ? kIdleMs : kLookAroundMs;
}

bool Runner::all_committed() const {
  return around_.source->place() == committed_ && !checkpoints_->behind();
}

bool Runner::commit_due(bool idle) const {
  if (all_committed()) return false;
  const Delivery& delivery = *now_.delivery;
  if (delivery.wants_stop() || delivery.uncommitted() >= now_.options.commit_messages) return true;
  if (idle && delivery.uncommitted() > 0) return true;
  const uint64_t waited_us = around_.clock.monotonic_us() - committed_at_us_;
  return waited_us >= now_.options.commit_interval_ms * 1000;
}

Status Runner::commit() {
  const Checkpoint place = around_.source->place();
  BINBUS_RETURN_IF_ERROR(keep_filter_table(place));  // who begins there must know it
  BINBUS_RETURN_IF_ERROR(now_.delivery->commit(place));
  BINBUS_RETURN_IF_ERROR(checkpoints_->write(place));
  committed_ = place;
  committed_at_us_ = around_.clock.monotonic_us();
  backoff_.reset();
  bool recovered = false;
  {
    const std::lock_guard lock(mutex_);
    shown_.committed = shown_.delivered = committed_;
    recovered = std::exchange(shown_.failures, 0) > 0;
  }
  if (recovered) {
    log::info("sink_recovered", {{"stream", stream_}, {"sink", name_}, {"position", place}});
  }
  if (const std::optional<Error> stopped = now_.delivery->take_stop()) return fail(*stopped);
  return ok();
}

Status Runner::replay() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(replay_begins_, false)) target_->forget_refusals();
  }
  const Result<uint64_t> sent = dead_letters_.replay(
      [this](const DeadLetter& letter) { return now_.delivery->take_again(letter); },
      [this] { return commit(); });
  const std::lock_guard lock(mutex_);
  if (sent) shown_.replayed += *sent;
  // A network that fails is tried again; what must be mended is asked for again.
  if (sent || must_be_mended(sent.error().code)) replay_ = false;
  return sent ? ok() : Status(fail(sent.error()));
}

}  // namespace binbus::sink
