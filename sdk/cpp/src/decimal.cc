#include <charconv>

#include "binbus/value.h"

namespace binbus {

int Decimal::scale() const {
  const size_t point = text_.find('.');
  return point == std::string::npos ? 0 : static_cast<int>(text_.size() - point - 1);
}

std::optional<Int128> Decimal::unscaled() const {
  constexpr Int128 kMax = static_cast<Int128>(~static_cast<unsigned __int128>(0) >> 1);
  Int128 value = 0;
  for (const char c : text_) {
    if (c < '0' || c > '9') continue;  // the sign, the point
    const int digit = c - '0';
    if (value > (kMax - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return text_.starts_with('-') ? -value : value;
}

double Decimal::to_double() const {
  double value = 0;
  std::from_chars(text_.data(), text_.data() + text_.size(), value);
  return value;
}

}  // namespace binbus
