// What a source says of itself at the beginning of a session.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ingest/options.h"
#include "mysql/client.h"
#include "mysql/executed.h"

namespace binbus::ingest {

struct BinlogFile {
  std::string name;
  uint64_t bytes = 0;
};

struct SourceFacts {
  std::string version;  // @@version
  mysql::Flavor flavor = mysql::Flavor::kMysql;
  std::string server_uuid;  // "": MariaDB, and MySQL before 5.6
  uint32_t server_id = 0;
  bool log_bin = false;
  std::string gtid_mode;     // MySQL since 5.6: OFF, OFF_PERMISSIVE, ON_PERMISSIVE, ON; else ""
  mysql::Executed executed;  // gtid_executed; MariaDB: gtid_binlog_state
  mysql::Executed
      purged;  // what its oldest file presupposes: gtid_purged, or MariaDB's first Gtid_list
  std::vector<BinlogFile> files;  // oldest first; empty while commits_wait
  // Global variables that tell those who read the log how it was written, as SHOW VARIABLES has them, names in lower
  // case; those that the server knows.
  std::map<std::string, std::string> variables;
  // Commits wait for a replica's acknowledgement, perhaps ours, with locks that listing the files would wait for too.
  bool commits_wait = false;
  bool semi_sync =
      false;  // it can wait for replicas' acknowledgements, and may begin to at any time

  // Whether transactions can be asked for by GTID.
  bool by_gtid() const {
    return flavor == mysql::Flavor::kMariadb ? !executed.empty() : gtid_mode == "ON";
  }
};

// A few small queries that need REPLICATION CLIENT at most.
Result<SourceFacts> learn_source(mysql::Client& client, std::optional<mysql::Flavor> flavor);

// @@GLOBAL.`variable`; nullopt when the server has no such variable.
Result<std::optional<std::string>> global_variable(mysql::Client& client,
                                                   const std::string& variable);
// The GTIDs of `text`, @@gtid_owned: "UUID:7#42:8#43UUID:tag:1#44", each with the thread that owns it.
std::string set_of_owned(std::string_view text);
// "ON", "1" and the like.
bool is_on(const std::optional<std::string>& value);

}  // namespace binbus::ingest
