// Canal's flat JSON: rows as maps of strings, with MySQL's and JDBC's types beside them.
#include <vector>

#include "format/ddl_kind.h"
#include "format/event_id.h"
#include "format/format_writer.h"
#include "format/json_output.h"
#include "format/table_cache.h"
#include "format/value.h"

namespace binbus::format {
namespace {

using schema::Change;
using schema::Field;
using schema::Operation;
using schema::SqlType;
using schema::TableVersion;

// java.sql.Types
enum JdbcType : int {
  kBit = -7,
  kTinyint = -6,
  kBigint = -5,
  kChar = 1,
  kDecimal = 3,
  kInteger = 4,
  kSmallint = 5,
  kReal = 7,
  kDouble = 8,
  kVarchar = 12,
  kDate = 91,
  kTime = 92,
  kTimestamp = 93,
  kBlob = 2004,
  kClob = 2005,
};

// An unsigned integer has the next larger type: Canal says so for values that need it, we for all of the column.
JdbcType jdbc_type_of_integer(const schema::Column& column) {
  switch (column.type) {
    case SqlType::kTinyint:
      return column.is_unsigned ? kSmallint : kTinyint;
    case SqlType::kSmallint:
      return column.is_unsigned ? kInteger : kSmallint;
    case SqlType::kMediumint:
      return kInteger;
    case SqlType::kInt:
      return column.is_unsigned ? kBigint : kInteger;
    default:
      return column.is_unsigned ? kDecimal : kBigint;
  }
}

JdbcType jdbc_type(const ColumnPlan& plan) {
  switch (plan.shape) {
    case Shape::kInteger:
      return jdbc_type_of_integer(*plan.column);
    case Shape::kFloat:
      return plan.column->type == SqlType::kFloat ? kReal : kDouble;
    case Shape::kDecimal:
      return kDecimal;
    case Shape::kBit:
    case Shape::kSet:
      return kBit;
    case Shape::kEnum:
      return kInteger;
    case Shape::kDate:
      return kDate;
    case Shape::kTime:
      return kTime;
    case Shape::kDatetime:
    case Shape::kTimestamp:
      return kTimestamp;
    case Shape::kYear:
    case Shape::kJson:
      return kVarchar;
    case Shape::kText:
    case Shape::kJsonText:
      return plan.column->type == SqlType::kChar      ? kChar
             : plan.column->type == SqlType::kVarchar ? kVarchar
                                                      : kClob;
    case Shape::kName:
      return kChar;
    case Shape::kBinary:
    case Shape::kGeometry:
    case Shape::kVector:
    case Shape::kUnknown:
      return kBlob;
  }
  return kBlob;
}

struct CanalTable {
  std::vector<ColumnPlan> columns;
  std::vector<std::string> mysql_types;  // ,"id":"int unsigned"
  std::vector<std::string> sql_types;    // ,"id":4
  std::vector<uint32_t> key;             // in the table's order, as Canal lists them
  std::string database;                  // in quotes
  std::string table;
};

CanalTable make_table(const TableVersion& table) {
  CanalTable made;
  made.columns = shown_plans(table);
  for (const ColumnPlan& plan : made.columns) {
    made.mysql_types.push_back(plan.member);
    append_json_string(made.mysql_types.back(), plan.column->type_text);
    made.sql_types.push_back(plan.member);
    append_number(made.sql_types.back(), static_cast<int>(jdbc_type(plan)));
  }
  for (uint32_t i = 0; i < table.columns.size(); ++i)
    for (const uint32_t ordinal : table.primary_key)
      if (ordinal == i) made.key.push_back(i);
  append_json_string(made.database, table.database);
  append_json_string(made.table, table.table);
  return made;
}

class CanalWriter : public FormatWriter {
 public:
  explicit CanalWriter(const WriterOptions& options) : options_(options), id_(options.stream) {}

 protected:
  Result<bool> print(std::string& out, const Change& change) override {
    switch (change.operation) {
      case Operation::kInsert:
      case Operation::kRead:
        return row(out, change, "INSERT");
      case Operation::kUpdate:
        return row(out, change, "UPDATE");
      case Operation::kDelete:
        return row(out, change, "DELETE");
      case Operation::kDdl:
      case Operation::kTruncate:
        return options_.ddl && ddl(out, change);
      case Operation::kBegin:
      case Operation::kCommit:
        return false;
    }
    return false;
  }

