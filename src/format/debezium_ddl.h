// Debezium's description of a table in its schema change messages.
//
// Pure; any thread.
#pragma once

#include <string>

#include "schema/change.h"

namespace binbus::format {

// [{"type":"ALTER","id":"\"shop\".\"orders\"","table":{...}}], [] for a statement about no single table.
void append_table_changes(std::string& out, const schema::Change& change);

}  // namespace binbus::format
