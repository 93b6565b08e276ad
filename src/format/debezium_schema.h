// Kafka Connect's schemas of Debezium's messages, as its JSON converter prints them.
//
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "format/value.h"
#include "schema/column.h"

namespace binbus::format {

// Which of Debezium's connectors a message is as if from: their types and the source's schema have its name.
enum class Connector : uint8_t { kMysql, kMariadb };
inline std::string_view connector_name(Connector connector) {
  return connector == Connector::kMysql ? "mysql" : "mariadb";
}

// What a column's values are in a message.
enum class ConnectType : uint8_t {
  kInt16,
  kInt32,
  kInt64,
  kUnsigned64,  // Connect's int64, which BIGINT UNSIGNED is over
  kFloat32,
  kFloat64,
  kBoolean,  // BIT(1)
  kBits,
  kString,
  kBytes,
  kDecimal,
  kDate,
  kMicroTime,
  kTimestamp,       // DATETIME(0..3)
  kMicroTimestamp,  // DATETIME(4..6)
  kZonedTimestamp,
  kYear,
  kEnum,
  kEnumSet,
  kJson,
  kUuid,
  kPoint,
  kGeometry,
  kFloatVector,
};
ConnectType connect_type(const ColumnPlan& plan);

// {"type":"int32","optional":false,"field":"id"}
std::string field_schema(const ColumnPlan& plan);

// The schema of a message about the table's rows, {"type":"struct",...}.
std::string envelope_schema(const schema::TableVersion& table, std::string_view stream,
                            Connector connector);
std::string key_schema(const schema::TableVersion& table, std::string_view stream);

std::string transaction_schema();
std::string transaction_key_schema();
std::string schema_change_schema(Connector connector);
std::string schema_change_key_schema(Connector connector);

}  // namespace binbus::format
