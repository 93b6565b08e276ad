#include "schema/table_codec.h"

#include <algorithm>

#include "schema/column_type.h"

namespace binbus::schema {
namespace {

// 1 had no unique_key, and the UNIQUE keys of MariaDB's tables only.
constexpr uint8_t kLayout = 2;
constexpr size_t kColumnBytesMin = 6;  // what no column is shorter than

// type_text is mostly what the type says in one of the styles; then only the style is kept.
constexpr uint8_t kOwnText = 0;
constexpr TypeStyle kStyles[] = {TypeStyle::kMysql57, TypeStyle::kMysql80, TypeStyle::kMysql8019,
                                 TypeStyle::kMariadb};

enum Flag : uint16_t {
  kUnsigned = 1 << 0,
  kZerofill = 1 << 1,
  kNullable = 1 << 2,
  kGenerated = 1 << 3,
  kStored = 1 << 4,
  kInvisible = 1 << 5,
  kHidden = 1 << 6,
  kAutoIncrement = 1 << 7,
  kIsJson = 1 << 8,
  kIsCompressed = 1 << 9,
  kRowEnd = 1 << 10,
};

enum KeyFlag : uint8_t { kHash = 1 << 0, kUnnamed = 1 << 1 };

uint16_t flags_of(const Column& c) {
  const auto bit = [](bool set, Flag flag) { return set ? static_cast<unsigned>(flag) : 0U; };
  return static_cast<uint16_t>(
      bit(c.is_unsigned, kUnsigned) | bit(c.zerofill, kZerofill) | bit(c.nullable, kNullable) |
      bit(c.generated, kGenerated) | bit(c.stored, kStored) | bit(c.invisible, kInvisible) |
      bit(c.hidden, kHidden) | bit(c.auto_increment, kAutoIncrement) | bit(c.json, kIsJson) |
      bit(c.compressed, kIsCompressed) | bit(c.row_end, kRowEnd));
}

void set_flags(Column& c, uint64_t flags) {
  c.is_unsigned = (flags & kUnsigned) != 0;
  c.zerofill = (flags & kZerofill) != 0;
  c.nullable = (flags & kNullable) != 0;
  c.generated = (flags & kGenerated) != 0;
  c.stored = (flags & kStored) != 0;
  c.invisible = (flags & kInvisible) != 0;
  c.hidden = (flags & kHidden) != 0;
  c.auto_increment = (flags & kAutoIncrement) != 0;
  c.json = (flags & kIsJson) != 0;
  c.compressed = (flags & kIsCompressed) != 0;
  c.row_end = (flags & kRowEnd) != 0;
}

uint8_t style_of(const Column& column) {
  for (size_t i = 0; i < std::size(kStyles); ++i) {
    if (column.type_text == column_type_text(column, kStyles[i]))
      return static_cast<uint8_t>(i + 1);
  }
  return kOwnText;
}

Result<std::string> read_text(ByteReader& in, const char* what) {
  BINBUS_TRY(bytes, in.lenenc_bytes(what));
  return std::string(as_text(bytes));
}

// A count of things that take at least `bytes_min` each, so that a wrong one cannot ask for more memory than is there.
Result<size_t> read_count(ByteReader& in, size_t bytes_min, const char* what) {
  BINBUS_TRY(count, in.lenenc(what));
  if (count > in.remaining() / bytes_min) return fail(Code::kTruncated, what);
  return static_cast<size_t>(count);
}

using Pairs = std::vector<CharsetPair>;

size_t pair_index(const Pairs& pairs, const Column& column) {
  const CharsetPair pair{column.charset, column.collation};
  return static_cast<size_t>(std::ranges::find(pairs, pair) - pairs.begin());
}

Pairs pairs_of(const TableVersion& version) {
  Pairs pairs = {{"", ""}};
  for (const Column& column : version.columns) {
    if (pair_index(pairs, column) == pairs.size())
      pairs.push_back({column.charset, column.collation});
  }
  return pairs;
}

void write_column(ByteWriter& out, const Column& column, const Pairs& pairs) {
  out.lenenc_text(column.name).u8(static_cast<uint8_t>(column.type)).u16(flags_of(column));
  out.lenenc(column.length).u8(column.decimals).lenenc(pair_index(pairs, column));
  const bool labelled = column.type == SqlType::kEnum || column.type == SqlType::kSet;
  if (labelled) {
    out.lenenc(column.labels.size());
    for (const std::string& label : column.labels) out.lenenc_text(label);
  }
  const uint8_t style = style_of(column);
  out.u8(style);
  if (style == kOwnText) out.lenenc_text(column.type_text);
}

Result<Column> read_column(ByteReader& in, const Pairs& pairs) {
  Column column;
  BINBUS_TRY(name, read_text(in, "table: column"));
  column.name = std::move(name);
  BINBUS_TRY(type, in.u8("table: type"));
  if (type > static_cast<uint8_t>(SqlType::kUnknown)) return fail(Code::kCorrupt, "table: type");
  column.type = static_cast<SqlType>(type);
  BINBUS_TRY(flags, in.u16("table: flags"));
  set_flags(column, flags);
  BINBUS_TRY(length, in.lenenc("table: length"));
  if (length > UINT32_MAX) return fail(Code::kCorrupt, "table: length");
  column.length = static_cast<uint32_t>(length);
  BINBUS_TRY(decimals, in.u8("table: decimals"));
  column.decimals = decimals;
  BINBUS_TRY(pair, in.lenenc("table: collation"));
  if (pair >= pairs.size()) return fail(Code::kCorrupt, "table: collation");
  column.charset = pairs[pair].charset;
  column.collation = pairs[pair].collation;
  if (column.type == SqlType::kEnum || column.type == SqlType::kSet) {
    BINBUS_TRY(count, read_count(in, 1, "table: labels"));
    for (size_t i = 0; i < count; ++i) {
      BINBUS_TRY(label, read_text(in, "table: label"));
      column.labels.push_back(std::move(label));
    }
  }
  BINBUS_TRY(style, in.u8("table: style"));
  if (style > std::size(kStyles)) return fail(Code::kCorrupt, "table: style");
  if (style != kOwnText) {
    column.type_text = column_type_text(column, kStyles[style - 1]);
    return column;
  }
  BINBUS_TRY(text, read_text(in, "table: type text"));
  column.type_text = std::move(text);
  return column;
}

void write_version(ByteWriter& out, const TableVersion& version) {
  out.lenenc_text(version.database).lenenc_text(version.table);
  out.lenenc_text(version.charset).lenenc_text(version.collation);
  const Pairs pairs = pairs_of(version);
  out.lenenc(pairs.size() - 1);
  for (size_t i = 1; i < pairs.size(); ++i)
    out.lenenc_text(pairs[i].charset).lenenc_text(pairs[i].collation);
  out.lenenc(version.columns.size());
  for (const Column& column : version.columns) write_column(out, column, pairs);
  for (const auto* key : {&version.primary_key, &version.unique_key}) {
    out.lenenc(key->size());
    for (const uint32_t ordinal : *key) out.lenenc(ordinal);
  }
}

Result<TableVersion> read_version(ByteReader& in, uint8_t layout) {
  TableVersion version;
  for (std::string* text :
       {&version.database, &version.table, &version.charset, &version.collation}) {
    BINBUS_TRY(value, read_text(in, "table: name"));
    *text = std::move(value);
  }
  Pairs pairs = {{"", ""}};
  BINBUS_TRY(pair_count, read_count(in, 2, "table: collations"));
  for (size_t i = 0; i < pair_count; ++i) {
    BINBUS_TRY(charset, read_text(in, "table: charset"));
    BINBUS_TRY(collation, read_text(in, "table: collation"));
    pairs.push_back({std::move(charset), std::move(collation)});
  }
  BINBUS_TRY(column_count, read_count(in, kColumnBytesMin, "table: columns"));
  version.columns.reserve(column_count);
  for (size_t i = 0; i < column_count; ++i) {
    BINBUS_TRY(column, read_column(in, pairs));
    version.columns.push_back(std::move(column));
  }
  for (auto* key : {&version.primary_key, &version.unique_key}) {
    if (layout == 1 && key == &version.unique_key) break;
    BINBUS_TRY(key_count, read_count(in, 1, "table: key"));
    for (size_t i = 0; i < key_count; ++i) {
      BINBUS_TRY(ordinal, in.lenenc("table: key"));
      if (ordinal >= version.columns.size()) return fail(Code::kCorrupt, "table: key");
      key->push_back(static_cast<uint32_t>(ordinal));
    }
  }
  return version;
}

Result<uint8_t> read_layout(ByteReader& in) {
  BINBUS_TRY(layout, in.u8("table: layout"));
  if (layout == 0 || layout > kLayout)
    return fail(Code::kUnsupported, "table: layout " + std::to_string(layout));
  return layout;
}

Result<UniqueKey> read_key(ByteReader& in) {
  UniqueKey key;
  BINBUS_TRY(name, read_text(in, "table: key"));
  key.name = std::move(name);
  BINBUS_TRY(flags, in.u8("table: key"));
  key.hash = (flags & kHash) != 0;
  key.unnamed = (flags & kUnnamed) != 0;
  BINBUS_TRY(count, read_count(in, 2, "table: key"));
  for (size_t i = 0; i < count; ++i) {
    BINBUS_TRY(column, read_text(in, "table: key"));
    BINBUS_TRY(prefix, in.lenenc("table: key"));
    key.parts.push_back(
        {std::move(column), static_cast<uint32_t>(std::min<uint64_t>(prefix, UINT32_MAX))});
  }
  return key;
}

}  // namespace

ByteVector encode_table(const TableDefinition& definition) {
  ByteWriter out;
  out.u8(kLayout);
  write_version(out, definition.version);
  out.lenenc_text(definition.engine).u8(definition.versioned ? 1 : 0);
  out.lenenc(definition.periods.size());
  for (const PeriodSpec& period : definition.periods) {
    out.lenenc_text(period.name).lenenc_text(period.start).lenenc_text(period.end);
  }
  out.u8(definition.keys_known ? 1 : 0).lenenc(definition.unique_keys.size());
  for (const UniqueKey& key : definition.unique_keys) {
    out.lenenc_text(key.name).u8(
        static_cast<uint8_t>((key.hash ? kHash : 0) | (key.unnamed ? kUnnamed : 0)));
    out.lenenc(key.parts.size());
    for (const UniqueKey::Part& part : key.parts) out.lenenc_text(part.column).lenenc(part.prefix);
  }
  return out.take();
}

Result<TableDefinition> decode_table(Bytes bytes) {
  ByteReader in(bytes);
  BINBUS_TRY(layout, read_layout(in));
  TableDefinition definition;
  BINBUS_TRY(version, read_version(in, layout));
  definition.version = std::move(version);
  BINBUS_TRY(engine, read_text(in, "table: engine"));
  definition.engine = std::move(engine);
  BINBUS_TRY(versioned, in.u8("table: versioning"));
  definition.versioned = versioned != 0;
  BINBUS_TRY(period_count, read_count(in, 3, "table: periods"));
  for (size_t i = 0; i < period_count; ++i) {
    BINBUS_TRY(name, read_text(in, "table: period"));
    BINBUS_TRY(start, read_text(in, "table: period"));
    BINBUS_TRY(end, read_text(in, "table: period"));
    definition.periods.push_back({std::move(name), std::move(start), std::move(end)});
  }
  if (layout > 1) {
    BINBUS_TRY(known, in.u8("table: keys"));
    definition.keys_known = known != 0;
  }
  BINBUS_TRY(count, read_count(in, 3, "table: keys"));
  for (size_t i = 0; i < count; ++i) {
    BINBUS_TRY(key, read_key(in));
    definition.unique_keys.push_back(std::move(key));
  }
  if (layout == 1) definition.keys_known = !definition.unique_keys.empty();
  if (in.remaining() > 0) return fail(Code::kCorrupt, "table: bytes after its end");
  return definition;
}

ByteVector encode_version(const TableVersion& version) {
  ByteWriter out;
  out.u8(kLayout);
  write_version(out, version);
  return out.take();
}

Result<TableVersion> decode_version(Bytes bytes) {
  ByteReader in(bytes);
  BINBUS_TRY(layout, read_layout(in));
  BINBUS_TRY(version, read_version(in, layout));
  if (in.remaining() > 0) return fail(Code::kCorrupt, "table: bytes after its end");
  return std::move(version);
}

}  // namespace binbus::schema
