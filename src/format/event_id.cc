#include "format/event_id.h"

#include "format/json_output.h"

namespace binbus::format {

using schema::Change;
using schema::Operation;

EventId::EventId(std::string_view stream) { append_json_escaped(stream_, stream); }

std::string_view EventId::gtid(const Change& change) {
  if (change.transaction == nullptr) return {};
  const mysql::AnyGtid& gtid = change.transaction->gtid;
  if (gtid == gtid_) return text_;
  const auto* before = std::get_if<mysql::Gtid>(&gtid_);
  const auto* now = std::get_if<mysql::Gtid>(&gtid);
  // Transactions of one server follow each other: only the number is another.
  if (before != nullptr && now != nullptr && before->tsid == now->tsid) {
    text_.resize(tsid_size_);
    append_number(text_, now->number);
  } else {
    text_ = mysql::to_string(gtid);
    tsid_size_ = text_.rfind(':') + 1;
  }
  gtid_ = gtid;
  return text_;
}

std::string_view EventId::file(const Change& change) {
  if (const std::string_view name = file_of(change); name != segment_) {
    segment_ = name;
    file_.clear();
    append_json_escaped(file_, name);
  }
  return file_;
}

void EventId::append(std::string& out, const Change& change) {
  out += stream_;
  out += ':';
  if (const std::string_view text = gtid(change); !text.empty()) {
    out += text;
  } else {
    out += file(change);
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
    append_number(out, change.event);
    out += '.';
    append_number(out, change.row);
  }
}

void EventId::append_transaction(std::string& out, const Change& change) {
  if (const std::string_view text = gtid(change); !text.empty()) {
    out += text;
    return;
  }
  out += "file=";
  out += file(change);
  out += ",pos=";
  append_number(out, change.transaction != nullptr ? change.transaction->begin.offset
                                                   : change.position.offset);
}

void EventId::append_position(std::string& out, const Change& change) {
  out += file(change);
  out += ':';
  append_number(out, change.position.offset);
}

}  // namespace binbus::format
