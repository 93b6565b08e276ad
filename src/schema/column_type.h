// A column's type as information_schema's COLUMN_TYPE prints it, and what a declaration makes of it.
//
// Pure; any thread.
#pragma once

#include "schema/charset_names.h"
#include "schema/column.h"

namespace binbus::schema {

// Whose way of printing.
enum class TypeStyle : uint8_t { kMysql57, kMysql80, kMysql8019, kMariadb };
TypeStyle type_style(const ServerVersion& server);
std::string column_type_text(const Column& column, TypeStyle style);

// How many bytes a TEXT or BLOB type holds; 0 for other types.
uint32_t blob_bytes_max(SqlType type);
bool is_character_type(SqlType type);  // one that has a charset: CHAR to LONGTEXT, ENUM, SET
bool is_integer_type(SqlType type);    // TINYINT to BIGINT, which compare by their size
bool is_text_type(SqlType type);       // CHAR, VARCHAR, TINYTEXT to LONGTEXT
bool is_binary_type(SqlType type);     // BINARY, VARBINARY, TINYBLOB to LONGBLOB

// The column that a declaration makes in a table whose default is `around`. With `convert_to` (CONVERT TO CHARACTER SET) its
// text has that charset whatever it says.
Result<Column> make_column(const ColumnSpec& spec, const CharsetPair& around,
                           const StatementContext& context,
                           const CharsetPair* convert_to = nullptr);
// What CONVERT TO CHARACTER SET makes of a column that is there.
void convert_column(Column& column, const CharsetPair& to, const StatementContext& context);

}  // namespace binbus::schema
