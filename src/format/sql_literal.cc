#include "format/sql_literal.h"

#include <array>
#include <charconv>
#include <cmath>

#include "format/json_output.h"
#include "schema/identifier.h"

namespace binbus::format {

using schema::Field;

namespace {

// What may stand between quotes whatever the session's sql_mode and character set.
bool is_plain(std::string_view text) {
  for (const char c : text)
    if (c < 0x20 || c > 0x7e || c == '\\') return false;
  return true;
}
// The same, with all of UTF-8 behind an introducer.
bool is_plain_utf8(std::string_view text) {
  for (const char c : text)
    if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f || c == '\\') return false;
  return true;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '\'';
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c;
  }
  out += '\'';
}

void append_hex_literal(std::string& out, Bytes bytes) {
  out += "X'";
  append_hex(out, bytes);
  out += '\'';
}

void append_text_literal(std::string& out, std::string_view text) {
  if (is_plain(text)) return append_quoted(out, text);
  out += "_utf8mb4";
  if (is_plain_utf8(text)) return append_quoted(out, text);
  out += ' ';
  append_hex_literal(out, as_bytes(text));
}

}  // namespace

Status SqlLiterals::append(std::string& out, const ColumnPlan& plan, const Field& field) {
  if (is_null(field)) {
    out += "NULL";
    return ok();
  }
  if (field.state != Field::State::kValue) return Values::append_no_value(out, plan, field);
  switch (plan.shape) {
    case Shape::kInteger:
    case Shape::kDecimal:
    case Shape::kYear: {
      const size_t start = out.size();
      BINBUS_RETURN_IF_ERROR(values_.append_number(out, plan, field));
      // Else the server would take its next number.
      if (plan.column->auto_increment && std::string_view(out).substr(start) == "0")
        needs_session_ = true;
      return ok();
    }
    case Shape::kFloat:
      return floating(out, field);
    case Shape::kBit: {
      BINBUS_TRY(integer, schema::read_integer(field));
      append_number(out, integer.bits);
      return ok();
    }
    case Shape::kEnum: {
      BINBUS_TRY(index, schema::read_integer(field));
      if (index.bits != 0) return text(out, plan, field);
      out += '0';
      needs_session_ = true;  // strict modes refuse it
      return ok();
    }
    case Shape::kDate:
    case Shape::kDatetime:
    case Shape::kTimestamp:
    case Shape::kTime:
      return date(out, plan, field);
    case Shape::kText:
    case Shape::kSet:
    case Shape::kJson:
    case Shape::kJsonText:
    case Shape::kName:
      return text(out, plan, field);
    case Shape::kBinary:
    case Shape::kGeometry:  // the server's own form, which it takes as such
    case Shape::kVector:
    case Shape::kUnknown:
      return binary(out, plan, field);
  }
  return ok();
}

Status SqlLiterals::append_condition(std::string& out, const ColumnPlan& plan, const Field& field) {
  // Collations call different texts equal; bytes do not.
  const bool by_bytes = plan.shape == Shape::kText || plan.shape == Shape::kJsonText ||
                        plan.shape == Shape::kGeometry || plan.shape == Shape::kVector;
  if (by_bytes) out += "CAST(";
  schema::append_identifier(out, plan.column->name);
  if (by_bytes) out += " AS BINARY)";
  if (is_null(field)) {
    out += " IS NULL";
    return ok();
  }
  out += '=';
  if (by_bytes) {
    const bool compressed = field.wire.type == schema::kWireBlobCompressed ||
                            field.wire.type == schema::kWireVarcharCompressed;
    if (compressed) return fail(Code::kUnsupported, "condition on a COMPRESSED column");
    append_hex_literal(out, field.bytes);
    return ok();
  }
  if (plan.shape != Shape::kJson) return append(out, plan, field);
  out += "CAST(";
  BINBUS_RETURN_IF_ERROR(append(out, plan, field));
  out += " AS JSON)";
  return ok();
}

// Text in no character set is given to the server as the bytes it has.
Status SqlLiterals::text(std::string& out, const ColumnPlan& plan, const Field& field) {
  BINBUS_TRY(text, values_.text(field));
  if (plan.shape == Shape::kText && text.find("\xef\xbf\xbd") != std::string_view::npos) {
    append_hex_literal(out, field.bytes);
  } else {
    append_text_literal(out, text);
  }
  return ok();
}

Status SqlLiterals::date(std::string& out, const ColumnPlan& plan, const Field& field) {
  if (plan.shape == Shape::kTimestamp) {
    needs_session_ = true;
  } else if (plan.shape != Shape::kTime) {
    BINBUS_TRY(parts, schema::read_temporal(field));
    // Zeros and days like February 31 are refused by most modes.
    if (parts.year == 0 || parts.month == 0 || parts.day == 0 || parts.day > 28)
      needs_session_ = true;
  }
  BINBUS_TRY(text, values_.text(field));
  append_quoted(out, text);
  return ok();
}

Status SqlLiterals::binary(std::string& out, const ColumnPlan& plan, const Field& field) {
  BINBUS_TRY(bytes, values_.bytes(plan, field));
  append_hex_literal(out, bytes);
  return ok();
}

// All digits of the value as the server compares it: a FLOAT is widened to DOUBLE then.
Status SqlLiterals::floating(std::string& out, const Field& field) {
  BINBUS_TRY(value, schema::read_double(field));
  if (!std::isfinite(value)) return fail(Code::kUnsupported, "number that SQL has no literal for");
  char digits[32];
  const auto end =
      std::to_chars(digits, digits + sizeof(digits), value, std::chars_format::scientific);
  out.append(digits, end.ptr);
  return ok();
}

}  // namespace binbus::format
