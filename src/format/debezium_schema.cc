#include "format/debezium_schema.h"

#include "format/json_output.h"

namespace binbus::format {

using schema::Column;
using schema::SqlType;
using schema::TableVersion;

namespace {

// {"type":"string","optional":true,"field":"gtid"}
std::string simple(std::string_view type, bool optional, std::string_view field) {
  std::string out = "{\"type\":\"";
  out += type;
  out += optional ? "\",\"optional\":true,\"field\":" : "\",\"optional\":false,\"field\":";
  append_json_string(out, field);
  return out + "}";
}
std::string required(std::string_view type, std::string_view field) {
  return simple(type, false, field);
}
std::string optional(std::string_view type, std::string_view field) {
  return simple(type, true, field);
}

struct Name {
  std::string_view name;
  int version = 1;
};

// A struct of `fields`, joined by commas; `field`: its own name in the struct around it, "" for none.
std::string structure(const std::string& fields, bool is_optional, Name name,
                      std::string_view field = "") {
  std::string out = "{\"type\":\"struct\",\"fields\":[" + fields + "],\"optional\":";
  out += is_optional ? "true" : "false";
  out += ",\"name\":";
  append_json_string(out, name.name);
  if (name.version != 0) out += ",\"version\":" + std::to_string(name.version);
  if (!field.empty()) {
    out += ",\"field\":";
    append_json_string(out, field);
  }
  return out + "}";
}

std::string array(const std::string& items, bool is_optional, std::string_view field) {
  std::string out = "{\"type\":\"array\",\"items\":" + items + ",\"optional\":";
  out += is_optional ? "true" : "false";
  out += ",\"field\":";
  append_json_string(out, field);
  return out + "}";
}

template <class... Fields>
std::string list(const std::string& first, const Fields&... rest) {
  std::string out = first;
  ((out += ',', out += rest), ...);
  return out;
}

struct TypeName {
  std::string_view type;  // Connect's
  Name name;              // of its meaning; "" for none
};

TypeName type_name(ConnectType type) {
  switch (type) {
    case ConnectType::kInt16:
      return {"int16", {""}};
    case ConnectType::kInt32:
      return {"int32", {""}};
    case ConnectType::kInt64:
    case ConnectType::kUnsigned64:
      return {"int64", {""}};
    case ConnectType::kFloat32:
      return {"float", {""}};
    case ConnectType::kFloat64:
      return {"double", {""}};
    case ConnectType::kBoolean:
      return {"boolean", {""}};
    case ConnectType::kBits:
      return {"bytes", {"io.debezium.data.Bits"}};
    case ConnectType::kString:
      return {"string", {""}};
    case ConnectType::kBytes:
      return {"bytes", {""}};
    case ConnectType::kDecimal:
      return {"bytes", {"org.apache.kafka.connect.data.Decimal"}};
    case ConnectType::kDate:
      return {"int32", {"io.debezium.time.Date"}};
    case ConnectType::kMicroTime:
      return {"int64", {"io.debezium.time.MicroTime"}};
    case ConnectType::kTimestamp:
      return {"int64", {"io.debezium.time.Timestamp"}};
    case ConnectType::kMicroTimestamp:
      return {"int64", {"io.debezium.time.MicroTimestamp"}};
    case ConnectType::kZonedTimestamp:
      return {"string", {"io.debezium.time.ZonedTimestamp"}};
    case ConnectType::kYear:
      return {"int32", {"io.debezium.time.Year"}};
    case ConnectType::kEnum:
      return {"string", {"io.debezium.data.Enum"}};
    case ConnectType::kEnumSet:
      return {"string", {"io.debezium.data.EnumSet"}};
    case ConnectType::kJson:
      return {"string", {"io.debezium.data.Json"}};
    case ConnectType::kUuid:
      return {"string", {"io.debezium.data.Uuid"}};
    case ConnectType::kPoint:
      return {"struct", {"io.debezium.data.geometry.Point"}};
    case ConnectType::kGeometry:
      return {"struct", {"io.debezium.data.geometry.Geometry"}};
    case ConnectType::kFloatVector:
      return {"array", {"io.debezium.data.FloatVector"}};
  }
  return {"string", {""}};
}

// Of a type with parts, what stands behind its "type".
std::string parts(ConnectType type) {
  const std::string srid = optional("int32", "srid");
  if (type == ConnectType::kGeometry)
    return ",\"fields\":[" + list(required("bytes", "wkb"), srid) + "]";
  if (type == ConnectType::kPoint) {
    return ",\"fields\":[" +
           list(required("double", "x"), required("double", "y"), optional("bytes", "wkb"), srid) +
           "]";
  }
  if (type == ConnectType::kFloatVector)
    return ",\"items\":{\"type\":\"float\",\"optional\":false}";
  return "";
}

// The labels in one text, with commas between them.
std::string allowed(const Column& column) {
  std::string joined;
  for (const std::string& label : column.labels) {
    if (&label != &column.labels.front()) joined += ',';
    for (const char c : label) {
      if (c == ',' || c == '\\') joined += '\\';
      joined += c;
    }
  }
  std::string out = "\"allowed\":";
  append_json_string(out, joined);
  return out;
}

std::string parameters(ConnectType type, const Column& column) {
  std::string inside;
  if (type == ConnectType::kBits) {
    inside = "\"length\":\"" + std::to_string(column.length) + "\"";
  } else if (type == ConnectType::kDecimal) {
    inside = "\"scale\":\"" + std::to_string(column.decimals) +
             "\",\"connect.decimal.precision\":\"" + std::to_string(column.length) + "\"";
  } else if (type == ConnectType::kEnum || type == ConnectType::kEnumSet) {
    inside = allowed(column);
  } else {
    return "";
  }
  return ",\"parameters\":{" + inside + "}";
}

std::string columns_schema(const TableVersion& table) {
  std::string fields;
  for (const Column& column : shown_columns(table)) {
    if (!fields.empty()) fields += ',';
    fields += field_schema(ColumnPlan(column));
  }
  return fields;
}

std::string source_schema(Connector connector) {
  static const std::string snapshot =
      "{\"type\":\"string\",\"optional\":true,\"name\":\"io.debezium.data.Enum\",\"version\":1,"
      "\"parameters\":{\"allowed\":\"true,first,first_in_data_collection,last_in_data_collection,"
      "last,false,incremental\"},\"default\":\"false\",\"field\":\"snapshot\"}";
  return structure(
      list(required("string", "version"), required("string", "connector"),
           required("string", "name"), required("int64", "ts_ms"), snapshot,
           required("string", "db"), optional("string", "sequence"), optional("int64", "ts_us"),
           optional("int64", "ts_ns"), optional("string", "table"), required("int64", "server_id"),
           optional("string", "gtid"), required("string", "file"), required("int64", "pos"),
           required("int32", "row"), optional("int64", "thread"), optional("string", "query")),
      false, {"io.debezium.connector." + std::string(connector_name(connector)) + ".Source", 1},
      "source");
}

std::string transaction_block_schema() {
  return structure(list(required("string", "id"), required("int64", "total_order"),
                        required("int64", "data_collection_order")),
                   true, {"event.block", 1}, "transaction");
}

}  // namespace

ConnectType connect_type(const ColumnPlan& plan) {
  const Column& column = *plan.column;
  switch (plan.shape) {
    case Shape::kInteger:
      if (column.type == SqlType::kTinyint) return ConnectType::kInt16;
      if (column.type == SqlType::kSmallint)
        return column.is_unsigned ? ConnectType::kInt32 : ConnectType::kInt16;
      if (column.type == SqlType::kMediumint) return ConnectType::kInt32;
      if (column.type == SqlType::kInt)
        return column.is_unsigned ? ConnectType::kInt64 : ConnectType::kInt32;
      return column.is_unsigned ? ConnectType::kUnsigned64 : ConnectType::kInt64;
    case Shape::kFloat:
      return column.type == SqlType::kFloat && column.type_text.find(',') == std::string::npos
                 ? ConnectType::kFloat32
                 : ConnectType::kFloat64;
    case Shape::kDecimal:
      return ConnectType::kDecimal;
    case Shape::kBit:
      return column.length > 1 ? ConnectType::kBits : ConnectType::kBoolean;
    case Shape::kYear:
      return ConnectType::kYear;
    case Shape::kDate:
      return ConnectType::kDate;
    case Shape::kTime:
      return ConnectType::kMicroTime;
    case Shape::kDatetime:
      return column.decimals <= 3 ? ConnectType::kTimestamp : ConnectType::kMicroTimestamp;
    case Shape::kTimestamp:
      return ConnectType::kZonedTimestamp;
    case Shape::kEnum:
      return ConnectType::kEnum;
    case Shape::kSet:
      return ConnectType::kEnumSet;
    case Shape::kJson:
    case Shape::kJsonText:
      return ConnectType::kJson;
    case Shape::kGeometry:
      return column.type == SqlType::kPoint ? ConnectType::kPoint : ConnectType::kGeometry;
    case Shape::kVector:
      return ConnectType::kFloatVector;
    case Shape::kName:
      return column.type == SqlType::kUuid ? ConnectType::kUuid : ConnectType::kString;
    case Shape::kText:
      return ConnectType::kString;
    case Shape::kBinary:
    case Shape::kUnknown:
      return ConnectType::kBytes;
  }
  return ConnectType::kBytes;
}

std::string field_schema(const ColumnPlan& plan) {
  const ConnectType type = connect_type(plan);
  const TypeName name = type_name(type);
  std::string out = "{\"type\":\"";
  out += name.type;
  out += '"';
  out += parts(type);
  const bool is_optional = plan.column->nullable || type == ConnectType::kGeometry;
  out += is_optional ? ",\"optional\":true" : ",\"optional\":false";
  if (!name.name.name.empty()) {
    out += ",\"name\":\"";
    out += name.name.name;
    out += "\",\"version\":" + std::to_string(name.name.version);
  }
  out += parameters(type, *plan.column);
  out += ",\"field\":";
  append_json_string(out, plan.column->name);
  return out + "}";
}

std::string envelope_schema(const TableVersion& table, std::string_view stream,
                            Connector connector) {
  const std::string prefix = std::string(stream) + "." + table.database + "." + table.table;
  const std::string columns = columns_schema(table);
  const std::string row_name = prefix + ".Value";
  return structure(
      list(structure(columns, true, {row_name, 0}, "before"),
           structure(columns, true, {row_name, 0}, "after"), source_schema(connector),
           transaction_block_schema(), required("string", "op"), optional("int64", "ts_ms"),
           optional("int64", "ts_us"), optional("int64", "ts_ns")),
      false, {prefix + ".Envelope", 2});
}

std::string key_schema(const TableVersion& table, std::string_view stream) {
  std::string fields;
  for (const uint32_t ordinal : table.primary_key) {
    if (!fields.empty()) fields += ',';
    fields += field_schema(ColumnPlan(table.columns[ordinal]));
  }
  const std::string name = std::string(stream) + "." + table.database + "." + table.table + ".Key";
  return structure(fields, false, {name, 0});
}

std::string transaction_schema() {
  const std::string collection =
      structure(list(required("string", "data_collection"), required("int64", "event_count")), true,
                {"event.collection", 1});
  return structure(
      list(required("string", "status"), required("string", "id"), optional("int64", "event_count"),
           array(collection, true, "data_collections"), required("int64", "ts_ms")),
      false, {"io.debezium.connector.common.TransactionMetadataValue", 1});
}

std::string transaction_key_schema() {
  return structure(required("string", "id"), false,
                   {"io.debezium.connector.common.TransactionMetadataKey", 1});
}

std::string schema_change_schema(Connector connector) {
  static constexpr char kText[] = "{\"type\":\"string\",\"optional\":false}";
  const std::string column = structure(
      list(required("string", "name"), required("int32", "jdbcType"),
           optional("int32", "nativeType"), required("string", "typeName"),
           optional("string", "typeExpression"), optional("string", "charsetName"),
           optional("int32", "length"), optional("int32", "scale"), required("int32", "position"),
           optional("boolean", "optional"), optional("boolean", "autoIncremented"),
           optional("boolean", "generated"), optional("string", "comment"),
           optional("string", "defaultValueExpression"), array(kText, true, "enumValues")),
      false, {"io.debezium.connector.schema.Column", 1});
  const std::string table = structure(
      list(optional("string", "defaultCharsetName"), array(kText, true, "primaryKeyColumnNames"),
           array(column, false, "columns"), optional("string", "comment")),
      true, {"io.debezium.connector.schema.Table", 1}, "table");
  const std::string change =
      structure(list(required("string", "type"), required("string", "id"), table), false,
                {"io.debezium.connector.schema.Change", 1});
  const std::string name =
      "io.debezium.connector." + std::string(connector_name(connector)) + ".SchemaChangeValue";
  return structure(list(source_schema(connector), required("int64", "ts_ms"),
                        optional("string", "databaseName"), optional("string", "schemaName"),
                        optional("string", "ddl"), array(change, false, "tableChanges")),
                   false, {name, 1});
}

std::string schema_change_key_schema(Connector connector) {
  const std::string name =
      "io.debezium.connector." + std::string(connector_name(connector)) + ".SchemaChangeKey";
  return structure(required("string", "databaseName"), false, {name, 1});
}

}  // namespace binbus::format
