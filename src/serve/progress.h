// How far a dump has come: written by its thread, read by whoever shows it.
#pragma once

#include <mutex>

#include "serve/server.h"

namespace binbus::serve {

class Progress {
 public:
  Progress(uint32_t connection_id, std::string peer, uint64_t connected_us) {
    status_.connection_id = connection_id;
    status_.peer = std::move(peer);
    status_.connected_us = connected_us;
  }

  ReplicaStatus status() const {
    const std::lock_guard lock(mutex_);
    return status_;
  }
  template <class Change>
  void update(Change change) {
    const std::lock_guard lock(mutex_);
    change(status_);
  }

 private:
  mutable std::mutex mutex_;
  ReplicaStatus status_;  // guarded by mutex_
};

}  // namespace binbus::serve
