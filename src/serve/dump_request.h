// What a reader asks for: its dump command, its registration as a replica, and what it said about itself before.
#pragma once

#include <optional>
#include <string>

#include "mysql/capabilities.h"
#include "mysql/gtid_set.h"
#include "mysql/mariadb_gtid_set.h"
#include "serve/queries.h"

namespace binbus::serve {

// COM_BINLOG_DUMP and COM_BINLOG_DUMP_GTID.
struct DumpRequest {
  enum Flag : uint16_t {
    kNonBlocking = 1,
    kHeartbeatV2 = 2,   // MySQL
    kAnnotateRows = 2,  // MariaDB
  };
  std::string file;  // "": the oldest, or where the GTIDs tell
  uint64_t position = 4;
  uint16_t flags = 0;
  uint32_t server_id = 0;
  std::optional<mysql::GtidSet> executed;  // of COM_BINLOG_DUMP_GTID

  // `payload` without the command's byte. kTruncated or kCorrupt for what is none.
  static Result<DumpRequest> parse(mysql::Command command, Bytes payload);
};

// COM_REGISTER_SLAVE. Its user and password are not used.
struct Registration {
  uint32_t server_id = 0;
  std::string host;   // report_host; "" when the replica has none set
  uint16_t port = 0;  // report_port, by default the replica's own
  // kTruncated for what is none; the server id alone will do.
  static Result<Registration> parse(Bytes payload);
};

enum class ChecksumWish : uint8_t { kUnaware, kNone, kCrc32 };

// From the user variables that readers set before a dump.
struct ReaderTraits {
  ChecksumWish checksum = ChecksumWish::kUnaware;
  uint64_t heartbeat_us = 0;
  bool semi_sync = false;
  std::string uuid;
  // MariaDB's readers.
  int capability = 0;                        // @mariadb_slave_capability
  std::optional<std::string> connect_state;  // @slave_connect_state: start by GTID
  std::optional<std::string> until;          // @slave_until_gtid
  bool strict = false;
  bool ignore_duplicates = false;

  static ReaderTraits of(const SessionState& session, const ServerOptions& options);
};

}  // namespace binbus::serve
