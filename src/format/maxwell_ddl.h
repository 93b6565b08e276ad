// Maxwell's messages for DDL, with the tables' definitions as Maxwell keeps them.
//
// Pure; any thread.
#pragma once

#include <string>

#include "schema/change.h"

namespace binbus::format {

// Appends the message of a kDdl or kTruncate from its "{" up to where "ts" follows. False, and nothing is appended, for
// statements that Maxwell has no message for.
bool append_maxwell_ddl(std::string& out, const schema::Change& change);

}  // namespace binbus::format
