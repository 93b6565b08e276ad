// Events that a server makes for the connection or the file rather than for data: rotate, heartbeat, file heads.
#pragma once

#include <string>

#include "binlog/event.h"
#include "mysql/executed.h"

namespace binbus::binlog {

struct RotateEvent {
  uint64_t position = 4;
  std::string file;
};
// `event` is whole; with `checksummed` its last four bytes are not part of the name.
Result<RotateEvent> parse_rotate(Bytes event, bool checksummed);

struct HeartbeatEvent {
  std::string file;
  uint64_t position = 0;  // 64 bits in version 2; version 1 carries the header's 32
};
Result<HeartbeatEvent> parse_heartbeat(Bytes event, bool checksummed);

struct QueryEvent {
  uint32_t thread_id = 0;
  uint32_t execution_s = 0;
  uint16_t error_code = 0;
  Bytes status_variables;
  std::string_view database;
  std::string_view statement;  // as far as the prefix goes
};
// Views into `prefix`, which starts with the header and may end early in the statement.
Result<QueryEvent> parse_query(Bytes prefix);

// Whole events, ready to append to a log or send: timestamp, server id, log_pos and flags of `like`, checksum when asked.
ByteVector make_rotate(const EventHeader& like, const RotateEvent& rotate, bool checksummed);
ByteVector make_heartbeat(uint8_t type, uint32_t server_id, const HeartbeatEvent& heartbeat,
                          bool checksummed);
// Previous_gtids or Gtid_list, by the set's flavour.
ByteVector make_previous_gtids(const EventHeader& like, const mysql::Executed& executed,
                               bool checksummed);

}  // namespace binbus::binlog
