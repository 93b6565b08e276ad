#include "schema/decimal.h"

#include <algorithm>

#include "schema/wire_types.h"

namespace binbus::schema {
namespace {

constexpr uint32_t kGroupDigits = 9;
constexpr uint32_t kDigitsMax = 81;
constexpr uint32_t kPowersOfTen[] = {1,      10,      100,      1000,      10000,
                                     100000, 1000000, 10000000, 100000000, 1000000000};
constexpr uint8_t kBytesOf[] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};  // by digits

// Writes `digits` digits of the next group and moves past it; false when the group holds more.
bool write_group(const uint8_t*& at, uint8_t flip, uint32_t digits, char*& out) {
  uint32_t value = 0;
  for (uint8_t i = 0; i < kBytesOf[digits]; ++i) value = value << 8 | (*at++ ^ flip);
  if (value >= kPowersOfTen[digits]) return false;
  for (uint32_t i = digits; i-- > 0; value /= 10) out[i] = static_cast<char>('0' + value % 10);
  out += digits;
  return true;
}

// The other way.
void store_group(uint8_t*& at, uint8_t flip, uint32_t digits, const char*& in) {
  uint32_t value = 0;
  for (uint32_t i = 0; i < digits; ++i) value = value * 10 + static_cast<uint32_t>(*in++ - '0');
  const uint8_t bytes = kBytesOf[digits];
  for (uint8_t i = 0; i < bytes; ++i)
    *at++ = static_cast<uint8_t>(value >> 8 * (bytes - 1 - i)) ^ flip;
}

bool is_digits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Status append_decimal(std::string& out, Bytes bytes, uint32_t precision, uint32_t scale) {
  if (precision < 1 || precision > kDigitsMax || scale > precision ||
      bytes.size() != decimal_bytes(precision, scale)) {
    return fail(Code::kCorrupt, "decimal of another size than its precision");
  }
  uint8_t copy[40];
  std::copy(bytes.begin(), bytes.end(), copy);
  const bool negative = (copy[0] & 0x80) == 0;
  copy[0] ^= 0x80;
  const uint8_t flip = negative ? 0xff : 0;

  char text[96];
  char* end = text;
  const uint8_t* at = copy;
  const uint32_t whole = precision - scale;
  bool good = whole % kGroupDigits == 0 || write_group(at, flip, whole % kGroupDigits, end);
  for (uint32_t i = 0; i < whole / kGroupDigits; ++i)
    good = good && write_group(at, flip, kGroupDigits, end);
  char* first = std::find_if(text, end, [](char c) { return c != '0'; });
  if (first == end) {
    first = text;
    end = text;
    *end++ = '0';
  }
  if (scale > 0) *end++ = '.';
  for (uint32_t i = 0; i < scale / kGroupDigits; ++i)
    good = good && write_group(at, flip, kGroupDigits, end);
  good = good && (scale % kGroupDigits == 0 || write_group(at, flip, scale % kGroupDigits, end));
  if (!good) return fail(Code::kCorrupt, "decimal with a group of more than nine digits");
  if (negative) out += '-';
  out.append(first, end);
  return ok();
}

Status store_decimal(uint8_t* out, std::string_view text, uint32_t precision, uint32_t scale) {
  if (precision < 1 || precision > kDigitsMax || scale > precision)
    return fail(Code::kInvalid, "decimal of more digits than there are");
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const size_t point = std::min(text.find('.'), text.size());
  std::string_view whole = text.substr(0, point);
  const std::string_view fraction = text.substr(std::min(point + 1, text.size()));
  const bool number = !text.empty() && is_digits(whole) && is_digits(fraction);
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  if (!number || whole.size() > precision - scale || fraction.size() > scale)
    return fail(Code::kCorrupt, "text that is no decimal of its precision");

  char digits[kDigitsMax];
  char* const whole_end = digits + precision - scale;
  std::fill_n(digits, precision, '0');
  std::ranges::copy(whole, whole_end - whole.size());
  std::ranges::copy(fraction, whole_end);

  const uint8_t flip = negative ? 0xff : 0;
  const char* in = digits;
  uint8_t* at = out;
  store_group(at, flip, (precision - scale) % kGroupDigits, in);
  while (in < whole_end) store_group(at, flip, kGroupDigits, in);
  for (uint32_t i = 0; i < scale / kGroupDigits; ++i) store_group(at, flip, kGroupDigits, in);
  store_group(at, flip, scale % kGroupDigits, in);
  *out ^= 0x80;
  return ok();
}

}  // namespace binbus::schema
