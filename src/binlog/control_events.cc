#include "binlog/control_events.h"

#include <limits>

namespace binbus::binlog {
namespace {

constexpr uint32_t kLogPosMax = std::numeric_limits<uint32_t>::max();

// Fields of a version 2 heartbeat, each with a length-encoded number, length and value.
enum HeartbeatField : uint64_t { kEnd = 0, kFile = 1, kPosition = 2 };

Result<ByteReader> body_of(Bytes event, bool checksummed, const char* what) {
  const size_t around = kHeaderBytes + (checksummed ? kChecksumBytes : 0);
  if (event.size() < around) return fail(Code::kTruncated, what);
  return ByteReader(event.subspan(kHeaderBytes, event.size() - around));
}

ByteVector make_event(EventHeader header, Bytes body, bool checksummed) {
  ByteVector event(kHeaderBytes + body.size() + (checksummed ? kChecksumBytes : 0));
  header.size = static_cast<uint32_t>(event.size());
  store_header(event.data(), header);
  if (!body.empty()) std::memcpy(&event[kHeaderBytes], body.data(), body.size());
  if (checksummed) write_checksum(event);
  return event;
}

Result<HeartbeatEvent> parse_heartbeat_v2(ByteReader in) {
  HeartbeatEvent heartbeat;
  while (in.remaining() > 0) {
    BINBUS_TRY(field, in.lenenc("heartbeat: field"));
    if (field == kEnd) break;
    BINBUS_TRY(value, in.lenenc_bytes("heartbeat: value"));
    if (field == kFile) heartbeat.file = as_text(value);
    if (field == kPosition) {
      BINBUS_TRY(position, ByteReader(value).lenenc("heartbeat: position"));
      heartbeat.position = position;
    }
  }
  return heartbeat;
}

}  // namespace

Result<RotateEvent> parse_rotate(Bytes event, bool checksummed) {
  BINBUS_TRY(in, body_of(event, checksummed, "rotate event"));
  BINBUS_TRY(position, in.u64("rotate event: position"));
  if (in.remaining() == 0) return fail(Code::kTruncated, "rotate event: file name");
  return RotateEvent{position, std::string(as_text(in.rest()))};
}

Result<HeartbeatEvent> parse_heartbeat(Bytes event, bool checksummed) {
  BINBUS_TRY(in, body_of(event, checksummed, "heartbeat"));
  const EventHeader header = parse_header(event.data());
  if (header.type == kHeartbeatEventV2) return parse_heartbeat_v2(in);
  HeartbeatEvent heartbeat{"", header.log_pos};
  if (header.log_pos == 0) {  // MariaDB's way past 4 GiB
    BINBUS_TRY(position, in.u64("heartbeat: position"));
    heartbeat.position = position;
  }
  heartbeat.file = as_text(in.rest());
  return heartbeat;
}

Result<QueryEvent> parse_query(Bytes prefix) {
  constexpr size_t kVariablesAt = kHeaderBytes + 13;
  if (prefix.size() < kVariablesAt) return fail(Code::kTruncated, "query event");
  const uint8_t* fixed = &prefix[kHeaderBytes];
  const size_t database_bytes = fixed[8];
  const size_t variables_bytes = load_u16(fixed + 11);
  const size_t statement_at = kVariablesAt + variables_bytes + database_bytes + 1;
  if (prefix.size() < statement_at) return fail(Code::kTruncated, "query event");
  return QueryEvent{
      .thread_id = load_u32(fixed),
      .execution_s = load_u32(fixed + 4),
      .error_code = load_u16(fixed + 9),
      .status_variables = prefix.subspan(kVariablesAt, variables_bytes),
      .database = as_text(prefix.subspan(kVariablesAt + variables_bytes, database_bytes)),
      .statement = as_text(prefix.subspan(statement_at))};
}

ByteVector make_rotate(const EventHeader& like, const RotateEvent& rotate, bool checksummed) {
  EventHeader header = like;
  header.type = kRotateEvent;
  ByteWriter body;
  body.u64(rotate.position).text(rotate.file);
  return make_event(header, body.view(), checksummed);
}

ByteVector make_heartbeat(uint8_t type, uint32_t server_id, const HeartbeatEvent& heartbeat,
                          bool checksummed) {
  const bool fits = heartbeat.position <= kLogPosMax;
  const EventHeader header{.type = type,
                           .server_id = server_id,
                           .log_pos = fits ? static_cast<uint32_t>(heartbeat.position) : 0};
  ByteWriter body;
  if (type == kHeartbeatEventV2) {
    ByteWriter position;
    position.lenenc(heartbeat.position);
    body.lenenc(kFile).lenenc_text(heartbeat.file);
    body.lenenc(kPosition).lenenc_text(as_text(position.view())).lenenc(kEnd);
  } else {
    if (!fits) body.u64(heartbeat.position);
    body.text(heartbeat.file);
  }
  return make_event(header, body.view(), checksummed);
}

ByteVector make_previous_gtids(const EventHeader& like, const mysql::Executed& executed,
                               bool checksummed) {
  EventHeader header = like;
  const bool mariadb = executed.mariadb() != nullptr;
  header.type = mariadb ? kMariadbGtidListEvent : kPreviousGtidsEvent;
  return make_event(header, mariadb ? executed.mariadb()->encode() : executed.mysql()->encode(),
                    checksummed);
}

}  // namespace binbus::binlog
