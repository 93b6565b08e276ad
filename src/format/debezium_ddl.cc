#include "format/debezium_ddl.h"

#include "format/json_output.h"
#include "format/value.h"

namespace binbus::format {
namespace {

using schema::Column;
using schema::SqlType;
using schema::TableVersion;

// java.sql.Types, as Debezium's parsers give them to columns.
int jdbc_type(const ColumnPlan& plan) {
  switch (plan.shape) {
    case Shape::kInteger:
      return plan.column->type == SqlType::kTinyint    ? -6
             : plan.column->type == SqlType::kSmallint ? 5
             : plan.column->type == SqlType::kBigint   ? -5
                                                       : 4;
    case Shape::kYear:
      return 4;
    case Shape::kFloat:
      return plan.column->type == SqlType::kFloat ? 6 : 8;
    case Shape::kDecimal:
      return 3;
    case Shape::kBit:
      return -7;
    case Shape::kDate:
      return 91;
    case Shape::kTime:
      return 92;
    case Shape::kDatetime:
      return 93;
    case Shape::kTimestamp:
      return 2014;
    case Shape::kEnum:
    case Shape::kSet:
      return 1;
    case Shape::kText:
      return plan.column->type == SqlType::kChar ? 1 : 12;
    case Shape::kBinary:
      return plan.column->type == SqlType::kBinary      ? -2
             : plan.column->type == SqlType::kVarbinary ? -3
                                                        : 2004;
    default:
      return 1111;
  }
}

// "INT UNSIGNED"
std::string type_name(const Column& column) {
  std::string name(column.json ? "json" : schema::sql_type_name(column.type));
  for (char& c : name)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  if (column.is_unsigned) name += " UNSIGNED";
  if (column.zerofill) name += " ZEROFILL";
  return name;
}

void append_number_or_null(std::string& out, const char* member, uint64_t value) {
  out += member;
  if (value == 0) {
    out += "null";
  } else {
    append_number(out, value);
  }
}
void append_boolean(std::string& out, const char* member, bool value) {
  out += member;
  out += value ? "true" : "false";
}

void append_labels(std::string& out, const Column& column) {
  if (column.labels.empty()) {
    out += "null";
    return;
  }
  for (const std::string& label : column.labels) {
    out += &label == &column.labels.front() ? '[' : ',';
    append_json_string(out, label);
  }
  out += ']';
}

void append_column(std::string& out, const Column& column, size_t position) {
  const ColumnPlan plan(column);
  out += "{\"name\":";
  append_json_string(out, column.name);
  out += ",\"jdbcType\":";
  append_number(out, jdbc_type(plan));
  const std::string name = type_name(column);
  out += ",\"nativeType\":null,\"typeName\":\"" + name + "\",\"typeExpression\":\"" + name + "\"";
  out += ",\"charsetName\":";
  if (plan.shape == Shape::kText || plan.shape == Shape::kEnum || plan.shape == Shape::kSet) {
    append_json_string(out, column.charset);
  } else {
    out += "null";
  }
  append_number_or_null(out, ",\"length\":", column.length);
  const bool scaled = plan.shape == Shape::kDecimal || column.decimals != 0;
  out += ",\"scale\":" + (scaled ? std::to_string(column.decimals) : std::string("null"));
  append_number_or_null(out, ",\"position\":", position);
  append_boolean(out, ",\"optional\":", column.nullable);
  append_boolean(out, ",\"autoIncremented\":", column.auto_increment);
  append_boolean(out, ",\"generated\":", column.generated || column.auto_increment);
  out += ",\"comment\":null,\"defaultValueExpression\":null,\"enumValues\":";
  append_labels(out, column);
  out += '}';
}

void append_table(std::string& out, const TableVersion& table) {
  out += "{\"defaultCharsetName\":";
  if (table.charset.empty()) {
    out += "null";
  } else {
    append_json_string(out, table.charset);
  }
  out += ",\"primaryKeyColumnNames\":[";
  for (size_t i = 0; i < table.primary_key.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, table.columns[table.primary_key[i]].name);
  }
  out += "],\"columns\":[";
  size_t position = 0;
  for (const Column& column : shown_columns(table)) {
    if (position > 0) out += ',';
    append_column(out, column, ++position);
  }
  out += "],\"comment\":null}";
}

}  // namespace

void append_table_changes(std::string& out, const schema::Change& change) {
  const TableVersion* before = change.table_before.get();
  const TableVersion* after = change.table_after.get();
  out += '[';
  if (before != nullptr || after != nullptr) {
    out += before == nullptr  ? "{\"type\":\"CREATE\",\"id\":"
           : after == nullptr ? "{\"type\":\"DROP\",\"id\":"
                              : "{\"type\":\"ALTER\",\"id\":";
    const TableVersion& named = after != nullptr ? *after : *before;
    append_json_string(out, "\"" + named.database + "\".\"" + named.table + "\"");
    out += ",\"table\":";
    if (after != nullptr) {
      append_table(out, *after);
    } else {
      out += "null";
    }
    out += '}';
  }
  out += ']';
}

}  // namespace binbus::format
