// Names of tables and columns as configuration and changes have them.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

#include "schema/change.h"

namespace binbus::sink {

// As the server compares names of columns, of which we know the ASCII part: without regard to case.
inline bool same_column_name(std::string_view left, std::string_view right) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(left, right, {}, lower, lower);
}

inline std::optional<uint32_t> find_column(const schema::TableVersion& table,
                                           std::string_view name) {
  for (uint32_t i = 0; i < table.columns.size(); ++i) {
    if (same_column_name(table.columns[i].name, name)) return i;
  }
  return std::nullopt;
}

// What the change is about: of a statement, what comes out of it; null when that is no single table.
inline const schema::TablePtr& table_of(const schema::Change& change) {
  if (change.table != nullptr) return change.table;
  return change.table_after != nullptr ? change.table_after : change.table_before;
}

inline std::string_view database_of(const schema::Change& change) {
  const schema::TablePtr& table = table_of(change);
  return table != nullptr ? std::string_view(table->database) : change.database;
}

// "`shop`.`orders`"
inline std::string shown(const schema::TableVersion& table) {
  return "`" + table.database + "`.`" + table.table + "`";
}

}  // namespace binbus::sink
