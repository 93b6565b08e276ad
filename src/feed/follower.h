// Follows a stream's log from a place on, and gathers the changes that a subscription wants.
//
// What an error broke off is read again from the beginning of its transaction; what was gathered of that is left out then.
//
// Owner:  borrows the clock; holds the stream.
// Thread: one.
// Memory: a batch and one change; kBlockBytes of the log.
#pragma once

#include <memory>

#include "feed/batch.h"
#include "feed/share.h"
#include "feed/streams.h"

namespace binbus::feed::v1 {
class Start;
}

namespace binbus::feed {

class Follower {
 public:
  static constexpr size_t kBatchBytes = 256 * 1024;
  // What a change means to who knows a part of the rows only; false: nothing.
  using Fit = std::function<Result<bool>(schema::Change&)>;

  // kInvalid for a filter that is none.
  static Result<std::unique_ptr<Follower>> make(Stream stream, io::Clock& clock,
                                                const v1::Start& start);

  // As changes::LogChanges::start() takes it.
  Status start(const std::string& from);
  // kPurged says what is missing.
  Status seek(const Place& place);
  // Gathers what is of the share, from there on, and has positions say how far its parts are.
  Status seek(Share share);
  // What is to be gathered next begins behind it.
  std::string position() const { return place_.print() + (share_ ? share_->suffix() : ""); }
  void set_fit(Fit fit) { fit_ = std::move(fit); }

  // Reads what is there, until it makes a batch; where there is nothing, waits for it at most so long. False: nothing came. `full` takes
  // a batch in the middle of it, and fails it.
  Result<bool> gather(uint64_t wait_ms, const std::stop_token& stop,
                      const std::function<Status()>& full);
  // Transactions are left out that the set has from which it started.
  bool begun_with_a_set() const { return done_.has_value(); }
  BatchMaker& batch() { return batch_; }
  Selection& selection() { return *selection_; }
  changes::LogChanges& changes() { return changes_; }
  // Behind all that was gathered, and what did not fit.
  const Place& place() const { return place_; }

 private:
  Follower(Stream stream, io::Clock& clock, std::unique_ptr<Selection> selection,
           const v1::Start& start);
  Result<bool> read(uint64_t wait_ms, const std::stop_token& stop,
                    const std::function<Status()>& full);
  Status take(const schema::Change& change, const std::function<Status()>& full);
  Result<bool> passes(const schema::Change& change);
  void reach(const Spot& spot);
  void move_to(const schema::Change& change);
  void move_to_end();

  const Stream stream_;
  io::Clock& clock_;
  const std::string cursor_;
  const bool transactions_;  // BEGIN and COMMIT are told
  const std::unique_ptr<Selection> selection_;
  BatchMaker batch_;
  changes::LogChanges changes_;
  std::optional<mysql::Executed> done_;  // transactions that the client has, from the start
  Place place_;
  binlog::Position place_begin_;  // of the transaction that it is in
  // The last change that was gathered or is to be left out, of the transaction that begins there.
  binlog::Position told_in_;
  std::optional<Place::Change> told_;
  binlog::Position
      bounds_;  // of the last transaction that has a BEGIN; statements like CREATE TABLE have none
  bool begun_ = false;  // the transaction's BEGIN was told
  uint64_t count_ = 0;  // of its changes, so many fit
  bool counts_ = true;  // that is all that is told of it, whoever reads it from wherever
  Fit fit_;
  std::optional<Share> share_;  // set: all else is left out
};

}  // namespace binbus::feed
