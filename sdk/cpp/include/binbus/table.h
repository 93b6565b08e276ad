// Tables as they were when a change was made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace binbus {

// What a column's values are, whatever its type is called.
enum class Kind {
  kInteger,  // TINYINT to BIGINT, YEAR
  kDecimal,
  kFloat,  // FLOAT, DOUBLE
  kText,   // CHAR to LONGTEXT, JSON
  kBytes,  // BINARY to LONGBLOB, geometries
  kBit,
  kDate,
  kTime,
  kDateTime,  // DATETIME, TIMESTAMP (in UTC)
  kEnum,
  kSet,
};

struct Column {
  std::string name;
  std::string type;       // information_schema's DATA_TYPE: "bigint"
  std::string type_text;  // its COLUMN_TYPE: "bigint(20) unsigned"
  std::string charset;    // of text, at the source; values are UTF-8
  Kind kind = Kind::kBytes;
  bool nullable = false;
  bool is_unsigned = false;
  bool json = false;  // text that is known to be a document: MariaDB's JSON
  bool generated = false;
  bool invisible = false;
  uint32_t length = 0;                   // characters, bytes, digits of a DECIMAL
  uint32_t decimals = 0;                 // of a DECIMAL; digits of a temporal type's fraction
  std::vector<std::string> labels = {};  // of ENUM and SET
};

// A version of a table. Another one comes with each change after a DDL statement about it.
struct Table {
  std::string database;
  std::string name;
  std::vector<Column> columns;
  std::vector<size_t> key;  // ordinals in `columns`; empty: the table has none

  // The ordinal of the column of that name; columns.size(): there is none.
  size_t find(std::string_view column) const;
};

}  // namespace binbus
