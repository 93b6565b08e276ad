#include "ingest/source_errors.h"

#include <gtest/gtest.h>

namespace binbus::ingest {
namespace {

struct ErrorCase {
  const char* name;
  Error error;
  Code code;
  Next next;
  const char* says;
};

// Messages as the servers send them.
const ErrorCase kErrors[] = {
    {"wrong_password",
     {Code::kAuth, "Access denied for user 'repl'@'127.0.0.1' (using password: YES)", 1045},
     Code::kAuth,
     Next::kElsewhere,
     "password"},
    {"plugin_that_we_lack",
     {Code::kAuth,
      "Authentication plugin 'parsec' cannot be loaded: parsec.so: cannot open shared object file",
      2059},
     Code::kAuth,
     Next::kElsewhere,
     "ALTER USER 'repl' IDENTIFIED WITH caching_sha2_password"},
    {"method_that_we_refuse",
     {Code::kAuth, "Authentication plugin '' couldn't be found in restricted_auth plugin list.",
      5010},
     Code::kAuth,
     Next::kElsewhere,
     "VIA ed25519 or mysql_native_password (MariaDB)"},
    {"no_privilege",
     {Code::kRemote, "Access denied; you need (at least one of) the REPLICATION SLAVE privilege(s)",
      1227},
     Code::kAuth,
     Next::kElsewhere,
     "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO the account of repl"},
    {"purged_gtids",
     {Code::kRemote,
      "Cannot replicate because the source purged required binary logs. Replicate the missing "
      "transactions "
      "from elsewhere",
      1236},
     Code::kPurged,
     Next::kOperator,
     "start a new stream"},
    {"purged_file",
     {Code::kRemote, "Could not find first log file name in binary log index file", 1236},
     Code::kPurged,
     Next::kOperator,
     "new stream"},
    {"mariadb_purged",
     {Code::kRemote,
      "Error: connecting slave requested to start from GTID 0-1-5, which is not in the master's "
      "binlog",
      1236},
     Code::kPurged,
     Next::kOperator,
     "another source"},
    {"same_uuid",
     {Code::kRemote,
      "A replica with the same server_uuid/server_id as this replica has connected to the source",
      1236},
     Code::kExists,
     Next::kOperator,
     "server_id 77"},
    {"impossible_position",
     {Code::kRemote, "Client requested source to start replication from impossible position", 1236},
     Code::kDiverged,
     Next::kOperator,
     "on_source_loss"},
    {"same_id_mariadb",
     {Code::kRemote, "A slave with the same server_uuid/server_id is already connected", 4052},
     Code::kExists,
     Next::kOperator,
     "77"},
    {"other_1236",
     {Code::kRemote, "bogus data in log event", 1236},
     Code::kRemote,
     Next::kRetry,
     "bogus"},
    {"too_many_connections",
     {Code::kRemote, "Too many connections", 1040},
     Code::kLimit,
     Next::kRetry,
     "max_connections"},
    {"shutting_down",
     {Code::kRemote, "Server shutdown in progress", 1053},
     Code::kNetwork,
     Next::kRetry,
     "shutdown"},
    {"certificate",
     {Code::kTls, "TLS/SSL error: certificate has expired", 2026},
     Code::kTls,
     Next::kElsewhere,
     "ca.pem"},
    {"refused", {Code::kNetwork, "Can't connect", 2002}, Code::kNetwork, Next::kRetry, "db1:3306"},
    {"damaged", {Code::kCorrupt, "checksum"}, Code::kCorrupt, Next::kRetry, "checksum"},
    {"disk_full", {Code::kDiskFull, "no space"}, Code::kDiskFull, Next::kRetry, "no space"},
    {"bad_start", {Code::kInvalid, "start"}, Code::kInvalid, Next::kOperator, "start"},
};

TEST(SourceErrors, table) {
  const ErrorContext context{"db1:3306", "repl", "/etc/ca.pem", 77};
  for (const ErrorCase& one : kErrors) {
    const Error explained = explain(one.error, context);
    EXPECT_EQ(explained.code, one.code) << one.name;
    EXPECT_EQ(next_after(explained), one.next) << one.name;
    EXPECT_EQ(explained.mysql_errno, one.error.mysql_errno) << one.name;
    EXPECT_NE(explained.message.find(one.says), std::string::npos)
        << one.name << ": " << explained.message;
    const bool ours = one.code == Code::kDiskFull;  // no word of the source then
    EXPECT_EQ(explained.message.find("db1:3306") == std::string::npos, ours) << one.name;
    EXPECT_EQ(is_identity_clash(explained), one.code == Code::kExists) << one.name;
  }
}

}  // namespace
}  // namespace binbus::ingest
