// One row per type that Table_map events number: how long its metadata is, how a value of it lies in a row.
//
// Thread: any.
#pragma once

#include "schema/field.h"

namespace binbus::schema {

// How a value's end is found.
enum class Extent : uint8_t {
  kFixed,  // `bytes` of them
  kByMetadata,  // as many as the metadata says (ENUM, SET), or follows from it (BIT, DECIMAL, temporal fractions)
  kStringPrefix,    // a length before it: of one byte, or two when the metadata is over 255
  kMetadataPrefix,  // a length before it: of as many bytes as the metadata says, 1 to 4
  kUnknown,         // named in old tables only; no row with it can be read
};

struct WireRow {
  uint8_t type = 0;
  const char* name = "";       // as mysqlbinlog and MySQL's sources name it
  uint8_t metadata_bytes = 0;  // in the table map; typed arrays' vary
  Extent extent = Extent::kUnknown;
  uint8_t bytes = 0;
};
// Null for types of plugins and later servers.
const WireRow* wire_type(uint8_t type);

// How many bytes a value has, or how many the length before it.
struct Size {
  uint32_t fixed = 0;
  uint8_t prefix = 0;  // 1 to 4; 0: fixed
};
// kUnsupported for what has no size, kCorrupt where the metadata contradicts the type. Of MariaDB's old temporal types with
// a fraction, which no metadata tells of, `decimals` has the digits.
Result<Size> value_size(const WireColumn& column, uint8_t decimals);

// Which columns a field of optional metadata counts.
bool is_numeric(const WireColumn& column, bool mariadb);
bool is_character(const WireColumn& column, bool mariadb);
inline bool is_labelled(const WireColumn& column, bool) {
  return column.type == kWireEnum || column.type == kWireSet;
}
template <uint8_t kType>
bool is_type(const WireColumn& column, bool) {
  return column.type == kType;
}

// Bytes of a DECIMAL(precision, scale).
uint32_t decimal_bytes(uint32_t precision, uint32_t scale);

}  // namespace binbus::schema
