// Whether a kept row is the one that the source has.
//
// Pure; any thread.
#pragma once

#include <vector>

#include "schema/field.h"
#include "state/verification.h"

namespace binbus::state {

// Ordinals of the columns whose values differ: those that are not the same bytes, and do not print as the same text (row_select.h says
// where that is so). A value that one of the rows has not is no difference: hidden columns, generated ones that MariaDB leaves out of
// its log, or has as NULL there, and what is still to be looked up at the source.
Result<std::vector<uint32_t>> differing_columns(std::span<const schema::Field> kept,
                                                std::span<const schema::Field> source);

// As it is told: with what `key` names of the row, or all, when that is empty.
Result<RowDifference> row_difference(RowDifference::Kind kind, std::span<const uint32_t> key,
                                     std::span<const schema::Field> row);

}  // namespace binbus::state
