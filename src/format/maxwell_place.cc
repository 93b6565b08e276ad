#include "format/maxwell_place.h"

#include "format/json_output.h"

namespace binbus::format {

using schema::Change;

void MaxwellPlace::append(std::string& out, const Change& change) {
  refresh(change);
  out += times_;
  if (full_) {
    out += ",\"xoffset\":";
    append_number(out, change.number);
  }
  commit_at_ = out.size();
  if (change.last) out += kCommit;
  if (!full_) return;
  out += position_;
  append_number(out, change.position.offset);
  out += origin_;
}

void MaxwellPlace::append_position(std::string& out, const Change& change) {
  out += ",\"position\":\"";
  id_.append_position(out, change);
  out += '"';
  if (const std::string_view gtid = id_.gtid(change); !gtid.empty()) {
    out += ",\"gtid\":\"";
    out += gtid;
    out += '"';
  }
}

void MaxwellPlace::refresh(const Change& change) {
  const std::string_view gtid = full_ ? id_.gtid(change) : std::string_view();
  const uint64_t xid = change.transaction == nullptr ? 0 : change.transaction->xid;
  const uint32_t thread_id = change.transaction == nullptr ? 0 : change.transaction->thread_id;
  if (made_ && change.timestamp_s == timestamp_s_ && xid == xid_ && gtid == gtid_ &&
      change.server_id == server_id_ && thread_id == thread_id_ && file_of(change) == segment_)
    return;
  if (!made_ || file_of(change) != segment_) {
    segment_ = file_of(change);
    position_ = ",\"position\":\"";
    append_json_escaped(position_, segment_);
    position_ += ':';
  }
  made_ = true;
  timestamp_s_ = change.timestamp_s;
  xid_ = xid;
  server_id_ = change.server_id;
  thread_id_ = thread_id;
  gtid_ = gtid;

  times_ = ",\"ts\":";
  append_number(times_, timestamp_s_);
  if (xid != 0) append_number(times_ += ",\"xid\":", xid);
  origin_ = "\"";
  if (!gtid.empty()) ((origin_ += ",\"gtid\":\"") += gtid) += '"';
  append_number(origin_ += ",\"server_id\":", server_id_);
  if (thread_id != 0) append_number(origin_ += ",\"thread_id\":", thread_id);
}

}  // namespace binbus::format
