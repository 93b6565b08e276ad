// A subscription: all rows of some tables as of a point, then every change after it, each once and in order.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "binbus/change.h"
#include "binbus/error.h"

namespace binbus {

class Subscription;

// Where to begin, when the cursor has no position yet.
class Start {
 public:
  static Start snapshot() { return Start("snapshot"); }  // all rows, then every change after them
  static Start now() { return Start("now"); }
  static Start earliest() { return Start("earliest"); }  // the beginning of what is kept
  // What is not in the set, as MySQL or MariaDB writes it.
  static Start gtid(const std::string& set) { return Start("gtid:" + set); }
  // What was committed from then on.
  static Start time(std::chrono::sys_seconds time);
  // A place between transactions in the source's coordinates.
  static Start at(const std::string& file, uint64_t position);
  // Nowhere: the cursor must have a position.
  static Start cursor() { return Start(""); }

  const std::string& text() const { return text_; }  // as the protocol has it

 private:
  explicit Start(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// How a subscription is.
struct State {
  enum Kind {
    kConnected,  // it is served by `node`
    kWaiting,  // by `node`, which has nothing yet, because of `reason`: another has the cursor, rows are still read, ...
    kDisconnected,  // from `node`, because of `reason`: it goes on by itself, there or elsewhere
  };
  Kind kind;
  std::string node;
  std::string reason;
};

struct SubscribeOptions {
  std::string stream = {};
  // Patterns of "database.table": "shop.orders_*" with * and ?, or "/regular expression/". Empty: all but the system schemas.
  std::vector<std::string> tables = {};
  std::vector<std::string> exclude = {};
  std::vector<std::string> operations = {};  // "insert", "update", "delete", "ddl"; empty: all
  std::vector<std::string> columns = {};     // and always those of the key; empty: all
  std::string where = {};                    // "status = 'paid' AND total > 100"
  Start start = Start::now();
  // A name for a position that is kept at the server: see Change::commit(). One client at a time is served with it, others wait.
  std::string cursor = {};
  // The cursor is shared by workers: each gets the changes of some keys, all of a key one of them, in order. Keys move when workers come
  // and go; what was not committed by then may come again to another.
  bool shared = false;
  // That of the last change that the program has, where it keeps that itself: goes before cursor and start.
  std::string position = {};
  bool transactions = false;  // tell begin and commit; for next_transaction()
  bool sql = false;           // tell the original statements, where the source logs them
  bool full_rows =
      false;  // rows with what the source's log leaves out of them, where the stream keeps it (fill_images)
  bool snapshot_end = false;  // tell when all rows came
  // So often is committed what next() returned before the last call of it; 0: by hand, with Change::commit().
  std::chrono::milliseconds auto_commit{0};
  // How much may wait here to be returned: memory is bounded by it and one batch of some 256 KiB, or one row.
  uint64_t credit_bytes = 8 << 20;
  // Who this is, at most 100 bytes. A client of the same name takes the cursor over at once. "": a random name.
  std::string client = {};
  // Thread: one of the library's, one call at a time. Must not throw, block, or call the feed.
  std::function<void(const State&)> on_state = {};
};

// Lifecycle: from Client::subscribe(); connects in the background, outlives the client. The destructor waits for what was committed to
//            be durable, at most 2 s, and leaves.
// Thread:    next() and next_transaction() one at a time; everything else from any.
// Errors:    next() ends, for good, after an error that trying again cannot mend; error() tells it.
class Feed {
 public:
  explicit Feed(std::shared_ptr<Subscription> subscription);
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  // The next change, when it is there. None: the feed has ended, by stop() or an error.
  //
  // After a break it goes on by itself, behind the last change that was returned.
  std::optional<Change> next();
  // The same; none also after the timeout: ended() tells which.
  std::optional<Change> next(std::chrono::milliseconds timeout);
  // The next transaction, held in memory as a whole; what is of none (rows of a snapshot, reset, snapshot_end) one by one. Needs
  // SubscribeOptions::transactions, else throws Error(kInvalid).
  std::optional<Transaction> next_transaction();
  std::optional<Transaction> next_transaction(std::chrono::milliseconds timeout);

  // Ends next(), now and later. May be called more than once.
  void stop();
  bool ended() const;
  // Why next() has ended; none: it has not, or by stop().
  std::optional<Error> error() const;
  // Waits until everything that was committed is durable at the server. False: not within that time.
  bool flush(std::chrono::milliseconds timeout);

 private:
  using Until = std::optional<std::chrono::steady_clock::time_point>;
  std::optional<Transaction> group(Until until);

  const std::shared_ptr<Subscription> subscription_;
  std::vector<Change> group_;  // of a transaction whose commit is still to come
  bool in_group_ = false;
};

}  // namespace binbus
