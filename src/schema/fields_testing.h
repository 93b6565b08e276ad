// Fields, events and columns for tests.
#pragma once

#include <string>
#include <string_view>

#include "binlog/event.h"
#include "schema/field.h"

namespace binbus::schema::testing_fields {

// "0a ff" or "0aff"
ByteVector bytes_of(std::string_view hex);

// An event of this type with a header and no checksum.
ByteVector event_of(uint8_t type, std::string_view body_hex);
// Post-headers as servers of today have them: ids of six bytes, ten bytes for types 30 to 32 and 39.
binlog::FormatDescription format_of(std::string server_version);

Column column_of(SqlType type, std::string charset = "");

// A column's value, text or bytes.
struct Value {
  Column column;
  WireColumn wire;
  ByteVector bytes;
  Field field() const;
  // append_text()'s, or "error: ..."
  std::string text() const;
};

}  // namespace binbus::schema::testing_fields
