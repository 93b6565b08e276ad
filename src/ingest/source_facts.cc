#include "ingest/source_facts.h"

#include <algorithm>
#include <charconv>

namespace binbus::ingest {
namespace {

constexpr uint16_t kUnknownVariable = 1193;  // ER_UNKNOWN_SYSTEM_VARIABLE

uint64_t number(const std::optional<std::string>& text) {
  uint64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

// MariaDB, and MySQL before 8.4, hold the log's lock while several commits wait: who asks for the files then gets no
// answer before somebody acknowledges.
Result<bool> commits_wait(mysql::Client& client) {
  BINBUS_TRY(waiting, client.query("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_%_wait_sessions'"));
  return std::ranges::any_of(
      waiting.rows, [](const mysql::Row& row) { return row.size() >= 2 && number(row[1]) > 0; });
}

Status learn_files(mysql::Client& client, SourceFacts& facts) {
  BINBUS_TRY(waits, commits_wait(client));
  facts.commits_wait = waits;
  if (waits) return ok();
  BINBUS_TRY(files, client.query("SHOW BINARY LOGS"));
  for (const mysql::Row& row : files.rows) {
    if (row.size() >= 2 && row[0]) facts.files.push_back({*row[0], number(row[1])});
  }
  return ok();
}

Status learn_gtids(mysql::Client& client, SourceFacts& facts) {
  if (facts.flavor == mysql::Flavor::kMariadb) {
    BINBUS_TRY(state, global_variable(client, "gtid_binlog_state"));
    BINBUS_TRY(executed, mysql::Executed::parse(facts.flavor, state.value_or("")));
    facts.executed = executed;
    if (facts.files.empty()) return ok();
    BINBUS_TRY(before, client.value("SELECT BINLOG_GTID_POS(" +
                                    client.quoted(facts.files.front().name) + ", 4)"));
    BINBUS_TRY(purged, mysql::Executed::parse(facts.flavor, before.value_or("")));
    facts.purged = purged;
    return ok();
  }
  BINBUS_TRY(mode, global_variable(client, "gtid_mode"));
  facts.gtid_mode = mode.value_or("");
  if (!mode) return ok();
  // A transaction under way is in the binlog, and was sent, before it is in gtid_executed; asked in this order, it is
  // in one of both.
  BINBUS_TRY(owned_text, global_variable(client, "gtid_owned"));
  BINBUS_TRY(executed_text, global_variable(client, "gtid_executed"));
  const std::string owned = set_of_owned(owned_text.value_or(""));
  const std::string both = executed_text.value_or("") + (owned.empty() ? "" : "," + owned);
  BINBUS_TRY(executed, mysql::Executed::parse(facts.flavor, both));
  BINBUS_TRY(purged_text, global_variable(client, "gtid_purged"));
  BINBUS_TRY(purged, mysql::Executed::parse(facts.flavor, purged_text.value_or("")));
  facts.executed = executed;
  facts.purged = purged;
  return ok();
}

// How the log is written, and what its readers ask of a source.
constexpr const char* kVariables[] = {
    "binlog_annotate_row_events",
    "binlog_format",
    "binlog_row_image",
    "binlog_row_metadata",
    "binlog_row_value_options",
    "binlog_rows_query_log_events",
    "binlog_transaction_compression",
    "character_set_server",
    "collation_server",
    "enforce_gtid_consistency",
    "gtid_domain_id",
    "gtid_strict_mode",
    "log_bin_compress",
    "lower_case_table_names",
    "max_allowed_packet",
    "sql_mode",
    "system_time_zone",
    "time_zone",
};

Status learn_variables(mysql::Client& client, SourceFacts& facts) {
  std::string names;
  for (const char* name : kVariables)
    names += (names.empty() ? "'" : ", '") + std::string(name) + "'";
  BINBUS_TRY(table, client.query("SHOW GLOBAL VARIABLES WHERE Variable_name IN (" + names + ")"));
  for (const mysql::Row& row : table.rows) {
    if (row.size() >= 2 && row[0]) facts.variables.emplace(*row[0], row[1].value_or(""));
  }
  return ok();
}

}  // namespace

std::string set_of_owned(std::string_view text) {
  constexpr size_t kUuidBytes = 36;
  constexpr size_t kFirstDash = 8;
  // Nothing stands between a thread's number and the next UUID, which may begin with a digit: its first dash tells.
  const auto next_uuid = [&](size_t from) {
    const size_t dash = text.find('-', from);
    return dash == std::string_view::npos ? text.size() : dash - kFirstDash;
  };
  std::string set;
  for (size_t at = 0; at < text.size();) {
    const size_t end = next_uuid(std::min(at + kUuidBytes, text.size()));
    if (!set.empty()) set += ',';
    bool owner = false;
    for (const char c : text.substr(at, end - at)) {
      owner = c == '#' || (owner && c >= '0' && c <= '9');
      if (!owner) set += c;
    }
    at = end;
  }
  return set;
}

bool is_on(const std::optional<std::string>& value) {
  return value && (*value == "1" || *value == "ON");
}

Result<std::optional<std::string>> global_variable(mysql::Client& client,
                                                   const std::string& variable) {
  auto value = client.value("SELECT @@GLOBAL." + variable);
  if (!value && value.error().mysql_errno == kUnknownVariable) return std::optional<std::string>();
  return value;
}

Result<SourceFacts> learn_source(mysql::Client& client, std::optional<mysql::Flavor> flavor) {
  SourceFacts facts;
  BINBUS_TRY(version, client.value("SELECT @@version"));
  facts.version = version.value_or(client.server_version());
  const bool says_mariadb =
      (facts.version + client.server_version()).find("MariaDB") != std::string::npos;
  facts.flavor = flavor.value_or(says_mariadb ? mysql::Flavor::kMariadb : mysql::Flavor::kMysql);

  BINBUS_TRY(server_id, global_variable(client, "server_id"));
  facts.server_id = static_cast<uint32_t>(number(server_id));
  if (facts.flavor == mysql::Flavor::kMysql) {
    BINBUS_TRY(uuid, global_variable(client, "server_uuid"));
    facts.server_uuid = uuid.value_or("");
  }
  BINBUS_TRY(log_bin, global_variable(client, "log_bin"));
  facts.log_bin = is_on(log_bin);
  if (facts.log_bin) BINBUS_RETURN_IF_ERROR(learn_files(client, facts));
  BINBUS_RETURN_IF_ERROR(learn_gtids(client, facts));
  BINBUS_RETURN_IF_ERROR(learn_variables(client, facts));
  for (const char* name : {"rpl_semi_sync_source_enabled", "rpl_semi_sync_master_enabled"}) {
    BINBUS_TRY(enabled, global_variable(client, name));
    facts.semi_sync = facts.semi_sync || enabled.has_value();
  }
  return facts;
}

}  // namespace binbus::ingest
