#include "ingest/source_errors.h"

#include "base/error_table.h"

namespace binbus::ingest {
namespace {

constexpr uint16_t kBinlogFatal =
    1236;  // ER_MASTER_FATAL_ERROR_READING_BINLOG: its text tells which

struct Row {
  uint16_t number;
  std::string_view text;  // in the message; "": any
  Code code;
  std::string_view mend;
};

constexpr std::string_view kGrant =
    "on the source: GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO the account of {user}";
constexpr std::string_view kIdentityClash =
    "another replica of this source has our server_id {server_id} or our server_uuid: give each "
    "its own, or leave both "
    "out of the configuration";
constexpr std::string_view kMethod =
    "on the source: ALTER USER '{user}' IDENTIFIED WITH caching_sha2_password (MySQL), VIA ed25519 "
    "or mysql_native_password (MariaDB), and its password";
constexpr std::string_view kGone =
    "name another source that still has these transactions, or start a new stream";
constexpr std::string_view kLost =
    "the source has lost what it had sent: name a source that has it, or set on_source_loss = "
    "\"accept\"";

constexpr std::string_view kTorn = "truncated in the middle of event";

// The first row that matches counts. Texts are those of MySQL 5.6 to 9.7 and MariaDB 10.2 to 11.8.
constexpr Row kRows[] = {
    {kBinlogFatal, "same server_uuid", Code::kExists, kIdentityClash},
    {kBinlogFatal, "same server_id", Code::kExists, kIdentityClash},
    {4052, "", Code::kExists, kIdentityClash},  // MariaDB
    {kBinlogFatal, "purged", Code::kPurged, kGone},
    {kBinlogFatal, "Could not find first log file", Code::kPurged, kGone},
    {kBinlogFatal, "not in the master's binlog", Code::kPurged, kGone},
    {kBinlogFatal, "more GTIDs than", Code::kDiverged, kLost},
    {kBinlogFatal, "diverged", Code::kDiverged, kLost},
    {kBinlogFatal, "impossible position", Code::kDiverged, kLost},
    {kBinlogFatal, "position > file size", Code::kDiverged, kLost},
    {kBinlogFatal, "max_allowed_packet", Code::kRemote,
     "on the source: SET GLOBAL max_allowed_packet = 1073741824"},
    {kBinlogFatal, kTorn, Code::kRemote, "look at the source's disk and at its error log"},
    {kBinlogFatal, "Binary log is not open", Code::kUnsupported, "start the source with --log-bin"},
    {1045, "", Code::kAuth,
     "check user and password here, and on the source: SELECT user, host FROM mysql.user"},
    {1130, "", Code::kAuth, "on the source: CREATE USER '{user}'@ the host that it names"},
    {1129, "", Code::kAuth,
     "on the source: FLUSH HOSTS, or TRUNCATE performance_schema.host_cache"},
    {1862, "", Code::kAuth, "on the source: ALTER USER '{user}' IDENTIFIED BY a new password"},
    {3118, "", Code::kAuth, "on the source: ALTER USER '{user}' ACCOUNT UNLOCK"},
    {2059, "", Code::kAuth, kMethod},  // the library has no such method
    {5010, "", Code::kAuth, kMethod},  // it has, and we do not let it
    {3159, "", Code::kTls, "the source wants TLS: set tls = \"required\""},
    {1044, "", Code::kAuth, kGrant},
    {1142, "", Code::kAuth, kGrant},
    {1227, "", Code::kAuth, kGrant},
    {1381, "", Code::kUnsupported, "start the source with --log-bin"},
    {1040, "", Code::kLimit,
     "on the source: raise max_connections, or grant this user CONNECTION_ADMIN"},
    {1203, "", Code::kLimit, "on the source: raise max_user_connections"},
    {1226, "", Code::kLimit, "on the source: ALTER USER '{user}' with higher resource limits"},
    {1053, "", Code::kNetwork, ""},  // the source shuts down
    {1317, "", Code::kNetwork, ""},  // the dump was killed
    {1927, "", Code::kNetwork, ""},  // MariaDB: the same
    {2026, "", Code::kTls,
     "its certificate must be in date, signed by tls_ca ({ca}), and name the host as source does"},
};

void replace(std::string& text, std::string_view name, std::string_view value) {
  if (const size_t at = text.find(name); at != std::string::npos)
    text.replace(at, name.size(), value);
}

const Row* find_row(const Error& error) {
  for (const Row& row : kRows) {
    if (row.number == error.mysql_errno && error.message.find(row.text) != std::string::npos)
      return &row;
  }
  return nullptr;
}

}  // namespace

Next next_after(const Error& error) {
  if (error.code == Code::kPurged || error.code == Code::kDiverged) return Next::kOperator;
  if (error.code == Code::kCorrupt)
    return Next::kRetry;  // bytes damaged on the way come whole the next time
  switch (retry_of(error.code)) {
    case Retry::kLater:
      return Next::kRetry;
    case Retry::kElsewhere:
      return Next::kElsewhere;
    case Retry::kNever:
      return Next::kOperator;
  }
  return Next::kOperator;
}

std::string_view next_name(Next next) {
  switch (next) {
    case Next::kRetry:
      return "retry";
    case Next::kElsewhere:
      return "elsewhere";
    case Next::kOperator:
      return "operator";
  }
  return "operator";
}

Error explain(Error error, const ErrorContext& context) {
  const bool ours = error.code == Code::kDiskFull || error.code == Code::kIo;
  if (!ours && error.message.find(context.address) == std::string::npos) {
    error.message = context.address + ": " + error.message;
  }
  const Row* row = find_row(error);
  if (row == nullptr) return error;
  error.code = row->code;
  if (row->mend.empty()) return error;
  std::string mend(row->mend);
  replace(mend, "{user}", context.user);
  replace(mend, "{ca}", context.ca.empty() ? "none is given" : context.ca);
  replace(mend, "{server_id}", std::to_string(context.server_id));
  error.message += "; " + mend;
  return error;
}

bool is_identity_clash(const Error& error) { return error.code == Code::kExists; }

bool is_torn_file(const Error& error) {
  return error.mysql_errno == kBinlogFatal && error.message.find(kTorn) != std::string::npos;
}

}  // namespace binbus::ingest
