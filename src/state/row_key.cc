#include "state/row_key.h"

#include "schema/column_type.h"
#include "schema/compressed.h"

namespace binbus::state {
namespace {

using schema::Field;
using schema::SqlType;

// Of a part's value, in front of it; in this order.
enum Kind : char { kNull = 1, kNegative = 2, kInteger = 3, kString = 4, kText = 5 };

bool is_integer(SqlType type) {
  return schema::is_integer_type(type) || type == SqlType::kYear || type == SqlType::kBit;
}

// Whose bytes are the value. Not of BINARY, which events strip of its padding.
bool is_string(SqlType type) {
  return schema::is_text_type(type) || (schema::is_binary_type(type) && type != SqlType::kBinary);
}

// A zero byte is followed by 0xff, the end is two zero bytes: what is longer comes later.
void append_ended(std::string& out, std::string_view bytes) {
  for (const char byte : bytes) {
    out.push_back(byte);
    if (byte == '\0') out.push_back('\xff');
  }
  out.append(2, '\0');
}

// The value's own bytes, also of what MariaDB has compressed.
Status append_string(std::string& out, const Field& field) {
  const uint8_t type = field.wire.type;
  if (type != schema::kWireVarcharCompressed && type != schema::kWireBlobCompressed) {
    append_ended(out, as_text(field.bytes));
    return ok();
  }
  std::string plain;
  BINBUS_RETURN_IF_ERROR(schema::append_uncompressed_value(plain, field.bytes));
  append_ended(out, plain);
  return ok();
}

void append_big_endian(std::string& out, uint64_t bits) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(bits >> shift));
}

Status append_part(std::string& out, const Field& field) {
  if (field.state == Field::State::kNull) {
    out.push_back(kNull);
    return ok();
  }
  const SqlType type = field.column->type;
  if (is_integer(type)) {
    BINBUS_TRY(integer, read_integer(field));
    out.push_back(integer.is_signed && integer.value() < 0 ? kNegative : kInteger);
    append_big_endian(out, integer.bits);
    return ok();
  }
  if (is_string(type)) {
    out.push_back(kString);
    return append_string(out, field);
  }
  std::string text;
  BINBUS_RETURN_IF_ERROR(append_text(text, field));
  // BINARY(n) may become VARBINARY, of which it is what it was.
  out.push_back(type == SqlType::kBinary ? kString : kText);
  append_ended(out, text);
  return ok();
}

}  // namespace

std::vector<uint32_t> key_columns(const schema::TableVersion& table) {
  return table.primary_key.empty() ? table.unique_key : table.primary_key;
}

std::vector<Field> key_alone_of(std::span<const Field> row, std::span<const uint32_t> key) {
  std::vector<Field> out(row.begin(), row.end());
  for (Field& field : out) field.state = Field::State::kAbsent;
  for (const uint32_t column : key) out[column].state = row[column].state;
  return out;
}

Status append_key(std::string& out, std::span<const Field> row, std::span<const uint32_t> columns) {
  for (const Field& field : row) {
    const bool there = field.state != Field::State::kAbsent && !field.column->generated;
    if (columns.empty() && there) BINBUS_RETURN_IF_ERROR(append_part(out, field));
  }
  for (const uint32_t column : columns) {
    if (column >= row.size() || row[column].state == Field::State::kAbsent) {
      return fail(Code::kNotFound,
                  "a row has no value of column " +
                      (column < row.size() ? row[column].column->name : std::to_string(column)) +
                      " of its key");
    }
    BINBUS_RETURN_IF_ERROR(append_part(out, row[column]));
  }
  return ok();
}

}  // namespace binbus::state
