#include "state/result_column.h"

#include <optional>

#include "schema/charset.h"
#include "schema/charset_names.h"
#include "schema/column_type.h"
#include "schema/declared_wire.h"
#include "schema/table_definition.h"
#include "schema/wire_types.h"

namespace binbus::state {
namespace {

using mysql::ResultColumn;
using schema::Charset;
using schema::Column;
using schema::SqlType;

std::string type_name(uint8_t type) {
  const schema::WireRow* row = schema::wire_type(type);
  return row == nullptr ? "type " + std::to_string(type) : row->name;
}

bool is_string(uint8_t type) {
  return type == schema::kWireVarString || type == schema::kWireString;
}

// Whether a column of this type gives such values.
bool same_type(const ResultColumn& result, const Column& column) {
  switch (column.type) {
    case SqlType::kEnum:
    case SqlType::kSet:
      return result.type == schema::kWireLonglong || result.type == schema::kWireLong;
    case SqlType::kTime:
      return result.type == schema::kWireTime;
    case SqlType::kDatetime:
      return result.type == schema::kWireDatetime;
    case SqlType::kTimestamp:
      return result.type == schema::kWireTimestamp;
    case SqlType::kVarchar:
    case SqlType::kVarbinary:
      return result.type == schema::kWireVarString;
    case SqlType::kVector:
      return result.type == schema::kWireVector || is_string(result.type);
    case SqlType::kInet4:
    case SqlType::kInet6:
    case SqlType::kUuid:
      return is_string(result.type);
    case SqlType::kDate:
      return result.type == schema::kWireDate || result.type == schema::kWireNewdate;
    default: {
      Column plain = column;
      plain.compressed = false;
      return result.type == declared_wire(plain, false).type;
    }
  }
}

// A decimal's length counts its sign and its point.
uint32_t printed_digits(const ResultColumn& result) {
  return result.length - (result.is_unsigned() ? 0 : 1) - (result.decimals > 0 ? 1 : 0);
}

// What the result's length must be; none: it says nothing, or the charset is not known.
std::optional<uint32_t> length_of(const Column& column) {
  const uint32_t head = column.compressed ? 1 : 0;
  switch (column.type) {
    case SqlType::kChar:
    case SqlType::kVarchar:
      if (Charset::find(column.charset) == nullptr) return std::nullopt;
      return column.length * schema::bytes_per_character(column.charset) + head;
    case SqlType::kVarbinary:
      return column.length + head;
    case SqlType::kBinary:
    case SqlType::kBit:
    case SqlType::kDecimal:
      return column.length;
    case SqlType::kFloat:
    case SqlType::kDouble:
      if (column.length == 0) return std::nullopt;
      return column.length;
    default: {
      const uint32_t bytes = schema::blob_bytes_max(column.type);
      if (bytes == 0) return std::nullopt;
      return bytes;
    }
  }
}

std::optional<uint8_t> decimals_of(const Column& column) {
  constexpr uint8_t kAsMayBe = 31;
  switch (column.type) {
    case SqlType::kDecimal:
    case SqlType::kTime:
    case SqlType::kDatetime:
    case SqlType::kTimestamp:
      return column.decimals;
    case SqlType::kFloat:
    case SqlType::kDouble:
      return column.length == 0 ? kAsMayBe : column.decimals;
    default:
      return std::nullopt;
  }
}

std::string charset_difference(const ResultColumn& result, const Column& column) {
  const Charset* charset = Charset::find_by_collation(uint32_t{result.collation});
  const Charset* declared =
      Charset::find(schema::is_text_type(column.type) ? column.charset : "binary");
  if (charset == nullptr || declared == nullptr || charset == declared) return "";
  return type_name(result.type) + " of charset " + std::string(charset->name());
}

}  // namespace

uint8_t number_bytes(uint8_t type) {
  switch (type) {
    case schema::kWireTiny:
      return 1;
    case schema::kWireShort:
      return 2;
    case schema::kWireInt24:
    case schema::kWireLong:
    case schema::kWireFloat:
      return 4;
    case schema::kWireLonglong:
    case schema::kWireDouble:
      return 8;
    default:
      return 0;
  }
}

std::string difference(const ResultColumn& result, const Column& column) {
  if (!result.name.empty() && !schema::same_name(result.name, column.name))
    return "column " + result.name;
  if (!same_type(result, column)) return type_name(result.type);
  if (schema::is_integer_type(column.type) &&
      result.is_unsigned() != (column.is_unsigned || column.zerofill))
    return result.is_unsigned() ? "unsigned" : "signed";
  if (decimals_of(column).value_or(result.decimals) != result.decimals)
    return type_name(result.type) + " with " + std::to_string(result.decimals) + " decimals";
  const uint32_t length = column.type == SqlType::kDecimal ? printed_digits(result) : result.length;
  if (length_of(column).value_or(length) != length)
    return type_name(result.type) + " of length " + std::to_string(length);
  return charset_difference(result, column);
}

}  // namespace binbus::state
