// One subscription at work: it waits for its cursor's lease, tells the rows of a snapshot, and follows the log. With a shared cursor it
// follows it for the parts that it has, and does so anew when it has others.
//
// A snapshot that was broken off goes on in whichever view of the tables there is then: first come the changes since, of the rows
// that were told already, then the rows behind them. It begins anew only where that cannot be told: the log begins behind the
// place, or a statement in between changed the table that was under way.
//
// Owner:  borrows the streams and the output.
// Thread: run() on its own; credit() and stop from any.
// Memory: a Follower's.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "feed/tail.h"

namespace binbus::feed::v1 {
class Start;
class SubscribeResponse;
}  // namespace binbus::feed::v1

namespace binbus::feed {

// To the client. Thread: any, one at a time.
class Output {
 public:
  virtual ~Output() = default;
  // A SubscribeResponse, serialized; its second part, if there is one, may go to others, too. Waits until the
  // one before it is on its way, so that no more than one waits; calls `each_second` until then. kNetwork: the client is gone.
  virtual Status send(std::string_view head, std::shared_ptr<const std::string> body,
                      const std::function<void()>& each_second) = 0;
};

class Subscriber {
 public:
  static constexpr uint64_t kHeartbeatMs = 1'000;

  // `call` and `peer`: who it is, as far as it does not say so itself.
  Subscriber(Streams& streams, io::Clock& clock, std::string node, const v1::Start& start,
             std::string call, std::string peer, Output& out);
  ~Subscriber();
  // Until the client goes, `stop`, or an error, which is told to the client.
  Status run(const std::stop_token& stop);
  void credit(uint64_t bytes);
  // Holds nothing of the stream any more; when run() and commits have ended.
  void let_go();
  // The client goes: run() is to end, and its lease with it.
  void leave();
  // Keeps the position as the cursor's. kInvalid when there is none, or it is no position; kNotFound when the log
  // does not have it; kStopped when the lease is another's now.
  Status commit(const std::string& position);
  // The cursor is its own now.
  bool may_commit() const;

 private:
  // What a subscription goes on from.
  struct From {
    std::string start;  // as changes::LogChanges::start() takes it; "snapshot"
    std::optional<Place> place;
  };
  Status check() const;
  Result<From> decide(const std::string& committed) const;
  bool before(const Place& one, const Place& other) const;
  Result<std::string> wait_for_cursor(const std::stop_token& stop);
  Result<Stream> wait_for_stream(const std::stop_token& stop);
  Status serve(const std::stop_token& stop);
  Status begin(const From& from, const std::stop_token& stop);
  Status start(const std::string& from, const std::stop_token& stop);
  // `position`: as the client has it.
  Status check_boundary(binlog::Position at, std::string_view position) const;
  Error no_position() const;
  // Done once the log has what is looked for, if that is soon.
  Status when_there(const std::function<Status()>& look, const std::stop_token& stop);
  void end_lease(const Status& served);

  bool shared() const;
  Status serve_share(const std::stop_token& stop);
  Result<PartPlaces> wait_for_parts(const std::stop_token& stop);
  // `taken`: what the client has, as far as that goes.
  Status begin_share(PartPlaces has, const PartPlaces& taken, const std::stop_token& stop);
  // Parts that nobody has begun with begin where the client says.
  Status begin_cursor(PartPlaces& has, const PartPlaces& taken, const std::stop_token& stop);
  Result<Spot> check_spot(std::string_view place, const std::stop_token& stop);
  // Until what was sent is committed.
  Status drain(const std::stop_token& stop);
  bool all_committed(const std::string& position);
  Status commit_share(const std::string& position);
  Status stay(Cursors& cursors);

  Status take_snapshot(std::optional<Place> done, const std::stop_token& stop);
  Result<std::shared_ptr<const state::TablesView>> wait_for_tables(const std::optional<Place>& done,
                                                                   const std::stop_token& stop);
  Result<std::string> missing(const state::TablesView& view);
  Status catch_up(const Place& done, const state::TablesView& view, const std::stop_token& stop);
  Status tell_rows(const state::TablesView& view, const std::optional<Place::Row>& behind,
                   const std::stop_token& stop);
  Status tell_table(const state::TablesView& view, const state::TableRecord& table,
                    std::string_view behind, const std::stop_token& stop);
  // What a change means to who knows the rows up to bound_ only; false: nothing.
  Result<bool> fit(schema::Change& change);
  Result<bool> is_known(std::span<const schema::Field> row, std::span<const schema::Field> other);

  Status follow(const std::stop_token& stop);
  // Reads the log itself, until it has caught up and is where others are who want the same.
  Status read_on(const std::stop_token& stop);
  Status take_piece(const std::stop_token& stop);
  void join_tail();
  void show(binlog::Position read);

  Status flush(const std::stop_token& stop);
  Status send(const std::shared_ptr<const Batch>& batch, const std::stop_token& stop);
  // That nothing was sent.
  bool silent_for(uint64_t ms) const { return clock_.monotonic_us() >= sent_us_ + ms * 1000; }
  Status heartbeat();  // when it is time
  Status send_heartbeat();
  Status wait(const std::string& reason, uint64_t ms, const std::stop_token& stop);
  // Null: the lease is not its own, or not yet, and then there may be no stream.
  std::shared_ptr<Cursors> leased() const;
  Status keep_lease();
  Status forget_cursor();
  Status send(const v1::SubscribeResponse& message);
  Status send(std::string_view head, std::shared_ptr<const std::string> body);

  Streams& streams_;
  io::Clock& clock_;
  const std::string node_;
  const std::unique_ptr<const v1::Start> start_;
  const Holder holder_;
  const std::string peer_;
  Output& out_;

  Stream stream_;
  std::unique_ptr<Presence> presence_;  // null: the stream is not there yet
  std::unique_ptr<Follower> follower_;
  // Set: what comes next is the tail's piece of that number.
  std::shared_ptr<Tail> tail_;
  uint64_t next_piece_ = 0;
  // What the follower goes to, to go on with the tail from there.
  std::shared_ptr<Tail> ahead_;
  Tail::Joint joint_;
  Place place_;                                  // behind all that was read, and sent if it fits
  std::unordered_map<uint32_t, uint64_t> told_;  // tables by id: how many were told before
  uint64_t told_count_ = 0;
  std::optional<Place::Row> bound_;                  // set: rows up to here are known to the client
  const state::TableRecord* bound_table_ = nullptr;  // the table that it is in
  bool anew_ = false;        // a change could not be told to who knows a part of the rows
  uint64_t sent_us_ = 0;     // monotonic
  uint64_t renewed_us_ = 0;  // the same: when it was tried last
  uint64_t leased_us_ = 0;   // the same: when it was done
  Stay stay_ = Stay::kGoOn;  // with a shared cursor: what it is to do next
  bool begun_ = false;       // the same: it has had parts
  Parts has_ = 0;            // the same: what it goes by
  std::string sent_;         // the same: position of the last change that was sent, "": none
  std::stop_source leave_;   // asked for once the client goes

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  bool unlimited_ = true;
  int64_t credit_ = 0;                  // guarded by mutex_
  std::shared_ptr<Cursors> cursors_;    // guarded by mutex_; set while the lease is this call's
  Parts parts_ = 0;                     // guarded by mutex_; of a shared cursor
  std::array<Spot, kParts> committed_;  // guarded by mutex_; of these parts
};

}  // namespace binbus::feed
