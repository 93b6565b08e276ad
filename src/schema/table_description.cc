// The table version that a table map's own metadata makes.
#include "schema/charset.h"
#include "schema/table_map.h"
#include "schema/wire_types.h"

namespace binbus::schema {
namespace {

constexpr uint32_t kBinaryCollation = 63;

// Hands out a metadata field's values, one per column that it counts; none when the field was not there.
template <class T>
class Values {
 public:
  explicit Values(const std::vector<T>& values) : values_(values) {}
  std::optional<T> next() {
    if (at_ >= values_.size()) return std::nullopt;
    return values_[at_++];
  }

 private:
  const std::vector<T>& values_;
  size_t at_ = 0;
};

struct Metadata {
  explicit Metadata(const OptionalMetadata& from)
      : is_unsigned(from.is_unsigned),
        text_collations(from.text_collations),
        label_collations(from.label_collations),
        enum_labels(from.enum_labels),
        set_labels(from.set_labels),
        geometry_types(from.geometry_types),
        vector_elements(from.vector_elements) {}

  Values<bool> is_unsigned;
  Values<uint32_t> text_collations;
  Values<uint32_t> label_collations;
  Values<std::vector<Bytes>> enum_labels;
  Values<std::vector<Bytes>> set_labels;
  Values<uint64_t> geometry_types;
  Values<uint64_t> vector_elements;
};

SqlType geometry_type(uint64_t number) {
  constexpr SqlType kGeometryTypes[] = {SqlType::kGeometry,     SqlType::kPoint,
                                        SqlType::kLinestring,   SqlType::kPolygon,
                                        SqlType::kMultipoint,   SqlType::kMultilinestring,
                                        SqlType::kMultipolygon, SqlType::kGeometrycollection};
  return number < std::size(kGeometryTypes) ? kGeometryTypes[number] : SqlType::kGeometry;
}

// Of text when a charset is known, else of bytes.
SqlType text_or_binary(const WireColumn& wire, bool text) {
  const auto choose = [text](SqlType if_text, SqlType if_binary) {
    return text ? if_text : if_binary;
  };
  switch (wire.type) {
    case kWireString:
      return choose(SqlType::kChar, SqlType::kBinary);
    case kWireVarchar:
    case kWireVarString:
    case kWireVarcharCompressed:
      return choose(SqlType::kVarchar, SqlType::kVarbinary);
    default:
      break;
  }
  switch (wire.metadata) {
    case 1:
      return choose(SqlType::kTinytext, SqlType::kTinyblob);
    case 2:
      return choose(SqlType::kText, SqlType::kBlob);
    case 3:
      return choose(SqlType::kMediumtext, SqlType::kMediumblob);
    default:
      return choose(SqlType::kLongtext, SqlType::kLongblob);
  }
}

SqlType plain_type(uint8_t wire) {
  switch (wire) {
    case kWireTiny:
      return SqlType::kTinyint;
    case kWireShort:
      return SqlType::kSmallint;
    case kWireInt24:
      return SqlType::kMediumint;
    case kWireLong:
      return SqlType::kInt;
    case kWireLonglong:
      return SqlType::kBigint;
    case kWireFloat:
      return SqlType::kFloat;
    case kWireDouble:
      return SqlType::kDouble;
    case kWireNewdecimal:
    case kWireDecimalOld:
      return SqlType::kDecimal;
    case kWireBit:
      return SqlType::kBit;
    case kWireYear:
      return SqlType::kYear;
    case kWireDate:
    case kWireNewdate:
      return SqlType::kDate;
    case kWireTime:
    case kWireTime2:
      return SqlType::kTime;
    case kWireDatetime:
    case kWireDatetime2:
      return SqlType::kDatetime;
    case kWireTimestamp:
    case kWireTimestamp2:
      return SqlType::kTimestamp;
    case kWireEnum:
      return SqlType::kEnum;
    case kWireSet:
      return SqlType::kSet;
    case kWireJson:
    case kWireTypedArray:
      return SqlType::kJson;
    case kWireVector:
      return SqlType::kVector;
    default:
      return SqlType::kUnknown;
  }
}

// A number's digits, a temporal type's fraction.
void describe_precision(const WireColumn& wire, Column& column) {
  const auto low = static_cast<uint8_t>(wire.metadata & 0xff);
  const auto high = static_cast<uint8_t>(wire.metadata >> 8);
  switch (wire.type) {
    case kWireNewdecimal:
      column.length = low;
      column.decimals = high;
      break;
    case kWireBit:
      column.length = low + 8U * high;
      break;
    case kWireTime2:
    case kWireDatetime2:
    case kWireTimestamp2:
      column.decimals = low;
      break;
    default:
      break;
  }
}

void set_collation(Column& column, uint32_t collation) {
  if (const Charset* charset = Charset::find_by_collation(collation))
    column.charset = charset->name();
}

void describe_text(const WireColumn& wire, std::optional<uint32_t> collation, Column& column) {
  const bool text = collation && *collation != kBinaryCollation;
  column.type = text_or_binary(wire, text);
  column.compressed = wire.type == kWireVarcharCompressed || wire.type == kWireBlobCompressed;
  if (text) set_collation(column, *collation);
  if (wire.type == kWireBlob || wire.type == kWireBlobCompressed) return;
  const Charset* charset = text ? Charset::find(column.charset) : nullptr;
  const uint32_t bytes =
      wire.metadata - (wire.type == kWireVarcharCompressed && wire.metadata > 0 ? 1U : 0U);
  column.length = charset == nullptr ? bytes : bytes / charset->bytes_per_character_max();
}

Status describe_labels(const std::vector<Bytes>& labels, Column& column) {
  const Charset* charset = Charset::find(column.charset);
  for (const Bytes label : labels) {
    std::string& text = column.labels.emplace_back();
    if (charset == nullptr || charset->is_binary()) {
      text = as_text(label);
    } else {
      charset->append_utf8(text, label);
    }
  }
  return ok();
}

std::string quoted(const std::string& label) {
  std::string out = "'";
  for (const char c : label) out.append(c == '\'' ? 2 : 1, c);
  return out + '\'';
}

std::string type_text(const Column& column) {
  std::string text(sql_type_name(column.type));
  switch (column.type) {
    case SqlType::kDecimal:
      text += '(' + std::to_string(column.length) + ',' + std::to_string(column.decimals) + ')';
      break;
    case SqlType::kBit:
    case SqlType::kChar:
    case SqlType::kVarchar:
    case SqlType::kBinary:
    case SqlType::kVarbinary:
    case SqlType::kVector:
      text += '(' + std::to_string(column.length) + ')';
      break;
    case SqlType::kTime:
    case SqlType::kDatetime:
    case SqlType::kTimestamp:
      if (column.decimals > 0) text += '(' + std::to_string(column.decimals) + ')';
      break;
    case SqlType::kEnum:
    case SqlType::kSet:
      for (size_t i = 0; i < column.labels.size(); ++i) {
        text += (i == 0 ? '(' : ',') + quoted(column.labels[i]);
      }
      if (!column.labels.empty()) text += ')';
      break;
    default:
      break;
  }
  if (column.is_unsigned && column.type != SqlType::kYear) text += " unsigned";
  return text;
}

Status describe_column(const WireColumn& wire, bool mariadb, Metadata& metadata, Column& column) {
  column.type = plain_type(wire.type);
  column.nullable = wire.nullable;
  describe_precision(wire, column);
  if (is_numeric(wire, mariadb)) {
    column.is_unsigned = metadata.is_unsigned.next().value_or(false) && wire.type != kWireYear;
  }
  if (is_character(wire, mariadb)) {
    const auto collation = metadata.text_collations.next();
    if (wire.type != kWireVector && wire.type != kWireGeometry) {
      describe_text(wire, collation, column);
    }
  }
  if (is_labelled(wire, mariadb)) {
    if (const auto collation = metadata.label_collations.next()) set_collation(column, *collation);
    auto& labels = wire.type == kWireEnum ? metadata.enum_labels : metadata.set_labels;
    BINBUS_RETURN_IF_ERROR(describe_labels(labels.next().value_or(std::vector<Bytes>{}), column));
  }
  if (wire.type == kWireGeometry) {
    column.type = geometry_type(metadata.geometry_types.next().value_or(0));
  }
  if (wire.type == kWireVector) {
    column.length = static_cast<uint32_t>(metadata.vector_elements.next().value_or(0));
  }
  column.type_text = type_text(column);
  return ok();
}

}  // namespace

Result<TableVersion> describe(const TableMap& map) {
  TableVersion version;
  version.database = map.database;
  version.table = map.table;
  version.columns.resize(map.columns.size());
  Metadata metadata(map.metadata);
  for (size_t i = 0; i < map.columns.size(); ++i) {
    Column& column = version.columns[i];
    if (!map.metadata.names.empty()) column.name = map.metadata.names[i];
    if (!map.metadata.visible.empty()) column.invisible = !map.metadata.visible[i];
    BINBUS_RETURN_IF_ERROR(describe_column(map.columns[i], map.mariadb, metadata, column));
  }
  if (map.metadata.primary_key) version.primary_key = *map.metadata.primary_key;
  return version;
}

}  // namespace binbus::schema
