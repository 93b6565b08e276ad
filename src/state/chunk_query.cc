#include "state/chunk_query.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hex.h"
#include "schema/column_type.h"
#include "schema/identifier.h"

namespace binbus::state {
namespace {

using schema::Column;
using schema::Field;
using schema::SqlType;

std::string hexadecimal(std::string_view bytes) {
  std::string out = "X'";
  append_hex(out, bytes);
  return out + "'";
}

bool is_labelled(const Column& column) {
  return column.type == SqlType::kEnum || column.type == SqlType::kSet;
}

// How a column of the key is compared: what the server sorts it by.
std::string operand(const Column& column) {
  return is_labelled(column) ? schema::quoted_identifier(column.name) + "+0"
                             : schema::quoted_identifier(column.name);
}

Result<std::string> text_of(const Field& field) {
  std::string text;
  BINBUS_RETURN_IF_ERROR(append_text(text, field));
  return text;
}

// With the same value, whatever the session's settings, for a comparison with operand().
Result<std::string> literal(const Field& field) {
  const Column& column = *field.column;
  if (schema::is_text_type(column.type)) {
    const bool is_text = !column.charset.empty() && column.charset != "binary";
    return (is_text ? "_" + column.charset + " " : std::string()) +
           hexadecimal(as_text(field.bytes));
  }
  if (schema::is_binary_type(column.type)) {
    std::string bytes(as_text(field.bytes));
    if (column.type == SqlType::kBinary)  // whose padding counts
      bytes.resize(std::max<size_t>(bytes.size(), column.length), '\0');
    return hexadecimal(bytes);
  }
  if (schema::is_integer_type(column.type) || column.type == SqlType::kYear ||
      column.type == SqlType::kBit || is_labelled(column)) {
    BINBUS_TRY(integer, read_integer(field));
    return integer.is_signed ? std::to_string(integer.value()) : std::to_string(integer.bits);
  }
  switch (column.type) {
    case SqlType::kFloat:
    case SqlType::kDouble: {
      BINBUS_TRY(value, read_double(field));
      return fmt::format("{:.17e}", value);
    }
    case SqlType::kDecimal:
      return text_of(field);
    case SqlType::kDate:
    case SqlType::kTime:
    case SqlType::kDatetime:
    case SqlType::kTimestamp:
    case SqlType::kInet4:
    case SqlType::kInet6:
    case SqlType::kUuid: {
      BINBUS_TRY(text, text_of(field));
      return "'" + text + "'";
    }
    default:
      return fail(Code::kUnsupported,
                  "column " + column.name + " of type " + std::string(sql_type_name(column.type)) +
                      " is part of the key, and rows cannot be read in its order");
  }
}

std::string from_table(const schema::TableVersion& table, std::string_view select_list) {
  return fmt::format("SELECT {} FROM {}.{}", select_list, schema::quoted_identifier(table.database),
                     schema::quoted_identifier(table.table));
}

// a >= 1 AND (a > 1 OR (a = 1 AND b > 2)): the first part is a range of the key's index.
Result<std::string> behind(std::span<const uint32_t> key, std::span<const Field> last) {
  BINBUS_TRY(value, literal(last[key[0]]));
  const std::string column = operand(*last[key[0]].column);
  if (key.size() == 1) return fmt::format("{} > {}", column, value);
  BINBUS_TRY(rest, behind(key.subspan(1), last));
  return fmt::format("{0} >= {1} AND ({0} > {1} OR ({0} = {1} AND {2}))", column, value, rest);
}

}  // namespace

Result<std::string> chunk_query(const schema::TableVersion& table, std::string_view select_list,
                                std::span<const uint32_t> key, std::span<const Field> last,
                                uint64_t rows_max) {
  std::string out = from_table(table, select_list);
  if (key.empty()) return out;
  if (!last.empty()) {
    BINBUS_TRY(condition, behind(key, last));
    out += " WHERE " + condition;
  }
  out += " ORDER BY ";
  for (size_t i = 0; i < key.size(); ++i)
    out += (i == 0 ? "" : ", ") + schema::quoted_identifier(table.columns[key[i]].name);
  return out + fmt::format(" LIMIT {}", rows_max);
}

Result<std::string> key_condition(std::span<const uint32_t> key, std::span<const Field> row) {
  std::string out;
  for (size_t i = 0; i < key.size(); ++i) {
    const Field& field = row[key[i]];
    BINBUS_TRY(value, literal(field));
    out += (i == 0 ? "" : " AND ") + operand(*field.column) + " = " + value;
  }
  return out;
}

std::string rows_query(const schema::TableVersion& table, std::string_view select_list,
                       std::span<const std::string> conditions) {
  return fmt::format("{} WHERE {}", from_table(table, select_list), fmt::join(conditions, " OR "));
}

}  // namespace binbus::state
