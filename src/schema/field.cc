#include "schema/field.h"

#include <array>

#include "base/digits.h"
#include "schema/charset.h"
#include "schema/compressed.h"
#include "schema/decimal.h"
#include "schema/floating.h"
#include "schema/json.h"
#include "schema/network.h"
#include "schema/temporal.h"

namespace binbus::schema {
namespace {

tl::unexpected<Error> bad_size() {
  return fail(Code::kCorrupt, "value of another size than its type's");
}
tl::unexpected<Error> not_a(const char* what) {
  return fail(Code::kInvalid, std::string("not ") + what);
}

// Integers

uint64_t load_any(Bytes bytes) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data(), bytes.size());
  return value;
}

// `field` has kBytes bytes.
template <size_t kBytes>
Integer load_integer(const Field& field) {
  const uint64_t bits = load_le<kBytes>(field.bytes.data());
  if (field.column->is_unsigned || field.column->zerofill) return Integer{.bits = bits};
  constexpr int kShift = 64 - 8 * static_cast<int>(kBytes);
  const int64_t value = static_cast<int64_t>(bits << kShift) >> kShift;
  return Integer{.bits = static_cast<uint64_t>(value), .is_signed = true};
}

template <size_t kBytes>
Result<Integer> read_plain_integer(const Field& field) {
  if (field.bytes.size() != kBytes) return bad_size();
  return load_integer<kBytes>(field);
}

// Fills up to the display width, for ZEROFILL, what was appended from `start` on.
void fill_zeros(std::string& out, size_t start, size_t width) {
  const size_t size = out.size() - start;
  if (size < width) out.insert(start, width - size, '0');
}

void append_integer(std::string& out, const Integer& integer) {
  integer.is_signed ? append_digits(out, integer.value()) : append_digits(out, integer.bits);
}

template <size_t kBytes>
Status append_plain_integer(std::string& out, const Field& field) {
  if (field.bytes.size() != kBytes) return bad_size();
  const size_t start = out.size();
  append_integer(out, load_integer<kBytes>(field));
  if (field.column->zerofill) fill_zeros(out, start, field.column->length);
  return ok();
}

// A year is what is added to 1900, and 0 is 0.
Result<Integer> read_year(const Field& field) {
  if (field.bytes.size() != 1) return bad_size();
  const uint8_t byte = field.bytes[0];
  return Integer{.bits = byte == 0 ? 0U : 1900U + byte};
}

Status append_year(std::string& out, const Field& field) {
  BINBUS_TRY(year, read_year(field));
  const bool two_digits = field.column->length == 2;
  const size_t start = out.size();
  append_integer(out, {.bits = two_digits ? year.bits % 100 : year.bits});
  fill_zeros(out, start, two_digits ? 2 : 4);
  return ok();
}

Result<Integer> read_bit(const Field& field) {
  if (field.bytes.empty() || field.bytes.size() > 8) return bad_size();
  uint64_t bits = 0;
  for (const uint8_t byte : field.bytes) bits = bits << 8 | byte;
  return Integer{.bits = bits};
}

// ENUM and SET

Result<Integer> read_labelled(const Field& field) {
  if (field.bytes.empty() || field.bytes.size() > 8) return bad_size();
  return Integer{.bits = load_any(field.bytes)};
}

Status append_enum(std::string& out, const Field& field) {
  BINBUS_TRY(index, read_labelled(field));
  if (index.bits == 0) return ok();  // what was not one of the labels when it was stored
  const auto& labels = field.column->labels;
  if (index.bits > labels.size()) return fail(Code::kCorrupt, "ENUM with an index of no label");
  out += labels[index.bits - 1];
  return ok();
}

Status append_set(std::string& out, const Field& field) {
  BINBUS_TRY(set, read_labelled(field));
  const auto& labels = field.column->labels;
  if (labels.size() < 64 && set.bits >> labels.size() != 0) {
    return fail(Code::kCorrupt, "SET with a bit of no label");
  }
  bool first = true;
  for (uint64_t bits = set.bits; bits != 0; bits &= bits - 1) {
    if (!std::exchange(first, false)) out += ',';
    out += labels[static_cast<size_t>(std::countr_zero(bits))];
  }
  return ok();
}

// Numbers that are no integers

Result<double> read_float_value(const Field& field) {
  if (field.bytes.size() != 4) return bad_size();
  return static_cast<double>(std::bit_cast<float>(load_u32(field.bytes.data())));
}

Result<double> read_double_value(const Field& field) {
  if (field.bytes.size() != 8) return bad_size();
  return std::bit_cast<double>(load_u64(field.bytes.data()));
}

// FLOAT(M,D) has a width; what has none fills up to the type's own.
constexpr uint32_t kFloatWidth = 12;
constexpr uint32_t kDoubleWidth = 22;

template <bool kFloat>
Status append_floating(std::string& out, const Field& field) {
  BINBUS_TRY(value, kFloat ? read_float_value(field) : read_double_value(field));
  const Column& column = *field.column;
  const size_t start = out.size();
  if (column.length > 0) {
    append_fixed(out, value, column.decimals);
  } else if (kFloat) {
    append_float(out, static_cast<float>(value));
  } else {
    append_double(out, value);
  }
  if (column.zerofill) {
    fill_zeros(out, start, column.length > 0 ? column.length : kFloat ? kFloatWidth : kDoubleWidth);
  }
  return ok();
}

