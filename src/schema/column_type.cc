#include "schema/column_type.h"

#include <algorithm>
#include <limits>

#include "schema/charset.h"

namespace binbus::schema {
namespace {

constexpr uint32_t kMysqlVarcharBytesMax = 65535;
constexpr uint32_t kMariadbVarcharBytesMax = 65532;
constexpr uint32_t kVectorElements = 2048;  // of VECTOR alone

struct TypeRow {
  SqlType type;
  std::string_view name;
  uint8_t width;           // of an integer when none is given
  uint8_t unsigned_width;  // and when it is unsigned
};
constexpr TypeRow kTypes[] = {
    {SqlType::kTinyint, "tinyint", 4, 3},
    {SqlType::kSmallint, "smallint", 6, 5},
    {SqlType::kMediumint, "mediumint", 9, 8},
    {SqlType::kInt, "int", 11, 10},
    {SqlType::kBigint, "bigint", 20, 20},
    {SqlType::kFloat, "float", 0, 0},
    {SqlType::kDouble, "double", 0, 0},
    {SqlType::kDecimal, "decimal", 0, 0},
    {SqlType::kBit, "bit", 0, 0},
    {SqlType::kYear, "year", 0, 0},
    {SqlType::kDate, "date", 0, 0},
    {SqlType::kTime, "time", 0, 0},
    {SqlType::kDatetime, "datetime", 0, 0},
    {SqlType::kTimestamp, "timestamp", 0, 0},
    {SqlType::kChar, "char", 0, 0},
    {SqlType::kVarchar, "varchar", 0, 0},
    {SqlType::kTinytext, "tinytext", 0, 0},
    {SqlType::kText, "text", 0, 0},
    {SqlType::kMediumtext, "mediumtext", 0, 0},
    {SqlType::kLongtext, "longtext", 0, 0},
    {SqlType::kBinary, "binary", 0, 0},
    {SqlType::kVarbinary, "varbinary", 0, 0},
    {SqlType::kTinyblob, "tinyblob", 0, 0},
    {SqlType::kBlob, "blob", 0, 0},
    {SqlType::kMediumblob, "mediumblob", 0, 0},
    {SqlType::kLongblob, "longblob", 0, 0},
    {SqlType::kEnum, "enum", 0, 0},
    {SqlType::kSet, "set", 0, 0},
    {SqlType::kJson, "json", 0, 0},
    {SqlType::kGeometry, "geometry", 0, 0},
    {SqlType::kPoint, "point", 0, 0},
    {SqlType::kLinestring, "linestring", 0, 0},
    {SqlType::kPolygon, "polygon", 0, 0},
    {SqlType::kMultipoint, "multipoint", 0, 0},
    {SqlType::kMultilinestring, "multilinestring", 0, 0},
    {SqlType::kMultipolygon, "multipolygon", 0, 0},
    {SqlType::kGeometrycollection, "geometrycollection", 0, 0},
    {SqlType::kVector, "vector", 0, 0},
    {SqlType::kInet4, "inet4", 0, 0},
    {SqlType::kInet6, "inet6", 0, 0},
    {SqlType::kUuid, "uuid", 0, 0},
    {SqlType::kUnknown, "unknown", 0, 0},
};
static_assert(std::size(kTypes) == static_cast<size_t>(SqlType::kUnknown) + 1);

const TypeRow& row_of(SqlType type) { return kTypes[static_cast<size_t>(type)]; }

bool is_text(SqlType type) { return type >= SqlType::kTinytext && type <= SqlType::kLongtext; }
bool is_blob(SqlType type) { return type >= SqlType::kTinyblob && type <= SqlType::kLongblob; }

std::string in_parentheses(uint32_t length) { return "(" + std::to_string(length) + ")"; }

void append_label(std::string& out, std::string_view label) {
  out.push_back('\'');
  for (const char c : label) {
    switch (c) {
      case '\0':
        out += "\\0";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\'':
        out += "''";
        break;
      default:
        out.push_back(c);
    }
  }
  out.push_back('\'');
}

std::string label_list(const Column& column) {
  std::string out = "(";
  for (const std::string& label : column.labels) {
    if (out.size() > 1) out.push_back(',');
    append_label(out, label);
  }
  return out + ")";
}

std::string integer_text(const Column& column, std::string_view name) {
  std::string out(name);
  if (column.length > 0) out += in_parentheses(column.length);
  return out;
}

std::string base_text(const Column& column, TypeStyle style) {
  const std::string_view name = row_of(column.type).name;
  const bool old = style != TypeStyle::kMysql8019;
  std::string text(name);
  switch (column.type) {
    case SqlType::kFloat:
    case SqlType::kDouble:
      if (column.length == 0) return text;
      [[fallthrough]];
    case SqlType::kDecimal:
      return text + "(" + std::to_string(column.length) + "," + std::to_string(column.decimals) +
             ")";
    case SqlType::kYear:
      return old ? text + in_parentheses(column.length) : text;
    case SqlType::kTime:
    case SqlType::kDatetime:
    case SqlType::kTimestamp:
      return column.decimals > 0 ? text + in_parentheses(column.decimals) : text;
    case SqlType::kBit:
    case SqlType::kChar:
    case SqlType::kVarchar:
    case SqlType::kBinary:
    case SqlType::kVarbinary:
    case SqlType::kVector:
      return text + in_parentheses(column.length);
    case SqlType::kEnum:
    case SqlType::kSet:
      return text + label_list(column);
    case SqlType::kGeometrycollection:
      return style == TypeStyle::kMysql80 || style == TypeStyle::kMysql8019 ? "geomcollection"
                                                                            : text;
    default:
      return is_integer_type(column.type) ? integer_text(column, name) : text;
  }
}

SqlType text_of_bytes(uint64_t bytes) {
  if (bytes < 256) return SqlType::kTinytext;
  if (bytes < 65536) return SqlType::kText;
  return bytes < (1U << 24) ? SqlType::kMediumtext : SqlType::kLongtext;
}
SqlType blob_of_text(SqlType type) {
  return static_cast<SqlType>(static_cast<int>(type) - static_cast<int>(SqlType::kTinytext) +
                              static_cast<int>(SqlType::kTinyblob));
}

void set_type(Column& column, SqlType type) {
  column.type = type;
  if (const uint32_t bytes = blob_bytes_max(type); bytes > 0) column.length = bytes;
}

// Text whose charset is "binary" is bytes.
void settle_binary(Column& column) {
  if (column.charset == "binary") {
    if (column.type == SqlType::kChar) column.type = SqlType::kBinary;
    if (column.type == SqlType::kVarchar) column.type = SqlType::kVarbinary;
    if (is_text(column.type)) set_type(column, blob_of_text(column.type));
  }
  if (!is_character_type(column.type)) {
    column.charset.clear();
    column.collation.clear();
  }
}

// VARCHAR that no row could hold becomes TEXT, outside strict mode.
void settle_varchar(Column& column, const StatementContext& context) {
  const bool text = column.type == SqlType::kVarchar;
  if (!text && column.type != SqlType::kVarbinary) return;
  const uint64_t bytes = uint64_t{column.length} * (text ? bytes_per_character(column.charset) : 1);
  if (bytes <= (context.server.mariadb ? kMariadbVarcharBytesMax : kMysqlVarcharBytesMax)) return;
  set_type(column, text ? text_of_bytes(bytes) : blob_of_text(text_of_bytes(bytes)));
}

void set_integer_width(Column& column, const TypeSpec& type, TypeStyle style) {
  const TypeRow& row = row_of(column.type);
  const uint32_t given = type.length.value_or(0);
  column.length = given > 0 ? given : column.is_unsigned ? row.unsigned_width : row.width;
  if (style != TypeStyle::kMysql8019 || column.zerofill) return;
  const bool is_bool =
      column.type == SqlType::kTinyint && column.length == 1 && !column.is_unsigned;
  if (!is_bool) column.length = 0;
}

void set_text_type(Column& column, const TypeSpec& type, const StatementContext& context) {
  const bool sized = type.length &&
                     (column.type == SqlType::kText || column.type == SqlType::kBlob) &&
                     (*type.length > 0 || context.server.mysql_from(80000));
  if (!sized) return set_type(column, column.type);
  const bool text = column.type == SqlType::kText;
  const uint64_t bytes = uint64_t{*type.length} * (text ? bytes_per_character(column.charset) : 1);
  set_type(column, text ? text_of_bytes(bytes) : blob_of_text(text_of_bytes(bytes)));
}

void set_length(Column& column, const TypeSpec& type, const StatementContext& context) {
  const uint32_t given = type.length.value_or(0);
  const auto decimals = static_cast<uint8_t>(std::min<uint32_t>(type.decimals.value_or(0), 255));
  if (is_integer_type(column.type))
    return set_integer_width(column, type, type_style(context.server));
  if (is_text(column.type) || is_blob(column.type)) return set_text_type(column, type, context);
  switch (column.type) {
    case SqlType::kFloat:
    case SqlType::kDouble:
      column.length = type.decimals ? given : 0;
      column.decimals = column.length > 0 ? decimals : uint8_t{0};
      break;
    case SqlType::kDecimal:
      column.length = given > 0 ? given : 10;
      column.decimals = decimals;
      break;
    case SqlType::kBit:
      column.length = std::max<uint32_t>(given, 1);
      break;
    case SqlType::kYear:
      // MySQL gave up on two digits in 5.6.6
      column.length = given == 2 && !context.server.mysql_from(50606) ? 2 : 4;
      break;
    case SqlType::kTime:
    case SqlType::kDatetime:
    case SqlType::kTimestamp:
      column.decimals = static_cast<uint8_t>(std::min<uint32_t>(given, 6));
      break;
    case SqlType::kChar:
    case SqlType::kBinary:
      column.length = type.length.value_or(1);
      break;
    case SqlType::kVector:
      column.length = type.length.value_or(kVectorElements);
      break;
    case SqlType::kVarchar:
    case SqlType::kVarbinary:
      column.length = given;
      settle_varchar(column, context);
      break;
    default:
      break;
  }
}

Result<CharsetPair> charset_of(const ColumnSpec& spec, const CharsetPair& around,
                               const StatementContext& context) {
  CharsetSpec given;
  if (!spec.type.charset.empty()) given.charset = spec.type.charset;
  if (!spec.collation.empty()) given.collation = spec.collation;
  BINBUS_TRY(pair, resolve(given, around, context));
  if (spec.type.binary_order && !given.collation && pair.charset != "binary") {
    const std::string family = pair.charset;
    pair.collation = family + "_bin";
  }
  return pair;
}

std::string label_text(const Label& label, const Column& column) {
  std::string text;
  const Charset* charset = label.bytes ? Charset::find(column.charset) : nullptr;
  if (charset == nullptr || charset->is_binary()) {
    text = label.value;
  } else {
    charset->append_utf8(text, as_bytes(label.value));
  }
  if (column.charset != "binary") {
    while (text.ends_with(' ')) text.pop_back();
  }
  return text;
}

bool is_nullable(const ColumnSpec& spec, const Column& column, const StatementContext& context) {
  if (spec.role != VersioningRole::kNone || column.auto_increment) return false;
  if (spec.nullable) return *spec.nullable;
  // Before explicit_defaults_for_timestamp, who does not say NULL means NOT NULL
  return column.type != SqlType::kTimestamp || context.explicit_defaults_for_timestamp ||
         spec.generated;
}

}  // namespace

std::string_view sql_type_name(SqlType type) { return row_of(type).name; }

TypeStyle type_style(const ServerVersion& server) {
  if (server.mariadb) return TypeStyle::kMariadb;
  if (server.number >= 80019) return TypeStyle::kMysql8019;
  return server.number >= 80000 ? TypeStyle::kMysql80 : TypeStyle::kMysql57;
}

std::string column_type_text(const Column& column, TypeStyle style) {
  std::string text = base_text(column, style);
  if (column.is_unsigned) text += " unsigned";
  if (column.zerofill) text += " zerofill";
  if (column.compressed) text += " /*M!100301 COMPRESSED*/";
  return text;
}

uint32_t blob_bytes_max(SqlType type) {
  switch (type) {
    case SqlType::kTinytext:
    case SqlType::kTinyblob:
      return 255;
    case SqlType::kText:
    case SqlType::kBlob:
      return 65535;
    case SqlType::kMediumtext:
    case SqlType::kMediumblob:
      return (1U << 24) - 1;
    case SqlType::kLongtext:
    case SqlType::kLongblob:
      return std::numeric_limits<uint32_t>::max();
    default:
      return 0;
  }
}

bool is_integer_type(SqlType type) { return type <= SqlType::kBigint; }

bool is_text_type(SqlType type) {
  return type == SqlType::kChar || type == SqlType::kVarchar || is_text(type);
}

bool is_binary_type(SqlType type) {
  return type == SqlType::kBinary || type == SqlType::kVarbinary || is_blob(type);
}

bool is_character_type(SqlType type) {
  return is_text_type(type) || type == SqlType::kEnum || type == SqlType::kSet;
}

Result<Column> make_column(const ColumnSpec& spec, const CharsetPair& around,
                           const StatementContext& context, const CharsetPair* convert_to) {
  Column column;
  column.name = spec.name;
  column.type = spec.type.type;
  column.is_unsigned = spec.type.is_unsigned;
  column.zerofill = spec.type.zerofill;
  column.generated = spec.generated;
  column.row_end = spec.role == VersioningRole::kRowEnd;
  column.stored = !spec.generated || spec.stored;
  column.invisible = spec.invisible;
  column.auto_increment = spec.auto_increment || spec.serial;
  column.json = spec.type.json;
  column.compressed = spec.compressed;
  if (is_character_type(column.type)) {
    CharsetPair place = around;
    if (column.json) place = {"utf8mb4", "utf8mb4_bin"};
    BINBUS_TRY(pair, charset_of(spec, place, context));
    if (convert_to != nullptr && pair.charset != "binary") pair = *convert_to;
    column.charset = std::move(pair.charset);
    column.collation = std::move(pair.collation);
  }
  for (const Label& label : spec.type.labels) column.labels.push_back(label_text(label, column));
  settle_binary(column);
  set_length(column, spec.type, context);
  column.nullable = is_nullable(spec, column, context);
  column.type_text = column.type == SqlType::kUnknown
                         ? spec.type.unknown
                         : column_type_text(column, type_style(context.server));
  return column;
}

void convert_column(Column& column, const CharsetPair& to, const StatementContext& context) {
  if (!is_character_type(column.type) || column.charset == "binary") return;
  const uint32_t before = bytes_per_character(column.charset);
  column.charset = to.charset;
  column.collation = to.collation;
  settle_binary(column);
  if (is_text(column.type) && column.type != SqlType::kLongtext) {
    // As many characters as it has held must fit
    const uint64_t characters = blob_bytes_max(column.type) / before;
    set_type(column, text_of_bytes(characters * bytes_per_character(column.charset)));
  }
  settle_varchar(column, context);
  column.type_text = column_type_text(column, type_style(context.server));
}

}  // namespace binbus::schema
