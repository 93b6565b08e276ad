#include "schema/row_layout.h"

#include "schema/charset.h"
#include "schema/wire_types.h"

namespace binbus::schema {
namespace {

// Where a declaration and a table map differ: what the map has, in words; empty when they agree.
using Difference = std::string;

Difference unless(bool same, const WireColumn& wire) {
  if (same) return {};
  const WireRow* type = wire_type(wire.type);
  return std::string(type == nullptr ? "type " + std::to_string(wire.type) : type->name) +
         " with metadata " + std::to_string(wire.metadata);
}

uint32_t bytes_per_character(const Column& column) {
  const Charset* charset = Charset::find(column.charset);
  return charset == nullptr ? 0 : charset->bytes_per_character_max();
}

// Whether so many characters have so many bytes; a charset that is not known cannot be told.
bool is_text_of(const Column& column, uint32_t bytes) {
  const uint32_t width = bytes_per_character(column);
  return width == 0 || column.length * width == bytes;
}

uint16_t blob_prefix(SqlType type) {
  switch (type) {
    case SqlType::kTinytext:
    case SqlType::kTinyblob:
      return 1;
    case SqlType::kText:
    case SqlType::kBlob:
      return 2;
    case SqlType::kMediumtext:
    case SqlType::kMediumblob:
      return 3;
    default:
      return 4;
  }
}

uint16_t set_bytes(size_t labels) {
  const size_t bytes = (labels + 7) / 8;
  return static_cast<uint16_t>(bytes > 4 ? 8 : bytes);
}

bool same_temporal(const WireColumn& wire, uint8_t old_type, uint8_t new_type,
                   const Column& column) {
  return wire.type == old_type || (wire.type == new_type && wire.metadata == column.decimals);
}

bool same_varchar(const WireColumn& wire, const Column& column, bool text) {
  if (column.compressed) {
    if (wire.type != kWireVarcharCompressed || wire.metadata == 0) return false;
    return text ? is_text_of(column, wire.metadata - 1U) : column.length == wire.metadata - 1U;
  }
  if (wire.type != kWireVarchar && wire.type != kWireVarString) return false;
  return text ? is_text_of(column, wire.metadata) : column.length == wire.metadata;
}

bool same_type(const WireColumn& wire, const Column& column) {
  switch (column.type) {
    case SqlType::kTinyint:
      return wire.type == kWireTiny;
    case SqlType::kSmallint:
      return wire.type == kWireShort;
    case SqlType::kMediumint:
      return wire.type == kWireInt24;
    case SqlType::kInt:
      return wire.type == kWireLong;
    case SqlType::kBigint:
      return wire.type == kWireLonglong;
    case SqlType::kFloat:
      return wire.type == kWireFloat;
    case SqlType::kDouble:
      return wire.type == kWireDouble;
    case SqlType::kDecimal:
      return wire.type == kWireNewdecimal &&
             wire.metadata == (column.length | uint32_t{column.decimals} << 8);
    case SqlType::kBit:
      return wire.type == kWireBit &&
             column.length == (wire.metadata & 0xffU) + 8U * (wire.metadata >> 8);
    case SqlType::kYear:
      return wire.type == kWireYear;
    case SqlType::kDate:
      return wire.type == kWireDate || wire.type == kWireNewdate;
    case SqlType::kTime:
      return same_temporal(wire, kWireTime, kWireTime2, column);
    case SqlType::kDatetime:
      return same_temporal(wire, kWireDatetime, kWireDatetime2, column);
    case SqlType::kTimestamp:
      return same_temporal(wire, kWireTimestamp, kWireTimestamp2, column);
    case SqlType::kChar:
      return wire.type == kWireString && is_text_of(column, wire.metadata);
    case SqlType::kBinary:
      return wire.type == kWireString && wire.metadata == column.length;
    case SqlType::kVarchar:
      return same_varchar(wire, column, true);
    case SqlType::kVarbinary:
      return same_varchar(wire, column, false);
    case SqlType::kTinytext:
    case SqlType::kText:
    case SqlType::kMediumtext:
    case SqlType::kLongtext:
    case SqlType::kTinyblob:
    case SqlType::kBlob:
    case SqlType::kMediumblob:
    case SqlType::kLongblob:
      return wire.type == (column.compressed ? kWireBlobCompressed : kWireBlob) &&
             wire.metadata == blob_prefix(column.type);
    case SqlType::kEnum:
      return wire.type == kWireEnum &&
             (column.labels.empty() || wire.metadata == (column.labels.size() > 255 ? 2 : 1));
    case SqlType::kSet:
      return wire.type == kWireSet &&
             (column.labels.empty() || wire.metadata == set_bytes(column.labels.size()));
    case SqlType::kJson:
      return wire.type == kWireJson || wire.type == kWireTypedArray;
    case SqlType::kGeometry:
    case SqlType::kPoint:
    case SqlType::kLinestring:
    case SqlType::kPolygon:
    case SqlType::kMultipoint:
    case SqlType::kMultilinestring:
    case SqlType::kMultipolygon:
    case SqlType::kGeometrycollection:
      return wire.type == kWireGeometry;
    case SqlType::kVector:  // MariaDB's are VARBINARY to the binlog
      return wire.type == kWireVector ||
             (wire.type == kWireVarchar && wire.metadata == 4 * column.length);
    case SqlType::kInet4:
      return wire.type == kWireString && wire.metadata == 4;
    case SqlType::kInet6:
    case SqlType::kUuid:
      return wire.type == kWireString && wire.metadata == 16;
    case SqlType::kUnknown:
      return true;
  }
  return false;
}

// By today's name and by the one that older servers have for it: utf8mb3 and utf8.
bool same_charset(const std::string& a, const std::string& b) {
  const Charset* charset = a == b ? nullptr : Charset::find(a);
  return a == b || (charset != nullptr && charset == Charset::find(b));
}

// What the map's optional metadata, where it has some, says otherwise than the declaration. The map describes itself.
Difference metadata_difference(const Column& described, const Column& declared) {
  if (!described.name.empty() && described.name != declared.name) return "name " + described.name;
  if (!described.charset.empty() && !declared.charset.empty() &&
      !same_charset(described.charset, declared.charset) && declared.type != SqlType::kUnknown) {
    return "charset " + described.charset;
  }
  return {};
}

tl::unexpected<Error> mismatch(const TableMap& map, const std::string& what) {
  return fail(Code::kDiverged, "table " + map.database + "." + map.table +
                                   " of the log is not as its schema here: " + what);
}

tl::unexpected<Error> mismatch(const TableMap& map, const Column& column, const Difference& has) {
  return mismatch(map, "column " + column.name + " is " + column.type_text + " here and " + has +
                           " in the log");
}

}  // namespace

Result<RowLayout> RowLayout::make(const TableMap& map, TablePtr table) {
  if (map.columns.size() != table->columns.size()) {
    return mismatch(map, std::to_string(table->columns.size()) + " columns here, " +
                             std::to_string(map.columns.size()) + " in the log");
  }
  BINBUS_TRY(described, describe(map));
  RowLayout layout;
  layout.table_id_ = map.table_id;
  layout.steps_.reserve(map.columns.size());
  layout.fields_.reserve(map.columns.size());
  size_t numeric = 0;
  for (size_t i = 0; i < map.columns.size(); ++i) {
    const WireColumn& wire = map.columns[i];
    const Column& column = table->columns[i];
    if (Difference has = unless(same_type(wire, column), wire); !has.empty()) {
      return mismatch(map, column, has);
    }
    if (Difference has = metadata_difference(described.columns[i], column); !has.empty()) {
      return mismatch(map, column, has);
    }
    if (is_numeric(wire, map.mariadb) && numeric < map.metadata.is_unsigned.size()) {
      const bool is_unsigned = map.metadata.is_unsigned[numeric++];
      if (wire.type != kWireYear && is_unsigned != (column.is_unsigned || column.zerofill)) {
        return mismatch(map, column, is_unsigned ? "unsigned" : "signed");
      }
    }
    auto size = value_size(wire, column.decimals);
    if (!size)
      return fail_in("column " + column.name + " of " + map.database + "." + map.table,
                     size.error());
    layout.steps_.push_back(
        {.fixed = size->fixed, .prefix = size->prefix, .json = wire.type == kWireJson});
    if (column.row_end) layout.row_end_ = static_cast<uint32_t>(i);
    layout.fields_.push_back(
        {.wire = wire, .column = &column, .charset = Charset::find(column.charset)});
  }
  layout.table_ = std::move(table);
  return layout;
}

}  // namespace binbus::schema
