// What MariaDB's system versioning makes of changes: a versioned table keeps the rows of the past beside the current ones. DELETE is
// logged as an update of the row's end, and UPDATE is followed by an insert of the row as it was.
//
// Pure; any thread.
#pragma once

#include <optional>
#include <span>

#include "schema/change.h"

namespace binbus::schema {

// What an operation on rows is to the rows that are current, which are those that SELECT shows; nothing: it is about the past.
// `row_end` is the ordinal of the column that says when a row ended. Errors are those of its values.
Result<std::optional<Operation>> current_rows_operation(Operation logged, uint32_t row_end,
                                                        std::span<const Field> before,
                                                        std::span<const Field> after);

}  // namespace binbus::schema
