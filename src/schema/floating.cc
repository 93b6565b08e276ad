#include "schema/floating.h"

#include <charconv>
#include <cmath>

namespace binbus::schema {
namespace {

constexpr int kFloatDigits = 6;
constexpr int kPlainExponentMax =
    15;  // digits before the point, or zeros after it, without an exponent

// A number as 0.DIGITS times ten to the power `point`.
struct Digits {
  char text[32];
  int count = 0;
  int point = 0;
};

// Takes "d.ddde+XX" apart, without the digits' last zeros.
Digits take_apart(const char* text, const char* end) {
  Digits digits;
  const char* at = text;
  for (; at != end && *at != 'e'; ++at) {
    if (*at != '.') digits.text[digits.count++] = *at;
  }
  while (digits.count > 1 && digits.text[digits.count - 1] == '0') --digits.count;
  int exponent = 0;
  if (at != end) {
    const bool negative = at[1] == '-';
    std::from_chars(at + 2, end, exponent);
    if (negative) exponent = -exponent;
  }
  digits.point = exponent + 1;
  return digits;
}

Digits shortest(double value) {
  char text[40];
  return take_apart(
      text, std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr);
}

Digits rounded(double value, int digits) {
  char text[40];
  return take_apart(text, std::to_chars(text, text + sizeof text, value,
                                        std::chars_format::scientific, digits - 1)
                              .ptr);
}

void append_zeros(std::string& out, int count) {
  if (count > 0) out.append(static_cast<size_t>(count), '0');
}

// Digits from `from` up to `to`, zeros where there are none.
void append_part(std::string& out, const Digits& digits, int from, int to) {
  const int have = std::min(digits.count, to);
  if (have > from) out.append(digits.text + from, static_cast<size_t>(have - from));
  append_zeros(out, to - std::max(have, from));
}

void append_plain(std::string& out, const Digits& digits) {
  if (digits.point > 0) {
    append_part(out, digits, 0, digits.point);
    if (digits.count > digits.point) {
      out += '.';
      append_part(out, digits, digits.point, digits.count);
    }
  } else {
    out += "0.";
    append_zeros(out, -digits.point);
    append_part(out, digits, 0, digits.count);
  }
}

void append_with_exponent(std::string& out, const Digits& digits) {
  out += digits.text[0];
  if (digits.count > 1) {
    out += '.';
    append_part(out, digits, 1, digits.count);
  }
  out += 'e';
  char exponent[8];
  out.append(exponent, std::to_chars(exponent, exponent + sizeof exponent, digits.point - 1).ptr);
}

void append_digits(std::string& out, const Digits& digits) {
  const bool fraction = digits.count > digits.point;
  if ((digits.point > kPlainExponentMax && !fraction) || digits.point <= -kPlainExponentMax) {
    append_with_exponent(out, digits);
  } else {
    append_plain(out, digits);
  }
}

// Zero, and what no server stores.
bool append_special(std::string& out, double value) {
  if (value == 0) {
    out += std::signbit(value) ? "-0" : "0";
    return true;
  }
  if (std::isfinite(value)) return false;
  out += std::isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";
  return true;
}

}  // namespace

void append_double(std::string& out, double value) {
  if (append_special(out, value)) return;
  if (value < 0) out += '-';
  append_digits(out, shortest(std::fabs(value)));
}

void append_float(std::string& out, float value) {
  if (append_special(out, value)) return;
  if (value < 0) out += '-';
  append_digits(out, rounded(std::fabs(static_cast<double>(value)), kFloatDigits));
}

void append_fixed(std::string& out, double value, uint32_t decimals) {
  const int places = static_cast<int>(decimals);
  if (!std::isfinite(value)) return (void)append_special(out, value);
  if (std::signbit(value)) out += '-';
  const double size = std::fabs(value);
  Digits digits = shortest(size);
  if (size == 0) digits = {.text = "0", .count = 1, .point = 1};
  if (digits.count - digits.point > places) {
    char text[400];
    out.append(text,
               std::to_chars(text, text + sizeof text, size, std::chars_format::fixed, places).ptr);
    return;
  }
  if (digits.point > 0) {
    append_part(out, digits, 0, digits.point);
  } else {
    out += '0';
  }
  if (places == 0) return;
  out += '.';
  append_zeros(out, std::min(-digits.point, places));
  append_part(out, digits, std::max(digits.point, 0), digits.point + places);
}

}  // namespace binbus::schema
