// What every kind of sink is to the part that feeds it: one place that messages go to.
//
// Messages come in the order of the log. What was sent counts as delivered when commit() has returned; until then, after
// an error, everything since the last commit() is sent again, to a Target made anew.
//
// Owner:  borrows what a Message views for the call only.
// Thread: one per Target; `stop` may be asked from any.
// Errors: of the target as a whole: kNetwork, kTimeout, kAuth, kTls, kRemote (tried again with backoff), kInvalid and
//         kUnsupported (somebody must act), kStopped. Of one message: see on_rejected.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "changes/change_source.h"

namespace binbus::sink {

using changes::Checkpoint;  // to a target, text that it keeps

struct Message {
  // Where to: the topic of Kafka; RabbitMQ's exchange and routing key; nothing to a file.
  std::string_view topic;
  std::string_view routing_key;
  // "": none. Messages of one key stay in order.
  std::string_view key;
  // The text that the format wrote. Not set: a tombstone, which says that nothing is left under this key.
  std::optional<std::string_view> payload;
  std::string_view content_type;
  // The same whenever the message is sent again.
  std::string_view id;
  // When it was committed at the source, ms since the epoch.
  uint64_t timestamp_ms = 0;
  // Names and values.
  std::span<const std::pair<std::string_view, std::string_view>> headers;
};

// A message that the target takes from nobody: too large, to a topic that is not there, not routable, ... The others are
// not held up by it. Owns what it holds.
struct Rejection {
  std::string topic, routing_key, key, id;
  std::optional<std::string> payload;
  Error error;
};

// Errors: kExists: another delivers in its place, and has shut this one out.
class Target {
 public:
  virtual ~Target() = default;
  // Connects, and tells the newest checkpoint that it keeps together with its data; none where it keeps none, and the
  // runner's own counts. One that it tells may be newer than the runner knows: of a commit() that failed after it was done.
  virtual Result<std::optional<Checkpoint>> open(const std::stop_token& stop) = 0;
  // Takes a message; blocks while too much is under way.
  virtual Status send(const Message& message) = 0;
  // Returns when the target has confirmed every message since the last commit(), or rejected it. Keeps the checkpoint with
  // them where it can. The runner calls it at ends of transactions only, so that a target with transactions makes one of all
  // that came since.
  virtual Status commit(const Checkpoint& checkpoint) = 0;
  // Topics and the like that were refused may be there by now: the next message asks again.
  virtual void forget_refusals() {}

  // Called from within send() and commit(), on their thread.
  std::function<void(Rejection)> on_rejected;
  // Called from within the same, when the target makes them wait: why, for the status. "": it goes on.
  std::function<void(std::string_view reason)> on_waiting;
};

}  // namespace binbus::sink
