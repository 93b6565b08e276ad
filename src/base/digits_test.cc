#include "base/digits.h"

#include <gtest/gtest.h>

#include <limits>

namespace binbus {
namespace {

template <class T>
std::string text(T value) {
  std::string out = "=";
  append_digits(out, value);
  return out;
}

TEST(Digits, AreThoseOfToString) {
  for (uint64_t power = 1; power <= 10'000'000'000'000'000'000U / 10; power *= 10) {
    for (const uint64_t value : {power - 1, power, power + 1, 7 * power}) {
      EXPECT_EQ(text(value), "=" + std::to_string(value));
      EXPECT_EQ(text(static_cast<int64_t>(0 - value)),
                "=" + std::to_string(-static_cast<int64_t>(value)));
    }
  }
}

TEST(Digits, OfEveryTypesEnds) {
  EXPECT_EQ(text(std::numeric_limits<uint64_t>::max()), "=18446744073709551615");
  EXPECT_EQ(text(std::numeric_limits<int64_t>::min()), "=-9223372036854775808");
  EXPECT_EQ(text(std::numeric_limits<uint32_t>::max()), "=4294967295");
  EXPECT_EQ(text(uint64_t{4294967296}), "=4294967296");
  EXPECT_EQ(text(std::numeric_limits<int32_t>::min()), "=-2147483648");
  EXPECT_EQ(text(int8_t{-128}), "=-128");
  EXPECT_EQ(text(uint8_t{255}), "=255");
}

}  // namespace
}  // namespace binbus
