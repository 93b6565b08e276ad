#include "format/event_id.h"

#include "format/json_output.h"

namespace binbus::format {

using schema::Change;
using schema::Operation;

EventId::EventId(std::string_view stream) { append_json_escaped(stream_, stream); }

std::string_view EventId::gtid(const Change& change) {
  if (change.transaction == nullptr) return {};
  if (change.transaction->gtid != gtid_) {
    gtid_ = change.transaction->gtid;
    text_ = mysql::to_string(gtid_);
  }
  return text_;
}

void EventId::append(std::string& out, const Change& change) {
  out += stream_;
  out += ':';
  if (const std::string_view text = gtid(change); !text.empty()) {
    out += text;
  } else {
    append_json_escaped(out, file_of(change));
    out += ':';
    append_number(out, change.transaction != nullptr ? change.transaction->begin.offset
                                                     : change.position.offset);
  }
  out += ':';
  if (change.operation == Operation::kBegin) {
    out += "begin";
  } else if (change.operation == Operation::kCommit) {
    out += "commit";
  } else {
    append_number(out, change.number);
  }
}

void EventId::append_transaction(std::string& out, const Change& change) {
  if (const std::string_view text = gtid(change); !text.empty()) {
    out += text;
    return;
  }
  out += "file=";
  append_json_escaped(out, file_of(change));
  out += ",pos=";
  append_number(out, change.transaction != nullptr ? change.transaction->begin.offset
                                                   : change.position.offset);
}

void append_position(std::string& out, const Change& change) {
  append_json_escaped(out, file_of(change));
  out += ':';
  append_number(out, change.position.offset);
}

}  // namespace binbus::format
