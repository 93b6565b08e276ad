#include "schema/wire_types.h"

#include <array>

namespace binbus::schema {
namespace {

constexpr WireRow kTypes[] = {
    {kWireDecimalOld, "DECIMAL", 0, Extent::kUnknown, 0},
    {kWireTiny, "TINYINT", 0, Extent::kFixed, 1},
    {kWireShort, "SHORTINT", 0, Extent::kFixed, 2},
    {kWireLong, "INT", 0, Extent::kFixed, 4},
    {kWireFloat, "FLOAT", 1, Extent::kFixed, 4},
    {kWireDouble, "DOUBLE", 1, Extent::kFixed, 8},
    {kWireNull, "NULL", 0, Extent::kFixed, 0},
    {kWireTimestamp, "TIMESTAMP", 0, Extent::kFixed, 4},
    {kWireLonglong, "LONGINT", 0, Extent::kFixed, 8},
    {kWireInt24, "MEDIUMINT", 0, Extent::kFixed, 3},
    {kWireDate, "DATE", 0, Extent::kFixed, 3},
    {kWireTime, "TIME", 0, Extent::kFixed, 3},
    {kWireDatetime, "DATETIME", 0, Extent::kFixed, 8},
    {kWireYear, "YEAR", 0, Extent::kFixed, 1},
    {kWireNewdate, "DATE", 0, Extent::kFixed, 3},
    {kWireVarchar, "VARSTRING", 2, Extent::kStringPrefix, 0},
    {kWireBit, "BIT", 2, Extent::kByMetadata, 0},
    {kWireTimestamp2, "TIMESTAMP", 1, Extent::kByMetadata, 4},
    {kWireDatetime2, "DATETIME", 1, Extent::kByMetadata, 5},
    {kWireTime2, "TIME", 1, Extent::kByMetadata, 3},
    {kWireTypedArray, "ARRAY", 0, Extent::kMetadataPrefix, 0},
    {kWireBlobCompressed, "BLOB COMPRESSED", 1, Extent::kMetadataPrefix, 0},
    {kWireVarcharCompressed, "VARSTRING COMPRESSED", 2, Extent::kStringPrefix, 0},
    {kWireVector, "VECTOR", 1, Extent::kMetadataPrefix, 0},
    {kWireJson, "JSON", 1, Extent::kMetadataPrefix, 0},
    {kWireNewdecimal, "DECIMAL", 2, Extent::kByMetadata, 0},
    {kWireEnum, "ENUM", 2, Extent::kByMetadata, 0},
    {kWireSet, "SET", 2, Extent::kByMetadata, 0},
    {kWireTinyBlob, "TINYBLOB", 1, Extent::kMetadataPrefix, 0},
    {kWireMediumBlob, "MEDIUMBLOB", 1, Extent::kMetadataPrefix, 0},
    {kWireLongBlob, "LONGBLOB", 1, Extent::kMetadataPrefix, 0},
    {kWireBlob, "BLOB", 1, Extent::kMetadataPrefix, 0},
    {kWireVarString, "VARSTRING", 2, Extent::kStringPrefix, 0},
    {kWireString, "STRING", 2, Extent::kStringPrefix, 0},
    {kWireGeometry, "GEOMETRY", 1, Extent::kMetadataPrefix, 0},
};

constexpr auto kByNumber = [] {
  std::array<const WireRow*, 256> rows{};
  for (const WireRow& row : kTypes) rows[row.type] = &row;
  return rows;
}();

tl::unexpected<Error> bad_metadata(const WireRow& type) {
  return fail(Code::kCorrupt, std::string(type.name) + ": its metadata contradicts the type");
}

Result<Size> size_by_metadata(const WireRow& type, uint16_t metadata) {
  const auto low = static_cast<uint8_t>(metadata & 0xff);
  const auto high = static_cast<uint8_t>(metadata >> 8);
  switch (type.type) {
    case kWireBit:
      if (low > 7 || high > 8 || low + high * 8 < 1 || low + high * 8 > 64) break;
      return Size{.fixed = high + (low > 0 ? 1U : 0U)};
    case kWireNewdecimal:
      if (low < 1 || low > 65 || high > 38 || high > low) break;
      return Size{.fixed = decimal_bytes(low, high)};
    case kWireEnum:
      if (metadata != 1 && metadata != 2) break;
      return Size{.fixed = metadata};
    case kWireSet:
      if (metadata < 1 || metadata > 8 || (metadata > 4 && metadata < 8)) break;
      return Size{.fixed = metadata};
    default:  // temporal: two digits of a fraction to a byte
      if (metadata > 6) break;
      return Size{.fixed = type.bytes + (metadata + 1U) / 2};
  }
  return bad_metadata(type);
}

// MariaDB 5.3 to 10.0, and later with mysql56_temporal_format=OFF.
Size old_temporal_size(uint8_t type, uint8_t decimals) {
  static constexpr uint8_t kTimeBytes[] = {3, 4, 4, 5, 5, 5, 6};
  static constexpr uint8_t kDatetimeBytes[] = {8, 6, 6, 7, 7, 7, 8};
  static constexpr uint8_t kTimestampBytes[] = {4, 5, 5, 6, 6, 7, 7};
  switch (type) {
    case kWireTime:
      return {.fixed = kTimeBytes[decimals]};
    case kWireDatetime:
      return {.fixed = kDatetimeBytes[decimals]};
    default:
      return {.fixed = kTimestampBytes[decimals]};
  }
}

}  // namespace

const WireRow* wire_type(uint8_t type) { return kByNumber[type]; }

uint32_t decimal_bytes(uint32_t precision, uint32_t scale) {
  static constexpr uint8_t kBytes[] = {0, 1, 1, 2, 2,
                                       3, 3, 4, 4, 4};  // by digits short of a group of nine
  const uint32_t whole = precision - scale;
  return whole / 9 * 4 + kBytes[whole % 9] + scale / 9 * 4 + kBytes[scale % 9];
}

Result<Size> value_size(const WireColumn& column, uint8_t decimals) {
  const WireRow* type = wire_type(column.type);
  if (type == nullptr || type->extent == Extent::kUnknown) {
    return fail(Code::kUnsupported, "values of type " + std::to_string(column.type));
  }
  switch (type->extent) {
    case Extent::kFixed:
      if (decimals > 0 && decimals <= 6 &&
          (type->type == kWireTime || type->type == kWireDatetime ||
           type->type == kWireTimestamp)) {
        return old_temporal_size(type->type, decimals);
      }
      return Size{.fixed = type->bytes};
    case Extent::kByMetadata:
      return size_by_metadata(*type, column.metadata);
    case Extent::kStringPrefix:
      return Size{.prefix = static_cast<uint8_t>(column.metadata > 255 ? 2 : 1)};
    default:
      if (column.metadata < 1 || column.metadata > 4) return bad_metadata(*type);
      return Size{.prefix = static_cast<uint8_t>(column.metadata)};
  }
}

bool is_numeric(const WireColumn& column, bool) {
  switch (column.type) {
    case kWireTiny:
    case kWireShort:
    case kWireInt24:
    case kWireLong:
    case kWireLonglong:
    case kWireNewdecimal:
    case kWireFloat:
    case kWireDouble:
    case kWireYear:
      return true;
    default:
      return false;
  }
}

bool is_character(const WireColumn& column, bool mariadb) {
  switch (column.type) {
    case kWireString:
    case kWireVarString:
    case kWireVarchar:
    case kWireTinyBlob:
    case kWireBlob:
    case kWireMediumBlob:
    case kWireLongBlob:
    case kWireBlobCompressed:
    case kWireVarcharCompressed:
    case kWireVector:
      return true;
    case kWireGeometry:
      return mariadb;
    default:
      return false;
  }
}

}  // namespace binbus::schema
