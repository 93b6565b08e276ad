// UTF-8, as much of it as the charsets need.
#pragma once

#include <string_view>

#include "base/bytes.h"

namespace binbus::schema {

// What stands for bytes that are no character.
constexpr char32_t kReplacement = 0xFFFD;

// Whether no byte is over 0x7f: sixteen at a time, the last ones together with some before them.
inline bool is_ascii(Bytes text) {
  constexpr uint64_t kHighBits = 0x8080808080808080;
  const uint8_t* at = text.data();
  const uint8_t* const end = at + text.size();
  if (text.size() < 16) {
    uint8_t all = 0;
    while (at < end) all |= *at++;
    return all < 0x80;
  }
  for (; end - at > 16; at += 16) {
    if (((load_u64(at) | load_u64(at + 8)) & kHighBits) != 0) return false;
  }
  return ((load_u64(end - 16) | load_u64(end - 8)) & kHighBits) == 0;
}

// Whether there is nothing overlong, no surrogate, nothing beyond U+10FFFF, nothing cut short, and no character of more than
// `bytes_max` bytes (3 or 4). At the speed of memory.
bool is_valid_utf8(Bytes text, uint32_t bytes_max);
// The length of the longest prefix of which that is true; a character at a time, for text that has something wrong.
size_t valid_utf8_prefix(Bytes text, uint32_t bytes_max);

// The text's beginning of up to that many bytes, not cut within a character.
inline std::string_view beginning_of(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  while (bytes_max > 0 && (text[bytes_max] & 0xC0) == 0x80) --bytes_max;
  return text.substr(0, bytes_max);
}

// Writes the character, up to 4 bytes, and returns the place behind it. Must be neither a surrogate nor beyond U+10FFFF.
inline char* put_utf8(char* to, char32_t character) {
  const auto put = [&to](char32_t byte) { *to++ = static_cast<char>(byte); };
  if (character < 0x80) {
    put(character);
  } else if (character < 0x800) {
    put(0xC0 | character >> 6);
    put(0x80 | (character & 0x3F));
  } else if (character < 0x10000) {
    put(0xE0 | character >> 12);
    put(0x80 | (character >> 6 & 0x3F));
    put(0x80 | (character & 0x3F));
  } else {
    put(0xF0 | character >> 18);
    put(0x80 | (character >> 12 & 0x3F));
    put(0x80 | (character >> 6 & 0x3F));
    put(0x80 | (character & 0x3F));
  }
  return to;
}

}  // namespace binbus::schema
