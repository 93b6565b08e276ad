// A table as DDL changes it: its version, and what later statements need to know beside it.
//
// Pure values; any thread. Statements were accepted by the server, so that what contradicts the definition at hand means that
// it is not the table's: kNotFound, naming what is missing; the definition is then of no use any more.
#pragma once

#include "schema/charset_names.h"
#include "schema/column.h"
#include "schema/ddl_statement.h"

namespace binbus::schema {

struct UniqueKey {
  struct Part {
    std::string column;   // "" for an expression
    uint32_t prefix = 0;  // characters, bytes of binary types; 0: the whole column
    bool operator==(const Part&) const = default;
  };
  std::string name;
  std::vector<Part> parts;
  bool hash = false;     // MariaDB's USING HASH; lost with the next ALTER TABLE
  bool unnamed = false;  // named by the server: as it is here, or with a number more
  bool operator==(const UniqueKey&) const = default;
};

struct TableDefinition {
  TableVersion version;
  std::vector<UniqueKey> unique_keys;  // in the server's order (unique_keys.h)
  bool keys_known = true;              // false: the table has come without them
  std::vector<PeriodSpec> periods;     // MariaDB's
  std::string engine;                  // "" when not known
  bool versioned =
      false;  // MariaDB's WITH SYSTEM VERSIONING without row_start and row_end of its own
  bool operator==(const TableDefinition&) const = default;
};

// `around` is the default of the table's database.
Result<TableDefinition> create_definition(const CreateTable& create, const CharsetPair& around,
                                          const StatementContext& context);
// Clauses that concern other tables or the table's name are not looked at.
Result<TableDefinition> alter_definition(const TableDefinition& before, const AlterTable& alter,
                                         const CharsetPair& around,
                                         const StatementContext& context);
Result<TableDefinition> sequence_definition(const std::optional<TypeSpec>& type,
                                            const StatementContext& context);

// Whether two names of columns, keys or periods are one.
bool same_name(std::string_view a, std::string_view b);
// In lower case, as names that do not tell letter cases apart are compared.
std::string folded(std::string_view name);

}  // namespace binbus::schema
