#include "base/hex.h"

#include <gtest/gtest.h>

namespace binbus {
namespace {

TEST(Hex, IsTwoDigitsAByte) {
  EXPECT_EQ(parse_hex(""), "");
  EXPECT_EQ(parse_hex("00fFA0"), std::string("\0\xff\xa0", 3));
  for (const char* text : {"0", "000", "0g", "g0", "-1", "+1", " 1", "0x"})
    EXPECT_EQ(parse_hex(text), std::nullopt) << text;
}

TEST(Hex, IsAppendedInLowerCase) {
  std::string out = "X'";
  append_hex(out, std::string_view("\0\xff\xa0", 3));
  EXPECT_EQ(out, "X'00ffa0");
}

}  // namespace
}  // namespace binbus
