#include "schema/table_map.h"

#include <array>

#include "schema/wire_types.h"

namespace binbus::schema {
namespace {

using binlog::FormatDescription;
using binlog::kHeaderBytes;

enum MetadataField : uint8_t {
  kSignedness = 1,
  kDefaultTextCollation = 2,
  kTextCollations = 3,
  kColumnNames = 4,
  kSetLabels = 5,
  kEnumLabels = 6,
  kGeometryTypes = 7,
  kSimplePrimaryKey = 8,
  kPrefixedPrimaryKey = 9,
  kDefaultLabelCollation = 10,
  kLabelCollations = 11,
  kVisibility = 12,
  kVectorElements = 13,
};

std::string in_column(size_t ordinal) { return "table map, column " + std::to_string(ordinal + 1); }

// ENUM and SET say kWireString, with the real type in the metadata; long CHARs have the length's two high bits,
// inverted, in the type's bits 4 and 5.
WireColumn resolve_string(WireColumn column) {
  const auto high = static_cast<uint8_t>(column.metadata & 0xff);
  const auto low = static_cast<uint8_t>(column.metadata >> 8);
  if ((high & 0x30) != 0x30) {
    column.type = high | 0x30;
    column.metadata = static_cast<uint16_t>(low | (((high & 0x30) ^ 0x30) << 4));
  } else {
    column.type = high;
    column.metadata = low;
  }
  return column;
}

// The metadata of a typed array is its elements' type and that type's metadata; the values are JSON documents.
Status read_typed_array(ByteReader& in) {
  BINBUS_TRY(element, in.u8("table map's array type"));
  const WireRow* type = wire_type(element);
  if (type == nullptr) return fail(Code::kUnsupported, "array of an unknown type");
  return in.skip(element == kWireVarchar ? 3U : type->metadata_bytes, "table map's array metadata");
}

Status read_metadata(ByteReader& in, WireColumn& column, size_t ordinal) {
  const WireRow* type = wire_type(column.type);
  if (type == nullptr) {
    return fail(Code::kUnsupported,
                in_column(ordinal) + ": unknown type " + std::to_string(column.type));
  }
  if (column.type == kWireTypedArray) {
    column.metadata = 4;
    return read_typed_array(in);
  }
  if (type->metadata_bytes == 1) {
    BINBUS_TRY(metadata, in.u8("table map's column metadata"));
    column.metadata = metadata;
  } else if (type->metadata_bytes == 2) {
    BINBUS_TRY(metadata, in.u16("table map's column metadata"));
    column.metadata = metadata;
    if (column.type == kWireString) column = resolve_string(column);
  }
  return ok();
}

Status read_columns(ByteReader& in, std::vector<WireColumn>& columns) {
  BINBUS_TRY(count, in.lenenc("table map's column count"));
  BINBUS_TRY(types, in.bytes(count, "table map's column types"));
  columns.resize(types.size());
  for (size_t i = 0; i < types.size(); ++i) columns[i].type = types[i];
  BINBUS_TRY(metadata_bytes, in.lenenc_bytes("table map's column metadata"));
  ByteReader metadata(metadata_bytes);
  for (size_t i = 0; i < columns.size(); ++i) {
    BINBUS_RETURN_IF_ERROR(read_metadata(metadata, columns[i], i));
  }
  if (metadata.remaining() > 0) return fail(Code::kCorrupt, "table map: column metadata left over");
  BINBUS_TRY(nullable, in.bytes((columns.size() + 7) / 8, "table map's null bits"));
  for (size_t i = 0; i < columns.size(); ++i) {
    columns[i].nullable = (nullable[i / 8] >> (i % 8) & 1) != 0;
  }
  return ok();
}

// Which columns a metadata field counts.
template <class Counts>
size_t count_columns(const TableMap& map, Counts counts) {
  size_t count = 0;
  for (const WireColumn& column : map.columns) count += counts(column, map.mariadb) ? 1 : 0;
  return count;
}

Status read_bits(Bytes field, size_t count, std::vector<bool>& out) {
  if (field.size() != (count + 7) / 8) {
    return fail(Code::kCorrupt, "table map's metadata: bits of another number of columns");
  }
  out.resize(count);
  for (size_t i = 0; i < count; ++i) out[i] = (field[i / 8] >> (7 - i % 8) & 1) != 0;
  return ok();
}

template <class Integer>
Status read_integers(Bytes field, size_t count, std::vector<Integer>& out) {
  ByteReader in(field);
  while (in.remaining() > 0) {
    BINBUS_TRY(value, in.lenenc("table map's metadata"));
    out.push_back(static_cast<Integer>(value));
  }
  if (out.size() != count) {
    return fail(Code::kCorrupt, "table map's metadata: of another number of columns");
  }
  return ok();
}

// One collation for all but those listed after it by their place among the columns that count.
Status read_default_collation(Bytes field, size_t count, std::vector<uint32_t>& out) {
  ByteReader in(field);
  BINBUS_TRY(common, in.lenenc("table map's default collation"));
  out.assign(count, static_cast<uint32_t>(common));
  while (in.remaining() > 0) {
    BINBUS_TRY(place, in.lenenc("table map's column with a collation"));
    BINBUS_TRY(collation, in.lenenc("table map's collation"));
    if (place >= count) return fail(Code::kCorrupt, "table map: a collation of no column");
    out[place] = static_cast<uint32_t>(collation);
  }
  return ok();
}

Status read_names(Bytes field, size_t count, std::vector<std::string>& out) {
  ByteReader in(field);
  while (in.remaining() > 0) {
    BINBUS_TRY(name, in.lenenc_bytes("table map's column name"));
    out.emplace_back(as_text(name));
  }
  if (out.size() != count)
    return fail(Code::kCorrupt, "table map: names of another number of columns");
  return ok();
}

Status read_labels(Bytes field, size_t count, std::vector<std::vector<Bytes>>& out) {
  ByteReader in(field);
  while (in.remaining() > 0) {
    BINBUS_TRY(labels, in.lenenc("table map's number of labels"));
    out.emplace_back();
    for (uint64_t i = 0; i < labels; ++i) {
      BINBUS_TRY(label, in.lenenc_bytes("table map's label"));
      out.back().push_back(label);
    }
  }
  if (out.size() != count)
    return fail(Code::kCorrupt, "table map: labels of another number of columns");
  return ok();
}

Status read_primary_key(Bytes field, size_t columns, bool prefixed, OptionalMetadata& out) {
  ByteReader in(field);
  out.primary_key.emplace();
  while (in.remaining() > 0) {
    BINBUS_TRY(ordinal, in.lenenc("table map's key column"));
    if (ordinal >= columns) return fail(Code::kCorrupt, "table map: a key of no column");
    if (prefixed) BINBUS_RETURN_IF_ERROR(in.lenenc("table map's key prefix"));
    out.primary_key->push_back(static_cast<uint32_t>(ordinal));
  }
  return ok();
}

Status read_field(uint8_t type, Bytes field, TableMap& map) {
  OptionalMetadata& out = map.metadata;
  const size_t columns = map.columns.size();
  switch (type) {
    case kSignedness:
      return read_bits(field, count_columns(map, is_numeric), out.is_unsigned);
    case kDefaultTextCollation:
      return read_default_collation(field, count_columns(map, is_character), out.text_collations);
    case kTextCollations:
      return read_integers(field, count_columns(map, is_character), out.text_collations);
    case kDefaultLabelCollation:
      return read_default_collation(field, count_columns(map, is_labelled), out.label_collations);
    case kLabelCollations:
      return read_integers(field, count_columns(map, is_labelled), out.label_collations);
    case kColumnNames:
      return read_names(field, columns, out.names);
    case kSetLabels:
      return read_labels(field, count_columns(map, is_type<kWireSet>), out.set_labels);
    case kEnumLabels:
      return read_labels(field, count_columns(map, is_type<kWireEnum>), out.enum_labels);
    case kGeometryTypes:
      return read_integers(field, count_columns(map, is_type<kWireGeometry>), out.geometry_types);
    case kSimplePrimaryKey:
      return read_primary_key(field, columns, false, out);
    case kPrefixedPrimaryKey:
      return read_primary_key(field, columns, true, out);
    case kVisibility:
      return read_bits(field, columns, out.visible);
    case kVectorElements:
      return read_integers(field, count_columns(map, is_type<kWireVector>), out.vector_elements);
    default:
      return ok();  // of a later server
  }
}

Status read_optional_metadata(ByteReader& in, TableMap& map) {
  std::array<bool, 256> seen{};
  while (in.remaining() > 0) {
    BINBUS_TRY(type, in.u8("table map's metadata type"));
    BINBUS_TRY(field, in.lenenc_bytes("table map's metadata"));
    if (std::exchange(seen[type], true)) {
      return fail(Code::kCorrupt, "table map: metadata " + std::to_string(type) + " twice");
    }
    BINBUS_RETURN_IF_ERROR(read_field(type, field, map));
  }
  return ok();
}

Result<std::string_view> read_name(ByteReader& in, const char* what) {
  BINBUS_TRY(length, in.u8(what));
  BINBUS_TRY(name, in.bytes(length, what));
  BINBUS_TRY(end, in.u8(what));
  if (end != 0) return fail(Code::kCorrupt, std::string(what) + " does not end with its length");
  return as_text(name);
}

}  // namespace

Result<std::pair<std::string_view, std::string_view>> parse_table_names(
    Bytes event, const FormatDescription& format) {
  ByteReader in(event);
  const size_t post_header = post_header_bytes(binlog::kTableMapEvent, format);
  BINBUS_RETURN_IF_ERROR(in.skip(format.header_bytes + post_header, "table map's header"));
  BINBUS_TRY(database, read_name(in, "table map's database"));
  BINBUS_TRY(table, read_name(in, "table map's table"));
  return std::pair(database, table);
}

Result<TableMap> parse_table_map(Bytes event, const FormatDescription& format) {
  BINBUS_TRY(table_id, parse_table_id(event, format));
  TableMap map;
  map.table_id = table_id;
  map.mariadb = format.mariadb();
  ByteReader in(event);
  const size_t post_header = post_header_bytes(binlog::kTableMapEvent, format);
  BINBUS_RETURN_IF_ERROR(in.skip(format.header_bytes + post_header, "table map's header"));
  BINBUS_TRY(database, read_name(in, "table map's database"));
  BINBUS_TRY(table, read_name(in, "table map's table"));
  map.database = database;
  map.table = table;
  BINBUS_RETURN_IF_ERROR(read_columns(in, map.columns));
  BINBUS_RETURN_IF_ERROR(read_optional_metadata(in, map));
  return map;
}

}  // namespace binbus::schema
