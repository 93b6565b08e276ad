// A table version as the CREATE TABLE statement that makes one like it.
#pragma once

#include <string>

#include "schema/column.h"

namespace binbus::schema {

// Columns, their order, types, charsets, nullability and the primary key; defaults, expressions and other keys are not kept.
// Hidden columns stand in a comment. Ends without a semicolon.
std::string show_create(const TableVersion& version);

}  // namespace binbus::schema