  // {"id":"1"}; none for a table without a primary key.
  Result<bool> print_key(std::string& out, const Change& change) override {
    if (change.table == nullptr || (change.after.empty() && change.before.empty())) return false;
    const CanalTable& table = tables_.get(change.table, make_table);
    if (table.key.empty()) return false;
    out += '{';
    const size_t start = out.size();
    for (const uint32_t ordinal : table.key) {
      const Field* field = known_field(change, ordinal);
      if (field == nullptr) continue;
      BINBUS_RETURN_IF_ERROR(member(out, table.columns[ordinal], *field, start));
    }
    out += '}';
    return true;
  }

 private:
  // A column as it is after the change, else before; null when it is in neither image.
  static const Field* known_field(const Change& change, size_t i) {
    if (!change.after.empty() && !is_absent(change.after[i])) return &change.after[i];
    if (!change.before.empty() && !is_absent(change.before[i])) return &change.before[i];
    return nullptr;
  }

  Result<bool> row(std::string& out, const Change& change, const char* type) {
    const CanalTable& table = tables_.get(change.table, make_table);
    out += "{\"data\":[{";
    const size_t start = out.size();
    for (size_t i = 0; i < table.columns.size(); ++i) {
      const Field* field = known_field(change, i);
      if (field == nullptr) continue;
      BINBUS_RETURN_IF_ERROR(member(out, table.columns[i], *field, start));
    }
    out += "}],\"database\":";
    out += table.database;
    middle(out, change);
    out += ",\"isDdl\":false,\"mysqlType\":";
    members(out, change, table.mysql_types);
    out += ",\"old\":";
    BINBUS_RETURN_IF_ERROR(old_values(out, table, change));
    out += ",\"pkNames\":";
    key_names(out, table);
    out += ",\"sql\":";
    append_json_string(out, options_.sql_text ? change.sql : std::string_view());
    out += ",\"sqlType\":";
    members(out, change, table.sql_types);
    out += ",\"table\":";
    out += table.table;
    end(out, change, type);
    return true;
  }

  // What changed, as it was before, with what only the image before has left out: that is in "data".
  Status old_values(std::string& out, const CanalTable& table, const Change& change) {
    if (change.operation != Operation::kUpdate) {
      out += "null";
      return ok();
    }
    out += "[{";
    const size_t start = out.size();
    for (size_t i = 0; i < table.columns.size(); ++i) {
      const Field& before = change.before[i];
      const Field& after = change.after[i];
      if (is_absent(before) || is_absent(after) || same_value(before, after)) continue;
      BINBUS_RETURN_IF_ERROR(member(out, table.columns[i], before, start));
    }
    out += "}]";
    return ok();
  }

  // {...} of prepared members, for the columns that "data" has.
  static void members(std::string& out, const Change& change,
                      const std::vector<std::string>& prepared) {
    out += '{';
    const size_t start = out.size();
    for (size_t i = 0; i < prepared.size(); ++i)
      if (known_field(change, i) != nullptr) out.append(prepared[i], out.size() == start ? 1 : 0);
    out += '}';
  }

  static void key_names(std::string& out, const CanalTable& table) {
    if (table.key.empty()) {
      out += "null";
      return;
    }
    for (size_t i = 0; i < table.key.size(); ++i) {
      out += i == 0 ? '[' : ',';
      append_json_string(out, table.columns[table.key[i]].column->name);
    }
    out += ']';
  }

  // "es" to "id".
  void middle(std::string& out, const Change& change) {
    out += ",\"es\":";
    append_number(out, uint64_t{change.timestamp_s} * 1000);
    if (options_.gtid) {
      out += ",\"eventId\":\"";
      id_.append(out, change);
      out += '"';
    }
    out += ",\"gtid\":\"";
    out += id_.gtid(change);
    out += "\",\"id\":";
    // Canal numbers its batches. Ours grows with the log, and JavaScript still tells it exactly.
    append_number(out, change.position.segment << 40 | change.position.offset);
  }
  static void end(std::string& out, const Change& change, const char* type) {
    out += ",\"ts\":";
    append_number(out, commit_us(change) / 1000);
    out += ",\"type\":\"";
    out += type;
    out += "\"}";
  }

