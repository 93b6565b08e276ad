// The events that carry GTIDs. Bodies are given without header and checksum; results own what they hold.
#pragma once

#include "binlog/event.h"
#include "mysql/executed.h"

namespace binbus::binlog {

struct GtidEvent {
  mysql::AnyGtid gtid;         // monostate for Anonymous_gtid
  int64_t last_committed = 0;  // MySQL's logical clock
  int64_t sequence_number = 0;
  uint64_t immediate_commit_us = 0;  // 0: not in the event (before 8.0.1, MariaDB)
  uint64_t original_commit_us = 0;
  uint64_t transaction_bytes = 0;  // 0: not in the event
  uint8_t mariadb_flags =
      0;  // MariaDB: FL_STANDALONE 1, FL_GROUP_COMMIT_ID 2, FL_TRANSACTIONAL 4, ...
};
// Gtid, Anonymous_gtid, Gtid_tagged or MariaDB's Gtid, by the header's type. `prefix` starts with the header.
Result<GtidEvent> parse_gtid_event(const EventHeader& header, Bytes prefix);

// Previous_gtids or MariaDB's Gtid_list; `event` is whole.
Result<mysql::Executed> parse_previous_gtids(Bytes event, bool checksummed);

}  // namespace binbus::binlog
