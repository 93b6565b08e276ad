#include "schema/table_parser.h"

#include "schema/column_parser.h"

namespace binbus::schema {
namespace {

Result<KeySpec::Part> parse_key_part(TokenReader& in) {
  KeySpec::Part part;
  if (in.at('(')) {
    BINBUS_RETURN_IF_ERROR(in.skip_parentheses());
  } else {
    BINBUS_TRY(column, in.name("a key's column"));
    part.column = std::move(column);
    if (in.accept('(')) {
      BINBUS_TRY(prefix, in.number("a prefix"));
      part.prefix = prefix;
      BINBUS_RETURN_IF_ERROR(in.expect(')'));
    }
  }
  // ASC, DESC, WITHOUT OVERLAPS
  BINBUS_RETURN_IF_ERROR(in.skip_to_comma());
  return part;
}

Status take_key_type(TokenReader& in, KeySpec& key) {
  while (in.accept("USING") || in.accept("TYPE")) {
    if (in.at("HASH")) key.hash = true;
    BINBUS_RETURN_IF_ERROR(in.name("an index type"));
  }
  return ok();
}

// USING, COMMENT, KEY_BLOCK_SIZE, ...: up to the next element.
Status skip_key_options(TokenReader& in, KeySpec& key) {
  while (!in.at_end() && !in.at(',') && !in.at(')') && in.current().kind != Token::Kind::kBroken) {
    BINBUS_RETURN_IF_ERROR(take_key_type(in, key));
    if (in.at_end() || in.at(',') || in.at(')')) break;
    if (in.at_sequence({"PARTITION", "BY"}) || in.at_sequence({"REMOVE", "PARTITIONING"})) break;
    if (in.at_any({"ALGORITHM", "LOCK"})) break;  // CREATE INDEX ... ALGORITHM=
    if (in.at('(')) {
      BINBUS_RETURN_IF_ERROR(in.skip_parentheses());
    } else {
      in.take();
    }
  }
  return ok();
}

// The name and type that a key may have before its columns.
Status take_key_head(TokenReader& in, KeySpec& key) {
  key.if_not_exists = in.accept_if_not_exists();
  if (in.current().is_name() && !in.at_any({"USING", "TYPE"})) {
    BINBUS_TRY(name, in.name("a key's name"));
    key.name = std::move(name);  // rather than the constraint's
  }
  return ok();
}

}  // namespace

Result<TableName> parse_table_name(TokenReader& in) {
  TableName name;
  in.accept('.');
  BINBUS_TRY(first, in.name("a table's name"));
  name.table = std::move(first);
  if (in.accept('.')) {
    BINBUS_TRY(second, in.name("a table's name"));
    name.database = std::move(name.table);
    name.table = std::move(second);
  }
  return name;
}

Result<std::string> parse_column_name(TokenReader& in) {
  in.accept('.');
  BINBUS_TRY(first, in.name("a column's name"));
  std::string name = std::move(first);
  while (in.accept('.')) {
    BINBUS_TRY(next, in.name("a column's name"));
    name = std::move(next);
  }
  return name;
}

bool at_key(const TokenReader& in) {
  if (in.at_any({"CONSTRAINT", "PRIMARY", "UNIQUE", "KEY", "INDEX", "FULLTEXT", "SPATIAL",
                 "FOREIGN", "CHECK"})) {
    return true;
  }
  return in.at("VECTOR") && (in.peek().is("INDEX") || in.peek().is("KEY"));
}

Status parse_key_parts(TokenReader& in, KeySpec& key) {
  BINBUS_RETURN_IF_ERROR(take_key_type(in, key));
  BINBUS_RETURN_IF_ERROR(in.expect('('));
  do {
    BINBUS_TRY(part, parse_key_part(in));
    key.parts.push_back(std::move(part));
  } while (in.accept(','));
  BINBUS_RETURN_IF_ERROR(in.expect(')'));
  return skip_key_options(in, key);
}

Result<std::optional<KeySpec>> parse_key(TokenReader& in) {
  KeySpec key;
  if (in.accept("CONSTRAINT")) {
    key.if_not_exists = in.accept_if_not_exists();
    if (!in.at_any({"PRIMARY", "UNIQUE", "FOREIGN", "CHECK"})) {
      BINBUS_TRY(symbol, in.name("a constraint's name"));
      key.name = std::move(symbol);
    }
  }
  if (in.at_any({"FOREIGN", "CHECK"})) {  // nothing that changes columns
    BINBUS_RETURN_IF_ERROR(in.skip_to_comma());
    return std::optional<KeySpec>();
  }
  if (in.accept("PRIMARY")) {
    key.kind = KeySpec::Kind::kPrimary;
    BINBUS_RETURN_IF_ERROR(in.expect("KEY"));
  } else {
    if (in.accept("UNIQUE")) {
      key.kind = KeySpec::Kind::kUnique;
    } else if (!in.at_any({"KEY", "INDEX"})) {
      in.take();  // FULLTEXT, SPATIAL, VECTOR
    }
    if (!in.accept("KEY")) in.accept("INDEX");
  }
  const bool if_not_exists = key.if_not_exists;
  BINBUS_RETURN_IF_ERROR(take_key_head(in, key));
  key.if_not_exists |= if_not_exists;
  BINBUS_RETURN_IF_ERROR(parse_key_parts(in, key));
  return std::optional<KeySpec>(std::move(key));
}

Result<PeriodSpec> parse_period(TokenReader& in) {
  PeriodSpec period;
  if (!in.accept("SYSTEM_TIME")) {
    BINBUS_TRY(name, in.name("a period's name"));
    period.name = std::move(name);
  }
  BINBUS_RETURN_IF_ERROR(in.expect('('));
  BINBUS_TRY(start, in.name("a column's name"));
  BINBUS_RETURN_IF_ERROR(in.expect(','));
  BINBUS_TRY(end, in.name("a column's name"));
  BINBUS_RETURN_IF_ERROR(in.expect(')'));
  period.start = std::move(start);
  period.end = std::move(end);
  return period;
}

Result<bool> take_charset_option(TokenReader& in, CharsetSpec& spec) {
  const TokenReader before = in;
  in.accept("DEFAULT");
  if (in.accept("CHARSET") || in.accept_sequence({"CHARACTER", "SET"}) ||
      in.accept_sequence({"CHAR", "SET"})) {
    BINBUS_TRY(charset, parse_charset_name(in));
    spec.charset = charset;
    return true;
  }
  if (in.accept("COLLATE")) {
    in.accept('=');
    BINBUS_TRY(collation, in.name_or_string("a collation"));
    spec.collation = collation;
    return true;
  }
  in = before;
  return false;
}

}  // namespace binbus::schema
