// A coordinator in memory, with the faults of a real one: away, sessions expired, data wiped.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "coordinate/session.h"

namespace binbus::coordinate {

// Owner:  the sessions share it. Thread: any.
class MemoryServer : public std::enable_shared_from_this<MemoryServer> {
 public:
  Connect connect();
  void set_away(bool away);                                     // nothing is answered
  void set_slow(uint64_t ms);                                   // a transaction takes so long
  void lose_next_answer();                                      // of a transaction, which is done
  void expire_sessions();                                       // and their names go
  void wipe();                                                  // all data, and sessions
  void put(const std::string& name, const std::string& value);  // by hand
  void remove(const std::string& name);
  void remove_untold(const std::string& name);
  std::string value(const std::string& name) const;  // "": not there
  uint64_t sessions_made() const;

 private:
  friend class MemorySession;
  struct Node {
    std::string value;
    int64_t version = 0;
    uint64_t session = 0;  // 0: bound to none
  };
  void end_session(uint64_t session);
  void tell();

  mutable std::mutex mutex_;
  std::map<std::string, Node> nodes_;
  std::set<uint64_t> sessions_;
  std::map<uint64_t, std::function<void()>> watchers_;
  int64_t revision_ = 0;
  uint64_t made_ = 0;
  bool away_ = false;
  std::atomic<uint64_t> slow_ms_ = 0;
  bool lose_answer_ = false;
};

}  // namespace binbus::coordinate
