// What the bytes of single-byte charsets mean to the servers; MySQL 5.5 to 9.7 and MariaDB 10.2 to 11.8 agree on all.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace binbus::schema {

struct SingleByteTable {
  std::string_view charset;
  uint8_t first;                   // bytes below are the Unicode characters of that number
  std::u16string_view characters;  // from `first` on; U+FFFD, and behind the end: none
};
std::span<const SingleByteTable> single_byte_tables();

}  // namespace binbus::schema
