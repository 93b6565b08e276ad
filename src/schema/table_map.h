// Table_map events: which table the rows events that follow are of, and how its columns' bytes are to be found.
//
// Layouts: docs/formats/rows.md. Pure; everything may be used from any thread.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "binlog/event.h"
#include "schema/column.h"
#include "schema/field.h"

namespace binbus::schema {

// What servers since MySQL 8.0 and MariaDB 10.5 write after a table map's own columns. With binlog_row_metadata=MINIMAL
// only signedness, charsets and geometry types; with FULL the rest too. What a field is not given for is empty.
struct OptionalMetadata {
  std::vector<bool> is_unsigned;           // per numeric column, in order
  std::vector<uint32_t> text_collations;   // per character column
  std::vector<uint32_t> label_collations;  // per ENUM and SET column
  std::vector<std::string> names;          // per column, UTF-8
  std::vector<std::vector<Bytes>>
      enum_labels;  // per ENUM column, in the column's charset; views into the event
  std::vector<std::vector<Bytes>> set_labels;
  std::vector<uint64_t>
      geometry_types;  // per geometry column: 0 any, 1 POINT, ... 7 GEOMETRYCOLLECTION
  std::vector<uint64_t> vector_elements;  // per VECTOR column
  std::optional<std::vector<uint32_t>>
      primary_key;            // ordinals; of keys with prefixes the columns alone
  std::vector<bool> visible;  // per column
};

struct TableMap {
  uint64_t table_id = 0;
  bool mariadb = false;
  std::string database;
  std::string table;
  std::vector<WireColumn> columns;
  OptionalMetadata metadata;
};

// `event` is whole but for its checksum; the map's labels are views into it. kCorrupt and kTruncated where it contradicts its
// format, kUnsupported naming the column whose type is not known; fields of metadata not known are skipped.
Result<TableMap> parse_table_map(Bytes event, const binlog::FormatDescription& format);

// The database's and the table's name alone, views into the event.
Result<std::pair<std::string_view, std::string_view>> parse_table_names(
    Bytes event, const binlog::FormatDescription& format);

// Of a Table_map or rows event, as the format description has it: 6 with table ids of four bytes, else 8 or 10.
inline uint32_t post_header_bytes(uint8_t type, const binlog::FormatDescription& format) {
  const auto& lengths = format.post_header_bytes;
  return type >= 1 && type <= lengths.size() ? lengths[type - 1U] : 8U;
}

// The id alone, which rows events have at the same place.
inline Result<uint64_t> parse_table_id(Bytes event, const binlog::FormatDescription& format) {
  const bool short_id = event.size() > 4 && post_header_bytes(event[4], format) == 6;
  if (event.size() < format.header_bytes + (short_id ? 4U : 6U)) {
    return fail(Code::kTruncated, "table id");
  }
  const uint8_t* id = event.data() + format.header_bytes;
  return short_id ? load_u32(id) : load_le<6>(id);
}

// The table as FULL metadata tells it: complete but for display widths and ZEROFILL, AUTO_INCREMENT, generation, the
// table's own charset, and on MariaDB what its metadata shows as another type (INET4, INET6, UUID: BINARY; VECTOR: VARBINARY;
// JSON: LONGTEXT). Where names, signedness or labels are missing, columns have none. kCorrupt when the metadata is not of
// these columns.
Result<TableVersion> describe(const TableMap& map);

}  // namespace binbus::schema
