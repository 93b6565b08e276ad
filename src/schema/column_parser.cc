#include "schema/column_parser.h"

#include <algorithm>
#include <array>

namespace binbus::schema {
namespace {

struct TypeWord {
  std::string_view word;  // in upper case
  SqlType type;
};

// Types of one word that mean the same everywhere.
constexpr TypeWord kTypeWords[] = {
    {"TINYINT", SqlType::kTinyint},
    {"INT1", SqlType::kTinyint},
    {"SMALLINT", SqlType::kSmallint},
    {"INT2", SqlType::kSmallint},
    {"MEDIUMINT", SqlType::kMediumint},
    {"INT3", SqlType::kMediumint},
    {"MIDDLEINT", SqlType::kMediumint},
    {"INT", SqlType::kInt},
    {"INTEGER", SqlType::kInt},
    {"INT4", SqlType::kInt},
    {"BIGINT", SqlType::kBigint},
    {"INT8", SqlType::kBigint},
    {"FLOAT", SqlType::kFloat},
    {"FLOAT4", SqlType::kFloat},
    {"DOUBLE", SqlType::kDouble},
    {"FLOAT8", SqlType::kDouble},
    {"DECIMAL", SqlType::kDecimal},
    {"DEC", SqlType::kDecimal},
    {"NUMERIC", SqlType::kDecimal},
    {"FIXED", SqlType::kDecimal},
    {"BIT", SqlType::kBit},
    {"YEAR", SqlType::kYear},
    {"DATE", SqlType::kDate},
    {"TIME", SqlType::kTime},
    {"DATETIME", SqlType::kDatetime},
    {"TIMESTAMP", SqlType::kTimestamp},
    {"CHAR", SqlType::kChar},
    {"CHARACTER", SqlType::kChar},
    {"VARCHAR", SqlType::kVarchar},
    {"VARCHARACTER", SqlType::kVarchar},
    {"TINYTEXT", SqlType::kTinytext},
    {"TEXT", SqlType::kText},
    {"MEDIUMTEXT", SqlType::kMediumtext},
    {"LONGTEXT", SqlType::kLongtext},
    {"BINARY", SqlType::kBinary},
    {"VARBINARY", SqlType::kVarbinary},
    {"TINYBLOB", SqlType::kTinyblob},
    {"BLOB", SqlType::kBlob},
    {"MEDIUMBLOB", SqlType::kMediumblob},
    {"LONGBLOB", SqlType::kLongblob},
    {"ENUM", SqlType::kEnum},
    {"SET", SqlType::kSet},
    {"GEOMETRY", SqlType::kGeometry},
    {"POINT", SqlType::kPoint},
    {"LINESTRING", SqlType::kLinestring},
    {"POLYGON", SqlType::kPolygon},
    {"MULTIPOINT", SqlType::kMultipoint},
    {"MULTILINESTRING", SqlType::kMultilinestring},
    {"MULTIPOLYGON", SqlType::kMultipolygon},
    {"GEOMETRYCOLLECTION", SqlType::kGeometrycollection},
    {"GEOMCOLLECTION", SqlType::kGeometrycollection},
    {"VECTOR", SqlType::kVector},
    {"INET4", SqlType::kInet4},
    {"INET6", SqlType::kInet6},
    {"UUID", SqlType::kUuid},
};

// What MariaDB's ORACLE mode calls otherwise.
constexpr TypeWord kOracleWords[] = {
    {"VARCHAR2", SqlType::kVarchar}, {"RAW", SqlType::kVarbinary}, {"CLOB", SqlType::kLongtext},
    {"BLOB", SqlType::kLongblob},    {"DATE", SqlType::kDatetime},
};

template <size_t kCount>
std::optional<SqlType> find_word(const TypeWord (&words)[kCount], const Token& token) {
  const auto* row =
      std::ranges::find_if(words, [&](const TypeWord& w) { return token.is(w.word); });
  if (row == std::end(words)) return std::nullopt;
  return row->type;
}

constexpr std::string_view kNationalCharset = "utf8";

void take_varying(TokenReader& in, TypeSpec& spec) {
  if (in.accept("VARYING") || in.accept("VARCHAR")) spec.type = SqlType::kVarchar;
}

// After LONG.
void take_long(TokenReader& in, TypeSpec& spec) {
  spec.type = SqlType::kMediumtext;
  if (in.accept("VARBINARY")) {
    spec.type = SqlType::kMediumblob;
  } else if (in.at_any({"CHAR", "CHARACTER"}) && in.peek().is("VARYING")) {
    in.take();
    in.take();
  } else if (!in.accept("VARCHAR")) {
    in.accept("VARCHARACTER");
  }
}

// (M), (M,D), or nothing.
Status take_lengths(TokenReader& in, TypeSpec& spec) {
  if (!in.accept('(')) return ok();
  BINBUS_TRY(length, in.number("a length"));
  spec.length = length;
  if (in.accept(',')) {
    BINBUS_TRY(decimals, in.number("decimals"));
    spec.decimals = decimals;
  }
  return in.expect(')');
}

Status take_labels(TokenReader& in, TypeSpec& spec) {
  BINBUS_RETURN_IF_ERROR(in.expect('('));
  do {
    const Token& token = in.current();
    const bool bytes =
        token.kind == Token::Kind::kNumber || token.prefix == 'x' || token.prefix == 'b';
    BINBUS_TRY(value, in.text("a label"));
    spec.labels.push_back({std::move(value), bytes});
  } while (in.accept(','));
  return in.expect(')');
}

// REAL, FLOAT(p), NUMBER and the like: what the lengths and modes make of them.
void settle(const StatementContext& context, bool number, TypeSpec& spec) {
  if (spec.type == SqlType::kFloat && spec.length && !spec.decimals) {
    if (*spec.length > 24) spec.type = SqlType::kDouble;
    spec.length.reset();
  }
  if (number && !spec.length) spec.type = SqlType::kDouble;
  if (spec.type == SqlType::kTimestamp && context.mode(kMaxdb)) spec.type = SqlType::kDatetime;
}

Status take_type_word(TokenReader& in, bool oracle, TypeSpec& spec, bool& number) {
  const StatementContext& context = in.context();
  const Token token = in.take();
  if (oracle) {
    if (token.is("NUMBER")) {
      number = true;
      spec.type = SqlType::kDecimal;
      return ok();
    }
    if (const auto type = find_word(kOracleWords, token)) {
      spec.type = *type;
      return ok();
    }
  }
  if (const auto type = find_word(kTypeWords, token)) {
    spec.type = *type;
    if (spec.type == SqlType::kChar) take_varying(in, spec);
    if (spec.type == SqlType::kDouble) in.accept("PRECISION");
  } else if (token.is("REAL")) {
    spec.type = context.mode(kRealAsFloat) ? SqlType::kFloat : SqlType::kDouble;
  } else if (token.is("BOOL") || token.is("BOOLEAN")) {
    spec.type = SqlType::kTinyint;
    spec.length = 1;
    spec.boolean = true;
  } else if (token.is("NATIONAL")) {
    spec.charset = kNationalCharset;
    spec.type = in.at_any({"VARCHAR", "VARCHARACTER"}) ? SqlType::kVarchar : SqlType::kChar;
    in.take();
    take_varying(in, spec);
  } else if (token.is("NCHAR")) {
    spec.charset = kNationalCharset;
    spec.type = SqlType::kChar;
    take_varying(in, spec);
  } else if (token.is("NVARCHAR")) {
    spec.charset = kNationalCharset;
    spec.type = SqlType::kVarchar;
  } else if (token.is("LONG")) {
    take_long(in, spec);
  } else if (token.is("JSON")) {
    spec.json = context.server.mariadb;
    spec.type = spec.json ? SqlType::kLongtext : SqlType::kJson;
  } else if (token.is("SERIAL")) {
    spec.type = SqlType::kBigint;
    spec.is_unsigned = true;
  } else {
    spec.type = SqlType::kUnknown;
    spec.unknown = token.text;
    for (char& c : spec.unknown) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  }
  return ok();
}

// Of a type that only its plugin knows.
Status take_unknown_lengths(TokenReader& in, TypeSpec& spec) {
  if (!in.at('(')) return ok();
  const char* begin = in.current().text.data();
  BINBUS_RETURN_IF_ERROR(in.skip_parentheses());
  const char* end = in.current().text.data();
  spec.unknown.append(begin, end);
  while (!spec.unknown.ends_with(')')) spec.unknown.pop_back();
  return ok();
}

// One attribute that belongs to the type; false when there is none.
Result<bool> take_type_attribute(TokenReader& in, TypeSpec& spec) {
  if (in.accept("UNSIGNED")) {
    spec.is_unsigned = true;
  } else if (in.accept("ZEROFILL")) {
    spec.is_unsigned = spec.zerofill = true;
  } else if (in.accept("SIGNED")) {
  } else if (in.accept("CHARSET") || in.accept_sequence({"CHARACTER", "SET"}) ||
             in.accept_sequence({"CHAR", "SET"})) {
    BINBUS_TRY(charset, parse_charset_name(in));
    spec.charset = charset;
  } else if (in.accept("ASCII")) {
    spec.charset = "latin1";
  } else if (in.accept("UNICODE")) {
    spec.charset = "ucs2";
  } else if (in.accept("BYTE")) {
    spec.charset = "binary";
  } else if (in.accept("BINARY")) {
    spec.binary_order = true;
  } else {
    return false;
  }
  return true;
}

Status skip_name_path(TokenReader& in, const char* what) {
  do {
    BINBUS_RETURN_IF_ERROR(in.name(what));
  } while (in.accept('.'));
  return ok();
}

// After CASE, past its END.
Status skip_case(TokenReader& in) {
  for (size_t depth = 1; depth > 0; in.take()) {
    if (in.at_end() || in.current().kind == Token::Kind::kBroken) return in.unexpected("END");
    if (in.at("CASE")) ++depth;
    if (in.at("END")) --depth;
  }
  return ok();
}

// A value as DEFAULT takes it: a literal, a call, an expression in parentheses.
Status skip_default(TokenReader& in) {
  if (in.at('(')) return in.skip_parentheses();
  if (in.accept('{')) {  // {d '2020-01-01'}
    while (!in.at_end() && !in.at('}') && in.current().kind != Token::Kind::kBroken) in.take();
    return in.expect('}');
  }
  if (in.accept("CASE")) return skip_case(in);
  if (in.accept_sequence({"NEXT", "VALUE", "FOR"}) ||
      in.accept_sequence({"PREVIOUS", "VALUE", "FOR"})) {
    return skip_name_path(in, "a sequence");
  }
  while (in.at('-') || in.at('+') || in.at('@')) in.take();
  const Token first = in.current();
  if (first.kind == Token::Kind::kString || first.kind == Token::Kind::kNumber) {
    return in.text("a default").has_value() ? ok() : in.unexpected("a default");
  }
  if (in.accept('.')) {  // .5
    in.take();
    return ok();
  }
  if (!first.is_name()) return in.unexpected("a default");
  in.take();
  if (in.current().kind == Token::Kind::kString ||
      (first.text.starts_with('_') && in.current().kind == Token::Kind::kNumber)) {
    return in.text("a default").has_value() ? ok()
                                            : in.unexpected("a default");  // DATE '..', _latin1'..'
  }
  while (in.accept('.')) {
    BINBUS_RETURN_IF_ERROR(in.name("a function"));
  }
  if (in.at('(')) return in.skip_parentheses();
  return ok();
}

Status skip_references(TokenReader& in) {
  BINBUS_RETURN_IF_ERROR(skip_name_path(in, "a table"));
  if (in.at('(')) BINBUS_RETURN_IF_ERROR(in.skip_parentheses());
  if (in.accept("MATCH")) in.take();
  while (in.at("ON") && (in.peek().is("DELETE") || in.peek().is("UPDATE"))) {
    in.take();
    in.take();
    if (in.accept("SET") || in.accept("NO"))
      in.take();  // SET NULL, SET DEFAULT, NO ACTION
    else
      in.take();
  }
  return ok();
}

// After GENERATED ALWAYS AS, or AS.
Status take_generated(TokenReader& in, ColumnSpec& spec) {
  if (in.accept("ROW")) {
    spec.role = in.at("START") ? VersioningRole::kRowStart : VersioningRole::kRowEnd;
    spec.generated = spec.stored = true;
    return in.at_any({"START", "END"}) ? (in.take(), ok()) : in.unexpected("START or END");
  }
  spec.generated = true;
  return in.skip_parentheses();
}

Status skip_value(TokenReader& in) {
  in.accept('=');
  in.take();
  return ok();
}

Status take_column_attribute(TokenReader& in, ColumnSpec& spec) {
  if (in.accept_sequence({"NOT", "NULL"})) {
    spec.nullable = false;
  } else if (in.accept("NULL")) {
    spec.nullable = true;
  } else if (in.accept_sequence({"NOT", "ENFORCED"}) || in.accept_sequence({"NOT", "SECONDARY"}) ||
             in.accept_sequence({"WITHOUT", "SYSTEM", "VERSIONING"}) || in.accept("ENFORCED") ||
             in.accept("VISIBLE")) {
  } else if (in.accept_sequence({"WITH", "SYSTEM", "VERSIONING"})) {
    spec.versioned = true;
  } else if (in.accept_sequence({"SERIAL", "DEFAULT", "VALUE"})) {
    spec.serial = true;
  } else if (in.accept("DEFAULT")) {
    return skip_default(in);
  } else if (in.accept_sequence({"ON", "UPDATE"})) {
    in.take();
    if (in.at('(')) return in.skip_parentheses();
  } else if (in.accept("COLLATE")) {
    in.accept('=');
    BINBUS_TRY(collation, in.name_or_string("a collation"));
    spec.collation = collation;
  } else if (in.accept("COMMENT")) {
    in.accept('=');
    BINBUS_RETURN_IF_ERROR(in.text("a comment"));
  } else if (in.accept_sequence({"GENERATED", "ALWAYS", "AS"}) || in.accept("AS")) {
    return take_generated(in, spec);
  } else if (in.accept("VIRTUAL")) {
    spec.stored = false;
  } else if (in.accept("STORED") || in.accept("PERSISTENT")) {
    spec.stored = true;
  } else if (in.accept("INVISIBLE")) {
    spec.invisible = true;
  } else if (in.accept("COMPRESSED")) {
    spec.compressed = true;
    if (in.at('=')) return skip_value(in);
  } else if (in.accept("AUTO_INCREMENT")) {
    spec.auto_increment = true;
  } else if (in.accept("UNIQUE")) {
    spec.unique = true;
    in.accept("KEY");
  } else if (in.accept("PRIMARY")) {
    spec.primary = true;
    in.accept("KEY");
  } else if (in.accept("KEY")) {
    spec.primary = true;
  } else if (in.accept("CONSTRAINT")) {
    if (!in.at("CHECK")) BINBUS_RETURN_IF_ERROR(in.name("a constraint"));
  } else if (in.accept("CHECK")) {
    return in.skip_parentheses();
  } else if (in.accept("REFERENCES")) {
    return skip_references(in);
  } else if (in.at_any({"COLUMN_FORMAT", "STORAGE", "SRID", "REF_SYSTEM_ID", "ENGINE_ATTRIBUTE",
                        "SECONDARY_ENGINE_ATTRIBUTE"})) {
    in.take();
    return skip_value(in);
  } else if (in.current().is_name() && in.peek().is('=')) {  // an engine's own
    in.take();
    return skip_value(in);
  } else {
    return in.unexpected("a column's attribute");
  }
  return ok();
}

bool ends_column(const TokenReader& in) {
  return in.at_end() || in.at(',') || in.at(')') || in.at_any({"FIRST", "AFTER"}) ||
         in.at_sequence({"PARTITION", "BY"}) || in.at_sequence({"REMOVE", "PARTITIONING"});
}

}  // namespace

std::vector<KeySpec> keys_of(const ColumnSpec& column) {
  std::vector<KeySpec> keys;
  const auto add = [&](KeySpec::Kind kind) {
    keys.push_back({.kind = kind, .name = "", .parts = {{column.name, 0}}});
  };
  if (column.primary) add(KeySpec::Kind::kPrimary);
  if (column.unique || column.serial) add(KeySpec::Kind::kUnique);
  return keys;
}

Result<std::string> parse_charset_name(TokenReader& in) {
  in.accept('=');
  if (in.accept("DEFAULT")) return std::string();
  return in.name_or_string("a character set");
}

Result<TypeSpec> parse_type(TokenReader& in) {
  if (in.current().kind != Token::Kind::kWord) return in.unexpected("a type");
  // mariadb_schema.date, oracle_schema.date: whose meaning the name has
  bool oracle = in.context().server.mariadb && in.context().mode(kOracle);
  if (in.peek().is('.')) {
    oracle = in.at("ORACLE_SCHEMA");
    in.take();
    in.take();
  }
  TypeSpec spec;
  bool number = false;
  const bool serial = in.at("SERIAL");
  BINBUS_RETURN_IF_ERROR(take_type_word(in, oracle, spec, number));
  if (spec.type == SqlType::kEnum || spec.type == SqlType::kSet) {
    BINBUS_RETURN_IF_ERROR(take_labels(in, spec));
  } else if (spec.type == SqlType::kUnknown) {
    BINBUS_RETURN_IF_ERROR(take_unknown_lengths(in, spec));
  } else if (!spec.boolean && !serial) {
    BINBUS_RETURN_IF_ERROR(take_lengths(in, spec));
  }
  settle(in.context(), number, spec);
  for (;;) {
    BINBUS_TRY(taken, take_type_attribute(in, spec));
    if (!taken) return spec;
  }
}

Result<ColumnSpec> parse_column(TokenReader& in, std::string name) {
  ColumnSpec spec;
  spec.name = std::move(name);
  spec.serial = in.at("SERIAL");
  BINBUS_TRY(type, parse_type(in));
  spec.type = std::move(type);
  while (!ends_column(in)) {
    BINBUS_TRY(of_type, take_type_attribute(in, spec.type));
    if (!of_type) BINBUS_RETURN_IF_ERROR(take_column_attribute(in, spec));
  }
  return spec;
}

}  // namespace binbus::schema
