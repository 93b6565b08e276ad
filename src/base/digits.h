// Integers in decimal, appended to text: two digits at a time, in half the time of std::to_chars.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>

namespace binbus {

inline constexpr auto kDigitPairs = [] {
  std::array<char, 200> pairs{};
  for (size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

// Writes the digits so that they end before `end`, and returns where they begin: up to 20 before it.
template <std::unsigned_integral T>
char* write_digits_before(char* end, T value) {
  while (value >= 100) {
    std::memcpy(end -= 2, &kDigitPairs[2 * (value % 100)], 2);
    value /= 100;
  }
  if (value < 10) {
    *--end = static_cast<char>('0' + value);
    return end;
  }
  std::memcpy(end -= 2, &kDigitPairs[2 * value], 2);
  return end;
}

template <std::integral T>
void append_digits(std::string& out, T value) {
  char text[24];
  char* const end = text + sizeof text;
  const bool negative = value < 0;
  // Smaller numbers are divided faster.
  const uint64_t size = negative ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  char* begin = size <= UINT32_MAX ? write_digits_before(end, static_cast<uint32_t>(size))
                                   : write_digits_before(end, size);
  if (negative) *--begin = '-';
  out.append(begin, static_cast<size_t>(end - begin));
}

}  // namespace binbus
