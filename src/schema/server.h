// Which server wrote a statement, and what else beside its text decides what it means.
//
// Values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace binbus::schema {

struct ServerVersion {
  bool mariadb = false;
  uint32_t number = 0;  // 80036 for 8.0.36, 101106 for 10.11.6

  // Of the text in a format description: "8.0.36", "10.11.6-MariaDB-log", "5.5.5-10.4.2-MariaDB".
  static ServerVersion parse(std::string_view text);
  bool mysql_from(uint32_t least) const { return !mariadb && number >= least; }
  bool mariadb_from(uint32_t least) const { return mariadb && number >= least; }
  bool operator==(const ServerVersion&) const = default;
};

// The bits of sql_mode that change how a statement is read.
enum SqlMode : uint64_t {
  kRealAsFloat = 1ULL << 0,
  kAnsiQuotes = 1ULL << 2,
  kOracle = 1ULL << 9,  // MariaDB; in MySQL to 5.7 nothing that we care for
  kMaxdb = 1ULL << 12,  // TIMESTAMP is DATETIME
  kNoBackslashEscapes = 1ULL << 20,
  kStrictTransTables = 1ULL << 21,
  kStrictAllTables = 1ULL << 22,
};

// What a Query event, or the server behind it, says beside the statement.
struct StatementContext {
  ServerVersion server;
  std::string database;  // UTF-8; the session's default, "" when there is none
  uint64_t sql_mode = 0;
  uint64_t session = 0;  // whose temporary tables are meant: the thread's id
  std::string collation_server;
  // Of the session, where they are not the charset's own: (charset, collation), as MySQL's default_collation_for_utf8mb4 and
  // MariaDB's character_set_collations say.
  std::vector<std::pair<std::string, std::string>> default_collations;
  bool explicit_defaults_for_timestamp = true;
  bool utf8_is_utf8mb3 = true;  // MariaDB's old_mode; the log does not say it

  bool mode(SqlMode bit) const { return (sql_mode & bit) != 0; }
  bool strict() const { return (sql_mode & (kStrictTransTables | kStrictAllTables)) != 0; }
};

}  // namespace binbus::schema
