// Where the servers' multi-byte charsets differ from ICU's; MySQL 5.5 to 9.7 and MariaDB 10.2 to 11.8 agree on all.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace binbus::schema {

struct MultiByteTable {
  // A sequence's bytes as a big-endian number, and the characters of it and of those that follow it in the charset.
  struct Correction {
    uint32_t first;
    std::u16string_view characters;
  };
  // Sequences that have no character.
  struct Nothing {
    uint32_t first;
    uint32_t last;
  };

  std::string_view charset;
  const char* icu_converter;
  bool private_use;           // false: what is a private use character to ICU is none
  Correction corrections[8];  // unused ones are empty
  Nothing nothing[8];         // unused ones are zero
};
std::span<const MultiByteTable> multi_byte_tables();

}  // namespace binbus::schema
