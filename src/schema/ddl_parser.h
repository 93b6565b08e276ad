// From a statement's text to what it says.
//
// Pure; any thread. `statement` is UTF-8. Statements that cannot change a table's columns are told by their first words and
// not read further, whatever their size. What may change columns and is not understood says so (`unclear`, with the place) when
// it is known of which table or database; else it is kUnsupported.
#pragma once

#include "schema/ddl_statement.h"
#include "schema/server.h"

namespace binbus::schema {

Result<DdlStatement> parse_ddl(std::string_view statement, const StatementContext& context);

// What a message shows of a statement: its beginning, not cut within a character.
std::string beginning_of(std::string_view statement);

}  // namespace binbus::schema
