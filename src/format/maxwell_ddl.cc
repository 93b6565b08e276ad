#include "format/maxwell_ddl.h"

#include "format/ddl_kind.h"
#include "format/json_output.h"
#include "format/value.h"

namespace binbus::format {
namespace {

using schema::Change;
using schema::Column;
using schema::Operation;
using schema::TableVersion;

void append_string_or_null(std::string& out, std::string_view text) {
  if (text.empty()) {
    out += "null";
  } else {
    append_json_string(out, text);
  }
}

bool has_charset(const ColumnPlan& plan) {
  return plan.shape == Shape::kText || plan.shape == Shape::kJsonText ||
         plan.shape == Shape::kBinary;
}

// A column in the definitions of DDL messages: only what Maxwell keeps of its type.
void append_definition(std::string& out, const Column& column) {
  out += "{\"type\":";
  append_json_string(out, schema::sql_type_name(column.type));
  out += ",\"name\":";
  append_json_string(out, column.name);
  const ColumnPlan plan(column);
  if (has_charset(plan)) {
    out += ",\"charset\":";
    append_json_string(out, plan.shape == Shape::kBinary ? "binary" : column.charset);
  } else if (plan.shape == Shape::kInteger) {
    out += column.is_unsigned ? ",\"signed\":false" : ",\"signed\":true";
  } else if (plan.shape == Shape::kEnum || plan.shape == Shape::kSet) {
    out += ",\"enum-values\":[";
    for (size_t i = 0; i < column.labels.size(); ++i) {
      if (i > 0) out += ',';
      append_json_string(out, column.labels[i]);
    }
    out += ']';
  } else if (plan.shape == Shape::kTime || plan.shape == Shape::kDatetime ||
             plan.shape == Shape::kTimestamp) {
    out += ",\"column-length\":";
    append_number(out, column.decimals);
  }
  out += '}';
}

void append_definition(std::string& out, const TableVersion& table) {
  out += "{\"database\":";
  append_json_string(out, table.database);
  out += ",\"charset\":";
  append_string_or_null(out, table.charset);
  out += ",\"table\":";
  append_json_string(out, table.table);
  out += ",\"columns\":[";
  const std::span<const Column> columns = shown_columns(table);
  for (const Column& column : columns) {
    if (&column != &columns.front()) out += ',';
    append_definition(out, column);
  }
  out += "],\"primary-key\":[";
  for (size_t i = 0; i < table.primary_key.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, table.columns[table.primary_key[i]].name);
  }
  out += "]}";
}

void append_head(std::string& out, std::string_view type, const TableVersion& table) {
  out += "{\"type\":\"";
  out += type;
  out += "\",\"database\":";
  append_json_string(out, table.database);
  out += ",\"table\":";
  append_json_string(out, table.table);
}

void append_table_ddl(std::string& out, const TableVersion* before, const TableVersion* after) {
  const char* type = before == nullptr  ? "table-create"
                     : after == nullptr ? "table-drop"
                                        : "table-alter";
  append_head(out, type, before != nullptr ? *before : *after);
  if (before != nullptr && after != nullptr) {
    out += ",\"old\":";
    append_definition(out, *before);
  }
  if (after != nullptr) {
    out += ",\"def\":";
    append_definition(out, *after);
  }
}

bool append_database_ddl(std::string& out, const Change& change) {
  const DdlWords words = ddl_words(change.statement);
  const char* type = words.kind == DdlKind::kCreateDatabase  ? "database-create"
                     : words.kind == DdlKind::kAlterDatabase ? "database-alter"
                     : words.kind == DdlKind::kDropDatabase  ? "database-drop"
                                                             : nullptr;
  if (type == nullptr) return false;
  out += "{\"type\":\"";
  out += type;
  out += "\",\"database\":";
  append_json_string(out, words.database.empty() ? change.database : words.database);
  if (words.kind == DdlKind::kDropDatabase) return true;
  out += ",\"charset\":";
  append_string_or_null(out, words.charset);
  return true;
}

}  // namespace

bool append_maxwell_ddl(std::string& out, const Change& change) {
  if (change.operation == Operation::kTruncate) {
    if (change.table == nullptr) return false;
    append_head(out, "table-truncate", *change.table);
    return true;
  }
  if (change.table_before == nullptr && change.table_after == nullptr)
    return append_database_ddl(out, change);
  append_table_ddl(out, change.table_before.get(), change.table_after.get());
  return true;
}

}  // namespace binbus::format
