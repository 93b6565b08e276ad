// In which order a server keeps a table's UNIQUE keys, and which of them it takes for a primary key where there is none.
//
// The order is: keys of columns that are all NOT NULL, those of whole columns, those without virtual columns, and else as they
// came; SHOW CREATE TABLE prints it. Pure; any thread.
#pragma once

#include <compare>

#include "schema/table_definition.h"

namespace binbus::schema {

// What a key has against it in that order.
struct KeyRank {
  bool nullable = false;
  bool partial = false;
  bool computed = false;
  auto operator<=>(const KeyRank&) const = default;
};
KeyRank rank_of(const UniqueKey& key, const TableDefinition& table,
                const StatementContext& context);

// What is left of a prefix: 0 where it holds the whole column, or the type has none.
uint32_t needed_prefix(const Column& column, uint32_t prefix);

// TableVersion::unique_key of a definition whose keys are in order.
std::vector<uint32_t> find_unique_key(const TableDefinition& table,
                                      const StatementContext& context);

// Whether an ALTER TABLE that dropped keys and added the same again has changed nothing at all: the server leaves the table as
// it was, the keys' order included. MariaDB does so where the key that it takes for a primary key stays the same, too.
bool differs_in_order_of_keys(const TableDefinition& before, const TableDefinition& after,
                              const StatementContext& context);

}  // namespace binbus::schema
