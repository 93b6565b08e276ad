// Values as Debezium's connectors print them with their default settings: time.precision.mode
// adaptive_time_microseconds, decimal.handling.mode precise, bigint.unsigned.handling.mode long, binary.handling.mode bytes.
//
// Thread: one per DebeziumValues.
#pragma once

#include "format/debezium_schema.h"

namespace binbus::format {

struct DebeziumColumn : ColumnPlan {
  explicit DebeziumColumn(const schema::Column& of) : ColumnPlan(of), type(connect_type(*this)) {}
  ConnectType type;
};

class DebeziumValues {
 public:
  // null for NULL.
  Status append(std::string& out, const DebeziumColumn& plan, const schema::Field& field);
  // What Debezium puts in place of a value that the image does not have. False, and nothing is appended, for types that
  // cannot carry it.
  static bool append_unavailable(std::string& out, const DebeziumColumn& plan);

 private:
  Status unsigned_integer(std::string& out, const schema::Field& field);
  Status bits(std::string& out, const DebeziumColumn& plan, const schema::Field& field);
  Status decimal(std::string& out, const schema::Field& field);
  Status temporal(std::string& out, const DebeziumColumn& plan, const schema::Field& field);
  Status geometry(std::string& out, const DebeziumColumn& plan, const schema::Field& field);

  Values values_;
};

// The unscaled value of a decimal's text as Java's BigInteger has its bytes: two's complement, big-endian, shortest.
// It stands at the end of the 32 bytes given, and is so many long. kCorrupt when the text is no decimal of up to 76 digits.
Result<size_t> unscaled_bytes(std::string_view text, uint8_t* bytes);

}  // namespace binbus::format
