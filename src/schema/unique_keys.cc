#include "schema/unique_keys.h"

#include <algorithm>

#include "schema/column_type.h"
#include "schema/hidden_columns.h"

namespace binbus::schema {
namespace {

// Null for an expression.
const Column* column_of(const UniqueKey::Part& part, const TableDefinition& table) {
  const auto& columns = table.version.columns;
  const auto found = std::ranges::find(columns, part.column, &Column::name);
  return part.column.empty() || found == columns.end() ? nullptr : &*found;
}

bool is_virtual(const Column& column) { return column.generated && !column.stored; }

// Of a BLOB or TEXT, which has no key without a prefix, the prefix may be as long as the longest value. (MySQL before 8.0 takes
// such a key for a primary key all the same, but puts it behind those without prefixes.)
bool is_whole(const UniqueKey::Part& part, const Column& column) {
  const uint32_t bytes_max = blob_bytes_max(column.type);
  return bytes_max == 0 ? part.prefix == 0
                        : uint64_t{part.prefix} * bytes_per_character(column.charset) == bytes_max;
}

bool is_partial(const UniqueKey::Part& part, const Column& column,
                const StatementContext& context) {
  const bool whole_blobs = context.server.mariadb || context.server.mysql_from(80000);
  return !is_whole(part, column) || (part.prefix > 0 && !whole_blobs);
}

// The key's columns, without MariaDB's ROW END, which its servers add to the keys of versioned tables by themselves and which is
// the same in all current rows. Empty: it does not tell rows apart.
std::vector<uint32_t> usable_columns(const UniqueKey& key, const TableDefinition& table,
                                     const StatementContext& context) {
  std::vector<uint32_t> ordinals;
  if (has_hash_column(key, table, context)) return ordinals;
  for (const UniqueKey::Part& part : key.parts) {
    const Column* column = column_of(part, table);
    if (column == nullptr || column->nullable || is_virtual(*column) || !is_whole(part, *column))
      return {};
    if (!column->row_end)
      ordinals.push_back(static_cast<uint32_t>(column - table.version.columns.data()));
  }
  return ordinals;
}

}  // namespace

KeyRank rank_of(const UniqueKey& key, const TableDefinition& table,
                const StatementContext& context) {
  KeyRank rank;
  rank.nullable = has_hash_column(key, table, context);
  for (const UniqueKey::Part& part : key.parts) {
    const Column* column = column_of(part, table);
    rank.nullable = rank.nullable || (column != nullptr && column->nullable);
    rank.partial = rank.partial || (column != nullptr && is_partial(part, *column, context));
    rank.computed =
        rank.computed || (!context.server.mariadb && (column == nullptr || is_virtual(*column)));
  }
  return rank;
}

uint32_t needed_prefix(const Column& column, uint32_t prefix) {
  switch (column.type) {
    case SqlType::kChar:
    case SqlType::kVarchar:
    case SqlType::kBinary:
    case SqlType::kVarbinary:
      return prefix < column.length ? prefix : 0;
    default:
      return blob_bytes_max(column.type) > 0 ? prefix : 0;
  }
}

std::vector<uint32_t> find_unique_key(const TableDefinition& table,
                                      const StatementContext& context) {
  if (!table.keys_known || !table.version.primary_key.empty()) return {};
  for (const UniqueKey& key : table.unique_keys) {
    std::vector<uint32_t> found = usable_columns(key, table, context);
    if (!found.empty()) return found;
  }
  return {};
}

bool differs_in_order_of_keys(const TableDefinition& before, const TableDefinition& after,
                              const StatementContext& context) {
  if (before.unique_keys == after.unique_keys) return false;
  if (context.server.mariadb && before.version.unique_key != after.version.unique_key) return false;
  if (!std::ranges::is_permutation(before.unique_keys, after.unique_keys)) return false;
  TableDefinition same = after;
  same.unique_keys = before.unique_keys;
  same.version.unique_key = before.version.unique_key;
  return same == before;
}

}  // namespace binbus::schema
