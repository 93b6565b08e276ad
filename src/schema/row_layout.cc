#include "schema/row_layout.h"

#include "schema/charset.h"
#include "schema/column_type.h"
#include "schema/declared_wire.h"
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

// Whether a table that was made with an older server may have this for that.
bool is_older(uint8_t type, uint8_t today) {
  switch (today) {
    case kWireTime2:
      return type == kWireTime;
    case kWireDatetime2:
      return type == kWireDatetime;
    case kWireTimestamp2:
      return type == kWireTimestamp;
    case kWireDate:
      return type == kWireNewdate;
    default:
      return false;
  }
}

// Whether the declaration is known well enough to say what the map's metadata must be, where that says something.
bool tells_metadata(const Column& column, uint8_t type) {
  switch (type) {
    case kWireNewdecimal:
    case kWireBit:
    case kWireTime2:
    case kWireDatetime2:
    case kWireTimestamp2:
    case kWireBlob:
    case kWireBlobCompressed:
      return true;
    case kWireString:
    case kWireVarchar:
    case kWireVarcharCompressed:
      return !is_character_type(column.type) || Charset::find(column.charset) != nullptr;
    case kWireEnum:
    case kWireSet:
      return !column.labels.empty();
    default:
      return false;
  }
}

bool same_type(const WireColumn& wire, const Column& column, bool mariadb) {
  if (column.type == SqlType::kUnknown) return true;
  const WireColumn today = declared_wire(column, mariadb);
  if (is_older(wire.type, today.type)) return true;
  const bool same = wire.type == today.type ||
                    (wire.type == kWireVarString && today.type == kWireVarchar) ||
                    (wire.type == kWireTypedArray && today.type == kWireJson);
  return same && (wire.metadata == today.metadata || !tells_metadata(column, today.type));
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
    if (Difference has = unless(same_type(wire, column, map.mariadb), wire); !has.empty()) {
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
