// Columns that MariaDB adds to a table by itself: they are in row images and not in information_schema.
#pragma once

#include "schema/table_definition.h"

namespace binbus::schema {

// Appends those that the definition asks for: row_start and row_end of implicit versioning, and a hash for each UNIQUE key
// that is too long for an index (10.4 and later). The definition has none yet.
void add_hidden_columns(TableDefinition& definition, const StatementContext& context);

}  // namespace binbus::schema
