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
  // "stream:gtid:number", "stream:file:offset:number" with the transaction's first event where there is no GTID; in a
  // message about its bounds "begin" and "commit" stand for the number.
  void append(std::string& out, const schema::Change& change);
  // The same without stream and number: what Debezium calls the transaction's id ("file=..,pos=.." without a GTID).
  void append_transaction(std::string& out, const schema::Change& change);

 private:
  std::string stream_;
  mysql::AnyGtid gtid_;
  std::string text_;  // of gtid_
};

// The binlog file that the change is in; "" when not told.
inline std::string_view file_of(const schema::Change& change) {
  return change.transaction == nullptr ? std::string_view() : change.transaction->segment;
}
// "file:offset" of the change's event.
void append_position(std::string& out, const schema::Change& change);

// When the change was committed at the source; its event's seconds where nothing finer is known.
inline uint64_t commit_us(const schema::Change& change) {
  if (change.transaction != nullptr && change.transaction->commit_us != 0)
    return change.transaction->commit_us;
  return uint64_t{change.timestamp_s} * 1'000'000;
}

}  // namespace binbus::format
