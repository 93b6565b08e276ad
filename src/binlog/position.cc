#include "binlog/position.h"

#include <algorithm>
#include <charconv>

namespace binbus::binlog {
namespace {

constexpr size_t kDigitsMin = 6;
constexpr size_t kNameMax = 255;  // of a file name

std::string number_text(uint64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < kDigitsMin) digits.insert(0, kDigitsMin - digits.size(), '0');
  return digits;
}

}  // namespace

Result<SegmentName> SegmentName::parse(std::string_view name) {
  const auto bad = [name](const char* why) {
    return fail(Code::kInvalid, "'" + std::string(name.substr(0, kNameMax)) +
                                    "' is not a binlog file name: " + why);
  };
  if (name.size() > kNameMax) return bad("longer than 255 bytes");
  if (name.find_first_of(std::string_view("/\0", 2)) != name.npos)
    return bad("it has a path in it");
  const size_t dot = name.rfind('.');
  if (dot == name.npos || dot == 0) return bad("base name, dot and number expected");
  SegmentName parsed{std::string(name.substr(0, dot)), 0};
  const std::string_view digits = name.substr(dot + 1);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), parsed.number);
  if (error != std::errc() || number_text(parsed.number) != digits) {
    return bad("a number of at least six digits expected after the last dot");
  }
  return parsed;
}

std::string SegmentName::to_string() const { return base + "." + number_text(number); }

}  // namespace binbus::binlog
