// Columns that MariaDB adds to a table by itself: they are in row images and not in information_schema.
#pragma once

#include "schema/table_definition.h"

namespace binbus::schema {

// Whether a UNIQUE key is one over a hidden column for its hash, since it is too long for an index (10.4 and later).
bool has_hash_column(const UniqueKey& key, const TableDefinition& table,
                     const StatementContext& context);

// Appends those that the definition asks for: row_start and row_end of implicit versioning, and a hash for each UNIQUE key
// that has_hash_column(). The definition has none yet.
void add_hidden_columns(TableDefinition& definition, const StatementContext& context);

}  // namespace binbus::schema
