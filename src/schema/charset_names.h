// Names of character sets and collations as a server of some version gives and takes them.
//
// Pure; any thread.
#pragma once

#include "schema/ddl_statement.h"
#include "schema/server.h"

namespace binbus::schema {

// A character set with a collation; both "" when not known.
struct CharsetPair {
  std::string charset;
  std::string collation;
  bool operator==(const CharsetPair&) const = default;
};

// The name in information_schema: lower case, "utf8" or "utf8mb3" by version.
std::string charset_name(std::string_view name, const StatementContext& context);
// What CHARACTER SET alone means to this session.
std::string default_collation(std::string_view charset, const StatementContext& context);
// The pair of a collation's name; `charset` is that of the place, for MariaDB's short names (uca1400_ai_ci). A collation that
// nobody knows is kUnsupported.
Result<CharsetPair> pair_of_collation(std::string_view collation, std::string_view charset,
                                      const StatementContext& context);
// What options say where `around` holds when they say nothing.
Result<CharsetPair> resolve(const CharsetSpec& spec, const CharsetPair& around,
                            const StatementContext& context);
// Most bytes of a character; 1 when not known.
uint32_t bytes_per_character(std::string_view charset);

}  // namespace binbus::schema
