#include "ingest/baseline.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <set>
#include <thread>

#include "schema/identifier.h"

namespace binbus::ingest {
namespace {

using schema::Baseline;
using schema::StatementContext;
using schema::TableName;

constexpr const char* kNotStored = "('information_schema', 'performance_schema')";
constexpr const char* kTableTypes = "('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')";
constexpr uint32_t kCommitsPollMs = 20;
constexpr uint32_t kCommitsWaitMs = 10'000;
constexpr uint32_t kCommitMs = 500;
// No such table, database or right to see it: gone, or not there for us.
constexpr uint16_t kGone[] = {1044, 1049, 1142, 1146};

std::string text(const mysql::Row& row, size_t column) {
  return column < row.size() ? row[column].value_or("") : "";
}

std::string full_name(const TableName& name) {
  return schema::quoted_identifier(name.database) + "." + schema::quoted_identifier(name.table);
}

void pause(uint32_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

// MySQL's information_schema reads what is committed, and a statement is in the log a moment before that (under semi-sync a
// long one): waits until what was on its way is there. MariaDB's waits for the tables' locks by itself.
Status let_commits_end(mysql::Client& client) {
  BINBUS_TRY(mode, global_variable(client, "gtid_mode"));
  if (mode.value_or("") != "ON") {
    pause(kCommitMs);
    return ok();
  }
  std::optional<std::string> first;
  for (uint32_t waited = 0; waited < kCommitsWaitMs; waited += kCommitsPollMs) {
    BINBUS_TRY(owned, global_variable(client, "gtid_owned"));
    if (!first) first = owned;
    // Another set, or none: what was under way at first has ended, or is one that takes long and is in no log yet.
    if (!owned || owned->empty() || *owned != *first) break;
    pause(kCommitsPollMs);
  }
  pause(kCommitsPollMs);
  return ok();
}

class Reader {
 public:
  explicit Reader(mysql::Client& client) : client_(client) {}

  Result<Baseline> read_all() {
    BINBUS_RETURN_IF_ERROR(learn());
    baseline_.catalog = schema::Catalog(baseline_.defaults.lower_case_table_names);
    BINBUS_TRY(before, ask_place(client_));
    if (!context_.server.mariadb) BINBUS_RETURN_IF_ERROR(let_commits_end(client_));
    BINBUS_RETURN_IF_ERROR(read_databases());
    BINBUS_RETURN_IF_ERROR(read_tables());
    BINBUS_RETURN_IF_ERROR(read_keys());
    BINBUS_RETURN_IF_ERROR(read_columns());
    for (const TableName& name : to_show_) BINBUS_RETURN_IF_ERROR(show(name));
    BINBUS_TRY(after, ask_place(client_));
    baseline_.before = std::move(before);
    baseline_.after = std::move(after);
    return std::move(baseline_);
  }

  Status read_again(const std::vector<TableName>& tables, Baseline& baseline) {
    BINBUS_RETURN_IF_ERROR(learn());
    baseline_ = std::move(baseline);
    BINBUS_TRY(before, ask_place(client_));
    Status shown = ok();
    for (size_t i = 0; i < tables.size() && shown; ++i) shown = show(tables[i]);
    baseline = std::move(baseline_);
    BINBUS_RETURN_IF_ERROR(shown);
    BINBUS_TRY(after, ask_place(client_));
    baseline.before = std::move(before);
    baseline.after = std::move(after);
    return ok();
  }

 private:
  struct KeyFacts {
    std::string name;
    std::string parts;  // as CREATE TABLE has them
  };
  struct TableFacts {
    std::string engine;
    std::string collation;
    std::vector<KeyFacts> keys;  // unique ones
  };
  using Key = std::pair<std::string, std::string>;

  Status learn() {
    // Statements that come back are to read as we take them.
    BINBUS_RETURN_IF_ERROR(client_.query("SET SESSION sql_mode = '', sql_quote_show_create = 1"));
    BINBUS_TRY(version, client_.value("SELECT @@version"));
    baseline_.server_version = version.value_or(client_.server_version());
    context_.server = schema::ServerVersion::parse(baseline_.server_version);
    BINBUS_TRY(uuid, global_variable(client_, "server_uuid"));
    if (!context_.server.mariadb) baseline_.server_uuid = uuid.value_or("");
    BINBUS_TRY(id, global_variable(client_, "server_id"));
    baseline_.server_id =
        static_cast<uint32_t>(std::strtoul(id.value_or("0").c_str(), nullptr, 10));
    schema::SourceDefaults& defaults = baseline_.defaults;
    BINBUS_TRY(lower_case, global_variable(client_, "lower_case_table_names"));
    defaults.lower_case_table_names = static_cast<uint8_t>(lower_case.value_or("0")[0] - '0');
    BINBUS_TRY(timestamps, global_variable(client_, "explicit_defaults_for_timestamp"));
    defaults.explicit_defaults_for_timestamp = is_on(timestamps);
    BINBUS_TRY(collation, global_variable(client_, "collation_server"));
    defaults.collation_server = collation.value_or("");
    BINBUS_TRY(old_mode, global_variable(client_, "old_mode"));
    defaults.utf8_is_utf8mb3 = !context_.server.mariadb_from(100601) ||
                               old_mode.value_or("").find("UTF8_IS_UTF8MB3") != std::string::npos;
    const schema::ServerVersion server = context_.server;
    context_ = defaults.context();
    context_.server = server;
    return ok();
  }

  Status read_databases() {
    return client_.for_each_row(
        std::string("SELECT schema_name, default_character_set_name, default_collation_name FROM "
                    "information_schema.schemata WHERE schema_name NOT IN ") +
            kNotStored,
        [&](mysql::Row& row) {
          baseline_.catalog.put_database(text(row, 0), {text(row, 1), text(row, 2)});
        });
  }

  Status read_tables() {
    return client_.for_each_row(
        std::string("SELECT table_schema, table_name, table_type, engine, table_collation FROM "
                    "information_schema.tables WHERE table_schema NOT IN ") +
            kNotStored + " AND table_type IN " + kTableTypes,
        [&](mysql::Row& row) {
          const Key key{text(row, 0), text(row, 1)};
          if (text(row, 2) != "BASE TABLE") {
            to_show_.push_back({key.first, key.second});
          } else {
            tables_[key] = {text(row, 3), text(row, 4), {}};
          }
        });
  }

  Status read_keys() {
    BINBUS_RETURN_IF_ERROR(client_.for_each_row(
        std::string("SELECT table_schema, table_name, index_name, column_name, sub_part FROM "
                    "information_schema.statistics WHERE non_unique = 0 AND table_schema NOT IN ") +
            kNotStored + " ORDER BY table_schema, table_name, index_name, seq_in_index",
        [&](mysql::Row& row) {
          const auto table = tables_.find({text(row, 0), text(row, 1)});
          if (table != tables_.end()) add_key_part(table->second.keys, row);
        }));
    std::erase_if(tables_, [&](const auto& table) {
      const bool show = only_statement_tells(table.second.keys);
      if (show) to_show_.push_back({table.first.first, table.first.second});
      return show;
    });
    return ok();
  }

  static void add_key_part(std::vector<KeyFacts>& keys, const mysql::Row& row) {
    if (keys.empty() || keys.back().name != row[2]) keys.push_back({text(row, 2), ""});
    std::string& parts = keys.back().parts;
    parts += (parts.empty() ? "" : ",") +
             (row[3] ? schema::quoted_identifier(*row[3]) : "((1))");  // an expression
    if (row[4]) parts += "(" + *row[4] + ")";
  }

  // The order of UNIQUE keys decides which is taken where there is no primary key. MariaDB's have hidden columns where they are too
  // long for an index, or become so.
  bool only_statement_tells(const std::vector<KeyFacts>& keys) const {
    const auto unique =
        std::ranges::count_if(keys, [](const KeyFacts& key) { return key.name != "PRIMARY"; });
    return unique > (context_.server.mariadb ? 0 : 1);
  }

  Status read_columns() {
    Key current;
    std::string columns;
    const auto finish = [&] {
      if (!columns.empty()) put_columns(current, columns);
      columns.clear();
    };
    BINBUS_RETURN_IF_ERROR(client_.for_each_row(
        std::string("SELECT table_schema, table_name, column_name, column_type, "
                    "character_set_name, collation_name, is_nullable, extra FROM "
                    "information_schema.columns WHERE table_schema NOT IN ") +
            kNotStored +
            // They come in any order. As bytes: a and A are two tables.
            " ORDER BY CAST(table_schema AS BINARY), CAST(table_name AS BINARY), ordinal_position",
        [&](mysql::Row& row) {
          if (current.first != row[0] || current.second != row[1]) {
            finish();
            current = {text(row, 0), text(row, 1)};
          }
          if (tables_.contains(current)) add_column(columns, row);
        }));
    finish();
    return ok();
  }

  static void add_column(std::string& columns, const mysql::Row& row) {
    const std::string extra = text(row, 7);
    const auto says = [&](std::string_view word) { return extra.find(word) != std::string::npos; };
    columns += (columns.empty() ? "" : ", ") + schema::quoted_identifier(text(row, 2)) + " " +
               text(row, 3);
    if (row[4]) columns += " CHARACTER SET " + *row[4];
    if (row[5]) columns += " COLLATE " + *row[5];
    if (says("VIRTUAL")) columns += " GENERATED ALWAYS AS (1) VIRTUAL";
    if (says("STORED") || says("PERSISTENT")) columns += " GENERATED ALWAYS AS (1) STORED";
    columns += text(row, 6) == "YES" ? " NULL" : " NOT NULL";
    if (says("auto_increment")) columns += " AUTO_INCREMENT";
    if (says("INVISIBLE")) columns += " INVISIBLE";
  }

  // The statement that would make the table is what the catalog takes anyway.
  void put_columns(const Key& key, const std::string& columns) {
    const TableFacts& facts = tables_[key];
    std::string statement = "CREATE TABLE " + full_name({key.first, key.second}) + " (" + columns;
    for (const auto& [name, parts] : facts.keys) {
      statement +=
          name == "PRIMARY" ? ", PRIMARY KEY" : ", UNIQUE KEY " + schema::quoted_identifier(name);
      statement += " (" + parts + ")";
    }
    statement += ")";
    if (!facts.engine.empty()) statement += " ENGINE=" + schema::quoted_identifier(facts.engine);
    if (!facts.collation.empty()) statement += " COLLATE=" + facts.collation;
    put(key.first, key.second, statement);
  }

  void put(const std::string& database, const std::string& table, const std::string& statement) {
    StatementContext context = context_;
    context.database = database;
    const auto effect = baseline_.catalog.apply(statement, context);
    if (!effect) baseline_.catalog.put_for_reread(database, table, effect.error().message);
  }

  Status show(const TableName& name) {
    auto answer = client_.query("SHOW CREATE TABLE " + full_name(name));
    const bool gone =
        !answer && std::ranges::find(kGone, answer.error().mysql_errno) != std::end(kGone);
    if (!answer && !gone) return fail(std::move(answer).error());
    const bool is_table = answer && !answer->rows.empty() && answer->columns.size() >= 2 &&
                          answer->columns[1] == "Create Table";
    put(name.database, name.table,
        is_table ? text(answer->rows[0], 1) : "DROP TABLE IF EXISTS " + full_name(name));
    return ok();
  }

  mysql::Client& client_;
  Baseline baseline_;
  StatementContext context_;
  std::map<Key, TableFacts> tables_;  // whose columns information_schema tells
  std::vector<TableName> to_show_;
};

}  // namespace

Result<schema::SourcePlace> ask_place(mysql::Client& client) {
  const bool mariadb = schema::ServerVersion::parse(client.server_version()).mariadb;
  auto status = client.query(mariadb ? "SHOW MASTER STATUS" : "SHOW BINARY LOG STATUS");
  if (!status && status.error().code == Code::kRemote) status = client.query("SHOW MASTER STATUS");
  if (!status) return fail(std::move(status).error());
  if (status->rows.empty())
    return fail(Code::kInvalid, client.address() + ": has no binary log (log_bin)");
  const mysql::Row& row = status->rows[0];
  schema::SourcePlace place;
  place.file = text(row, 0);
  const std::string offset = text(row, 1);
  std::from_chars(offset.data(), offset.data() + offset.size(), place.offset);
  if (mariadb) {
    BINBUS_TRY(executed, global_variable(client, "gtid_binlog_pos"));
    place.executed = executed.value_or("");
  } else {
    place.executed = text(row, 4);
    std::erase(place.executed, '\n');
  }
  return place;
}

Result<Baseline> read_baseline(mysql::Client& client) { return Reader(client).read_all(); }

Status read_again(mysql::Client& client, const std::vector<TableName>& tables, Baseline& baseline) {
  return Reader(client).read_again(tables, baseline);
}

}  // namespace binbus::ingest
