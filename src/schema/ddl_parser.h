// From a statement's text to what it says.
//
// Pure; any thread. `statement` is UTF-8. Statements that cannot change a table's columns are told by their first words and
// not read further, whatever their size. What may change columns and is not understood is kUnsupported, with the place.
#pragma once

#include "schema/ddl_statement.h"
#include "schema/server.h"

namespace binbus::schema {

Result<DdlStatement> parse_ddl(std::string_view statement, const StatementContext& context);

}  // namespace binbus::schema
