#include "schema/floating.h"

#include <gtest/gtest.h>

namespace binbus::schema {
namespace {

struct DoubleCase {
  double value;
  const char* want;
};
// What MySQL 5.6, 9.7 and MariaDB 11.8 answered.
const DoubleCase kDoubles[] = {
    {0, "0"},
    {-0.0, "-0"},
    {0.1, "0.1"},
    {-1.5, "-1.5"},
    {1e14, "100000000000000"},
    {1e15, "1e15"},
    {123456789012345, "123456789012345"},
    {1234567890123456, "1.234567890123456e15"},
    {1234567890123456.7, "1234567890123456.8"},
    {-3781006048855264.5, "-3781006048855264.5"},
    {90071992547409915.0, "9.007199254740992e16"},
    {1e-14, "0.00000000000001"},
    {1.5e-15, "0.0000000000000015"},
    {1e-16, "1e-16"},
    {1.7976931348623157e308, "1.7976931348623157e308"},
    {5e-324, "5e-324"},
    {1.0 / 3, "0.3333333333333333"},
};

TEST(AppendDouble, IsTheServersText) {
  for (const auto& [value, want] : kDoubles) {
    std::string out;
    append_double(out, value);
    EXPECT_EQ(out, want);
  }
}

struct FixedCase {
  double value;
  uint32_t decimals;
  const char* want;
};
const FixedCase kFixed[] = {
    {0, 0, "0"},
    {0, 3, "0.000"},
    {1.5, 3, "1.500"},
    {-9999.999, 3, "-9999.999"},
    {0.001, 3, "0.001"},
    {0.1, 20, "0.10000000000000000000"},
    {1e22, 2, "10000000000000000000000.00"},
    {1e23, 0, "100000000000000000000000"},
    {2.0 / 3, 2, "0.67"},
    {0.0004, 3, "0.000"},
};

TEST(AppendFixed, HasItsDecimals) {
  for (const auto& [value, decimals, want] : kFixed) {
    std::string out;
    append_fixed(out, value, decimals);
    EXPECT_EQ(out, want);
  }
}

TEST(AppendFloat, HasSixDigits) {
  const std::pair<float, const char*> cases[] = {
      {0.1F, "0.1"}, {3.402823e38F, "3.40282e38"}, {999999.5F, "1000000"}, {1e-45F, "1.4013e-45"}};
  for (const auto& [value, want] : cases) {
    std::string out;
    append_float(out, value);
    EXPECT_EQ(out, want);
  }
}

}  // namespace
}  // namespace binbus::schema