  Status member(std::string& out, const ColumnPlan& plan, const Field& field, size_t start) {
    out.append(plan.member, out.size() == start ? 1 : 0);
    return value(out, plan, field);
  }

  Status value(std::string& out, const ColumnPlan& plan, const Field& field) {
    if (field.state != Field::State::kValue) return Values::append_no_value(out, plan, field);
    switch (plan.shape) {
      case Shape::kText:
      case Shape::kJson:
      case Shape::kJsonText:
        return values_.append_string(out, plan, field);
      case Shape::kBit:
      case Shape::kEnum:
      case Shape::kSet:
        return number(out, field);
      case Shape::kBinary:
      case Shape::kGeometry:
      case Shape::kVector:
      case Shape::kUnknown:
        return binary(out, plan, field);
      case Shape::kInteger:
      case Shape::kDecimal:
      case Shape::kFloat:
        return without_zerofill(out, plan, field);
      case Shape::kYear:
        return year(out, field);
      default:
        return values_.append_quoted(out, field);
    }
  }

  // Of ENUM and SET, too: Canal prints the index and the bits.
  Status number(std::string& out, const Field& field) {
    BINBUS_TRY(integer, schema::read_integer(field));
    out += '"';
    append_number(out, integer.bits);
    out += '"';
    return ok();
  }
  Status without_zerofill(std::string& out, const ColumnPlan& plan, const Field& field) {
    out += '"';
    BINBUS_RETURN_IF_ERROR(values_.append_number(out, plan, field));
    out += '"';
    return ok();
  }
  Status year(std::string& out, const Field& field) {
    BINBUS_TRY(year, schema::read_integer(field));
    if (year.bits == 0) {
      out += "\"0000\"";
      return ok();
    }
    return number(out, field);
  }
  Status binary(std::string& out, const ColumnPlan& plan, const Field& field) {
    BINBUS_TRY(bytes, values_.bytes(plan, field));
    append_json_latin1(out, bytes);
    return ok();
  }

  static const char* ddl_type(const Change& change) {
    switch (ddl_kind(change)) {
      case DdlKind::kCreateTable:
        return "CREATE";
      case DdlKind::kAlterTable:
        return "ALTER";
      case DdlKind::kDropTable:
        return "ERASE";
      case DdlKind::kRenameTable:
        return "RENAME";
      case DdlKind::kTruncate:
        return "TRUNCATE";
      case DdlKind::kCreateIndex:
        return "CINDEX";
      case DdlKind::kDropIndex:
        return "DINDEX";
      default:
        return "QUERY";
    }
  }

  bool ddl(std::string& out, const Change& change) {
    const TableVersion* table = change.table != nullptr          ? change.table.get()
                                : change.table_before != nullptr ? change.table_before.get()
                                                                 : change.table_after.get();
    const std::string named = table == nullptr ? ddl_words(change.statement).database : "";
    out += "{\"data\":null,\"database\":";
    append_json_string(out, table != nullptr ? table->database
                            : !named.empty() ? std::string_view(named)
                                             : change.database);
    middle(out, change);
    out += ",\"isDdl\":true,\"mysqlType\":null,\"old\":null,\"pkNames\":null,\"sql\":";
    append_json_string(out, change.statement);
    out += ",\"sqlType\":null,\"table\":";
    append_json_string(out, table != nullptr ? std::string_view(table->table) : "");
    end(out, change, change.operation == Operation::kTruncate ? "TRUNCATE" : ddl_type(change));
    return true;
  }

  WriterOptions options_;
  EventId id_;
  TableCache<CanalTable> tables_;
  Values values_;
};

}  // namespace

std::unique_ptr<Writer> make_canal_writer(const WriterOptions& options) {
  return std::make_unique<CanalWriter>(options);
}

}  // namespace binbus::format