Status append_decimal_value(std::string& out, const Field& field) {
  const uint32_t precision = field.wire.metadata & 0xffU;
  const uint32_t scale = field.wire.metadata >> 8;
  const size_t start = out.size();
  BINBUS_RETURN_IF_ERROR(append_decimal(out, field.bytes, precision, scale));
  if (field.column->zerofill) fill_zeros(out, start, precision + (scale > 0 ? 1 : 0));
  return ok();
}

// Dates and times

Status append_temporal(std::string& out, const Field& field) {
  BINBUS_TRY(value, unpack_temporal(field));
  switch (field.wire.type) {
    case kWireDate:
    case kWireNewdate:
      append_date(out, value);
      break;
    case kWireTime:
    case kWireTime2:
      append_time(out, value, fraction_digits(field));
      break;
    default:
      append_datetime(out, value, fraction_digits(field));
  }
  return ok();
}

// Text and bytes

Status append_bytes(std::string& out, const Field& field) {
  out += as_text(field.bytes);
  return ok();
}

Status append_string(std::string& out, const Field& field) {
  if (field.charset == nullptr || field.charset->is_binary()) {
    out += as_text(field.bytes);
  } else {
    field.charset->append_utf8(out, field.bytes);
  }
  return ok();
}

// Rows leave out the zeros (spaces, of text) at a fixed string's end.
Status append_fixed_string(std::string& out, const Field& field) {
  switch (field.column->type) {
    case SqlType::kInet4:
      return append_inet4(out, field.bytes);
    case SqlType::kInet6:
      return append_inet6(out, field.bytes);
    case SqlType::kUuid:
      return append_uuid(out, field.bytes);
    case SqlType::kBinary:
      out += as_text(field.bytes);
      if (field.bytes.size() < field.column->length)
        out.append(field.column->length - field.bytes.size(), '\0');
      return ok();
    default:
      return append_string(out, field);
  }
}

// MariaDB's COMPRESSED strings.
Status append_compressed(std::string& out, const Field& field) {
  if (field.charset == nullptr || field.charset->is_binary())
    return append_uncompressed_value(out, field.bytes);
  std::string text;
  BINBUS_RETURN_IF_ERROR(append_uncompressed_value(text, field.bytes));
  field.charset->append_utf8(out, as_bytes(text));
  return ok();
}

Status append_json_value(std::string& out, const Field& field) {
  return append_json(out, field.bytes);
}

// What can be read of a type's values.
struct Reading {
  Status (*append)(std::string& out, const Field& field) = nullptr;
  Result<Integer> (*integer)(const Field& field) = nullptr;
  Result<double> (*real)(const Field& field) = nullptr;
  bool temporal = false;
};

template <size_t kBytes>
constexpr Reading kInteger{.append = append_plain_integer<kBytes>,
                           .integer = read_plain_integer<kBytes>};
constexpr Reading kTemporal{.append = append_temporal, .temporal = true};
constexpr Reading kText{.append = append_string};
constexpr Reading kCompressed{.append = append_compressed};
constexpr Reading kBytesAlone{.append = append_bytes};

constexpr auto kReadings = [] {
  std::array<Reading, 256> rows{};
  const auto set = [&rows](const Reading& reading, auto... types) {
    ((rows[types] = reading), ...);
  };
  set(kInteger<1>, kWireTiny);
  set(kInteger<2>, kWireShort);
  set(kInteger<3>, kWireInt24);
  set(kInteger<4>, kWireLong);
  set(kInteger<8>, kWireLonglong);
  set({.append = append_year, .integer = read_year}, kWireYear);
  set({.append = append_bytes, .integer = read_bit}, kWireBit);
  set({.append = append_enum, .integer = read_labelled}, kWireEnum);
  set({.append = append_set, .integer = read_labelled}, kWireSet);
  set({.append = append_floating<true>, .real = read_float_value}, kWireFloat);
  set({.append = append_floating<false>, .real = read_double_value}, kWireDouble);
  set({.append = append_decimal_value}, kWireNewdecimal);
  set(kTemporal, kWireDate, kWireNewdate, kWireTime, kWireDatetime, kWireTimestamp, kWireTime2,
      kWireDatetime2, kWireTimestamp2);
  set({.append = append_fixed_string}, kWireString);
  set(kText, kWireVarchar, kWireVarString, kWireTinyBlob, kWireBlob, kWireMediumBlob,
      kWireLongBlob);
  set(kCompressed, kWireVarcharCompressed, kWireBlobCompressed);
  set({.append = append_json_value}, kWireJson, kWireTypedArray);
  set(kBytesAlone, kWireGeometry, kWireVector, kWireNull);
  return rows;
}();

const Reading& reading_of(const Field& field) { return kReadings[field.wire.type]; }

}  // namespace

Status append_text(std::string& out, const Field& field) {
  const auto append = reading_of(field).append;
  if (append == nullptr || field.state != Field::State::kValue) return not_a("a value with a text");
  return append(out, field);
}

Result<Integer> read_integer(const Field& field) {
  const auto read = reading_of(field).integer;
  if (read == nullptr || field.state != Field::State::kValue) return not_a("an integer");
  return read(field);
}

Result<double> read_double(const Field& field) {
  const auto read = reading_of(field).real;
  if (read == nullptr || field.state != Field::State::kValue)
    return not_a("a floating-point number");
  return read(field);
}

Result<Temporal> read_temporal(const Field& field) {
  if (!reading_of(field).temporal || field.state != Field::State::kValue)
    return not_a("a date or time");
  return unpack_temporal(field);
}

}  // namespace binbus::schema
