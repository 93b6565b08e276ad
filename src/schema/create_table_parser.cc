#include "schema/column_parser.h"
#include "schema/table_parser.h"

namespace binbus::schema {
namespace {

// After '(': columns, keys and constraints up to the ')'.
Status parse_elements(TokenReader& in, CreateTable& create) {
  do {
    if (in.at(')')) break;
    if (at_key(in)) {
      BINBUS_TRY(key, parse_key(in));
      if (key) create.keys.push_back(std::move(*key));
    } else if (in.accept_sequence({"PERIOD", "FOR"})) {
      BINBUS_TRY(period, parse_period(in));
      create.periods.push_back(std::move(period));
    } else {
      BINBUS_TRY(name, parse_column_name(in));
      BINBUS_TRY(column, parse_column(in, std::move(name)));
      for (KeySpec& key : keys_of(column)) create.keys.push_back(std::move(key));
      create.columns.push_back(std::move(column));
    }
  } while (in.accept(','));
  return in.expect(')');
}

bool at_query(const TokenReader& in) {
  if (in.at_any({"SELECT", "AS", "VALUES"})) return true;
  if (in.at("TABLE")) return true;
  if (in.at_any({"IGNORE", "REPLACE"})) return true;
  if (in.at("WITH")) return !in.peek().is("SYSTEM");
  if (!in.at('(')) return false;
  TokenReader ahead = in;
  while (ahead.accept('(')) {
  }
  return ahead.at_any({"SELECT", "WITH", "VALUES", "TABLE"});
}

// Options, partitions, and whether a query follows. Most options say nothing about columns, and new ones come with every
// version, so that only those that do are looked for.
Status parse_tail(TokenReader& in, CreateTable& create) {
  while (!in.at_end()) {
    if (in.current().kind == Token::Kind::kBroken) return in.unexpected("a whole token");
    BINBUS_TRY(charset, take_charset_option(in, create.charset));
    if (charset) continue;
    if (at_query(in)) {
      create.select = true;
      in.skip_to_end();
    } else if (in.accept_sequence({"WITH", "SYSTEM", "VERSIONING"})) {
      create.versioned = true;
    } else if (in.at_any({"ENGINE", "TYPE"}) && (in.peek().is('=') || in.peek().is_name())) {
      in.take();
      in.accept('=');
      BINBUS_TRY(engine, in.name_or_string("an engine"));
      create.engine = std::move(engine);
    } else if (in.at('(')) {
      BINBUS_RETURN_IF_ERROR(in.skip_parentheses());
    } else if (in.peek().is('=')) {
      in.take();
      in.take();
      if (!in.at('(')) in.take();
    } else {
      in.take();
    }
  }
  return ok();
}

// What follows the table's name.
Status parse_rest(TokenReader& in, CreateTable& create) {
  const bool like_in_parentheses = in.at('(') && in.peek().is("LIKE");
  if (like_in_parentheses) in.take();
  if (in.accept("LIKE")) {
    BINBUS_TRY(like, parse_table_name(in));
    create.like = std::move(like);
    return ok();
  }
  if (in.at('(') && !at_query(in)) {
    in.take();
    BINBUS_RETURN_IF_ERROR(parse_elements(in, create));
  }
  BINBUS_RETURN_IF_ERROR(parse_tail(in, create));
  if (create.columns.empty() && !create.select) {
    // Engines that discover a table's columns by themselves (MariaDB: CONNECT, SPIDER, ...).
    create.select = true;
  }
  return ok();
}

}  // namespace

Result<CreateTable> parse_create_table(TokenReader& in) {
  CreateTable create;
  create.if_not_exists = in.accept_if_not_exists();
  BINBUS_TRY(name, parse_table_name(in));
  create.name = std::move(name);
  note_unclear(create, parse_rest(in, create));
  return create;
}

}  // namespace binbus::schema
