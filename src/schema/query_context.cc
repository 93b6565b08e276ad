#include "schema/query_context.h"

#include "schema/charset.h"
#include "schema/collations.h"

namespace binbus::schema {
namespace {

// Numbers of status variables, with what follows each.
enum Variable : uint8_t {
  kFlags2 = 0,
  kSqlMode = 1,
  kCatalogNul = 2,
  kAutoIncrement = 3,
  kCharset = 4,
  kTimeZone = 5,
  kCatalog = 6,
  kLcTimeNames = 7,
  kCharsetDatabase = 8,
  kTableMapForUpdate = 9,
  kMasterDataWritten = 10,
  kInvoker = 11,
  kUpdatedDatabases = 12,
  kMicroseconds = 13,
  kCommitTs = 14,
  kCommitTs2 = 15,
  kExplicitDefaults = 16,
  kDdlXid = 17,
  kDefaultCollationUtf8mb4 = 18,
  kRequirePrimaryKey = 19,
  kTableEncryption = 20,
  kMariadbHighResolution = 128,
  kMariadbXid = 129,
  kMariadbGtidFlags3 = 130,
  kMariadbCharsetCollations = 131,
};

constexpr uint8_t kTooManyDatabases = 254;
constexpr uint8_t kStartAlterFlag = 2, kCommitAlterFlag = 4, kRollbackAlterFlag = 8;

mysql::Flavor flavor(const ServerVersion& server) {
  return server.mariadb ? mysql::Flavor::kMariadb : mysql::Flavor::kMysql;
}

void add_default(StatementContext& context, std::string_view charset, uint64_t collation) {
  const std::string_view name =
      collation_name(static_cast<uint32_t>(collation), flavor(context.server));
  if (!name.empty() && !charset.empty()) context.default_collations.emplace_back(charset, name);
}

// MariaDB says there whether TIMESTAMP columns are NULL by default, since the variable is the session's.
constexpr uint64_t kExplicitTimestamps = 1ULL << 24;

bool logs_explicit_timestamps(const ServerVersion& server) {
  return server.mariadb_from(100804) && !(server.number >= 100900 && server.number < 100902);
}

Status read_flags(ByteReader& in, StatementContext& context) {
  BINBUS_TRY(flags, in.u32("query: flags"));
  if (logs_explicit_timestamps(context.server)) {
    context.explicit_defaults_for_timestamp = (flags & kExplicitTimestamps) != 0;
  }
  return ok();
}

Status read_charsets(ByteReader& in, QueryContext& out) {
  BINBUS_TRY(client, in.u16("query: charset"));
  BINBUS_TRY(connection, in.u16("query: charset"));
  BINBUS_TRY(server, in.u16("query: charset"));
  (void)connection;
  out.client_collation = client;
  out.statement.collation_server = collation_name(server, flavor(out.statement.server));
  return ok();
}

Status read_collations(ByteReader& in, QueryContext& out) {
  BINBUS_TRY(count, in.u8("query: collations"));
  for (size_t i = 0; i < count; ++i) {
    BINBUS_TRY(of, in.u16("query: collations"));
    BINBUS_TRY(collation, in.u16("query: collations"));
    const Charset* charset = Charset::find_by_collation(uint32_t{of});
    if (charset != nullptr) add_default(out.statement, charset->name(), collation);
  }
  return ok();
}

Status skip_counted(ByteReader& in) {
  BINBUS_TRY(bytes, in.u8("query: status variable"));
  return in.skip(bytes, "query: status variable");
}

Status skip_databases(ByteReader& in) {
  BINBUS_TRY(count, in.u8("query: databases"));
  if (count == kTooManyDatabases) return ok();
  for (size_t i = 0; i < count; ++i) BINBUS_RETURN_IF_ERROR(in.nul_terminated("query: databases"));
  return ok();
}

// MariaDB's ALTER in two phases: the statement stands in the log when it begins and again when it has ended.
Status read_gtid_flags(ByteReader& in, QueryContext& out) {
  BINBUS_TRY(flags, in.u8("query: gtid flags"));
  out.takes_effect = (flags & (kStartAlterFlag | kRollbackAlterFlag)) == 0;
  const bool ends = (flags & (kCommitAlterFlag | kRollbackAlterFlag)) != 0;
  return in.skip(ends ? 8 : 0, "query: gtid flags");
}

Status read_variable(uint8_t variable, ByteReader& in, QueryContext& out) {
  StatementContext& context = out.statement;
  switch (variable) {
    case kSqlMode: {
      BINBUS_TRY(mode, in.u64("query: sql_mode"));
      context.sql_mode = mode;
      return ok();
    }
    case kCharset:
      return read_charsets(in, out);
    case kExplicitDefaults: {
      BINBUS_TRY(on, in.u8("query: explicit_defaults_for_timestamp"));
      context.explicit_defaults_for_timestamp = on != 0;
      return ok();
    }
    case kDefaultCollationUtf8mb4: {
      BINBUS_TRY(collation, in.u16("query: default collation"));
      add_default(context, "utf8mb4", collation);
      return ok();
    }
    case kMariadbCharsetCollations:
      return read_collations(in, out);
    case kFlags2:
      return read_flags(in, context);
    case kAutoIncrement:
    case kMasterDataWritten:
      return in.skip(4, "query: status variable");
    case kLcTimeNames:
    case kCharsetDatabase:
      return in.skip(2, "query: status variable");
    case kTableMapForUpdate:
    case kDdlXid:
    case kMariadbXid:
      return in.skip(8, "query: status variable");
    case kMicroseconds:
    case kMariadbHighResolution:
      return in.skip(3, "query: status variable");
    case kRequirePrimaryKey:
    case kTableEncryption:
      return in.skip(1, "query: status variable");
    case kTimeZone:
    case kCatalog:
      return skip_counted(in);
    case kCatalogNul:
      BINBUS_RETURN_IF_ERROR(skip_counted(in));
      return in.skip(1, "query: catalog");
    case kInvoker:
      BINBUS_RETURN_IF_ERROR(skip_counted(in));
      return skip_counted(in);
    case kUpdatedDatabases:
      return skip_databases(in);
    case kMariadbGtidFlags3:
      return read_gtid_flags(in, out);
    case kCommitTs:
    case kCommitTs2:
      return in.skip(8, "query: status variable");
    default:
      // How long it is cannot be known; what is of interest comes before what newer servers add
      return in.skip(in.remaining(), "query: status variable");
  }
}

}  // namespace

Result<QueryContext> query_context(const binlog::QueryEvent& query, const StatementContext& facts) {
  QueryContext out;
  out.statement = facts;
  out.statement.database = query.database;
  out.statement.session = query.thread_id;
  ByteReader in(query.status_variables);
  while (in.remaining() > 0) {
    BINBUS_TRY(variable, in.u8("query: status variable"));
    BINBUS_RETURN_IF_ERROR(read_variable(variable, in, out));
  }
  return out;
}

}  // namespace binbus::schema
