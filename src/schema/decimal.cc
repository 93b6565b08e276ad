#include "schema/decimal.h"

#include <algorithm>

#include "schema/wire_types.h"

namespace binbus::schema {
namespace {

constexpr uint32_t kGroupDigits = 9;
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

}  // namespace

Status append_decimal(std::string& out, Bytes bytes, uint32_t precision, uint32_t scale) {
  if (precision < 1 || precision > 81 || scale > precision ||
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

}  // namespace binbus::schema
