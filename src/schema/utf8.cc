#include "schema/utf8.h"

#include <simdjson.h>

#include <algorithm>

namespace binbus::schema {
namespace {

bool continues(uint8_t byte) { return (byte & 0xC0) == 0x80; }

// The length of the character at `at`; 0 when it is not valid.
size_t character_length(const uint8_t* at, size_t left, uint32_t bytes_max) {
  const uint8_t lead = at[0];
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || left < 2 || !continues(at[1])) return 0;
  if (lead < 0xE0) return 2;
  if (left < 3 || !continues(at[2])) return 0;
  if (lead < 0xF0) {
    const bool overlong = lead == 0xE0 && at[1] < 0xA0;
    const bool surrogate = lead == 0xED && at[1] >= 0xA0;
    return overlong || surrogate ? 0 : 3;
  }
  if (bytes_max < 4 || lead > 0xF4 || left < 4 || !continues(at[3])) return 0;
  const bool overlong = lead == 0xF0 && at[1] < 0x90;
  const bool too_large = lead == 0xF4 && at[1] >= 0x90;
  return overlong || too_large ? 0 : 4;
}

constexpr uint64_t kHighBits = 0x8080808080808080;

size_t ascii_prefix(Bytes text) {
  size_t at = 0;
  while (text.size() - at >= 8 && (load_u64(&text[at]) & kHighBits) == 0) at += 8;
  while (at < text.size() && text[at] < 0x80) ++at;
  return at;
}

bool has_four_byte_lead(Bytes text) {
  size_t at = 0;
  for (; text.size() - at >= 8; at += 8) {
    const uint64_t block = load_u64(&text[at]);
    if ((block & block << 1 & block << 2 & block << 3 & kHighBits) != 0) return true;
  }
  return std::ranges::any_of(text.subspan(at), [](uint8_t byte) { return byte >= 0xF0; });
}

}  // namespace

bool is_valid_utf8(Bytes text, uint32_t bytes_max) {
  const Bytes rest = text.subspan(ascii_prefix(text));
  if (rest.empty()) return true;
  if (bytes_max < 4 && has_four_byte_lead(rest)) return false;
  return simdjson::validate_utf8(as_text(rest));
}

size_t valid_utf8_prefix(Bytes text, uint32_t bytes_max) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t length = character_length(&text[at], text.size() - at, bytes_max);
    if (length == 0) break;
    at += length;
  }
  return at;
}

}  // namespace binbus::schema
