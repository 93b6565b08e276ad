// What tells a table's rows apart: its primary key, or else the UNIQUE key that the server takes for one.
//
// A key is made of a row image's values: exact, where the source may take two for one (collations), as no two rows have such
// keys at a time and a change of one is told with both images. It is the same for a value whatever its column is widened to:
// INT to BIGINT, VARCHAR(10) to VARCHAR(20), CHAR to VARCHAR. Keys compare as bytes: integers in their order, strings by theirs.
//
// Pure; any thread.
#pragma once

#include "schema/field.h"

namespace binbus::state {

// Ordinals of columns, in the key's order; empty: the table has no key, and rows are told apart by all they have.
std::vector<uint32_t> key_columns(const schema::TableVersion& table);

// Appends what `columns` of the row make; none: all that are there and not generated, as MariaDB does not log these always.
// kNotFound, naming the column, when the row has not that one.
Status append_key(std::string& out, std::span<const schema::Field> row,
                  std::span<const uint32_t> columns);

// A row that has its key alone, in its columns; the bytes are those of `row`.
std::vector<schema::Field> key_alone_of(std::span<const schema::Field> row,
                                        std::span<const uint32_t> key);

}  // namespace binbus::state
