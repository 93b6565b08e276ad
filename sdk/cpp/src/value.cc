#include "binbus/value.h"

#include <algorithm>
#include <charconv>

#include "binbus/error.h"
#include "temporal.h"

namespace binbus {
namespace {

constexpr size_t kShownMax = 40;  // bytes of a value, in a message

// [-]digits[.digits]
bool is_decimal(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  const std::string_view fraction = text.substr(std::min(point + 1, text.size()));
  return !whole.empty() && std::ranges::all_of(whole, is_digit) &&
         std::ranges::all_of(fraction, is_digit) && (point == text.size()) == fraction.empty();
}

}  // namespace

void Value::fail(const char* as, const std::string& why) const {
  throw Error(ErrorCode::kConversion,
              "column " + column_->name + " (" + column_->type_text + ") as " + as + ": " + why);
}

void Value::expect(std::initializer_list<Kind> kinds, const char* as) const {
  if (std::ranges::find(kinds, column_->kind) == kinds.end())
    fail(as, "its type is another; text() has every value");
  if (is_null()) fail(as, "it is NULL");
  if (is_absent()) fail(as, "it is absent: the source did not log it");
}

template <class Number>
Number Value::number(const char* as) const {
  Number value{};
  const char* const end = text_.data() + text_.size();
  const auto parsed = std::from_chars(text_.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end)
    fail(as, "\"" + std::string(text_.substr(0, kShownMax)) + "\" does not fit");
  return value;
}

int64_t Value::as_int64() const {
  expect({Kind::kInteger}, "int64");
  return number<int64_t>("int64");
}

uint64_t Value::as_uint64() const {
  expect({Kind::kInteger, Kind::kBit}, "uint64");
  if (column_->kind == Kind::kInteger) return number<uint64_t>("uint64");
  if (text_.size() > sizeof(uint64_t)) fail("uint64", "it is longer than 64 bits");
  uint64_t value = 0;
  for (const char c : text_) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

bool Value::as_bool() const {
  expect({Kind::kInteger, Kind::kBit}, "bool");
  if (column_->kind == Kind::kBit)
    return std::ranges::any_of(text_, [](char c) { return c != '\0'; });
  return text_ != "0" &&
         (text_.starts_with('-') ? number<int64_t>("bool") != 0 : number<uint64_t>("bool") != 0);
}

double Value::as_double() const {
  expect({Kind::kInteger, Kind::kFloat, Kind::kDecimal}, "double");
  return number<double>("double");
}

Decimal Value::as_decimal() const {
  expect({Kind::kDecimal, Kind::kInteger}, "decimal");
  if (!is_decimal(text_)) fail("decimal", "\"" + std::string(text_) + "\" is none");
  return Decimal(text_);
}

std::string_view Value::as_string() const {
  expect({Kind::kText, Kind::kEnum, Kind::kSet}, "string");
  return text_;
}

std::string_view Value::as_bytes() const {
  expect({Kind::kBytes, Kind::kBit}, "bytes");
  return text_;
}

Date Value::as_date() const {
  expect({Kind::kDate}, "date");
  const auto date = parse_date(text_);
  if (!date) fail("date", "\"" + std::string(text_) + "\" is none");
  return *date;
}

Time Value::as_time() const {
  expect({Kind::kTime}, "time");
  const auto time = parse_time(text_);
  if (!time) fail("time", "\"" + std::string(text_) + "\" is none");
  return *time;
}

DateTime Value::as_datetime() const {
  expect({Kind::kDateTime, Kind::kDate}, "datetime");
  const auto time = parse_datetime(text_);
  if (!time) fail("datetime", "\"" + std::string(text_) + "\" is none");
  return *time;
}

std::vector<std::string_view> Value::as_labels() const {
  expect({Kind::kSet, Kind::kEnum}, "labels");
  if (column_->kind == Kind::kEnum) return {text_};
  std::vector<std::string_view> labels;
  for (std::string_view rest = text_; !rest.empty();) {  // a SET's label has no comma
    const size_t comma = std::min(rest.find(','), rest.size());
    labels.push_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return labels;
}

}  // namespace binbus
