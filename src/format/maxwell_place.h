// When, where and by whom, in Maxwell's messages: "ts" to "thread_id".
//
// Thread: one. Keeps the parts that messages in a row share, and makes them again when what they tell has changed.
#pragma once

#include <string>

#include "format/event_id.h"

namespace binbus::format {

class MaxwellPlace {
 public:
  // With `full` all of it; else "ts", "xid" and "commit" only. Borrows `id`.
  MaxwellPlace(EventId& id, bool full) : id_(id), full_(full) {}

  void append(std::string& out, const schema::Change& change);
  // Where append() wrote, or left out, that the change is the last; an offset into its `out`.
  size_t commit_at() const { return commit_at_; }
  static constexpr std::string_view kCommit = ",\"commit\":true";
  // ,"position":"binlog.000007:1234","gtid":"..."
  void append_position(std::string& out, const schema::Change& change);

 private:
  void refresh(const schema::Change& change);

  EventId& id_;
  bool full_;
  size_t commit_at_ = 0;
  // What the parts are of.
  bool made_ = false;
  uint32_t timestamp_s_ = 0;
  uint32_t server_id_ = 0;
  uint32_t thread_id_ = 0;
  uint64_t xid_ = 0;
  std::string segment_;
  std::string gtid_;
  // The parts, with numbers of the change between them.
  std::string times_;     // ,"ts":1700000000,"xid":4711
  std::string position_;  // ,"position":"binlog.000007:
  std::string origin_;    // ","gtid":"...","server_id":1,"thread_id":12
};

}  // namespace binbus::format
