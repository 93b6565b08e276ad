#include "schema/ddl_parser.h"

#include <algorithm>

#include "schema/column_parser.h"
#include "schema/table_parser.h"
#include "schema/utf8.h"

namespace binbus::schema {
namespace {

constexpr size_t kStatementShown = 200;

Status skip_wait(TokenReader& in) {
  if (in.accept("WAIT")) {
    in.take();
  } else {
    in.accept("NOWAIT");
  }
  return ok();
}

Status take_charset_options(TokenReader& in, CharsetSpec& charset) {
  while (!in.at_end()) {
    BINBUS_TRY(taken, take_charset_option(in, charset));
    if (!taken) in.take();  // ENCRYPTION, READ ONLY, COMMENT
    if (in.current().kind == Token::Kind::kBroken) return in.unexpected("a whole token");
  }
  return ok();
}

Result<DdlStatement> parse_create_database(TokenReader& in, bool or_replace) {
  CreateDatabase create;
  create.or_replace = or_replace;
  create.if_not_exists = in.accept_if_not_exists();
  BINBUS_TRY(name, in.name("a database's name"));
  create.name = std::move(name);
  note_unclear(create, take_charset_options(in, create.charset));
  return create;
}

Result<DdlStatement> parse_create_index(TokenReader& in, KeySpec::Kind kind) {
  AlterTable alter;
  AlterClause clause{.kind = AlterClause::Kind::kAddKey};
  clause.key.kind = kind;
  clause.key.if_not_exists = in.accept_if_not_exists();
  BINBUS_TRY(name, in.name("an index's name"));
  clause.key.name = std::move(name);
  if (in.accept("USING") || in.accept("TYPE")) {
    clause.key.hash = in.at("HASH");
    in.take();
  }
  BINBUS_RETURN_IF_ERROR(in.expect("ON"));
  BINBUS_TRY(table, parse_table_name(in));
  alter.name = std::move(table);
  BINBUS_RETURN_IF_ERROR(skip_wait(in));
  note_unclear(alter, parse_key_parts(in, clause.key));
  alter.clauses.push_back(std::move(clause));
  return alter;
}

Result<DdlStatement> parse_create_sequence(TokenReader& in, bool or_replace, bool temporary) {
  CreateSequence create;
  create.or_replace = or_replace;
  create.temporary = temporary;
  create.if_not_exists = in.accept_if_not_exists();
  BINBUS_TRY(name, parse_table_name(in));
  create.name = std::move(name);
  if (in.accept("AS")) {
    auto type = parse_type(in);
    note_unclear(create, type);
    if (type) create.type = std::move(*type);
  } else if (in.accept("LIKE")) {
    auto like = parse_table_name(in);
    note_unclear(create, like);
    if (like) create.like = std::move(*like);
  }
  return create;
}

Result<DdlStatement> parse_create(TokenReader& in) {
  const bool or_replace = in.accept_sequence({"OR", "REPLACE"});
  const bool temporary = in.accept("TEMPORARY");
  if (in.accept("TABLE")) {
    BINBUS_TRY(create, parse_create_table(in));
    create.or_replace = or_replace;
    create.temporary = temporary;
    return std::move(create);
  }
  if (in.accept("SEQUENCE")) return parse_create_sequence(in, or_replace, temporary);
  if (in.accept("DATABASE") || in.accept("SCHEMA")) return parse_create_database(in, or_replace);
  in.accept("ONLINE");
  in.accept("OFFLINE");
  if (in.accept_sequence({"UNIQUE", "INDEX"}))
    return parse_create_index(in, KeySpec::Kind::kUnique);
  // Plain, FULLTEXT, SPATIAL and VECTOR indexes; views, routines, triggers, events, users, servers, tablespaces
  return Irrelevant{};
}

Result<DdlStatement> parse_alter_database(TokenReader& in) {
  AlterDatabase alter;
  const bool option = in.at_any({"DEFAULT", "CHARACTER", "CHARSET", "CHAR", "COLLATE"}) ||
                      (in.current().kind == Token::Kind::kWord && in.peek().is('='));
  if (!option) {
    BINBUS_TRY(name, in.name("a database's name"));
    alter.name = std::move(name);
  }
  note_unclear(alter, take_charset_options(in, alter.charset));
  return alter;
}

Result<DdlStatement> parse_alter_sequence(TokenReader& in) {
  AlterSequence alter;
  in.accept_if_exists();
  BINBUS_TRY(name, parse_table_name(in));
  alter.name = std::move(name);
  if (in.accept("AS")) {
    auto type = parse_type(in);
    note_unclear(alter, type);
    if (type) alter.type = std::move(*type);
  }
  return alter;
}

Result<DdlStatement> parse_alter(TokenReader& in) {
  while (in.accept("ONLINE") || in.accept("OFFLINE") || in.accept("IGNORE")) {
  }
  if (in.accept("TABLE")) return parse_alter_table(in);
  if (in.accept("SEQUENCE")) return parse_alter_sequence(in);
  if (in.accept("DATABASE") || in.accept("SCHEMA")) return parse_alter_database(in);
  return Irrelevant{};
}

Result<DdlStatement> parse_drop_tables(TokenReader& in, bool temporary) {
  DropTables drop;
  drop.temporary = temporary;
  in.accept_if_exists();
  do {
    BINBUS_TRY(name, parse_table_name(in));
    drop.names.push_back(std::move(name));
  } while (in.accept(','));
  return drop;
}

Result<DdlStatement> parse_drop_index(TokenReader& in) {
  AlterTable alter;
  AlterClause clause{.kind = AlterClause::Kind::kDropKey};
  clause.if_exists = in.accept_if_exists();
  BINBUS_TRY(name, in.name("an index's name"));
  clause.name = std::move(name);
  BINBUS_RETURN_IF_ERROR(in.expect("ON"));
  BINBUS_TRY(table, parse_table_name(in));
  alter.name = std::move(table);
  alter.clauses.push_back(std::move(clause));
  return alter;
}

Result<DdlStatement> parse_drop(TokenReader& in) {
  in.accept("ONLINE");
  in.accept("OFFLINE");
  const bool temporary = in.accept("TEMPORARY");
  if (in.accept("TABLE") || in.accept("TABLES") || in.accept("SEQUENCE")) {
    return parse_drop_tables(in, temporary);
  }
  if (in.accept("INDEX")) return parse_drop_index(in);
  if (in.accept("DATABASE") || in.accept("SCHEMA")) {
    in.accept_if_exists();
    BINBUS_TRY(name, in.name("a database's name"));
    return DropDatabase{std::move(name)};
  }
  return Irrelevant{};
}

Result<DdlStatement> parse_rename(TokenReader& in) {
  if (!in.accept("TABLE") && !in.accept("TABLES")) return Irrelevant{};  // RENAME USER
  RenameTables rename;
  in.accept_if_exists();
  do {
    BINBUS_TRY(from, parse_table_name(in));
    BINBUS_RETURN_IF_ERROR(skip_wait(in));
    BINBUS_RETURN_IF_ERROR(in.expect("TO"));
    BINBUS_TRY(to, parse_table_name(in));
    rename.pairs.push_back({std::move(from), std::move(to)});
  } while (in.accept(','));
  return rename;
}

Result<DdlStatement> parse_truncate(TokenReader& in) {
  in.accept("TABLE");
  BINBUS_TRY(name, parse_table_name(in));
  return TruncateTable{std::move(name)};
}

// MariaDB: SET STATEMENT variable = value, ... FOR statement. False: another SET.
Result<bool> skip_set_statement(TokenReader& in) {
  if (!in.accept_sequence({"SET", "STATEMENT"})) return false;
  while (!in.at("FOR")) {
    if (in.at_end() || in.current().kind == Token::Kind::kBroken) return in.unexpected("FOR");
    if (in.at('(')) {
      BINBUS_RETURN_IF_ERROR(in.skip_parentheses());
    } else {
      in.take();
    }
  }
  in.take();
  return true;
}

}  // namespace

std::string beginning_of(std::string_view statement) {
  return std::string(beginning_of(statement, kStatementShown));
}

Result<DdlStatement> parse_ddl(std::string_view statement, const StatementContext& context) {
  TokenReader in(statement, context);
  if (in.at("SET")) {
    BINBUS_TRY(for_statement, skip_set_statement(in));
    if (!for_statement) return Irrelevant{};
  }
  if (in.accept("CREATE")) return parse_create(in);
  if (in.accept("ALTER")) return parse_alter(in);
  if (in.accept("DROP")) return parse_drop(in);
  if (in.accept("RENAME")) return parse_rename(in);
  if (in.accept("TRUNCATE")) return parse_truncate(in);
  return Irrelevant{};
}

}  // namespace binbus::schema
