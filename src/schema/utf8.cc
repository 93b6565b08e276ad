#include "schema/utf8.h"

namespace binbus::schema {
namespace {

constexpr uint64_t kHighBits = 0x8080808080808080;

bool continues(uint8_t byte) { return (byte & 0xC0) == 0x80; }

// The length of the character at `at`, which is not ASCII; 0 when it is not valid.
size_t character_length(const uint8_t* at, size_t left, uint32_t bytes_max) {
  const uint8_t lead = at[0];
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

}  // namespace

size_t valid_utf8_prefix(Bytes text, uint32_t bytes_max) {
  const uint8_t* at = text.data();
  const uint8_t* const end = at + text.size();
  while (at < end) {
    while (end - at >= 32 &&
           ((load_u64(at) | load_u64(at + 8) | load_u64(at + 16) | load_u64(at + 24)) &
            kHighBits) == 0) {
      at += 32;
    }
    if (end - at >= 8) {
      const uint64_t high = load_u64(at) & kHighBits;
      at += high == 0 ? 8 : std::countr_zero(high) / 8;
    } else {
      while (at < end && *at < 0x80) ++at;
    }
    while (at < end && *at >= 0x80) {
      const size_t length = character_length(at, static_cast<size_t>(end - at), bytes_max);
      if (length == 0) return static_cast<size_t>(at - text.data());
      at += length;
    }
  }
  return text.size();
}

}  // namespace binbus::schema
