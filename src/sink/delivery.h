// From changes to a target's messages: filtered, transformed, routed, printed, sent. What fails for one message only goes by
// `on_rejected`; the rest is its caller's to try again.
//
// Owner:  borrows the dead letters, the clock and, from attach() on, the target.
// Thread: one; counts() from any.
#pragma once

#include <atomic>
#include <memory>

#include "format/event_id.h"
#include "format/writer.h"
#include "io/clock.h"
#include "sink/dead_letters.h"
#include "sink/filter.h"
#include "sink/router.h"
#include "sink/transform.h"

namespace binbus::sink {

// Since the runner was made; over all reconfigurations.
struct Counts {
  uint64_t changes = 0;   // seen
  uint64_t filtered = 0;  // of them not wanted
  uint64_t messages = 0;  // given to the target
  uint64_t bytes = 0;     // of their payloads
  uint64_t rejected = 0;  // by the target, or not printable
  uint64_t skipped = 0;   // of them dropped by on_rejected = "skip"; the others are dead letters
};

class Counters {
 public:
  Counts read() const;
  std::atomic<uint64_t> changes{0}, filtered{0}, messages{0}, bytes{0}, rejected{0}, skipped{0};
};

class Delivery {
 public:
  // kInvalid for what makes no sense: patterns, conditions, templates, formats.
  static Result<std::unique_ptr<Delivery>> make(const SinkOptions& options,
                                                DeadLetters& dead_letters, io::Clock& clock,
                                                Counters& counters);

  // What make() refuses, without making anything.
  static Status check(const SinkOptions& options);

  // Whether any row of the table can be delivered. Valid as long as this.
  bool may_deliver(std::string_view database, std::string_view table) {
    return filter_->may_pass(database, table);
  }

  // What the source's own filter table holds; null: there is none.
  FilterTable* filter_table() { return filter_->table(); }

  // Sends to this target from now on; `after` is the last checkpoint that counts.
  Status attach(Target& target, Checkpoint after);

  // One change. kInvalid when the configuration does not fit it. Of the target: as send().
  Status take(const schema::Change& change);
  // A dead letter once more.
  Status take_again(const DeadLetter& letter);
  // Makes everything taken confirmed, or durable as dead letters. To be called at a transaction's end only.
  Status commit(const Checkpoint& checkpoint);

  uint64_t uncommitted() const { return uncommitted_; }  // messages
  // Set by a rejection with on_rejected = "stop": commit at the transaction's end and stop for this reason, which is cleared.
  bool wants_stop() const { return stop_.has_value(); }
  std::optional<Error> take_stop() { return std::exchange(stop_, std::nullopt); }
  // Of the newest transaction taken, µs since the epoch; 0: none yet.
  uint64_t commit_us() const { return commit_us_; }

 private:
  enum class OnRejected : uint8_t { kDeadLetter, kStop, kSkip };

  Delivery(const SinkOptions& options, DeadLetters& dead_letters, io::Clock& clock,
           Counters& counters, Rules rules);
  Status take_wanted(const schema::Change& change);
  Status take_bounds(const schema::Change& change);
  Status split_update(const schema::Change& update, size_t rule);
  // Prints and sends; false: the format has no message for it.
  Result<bool> deliver(const schema::Change& change, size_t rule, std::string_view id_suffix);
  Result<bool> print(const schema::Change& change, size_t rule, std::string_view id_suffix,
                     Message& message);
  Status send(const Message& message);
  // Sends it, and its tombstone; or holds it until it is known whether it is its transaction's last.
  Status send_or_hold(const Message& message, bool tombstone);
  Status send_with_tombstone(const Message& message, bool tombstone);
  Status send_held();
  // What failed for this change alone: counted and kept; what is more is returned.
  Status settle(const schema::Change& change, const Error& error);
  void reject(Rejection rejection, bool printed);
  std::string position_text(const schema::Change& change);

  const SinkOptions options_;
  DeadLetters& dead_letters_;
  io::Clock& clock_;
  Counters& counters_;
  OnRejected on_rejected_ = OnRejected::kDeadLetter;

  Rules rules_;
  std::unique_ptr<Filter> filter_;
  std::unique_ptr<Transform> transform_;
  bool routed_ = true;  // false: a target without topics and keys
  std::unique_ptr<Router> router_;
  std::unique_ptr<format::Writer> writer_;
  format::EventId ids_;

  Target* target_ = nullptr;
  Checkpoint after_;
  uint64_t uncommitted_ = 0;
  uint64_t commit_us_ = 0;
  bool committing_ = false;
  const schema::Change* current_ = nullptr;  // within take()
  std::string payload_, id_;
  // A message that waits for the next one or its transaction's end: what the filter keeps back, and what is about rows of the past,
  // cannot be its last, and only the row itself tells that.
  struct Held {
    std::string payload, topic, routing_key, key, id, position;
    uint64_t timestamp_ms = 0;
    bool tombstone = false;
  };
  bool tells_last_ = false;  // the writer
  bool holds_ = false;       // every message
  std::optional<Held> held_;
  std::string begin_payload_, begin_id_, begin_topic_, begin_routing_key_, begin_key_;
  uint64_t begin_timestamp_ms_ = 0;
  bool begin_waits_ = false;      // for the first change of its transaction that is wanted
  bool in_bounds_ = false;        // a BEGIN was sent
  std::optional<Error> failure_;  // of the dead letters: nothing may be committed past it
  std::optional<Error> stop_;
};

}  // namespace binbus::sink
