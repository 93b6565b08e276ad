#include "schema/hidden_columns.h"

#include <algorithm>

#include "schema/column_type.h"

namespace binbus::schema {
namespace {

constexpr uint32_t kLongUniqueSince = 100400;

// Bytes that an index of the engine holds, with pages of the usual size.
uint32_t index_bytes_max(std::string_view engine) {
  if (engine == "myisam" || engine == "mrg_myisam") return 1000;
  if (engine == "aria") return 2000;
  return 3072;
}

// Engines with hash indexes of their own, which need no column for them.
bool hashes_itself(std::string_view engine) { return engine == "memory" || engine == "heap"; }

uint32_t fraction_bytes(const Column& column) { return (column.decimals + 1U) / 2; }

// What a whole column takes in an index; 0: it has no bound.
uint64_t index_bytes(const Column& column) {
  const uint64_t length = column.length;
  switch (column.type) {
    case SqlType::kTinyint:
    case SqlType::kYear:
      return 1;
    case SqlType::kSmallint:
      return 2;
    case SqlType::kMediumint:
    case SqlType::kDate:
      return 3;
    case SqlType::kInt:
    case SqlType::kFloat:
    case SqlType::kInet4:
      return 4;
    case SqlType::kTime:
      return 3 + fraction_bytes(column);
    case SqlType::kTimestamp:
      return 4 + fraction_bytes(column);
    case SqlType::kDatetime:
      return 5 + fraction_bytes(column);
    case SqlType::kDecimal:
      return length / 2 + 2;
    case SqlType::kBit:
      return (length + 7) / 8;
    case SqlType::kChar:
    case SqlType::kVarchar:
      return length * bytes_per_character(column.charset);
    case SqlType::kBinary:
    case SqlType::kVarbinary:
      return length;
    case SqlType::kEnum:
      return 2;
    case SqlType::kInet6:
    case SqlType::kUuid:
      return 16;
    default:
      return blob_bytes_max(column.type) > 0 ? 0 : 8;
  }
}

bool needs_hash(const UniqueKey& key, const TableDefinition& table) {
  if (hashes_itself(table.engine)) return false;
  if (key.hash) return true;
  uint64_t sum = 0;
  for (const UniqueKey::Part& part : key.parts) {
    const auto column = std::ranges::find(table.version.columns, part.column, &Column::name);
    if (column == table.version.columns.end()) continue;
    uint64_t bytes = index_bytes(*column);
    const uint64_t prefix = uint64_t{part.prefix} * bytes_per_character(column->charset);
    if (prefix > 0) bytes = bytes == 0 ? prefix : std::min(bytes, prefix);
    if (bytes == 0) return true;
    sum += bytes;
  }
  return sum > index_bytes_max(table.engine);
}

Column hidden(std::string name, SqlType type) {
  Column column;
  column.name = std::move(name);
  column.type = type;
  column.generated = true;
  column.invisible = true;
  column.hidden = true;
  return column;
}

}  // namespace

bool has_hash_column(const UniqueKey& key, const TableDefinition& table,
                     const StatementContext& context) {
  return context.server.mariadb_from(kLongUniqueSince) && needs_hash(key, table);
}

void add_hidden_columns(TableDefinition& definition, const StatementContext& context) {
  if (!context.server.mariadb) return;
  std::vector<Column>& columns = definition.version.columns;
  if (definition.versioned) {
    for (const char* name : {"row_start", "row_end"}) {
      Column column = hidden(name, SqlType::kTimestamp);
      column.row_end = std::string_view(name) == "row_end";
      column.decimals = 6;
      column.nullable = false;
      column.type_text = "timestamp(6)";
      columns.push_back(std::move(column));
    }
  }
  size_t number = 0;
  for (const UniqueKey& key : definition.unique_keys) {
    if (!has_hash_column(key, definition, context)) continue;
    Column column = hidden("DB_ROW_HASH_" + std::to_string(++number), SqlType::kBigint);
    column.is_unsigned = true;
    column.length = 20;
    column.stored = false;
    column.type_text = "bigint(20) unsigned";
    columns.push_back(std::move(column));
  }
}

}  // namespace binbus::schema
