// A value of a row, and what it can be read as.
//
// Values come as the text that the source's SELECT prints; text() has it, of every type. The as_...() functions convert it: exactly,
// or they throw Error(kConversion) that names the column, its type and the value's part that does not fit. NULL and absent values
// convert to nothing: ask is_null() where a column may have them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "binbus/table.h"

namespace binbus {

__extension__ using Int128 = __int128;

// A DECIMAL, exact.
class Decimal {
 public:
  // `text` as MySQL prints it: "-12.340".
  explicit Decimal(std::string_view text) : text_(text) {}
  const std::string& text() const { return text_; }
  int scale() const;  // digits behind the point
  // The number without its point: -12340; none where that does not fit in 128 bits (more than 38 digits).
  std::optional<Int128> unscaled() const;
  double to_double() const;  // the nearest

 private:
  std::string text_;
};

// A DATE; zero dates ("0000-00-00") and dates with zero parts ("2026-11-00") are kept as they are.
struct Date {
  int year = 0;
  int month = 0;
  int day = 0;

  bool is_real() const;                                  // a day of the calendar
  std::optional<std::chrono::sys_days> to_days() const;  // none unless is_real()
  bool operator==(const Date&) const = default;
};

// A TIME: a span from -838:59:59 to 838:59:59.
struct Time {
  bool negative = false;
  int hours = 0;
  int minutes = 0;
  int seconds = 0;
  int microseconds = 0;

  std::chrono::microseconds to_duration() const;
  bool operator==(const Time&) const = default;
};

// A DATETIME, which is in no time zone, or a TIMESTAMP, which is given in UTC.
struct DateTime {
  Date date = {};
  int hour = 0;
  int minute = 0;
  int second = 0;
  int microsecond = 0;

  // As if it were in UTC; none unless the date is_real().
  std::optional<std::chrono::sys_time<std::chrono::microseconds>> to_utc() const;
  bool operator==(const DateTime&) const = default;
};

// Owner: a view into the Change that it came from; good as long as that, or a Row or copy of it, lives.
class Value {
 public:
  enum class State { kValue, kNull, kAbsent };
  Value(const Column& column, std::string_view text, State state = State::kValue)
      : column_(&column), text_(text), state_(state) {}

  const Column& column() const { return *column_; }
  bool is_null() const { return state_ == State::kNull; }
  // The source did not log the value (MINIMAL row images), or only what of a JSON document changed.
  bool is_absent() const { return state_ == State::kAbsent; }
  // What SELECT prints, in UTF-8; of bytes, bits and geometries the bytes; "" where there is no value.
  std::string_view text() const { return text_; }

  int64_t as_int64() const;                         // integers that fit
  uint64_t as_uint64() const;                       // integers that fit, and BIT
  bool as_bool() const;                             // integers and BIT: not 0
  double as_double() const;                         // integers, FLOAT, DOUBLE, DECIMAL: the nearest
  Decimal as_decimal() const;                       // DECIMAL, integers
  std::string_view as_string() const;               // text, JSON, ENUM, SET
  std::string_view as_bytes() const;                // BINARY to LONGBLOB, geometries, BIT
  Date as_date() const;                             // DATE
  Time as_time() const;                             // TIME
  DateTime as_datetime() const;                     // DATETIME, TIMESTAMP; DATE: at midnight
  std::vector<std::string_view> as_labels() const;  // SET: those that are in it; ENUM: the one

 private:
  // That the value is there and of one of these kinds.
  void expect(std::initializer_list<Kind> kinds, const char* as) const;
  [[noreturn]] void fail(const char* as, const std::string& why) const;
  template <class Number>
  Number number(const char* as) const;

  const Column* column_;
  std::string_view text_;
  State state_;
};

}  // namespace binbus
