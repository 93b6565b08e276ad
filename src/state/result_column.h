// What the columns of a SELECT's result tell of the table's.
//
// Pure; any thread.
#pragma once

#include <string>

#include "mysql/binary_rows.h"
#include "schema/column.h"

namespace binbus::state {

// What the result has instead, in words, when it cannot be of a column that is declared so; "": it can. ENUM and SET, INET and UUID
// are expressions (row_select.h).
std::string difference(const mysql::ResultColumn& result, const schema::Column& column);

// Bytes of a number of this type in a row; 0: it is none.
uint8_t number_bytes(uint8_t type);

}  // namespace binbus::state
