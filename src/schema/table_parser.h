// Parts of statements about tables that more than one statement has.
#pragma once

#include "schema/ddl_statement.h"
#include "schema/token_reader.h"

namespace binbus::schema {

// What was read of a statement stands, with why the rest was not understood.
template <class Statement, class Rest>  // Status, Result<...>
void note_unclear(Statement& statement, const Rest& rest) {
  if (!rest) statement.unclear = rest.error().message;
}

// table, db.table, .table
Result<TableName> parse_table_name(TokenReader& in);
// db.table.column and table.column too, of which only the column is kept.
Result<std::string> parse_column_name(TokenReader& in);

// Whether the place begins a key or a constraint rather than a column.
bool at_key(const TokenReader& in);
// [CONSTRAINT [name]] PRIMARY KEY (...), UNIQUE, KEY, FOREIGN KEY, CHECK, ...; nothing for those without columns of ours.
Result<std::optional<KeySpec>> parse_key(TokenReader& in);
// After INDEX name ON table, or where a key's columns are due: [USING x] (parts) options.
Status parse_key_parts(TokenReader& in, KeySpec& key);
// PERIOD FOR name (start, end), after PERIOD FOR.
Result<PeriodSpec> parse_period(TokenReader& in);

// [DEFAULT] CHARACTER SET [=] x, CHARSET [=] x, COLLATE [=] x; false when something else comes.
Result<bool> take_charset_option(TokenReader& in, CharsetSpec& spec);

// After CREATE [OR REPLACE] [TEMPORARY] TABLE.
Result<CreateTable> parse_create_table(TokenReader& in);
// After ALTER [ONLINE] [IGNORE] TABLE.
Result<AlterTable> parse_alter_table(TokenReader& in);

}  // namespace binbus::schema
