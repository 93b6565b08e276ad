// SQL: each change as the statement that makes it elsewhere, executed by any mysql client.
#include <vector>

#include "format/event_id.h"
#include "format/format_writer.h"
#include "format/sql_literal.h"
#include "format/table_cache.h"
#include "schema/identifier.h"

namespace binbus::format {
namespace {

using schema::Change;
using schema::Field;
using schema::Operation;
using schema::TableVersion;

// Makes literals mean the same in every session: TIMESTAMP is UTC, 0 is no order for a new number, zero dates stand.
constexpr std::string_view kSession =
    "SET time_zone='+00:00', sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'; ";

struct SqlTable {
  std::string name;  // `shop`.`orders`
  std::vector<ColumnPlan> columns;
  std::vector<std::string> identifiers;
  std::vector<uint32_t> key;
};

std::string qualified(const TableVersion& table) {
  std::string name;
  schema::append_identifier(name, table.database);
  name += '.';
  schema::append_identifier(name, table.table);
  return name;
}

SqlTable make_table(const TableVersion& table) {
  SqlTable made;
  made.name = qualified(table);
  made.columns = shown_plans(table);
  for (const ColumnPlan& plan : made.columns)
    schema::append_identifier(made.identifiers.emplace_back(), plan.column->name);
  made.key = table.primary_key;
  return made;
}

class SqlWriter : public FormatWriter {
 public:
  explicit SqlWriter(const WriterOptions& options) : options_(options), id_(options.stream) {}
  std::string_view content_type() const override { return "application/sql"; }

 protected:
  Result<bool> print(std::string& out, const Change& change) override {
    if (options_.gtid) append_comment(out, change);
    switch (change.operation) {
      case Operation::kBegin:
        out += "BEGIN;";
        return options_.transaction_bounds;
      case Operation::kCommit:
        out += "COMMIT;";
        return options_.transaction_bounds;
      case Operation::kDdl:
        return options_.ddl && ddl(out, change);
      case Operation::kTruncate:
        return options_.ddl && truncate(out, change);
      default:
        return row(out, change);
    }
  }

  // A statement has no key: 'db.table' keeps a table's statements in order.
  Result<bool> print_key(std::string& out, const Change& change) override {
    if (change.table == nullptr) return false;
    out += tables_.get(change.table, make_table).name;
    return true;
  }

 private:
  void append_comment(std::string& out, const Change& change) {
    out += "/* ";
    id_.append(out, change);
    out += " */ ";
  }

  Result<bool> row(std::string& out, const Change& change) {
    const SqlTable& table = tables_.get(change.table, make_table);
    const size_t start = out.size();
    literals_.reset();
    switch (change.operation) {
      case Operation::kUpdate:
        BINBUS_RETURN_IF_ERROR(update(out, table, change));
        break;
      case Operation::kDelete:
        out += "DELETE FROM ";
        out += table.name;
        BINBUS_RETURN_IF_ERROR(where(out, table, change.before));
        break;
      default:
        BINBUS_RETURN_IF_ERROR(insert(out, table, change.after));
    }
    out += ';';
    if (literals_.needs_session()) out.insert(start, kSession);
    return true;
  }

  // A generated column is the target's to calculate.
  static bool is_written(const SqlTable& table, std::span<const Field> fields, size_t i) {
    return !is_absent(fields[i]) && !table.columns[i].column->generated;
  }

  Status insert(std::string& out, const SqlTable& table, std::span<const Field> fields) {
    out += "INSERT INTO ";
    out += table.name;
    out += " (";
    const char* separator = "";
    for (size_t i = 0; i < table.columns.size(); ++i) {
      if (!is_written(table, fields, i)) continue;
      out += separator;
      out += table.identifiers[i];
      separator = ",";
    }
    out += ") VALUES (";
    separator = "";
    for (size_t i = 0; i < table.columns.size(); ++i) {
      if (!is_written(table, fields, i)) continue;
      out += separator;
      BINBUS_RETURN_IF_ERROR(literals_.append(out, table.columns[i], fields[i]));
      separator = ",";
    }
    out += ')';
    return ok();
  }

  Status update(std::string& out, const SqlTable& table, const Change& change) {
    out += "UPDATE ";
    out += table.name;
    out += " SET ";
    const size_t start = out.size();
    BINBUS_RETURN_IF_ERROR(assignments(out, table, change, true));
    // Nothing that differs: the statement must have something to set all the same.
    if (out.size() == start) {
      BINBUS_RETURN_IF_ERROR(assignments(out, table, change, false));
    }
    if (out.size() == start) return fail(Code::kUnsupported, "update of generated columns only");
    return where(out, table, change.before);
  }
  Status assignments(std::string& out, const SqlTable& table, const Change& change,
                     bool changed_only) {
    const char* separator = "";
    for (size_t i = 0; i < table.columns.size(); ++i) {
      if (!is_written(table, change.after, i)) continue;
      if (changed_only && same_value(change.before[i], change.after[i])) continue;
      out += separator;
      out += table.identifiers[i];
      out += '=';
      BINBUS_RETURN_IF_ERROR(literals_.append(out, table.columns[i], change.after[i]));
      separator = ",";
    }
    return ok();
  }

  // By the primary key where the image has it; else by all columns, and one row of those that are the same.
  Status where(std::string& out, const SqlTable& table, std::span<const Field> before) {
    out += " WHERE ";
    bool has_key = !table.key.empty();
    for (const uint32_t ordinal : table.key) has_key = has_key && !is_absent(before[ordinal]);
    const char* separator = "";
    if (has_key) {
      for (const uint32_t ordinal : table.key) {
        out += separator;
        out += table.identifiers[ordinal];
        out += '=';
        BINBUS_RETURN_IF_ERROR(literals_.append(out, table.columns[ordinal], before[ordinal]));
        separator = " AND ";
      }
      return ok();
    }
    for (size_t i = 0; i < table.columns.size(); ++i) {
      if (!is_written(table, before, i)) continue;
      out += separator;
      BINBUS_RETURN_IF_ERROR(literals_.append_condition(out, table.columns[i], before[i]));
      separator = " AND ";
    }
    if (*separator == '\0')
      return fail(Code::kUnsupported, "row without any column to find it by: " + table.name);
    out += " LIMIT 1";
    return ok();
  }

  static bool ddl(std::string& out, const Change& change) {
    if (!change.database.empty()) {
      out += "USE ";
      schema::append_identifier(out, change.database);
      out += "; ";
    }
    out += change.statement;
    // A comment to the line's end would take the semicolon with it.
    const bool comment = change.statement.find('#') != std::string_view::npos ||
                         change.statement.find("--") != std::string_view::npos;
    out += comment ? "\n;" : ";";
    return true;
  }

  static bool truncate(std::string& out, const Change& change) {
    if (change.table == nullptr) return ddl(out, change);
    out += "TRUNCATE TABLE ";
    out += qualified(*change.table);
    out += ';';
    return true;
  }

  WriterOptions options_;
  EventId id_;
  TableCache<SqlTable> tables_;
  SqlLiterals literals_;
};

}  // namespace

std::unique_ptr<Writer> make_sql_writer(const WriterOptions& options) {
  return std::make_unique<SqlWriter>(options);
}

}  // namespace binbus::format
