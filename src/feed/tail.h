// The log's end for subscriptions that want the same of it: read and put into batches once, however many they are.
//
// Whoever needs the next piece first makes it, and the others wait for that. The newest pieces are kept, kBytesMax of them: who is
// slower reads for itself, and comes back when it has caught up.
//
// Thread: any.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "feed/follower.h"

namespace binbus::feed {

class Tail {
 public:
  static constexpr size_t kBytesMax = 8 << 20;
  static constexpr size_t kPiecesMax = 1024;
  static constexpr uint64_t kLeftBehindBytes = 4 << 20;

  struct Piece {
    std::shared_ptr<const Batch> batch;  // null: nothing fits
    Place to;
    binlog::Position read;  // the same, as far as whole transactions go
  };
  // A place between transactions from which the tail goes on with the piece of that number.
  struct Joint {
    binlog::Position at;
    uint64_t number = 0;
  };

  // The follower is where the first piece is to begin, between transactions.
  explicit Tail(std::unique_ptr<Follower> follower)
      : follower_(std::move(follower)), end_{follower_->changes().position(), 0} {}

  // The piece of that number, if there is one within so long; none also of one that is not there yet. kPurged: it is not kept any more. What else
  // fails is a failure to read the log behind the newest piece.
  Result<std::optional<Piece>> next(uint64_t number, uint64_t wait_ms, const std::stop_token& stop);
  // The newest one at or behind a place.
  std::optional<Joint> joint_from(binlog::Position at) const;
  bool has(uint64_t number) const;
  // Who has it takes too little for it to be of use to those at the place.
  bool is_left_behind(binlog::Position at) const;

 private:
  struct Kept {
    Piece piece;
    Joint joint;  // before it
    bool joins;   // it begins between transactions
    size_t bytes = 0;
  };
  Result<bool> make(uint64_t wait_ms, const std::stop_token& stop);
  Status publish();
  void keep(Piece piece, size_t bytes);

  const std::unique_ptr<Follower> follower_;  // of who makes a piece
  mutable std::mutex mutex_;
  std::condition_variable made_;
  bool making_ = false;    // guarded by mutex_
  std::deque<Kept> kept_;  // guarded by mutex_; numbers follow each other
  size_t bytes_ = 0;       // guarded by mutex_
  Joint end_;              // guarded by mutex_; behind the newest piece
  bool end_joins_ = true;  // guarded by mutex_
};

// The tails of a stream, by what their subscriptions want.
//
// Thread: any.
class Tails {
 public:
  // Null: nobody follows such a one.
  std::shared_ptr<Tail> find(const std::string& wants) {
    const std::lock_guard lock(mutex_);
    const auto found = tails_.find(wants);
    return found == tails_.end() ? nullptr : found->second.lock();
  }
  void put(const std::string& wants, const std::shared_ptr<Tail>& tail) {
    const std::lock_guard lock(mutex_);
    std::erase_if(tails_, [](const auto& each) { return each.second.expired(); });
    tails_[wants] = tail;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<Tail>> tails_;  // guarded by mutex_
};

}  // namespace binbus::feed
