#include "format/json_output.h"

#include <bit>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace binbus::format {
namespace {

constexpr bool is_plain(uint8_t c) { return c >= 0x20 && c != '"' && c != '\\'; }

#ifdef __SSE2__
// Which of sixteen bytes are no plain ones, a bit for each; of ASCII only when `kAsciiOnly`.
template <bool kAsciiOnly>
uint32_t special_bytes(const char* text) {
  const __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
  // As signed numbers all bytes over 0x7f are below 0x20, too.
  const __m128i low = kAsciiOnly ? _mm_cmplt_epi8(chunk, _mm_set1_epi8(0x20))
                                 : _mm_cmpeq_epi8(_mm_min_epu8(chunk, _mm_set1_epi8(0x1f)), chunk);
  const __m128i quotes = _mm_cmpeq_epi8(chunk, _mm_set1_epi8('"'));
  const __m128i backslashes = _mm_cmpeq_epi8(chunk, _mm_set1_epi8('\\'));
  return static_cast<uint32_t>(
      _mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(quotes, backslashes))));
}
#endif

// The length of the longest prefix of which no byte is a control, a quote, a backslash or, when `kAsciiOnly`, over 0x7f.
// Text is mostly plain, so that sixteen bytes at a time are looked at, the last ones together with some before them.
template <bool kAsciiOnly>
size_t plain_prefix(const char* text, size_t size) {
  size_t at = 0;
#ifdef __SSE2__
  for (; at + 16 <= size; at += 16) {
    if (const uint32_t special = special_bytes<kAsciiOnly>(text + at); special != 0)
      return at + static_cast<size_t>(std::countr_zero(special));
  }
  if (size >= 16) {
    if (at == size) return size;
    const uint32_t special = special_bytes<kAsciiOnly>(text + size - 16);
    return special == 0 ? size : size - 16 + static_cast<size_t>(std::countr_zero(special));
  }
#endif
  for (; at < size; ++at) {
    const auto c = static_cast<uint8_t>(text[at]);
    if (!is_plain(c) || (kAsciiOnly && c > 0x7f)) break;
  }
  return at;
}

void append_escape(std::string& out, uint8_t c) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\r':
      out += "\\r";
      return;
    default:
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
  }
}

}  // namespace

size_t json_plain_length(std::string_view text) {
  return plain_prefix<false>(text.data(), text.size());
}
size_t json_plain_ascii_length(std::string_view text) {
  return plain_prefix<true>(text.data(), text.size());
}

void append_json_escaped(std::string& out, std::string_view text) {
  while (true) {
    const size_t plain = json_plain_length(text);
    out.append(text.substr(0, plain));
    if (plain == text.size()) return;
    append_escape(out, static_cast<uint8_t>(text[plain]));
    text.remove_prefix(plain + 1);
  }
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_json_escaped(out, text);
  out += '"';
}

void append_json_latin1(std::string& out, Bytes bytes) {
  out += '"';
  for (const uint8_t c : bytes) {
    if (c > 0x7f) {
      out += static_cast<char>(0xc0 | (c >> 6));
      out += static_cast<char>(0x80 | (c & 0x3f));
    } else if (is_plain(c)) {
      out += static_cast<char>(c);
    } else {
      append_escape(out, c);
    }
  }
  out += '"';
}

void append_base64(std::string& out, Bytes bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const size_t start = out.size();
  out.resize(start + (bytes.size() + 2) / 3 * 4);
  char* to = out.data() + start;
  const uint8_t* from = bytes.data();
  size_t left = bytes.size();
  for (; left >= 3; left -= 3, from += 3, to += 4) {
    const uint32_t group = static_cast<uint32_t>(from[0] << 16 | from[1] << 8 | from[2]);
    to[0] = kDigits[group >> 18];
    to[1] = kDigits[group >> 12 & 63];
    to[2] = kDigits[group >> 6 & 63];
    to[3] = kDigits[group & 63];
  }
  if (left == 0) return;
  const uint32_t group = static_cast<uint32_t>(from[0] << 16 | (left == 2 ? from[1] << 8 : 0));
  to[0] = kDigits[group >> 18];
  to[1] = kDigits[group >> 12 & 63];
  to[2] = left == 2 ? kDigits[group >> 6 & 63] : '=';
  to[3] = '=';
}

void append_hex(std::string& out, Bytes bytes) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  const size_t start = out.size();
  out.resize(start + 2 * bytes.size());
  char* to = out.data() + start;
  for (const uint8_t c : bytes) {
    *to++ = kHex[c >> 4];
    *to++ = kHex[c & 15];
  }
}

std::string json_member(std::string_view name) {
  std::string member = ",";
  append_json_string(member, name);
  member += ':';
  return member;
}

}  // namespace binbus::format
