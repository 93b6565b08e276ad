// A table as its owner declared it, at one place in the log: what DDL, a baseline or FULL row metadata tell of it.
//
// A TableVersion is immutable once made and shared between threads (shared_ptr<const TableVersion>).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace binbus::schema {

// What a column was declared as. MariaDB's aliases are resolved: BOOL is kTinyint of length 1, its JSON is kLongtext
// with Column::json.
enum class SqlType : uint8_t {
  kTinyint,
  kSmallint,
  kMediumint,
  kInt,
  kBigint,
  kFloat,
  kDouble,
  kDecimal,
  kBit,
  kYear,
  kDate,
  kTime,
  kDatetime,
  kTimestamp,
  kChar,
  kVarchar,
  kTinytext,
  kText,
  kMediumtext,
  kLongtext,
  kBinary,
  kVarbinary,
  kTinyblob,
  kBlob,
  kMediumblob,
  kLongblob,
  kEnum,
  kSet,
  kJson,  // MySQL's binary JSON
  kGeometry,
  kPoint,
  kLinestring,
  kPolygon,
  kMultipoint,
  kMultilinestring,
  kMultipolygon,
  kGeometrycollection,
  kVector,
  kInet4,  // MariaDB's
  kInet6,
  kUuid,
  kUnknown  // of a plugin or a later server: its bytes are carried as they are
};
std::string_view sql_type_name(SqlType type);  // "bigint", as information_schema's DATA_TYPE has it

struct Column {
  std::string name;  // UTF-8
  SqlType type = SqlType::kUnknown;
  bool is_unsigned = false;
  bool zerofill = false;
  bool nullable = true;
  bool generated =
      false;           // VIRTUAL or STORED; both are in row images as far as the server writes them
  bool stored = true;  // false: VIRTUAL
  bool invisible = false;  // not part of SELECT *
  // The server's own, in row images only, behind all others: MariaDB's implicit row_start, DB_ROW_HASH_1, ...
  bool hidden = false;
  bool row_end = false;  // MariaDB's ROW END: until when a row of a versioned table was current
  bool auto_increment = false;
  bool json = false;        // MariaDB's JSON: text that is known to be a document
  bool compressed = false;  // MariaDB's COMPRESSED columns
  // Characters of CHAR and VARCHAR, bytes of binary, TEXT and BLOB, display width of integers (0: none), bits of BIT, digits of
  // DECIMAL, elements of VECTOR.
  uint32_t length = 0;
  uint8_t decimals = 0;   // of DECIMAL and FLOAT(M,D); digits of a temporal type's fraction
  std::string charset;    // "utf8mb4", "latin1"; "binary" and "" for what is no text
  std::string collation;  // "utf8mb4_general_ci"; "" when only the charset is known
  std::vector<std::string> labels;  // of ENUM and SET, UTF-8
  // As information_schema's COLUMN_TYPE prints it: "bigint(20) unsigned", "enum('a','b')".
  std::string type_text;

  bool operator==(const Column&) const = default;
};

struct TableVersion {
  std::string database;  // UTF-8, as the server stores them
  std::string table;
  std::vector<Column> columns;        // in the order of row images
  std::vector<uint32_t> primary_key;  // ordinals of columns, in the key's order; empty: none
  // Where there is no primary key: of the UNIQUE key that the server takes for one, as binlog_row_image=MINIMAL shows, the first
  // in its order of whole columns without NULL. Empty: there is none, or it is not known.
  std::vector<uint32_t> unique_key;
  std::string charset;  // the table's default, "" when not known
  std::string collation;

  bool operator==(const TableVersion&) const = default;
};
using TablePtr = std::shared_ptr<const TableVersion>;

}  // namespace binbus::schema
