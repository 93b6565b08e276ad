#include "schema/network.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace binbus::schema {
namespace {

// The value with its zeros back.
template <size_t kBytes>
Result<std::array<uint8_t, kBytes>> whole(Bytes bytes) {
  if (bytes.size() > kBytes) return fail(Code::kCorrupt, "address or UUID of too many bytes");
  std::array<uint8_t, kBytes> value{};
  std::ranges::copy(bytes, value.begin());
  return value;
}

void append_number(std::string& out, uint32_t value, int base) {
  char digits[12];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value, base).ptr);
}

void append_dotted(std::string& out, const uint8_t* at) {
  for (int i = 0; i < 4; ++i) {
    if (i > 0) out += '.';
    append_number(out, at[i], 10);
  }
}

struct Run {
  size_t first = 0;
  size_t count = 0;
};

// The first of the longest runs of zero groups; MariaDB shortens a single one too.
Run longest_zeros(const std::array<uint16_t, 8>& groups) {
  Run longest;
  for (size_t i = 0; i < groups.size();) {
    size_t end = i;
    while (end < groups.size() && groups[end] == 0) ++end;
    if (end - i > longest.count) longest = {.first = i, .count = end - i};
    i = std::max(end, i + 1);
  }
  return longest;
}

}  // namespace

Status append_inet4(std::string& out, Bytes bytes) {
  BINBUS_TRY(value, whole<4>(bytes));
  append_dotted(out, value.data());
  return ok();
}

Status append_inet6(std::string& out, Bytes bytes) {
  BINBUS_TRY(value, whole<16>(bytes));
  std::array<uint16_t, 8> groups{};
  for (size_t i = 0; i < 8; ++i)
    groups[i] = static_cast<uint16_t>(value[2 * i] << 8 | value[2 * i + 1]);
  const Run zeros = longest_zeros(groups);
  // Addresses of version 4, mapped or compatible, end in their own notation.
  const bool dotted =
      zeros.first == 0 && (zeros.count == 6 || (zeros.count == 5 && groups[5] == 0xffff));
  for (size_t i = 0; i < 8; ++i) {
    if (zeros.count > 0 && i == zeros.first) {
      out += "::";
      i += zeros.count - 1;
      continue;
    }
    if (i > 0 && (zeros.count == 0 || i != zeros.first + zeros.count)) out += ':';
    if (dotted && i == 6) {
      append_dotted(out, &value[12]);
      break;
    }
    append_number(out, groups[i], 16);
  }
  return ok();
}

Status append_uuid(std::string& out, Bytes bytes) {
  BINBUS_TRY(value, whole<16>(bytes));
  static constexpr char kHex[] = "0123456789abcdef";
  for (size_t i = 0; i < value.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += kHex[value[i] >> 4];
    out += kHex[value[i] & 15];
  }
  return ok();
}

}  // namespace binbus::schema
