// A value's meaning to formats, and its printing as far as formats agree on it.
//
// Thread: one per Values. Whatever fails has appended nothing that its caller keeps: Writers cut their output back.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "schema/field.h"

namespace binbus::format {

enum class Shape : uint8_t {
  kInteger,
  kBit,
  kYear,
  kFloat,  // DOUBLE too
  kDecimal,
  kText,  // in some charset
  kBinary,
  kDate,
  kTime,
  kDatetime,
  kTimestamp,
  kEnum,
  kSet,
  kJson,
  kJsonText,  // MariaDB's JSON: text in the log
  kGeometry,
  kVector,
  kName,    // INET4, INET6, UUID: bytes in the log, ASCII to everybody
  kUnknown  // bytes
};
Shape shape_of(const schema::Column& column);

// The columns that messages have: all but the server's own.
std::span<const schema::Column> shown_columns(const schema::TableVersion& table);

// Of one column, known once per table.
struct ColumnPlan {
  explicit ColumnPlan(const schema::Column& of);
  const schema::Column* column;
  Shape shape;
  // Text of bytes below 0x80 alone is ASCII, as it lies in the event.
  bool ascii = false;
  std::string member;  // ,"name":
};
// Of the shown columns; a format may have plans of its own.
template <class Plan = ColumnPlan>
std::vector<Plan> shown_plans(const schema::TableVersion& table) {
  const std::span<const schema::Column> columns = shown_columns(table);
  return {columns.begin(), columns.end()};
}

// MySQL's geometry: four bytes of SRID, then well-known binary.
struct GeometryView {
  uint32_t srid = 0;
  Bytes wkb;
};

class Values {
 public:
  // null for NULL. kUnsupported for an update of a JSON document that the log does not have as a whole.
  static Status append_no_value(std::string& out, const ColumnPlan& plan,
                                const schema::Field& field);
  // JSON's number: the text without the zeros of ZEROFILL; what no server stores, NaN and infinity, in quotes.
  Status append_number(std::string& out, const ColumnPlan& plan, const schema::Field& field);
  // The text in quotes, escaped.
  Status append_string(std::string& out, const ColumnPlan& plan, const schema::Field& field);
  // The same where the text is known to need no escapes: temporal values.
  Status append_quoted(std::string& out, const schema::Field& field);
  Status append_base64(std::string& out, const ColumnPlan& plan, const schema::Field& field);

  // The bytes of a binary value as SELECT has them: padded, uncompressed. Valid until the next call.
  Result<Bytes> bytes(const ColumnPlan& plan, const schema::Field& field);
  // The text, UTF-8. Valid until the next call.
  Result<std::string_view> text(const schema::Field& field);
  Result<GeometryView> geometry(const schema::Field& field);
  // [1.5,2]
  Status append_vector(std::string& out, const schema::Field& field);
  // The labels of a SET as an array of strings.
  Status append_labels(std::string& out, const schema::Field& field);

 private:
  // Empty; gives back what one huge value took.
  std::string& scratch();
  std::string scratch_;
};

// The shortest text that reads back as the same number; what is none in quotes: "NaN".
void append_double(std::string& out, double value);

// The same value in both, whatever it means.
inline bool same_value(const schema::Field& a, const schema::Field& b) {
  return a.state == b.state &&
         (a.state != schema::Field::State::kValue || as_text(a.bytes) == as_text(b.bytes));
}
inline bool is_absent(const schema::Field& field) {
  return field.state == schema::Field::State::kAbsent;
}
// A step from a JSON document that the row does not have: see schema::append_json_update().
inline bool is_partial(const schema::Field& field) {
  return field.state == schema::Field::State::kPartial;
}
inline bool is_null(const schema::Field& field) {
  return field.state == schema::Field::State::kNull;
}

}  // namespace binbus::format
