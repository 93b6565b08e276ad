// Who is served from a stream's log now, and how far each is.
//
// Thread: any.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "binlog/position.h"

namespace binbus::feed {

struct SubscriberStatus {
  std::string client;             // as it calls itself; else its call's name
  std::string peer;               // "10.0.0.7:51234"
  std::string cursor;             // "": none
  uint32_t parts = 0;             // of a shared cursor, how many are its
  std::string state = "waiting";  // "snapshot", "sending", "caught_up"
  std::string reason = {};        // of waiting
  std::string position = {};      // FILE:POS; "": not known yet
  binlog::Position read = {};     // the same
  uint64_t bytes_sent = 0;
  uint64_t connected_us = 0;  // wall time
};

class Subscribers {
 public:
  std::vector<SubscriberStatus> list() const {
    const std::lock_guard lock(mutex_);
    return {all_.begin(), all_.end()};
  }
  uint64_t bytes_sent() const {  // to all that were ever served
    const std::lock_guard lock(mutex_);
    return bytes_sent_;
  }

 private:
  friend class Presence;
  mutable std::mutex mutex_;
  std::list<SubscriberStatus> all_;  // guarded by mutex_
  uint64_t bytes_sent_ = 0;          // guarded by mutex_
};

// One of them, as long as it is served.
class Presence {
 public:
  Presence(std::shared_ptr<Subscribers> among, SubscriberStatus status) : among_(std::move(among)) {
    const std::lock_guard lock(among_->mutex_);
    its_ = among_->all_.insert(among_->all_.end(), std::move(status));
  }
  ~Presence() {
    const std::lock_guard lock(among_->mutex_);
    among_->all_.erase(its_);
  }
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

  void set(std::string_view state, std::string_view reason = "") {
    const std::lock_guard lock(among_->mutex_);
    its_->state = state;
    its_->reason = reason;
  }
  void move_to(std::string position, binlog::Position read) {
    const std::lock_guard lock(among_->mutex_);
    its_->position = std::move(position);
    its_->read = read;
  }
  void set_parts(uint32_t parts) {
    const std::lock_guard lock(among_->mutex_);
    its_->parts = parts;
  }
  void sent(uint64_t bytes) {
    const std::lock_guard lock(among_->mutex_);
    its_->bytes_sent += bytes;
    among_->bytes_sent_ += bytes;
  }

 private:
  const std::shared_ptr<Subscribers> among_;
  std::list<SubscriberStatus>::iterator its_;
};

}  // namespace binbus::feed
