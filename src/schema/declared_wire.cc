#include "schema/declared_wire.h"

#include "schema/charset_names.h"

namespace binbus::schema {
namespace {

constexpr uint16_t kDocumentLengthBytes = 4;  // of JSON and geometry, as of LONGBLOB

uint16_t text_bytes(const Column& column) {
  return static_cast<uint16_t>(column.length * bytes_per_character(column.charset));
}

uint16_t blob_length_bytes(SqlType type) {
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

uint16_t enum_bytes(size_t labels) { return labels > 255 ? 2 : 1; }

uint16_t set_bytes(size_t labels) {
  const size_t bytes = (labels + 7) / 8;
  return static_cast<uint16_t>(bytes > 4 ? 8 : bytes);
}

// A COMPRESSED one has a byte more, for its head.
WireColumn varying(const Column& column, uint16_t bytes) {
  if (!column.compressed) return {.type = kWireVarchar, .metadata = bytes};
  return {.type = kWireVarcharCompressed, .metadata = static_cast<uint16_t>(bytes + 1)};
}

// The numbers without what else they have.
WireColumn wire_of(const Column& column, bool mariadb) {
  const auto length = static_cast<uint16_t>(column.length);
  switch (column.type) {
    case SqlType::kTinyint:
      return {.type = kWireTiny};
    case SqlType::kSmallint:
      return {.type = kWireShort};
    case SqlType::kMediumint:
      return {.type = kWireInt24};
    case SqlType::kInt:
      return {.type = kWireLong};
    case SqlType::kBigint:
      return {.type = kWireLonglong};
    case SqlType::kFloat:
      return {.type = kWireFloat, .metadata = 4};
    case SqlType::kDouble:
      return {.type = kWireDouble, .metadata = 8};
    case SqlType::kDecimal:
      return {.type = kWireNewdecimal,
              .metadata = static_cast<uint16_t>(length | column.decimals << 8)};
    case SqlType::kBit:
      return {.type = kWireBit, .metadata = static_cast<uint16_t>(length % 8 | length / 8 << 8)};
    case SqlType::kYear:
      return {.type = kWireYear};
    case SqlType::kDate:
      return {.type = kWireDate};
    case SqlType::kTime:
      return {.type = kWireTime2, .metadata = column.decimals};
    case SqlType::kDatetime:
      return {.type = kWireDatetime2, .metadata = column.decimals};
    case SqlType::kTimestamp:
      return {.type = kWireTimestamp2, .metadata = column.decimals};
    case SqlType::kChar:
      return {.type = kWireString, .metadata = text_bytes(column)};
    case SqlType::kBinary:
      return {.type = kWireString, .metadata = length};
    case SqlType::kVarchar:
      return varying(column, text_bytes(column));
    case SqlType::kVarbinary:
      return varying(column, length);
    case SqlType::kTinytext:
    case SqlType::kText:
    case SqlType::kMediumtext:
    case SqlType::kLongtext:
    case SqlType::kTinyblob:
    case SqlType::kBlob:
    case SqlType::kMediumblob:
    case SqlType::kLongblob:
      return {.type = column.compressed ? kWireBlobCompressed : kWireBlob,
              .metadata = blob_length_bytes(column.type)};
    case SqlType::kEnum:
      return {.type = kWireEnum, .metadata = enum_bytes(column.labels.size())};
    case SqlType::kSet:
      return {.type = kWireSet, .metadata = set_bytes(column.labels.size())};
    case SqlType::kJson:
      return {.type = kWireJson, .metadata = kDocumentLengthBytes};
    case SqlType::kGeometry:
    case SqlType::kPoint:
    case SqlType::kLinestring:
    case SqlType::kPolygon:
    case SqlType::kMultipoint:
    case SqlType::kMultilinestring:
    case SqlType::kMultipolygon:
    case SqlType::kGeometrycollection:
      return {.type = kWireGeometry, .metadata = kDocumentLengthBytes};
    case SqlType::kVector:
      if (mariadb) return {.type = kWireVarchar, .metadata = static_cast<uint16_t>(4 * length)};
      return {.type = kWireVector, .metadata = kDocumentLengthBytes};
    case SqlType::kInet4:
      return {.type = kWireString, .metadata = 4};
    case SqlType::kInet6:
    case SqlType::kUuid:
      return {.type = kWireString, .metadata = 16};
    case SqlType::kUnknown:
      break;
  }
  return {.type = kWireNull};
}

}  // namespace

WireColumn declared_wire(const Column& column, bool mariadb) {
  WireColumn wire = wire_of(column, mariadb);
  wire.nullable = column.nullable;
  return wire;
}

}  // namespace binbus::schema
