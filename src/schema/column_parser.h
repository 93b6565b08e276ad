// Reads a column's type and attributes, in every spelling of MySQL and MariaDB.
#pragma once

#include "schema/ddl_statement.h"
#include "schema/token_reader.h"

namespace binbus::schema {

// A type with what belongs to it: lengths, signedness, charset.
Result<TypeSpec> parse_type(TokenReader& in);

// What follows a column's name. Stops before ',', ')', FIRST, AFTER or what belongs to the statement around it.
Result<ColumnSpec> parse_column(TokenReader& in, std::string name);

// [=] name, after CHARSET or CHARACTER SET; "" for DEFAULT.
Result<std::string> parse_charset_name(TokenReader& in);

}  // namespace binbus::schema
