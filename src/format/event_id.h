// Names that stay the same whenever a change is delivered again. All may stand in JSON's quotes as they are.
//
// Thread: one; keeps the text of the transaction under way.
#pragma once

#include <string>
#include <string_view>

#include "schema/change.h"

namespace binbus::format {

class EventId {
 public:
  explicit EventId(std::string_view stream);

  // The transaction's GTID as the server prints it; "" without one. Valid until the next call.
  std::string_view gtid(const schema::Change& change);
  // "stream:gtid:event.row", "stream:file:offset:event.row" with the transaction's first event where there is no GTID; in
  // a message about its bounds "begin" and "commit" stand for event and row.
  void append(std::string& out, const schema::Change& change);
  // What Debezium calls the transaction's id: the GTID, or "file=..,pos=..".
  void append_transaction(std::string& out, const schema::Change& change);
  // "file:offset" of the change's event.
  void append_position(std::string& out, const schema::Change& change);

 private:
  // The name of the file, escaped.
  std::string_view file(const schema::Change& change);

  std::string stream_;
  mysql::AnyGtid gtid_;
  std::string text_;      // of gtid_
  size_t tsid_size_ = 0;  // of MySQL's: how much of the text stays when only the number grows
  std::string segment_;
  std::string file_;  // of segment_
};

// The binlog file that the change is in; "" when not told.
inline std::string_view file_of(const schema::Change& change) {
  return change.transaction == nullptr ? std::string_view() : change.transaction->segment;
}
// When the change was committed at the source; its event's seconds where nothing finer is known.
inline uint64_t commit_us(const schema::Change& change) {
  if (change.transaction != nullptr && change.transaction->commit_us != 0)
    return change.transaction->commit_us;
  return uint64_t{change.timestamp_s} * 1'000'000;
}

}  // namespace binbus::format
