#include "schema/decimal.h"

#include <gtest/gtest.h>

#include "schema/fields_testing.h"
#include "schema/wire_types.h"

namespace binbus::schema {
namespace {

using testing_fields::bytes_of;

struct DecimalCase {
  const char* name;
  uint32_t precision, scale;
  std::string text;
  const char* hex;
  std::string printed = "";  // "": as it came
};
void PrintTo(const DecimalCase& test, std::ostream* out) { *out << test.name; }

const DecimalCase kDecimals[] = {
    {"zero", 10, 2, "0.00", "80000000 00"},
    {"one", 1, 0, "1", "81"},
    {"negative", 10, 2, "-1.50", "7ffffffe cd"},
    {"fraction_alone", 2, 2, "0.99", "e3"},
    {"groups_of_nine", 19, 10, "-123456789.0123456789", "78a432ea ff439eb1 f6"},
    {"most", 65, 30, std::string(35, '9') + "." + std::string(30, '9'),
     "85f5e0ff 3b9ac9ff 3b9ac9ff 3b9ac9ff 3b9ac9ff 3b9ac9ff 3b9ac9ff 03e7"},
    {"zeros_in_front", 5, 1, "00012.5", "800c05", "12.5"},
    {"less_of_a_fraction", 5, 3, "1.5", "8101f4", "1.500"},
};

class Decimals : public testing::TestWithParam<DecimalCase> {};

TEST_P(Decimals, AreStoredAsRowsHoldThem) {
  const DecimalCase& test = GetParam();
  ByteVector bytes(decimal_bytes(test.precision, test.scale));
  const Status done = store_decimal(bytes.data(), test.text, test.precision, test.scale);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(bytes, bytes_of(test.hex));
  std::string text;
  ASSERT_TRUE(append_decimal(text, bytes, test.precision, test.scale));
  EXPECT_EQ(text, test.printed.empty() ? test.text : test.printed);
}

INSTANTIATE_TEST_SUITE_P(Stored, Decimals, testing::ValuesIn(kDecimals),
                         [](const auto& test) { return test.param.name; });

TEST(Decimal, WhatIsNoneIsRefused) {
  uint8_t bytes[40];
  for (const char* text : {"", "-", "1000", "1.001", "1e1", "1.2.3", "+1", " 1", "0x1"})
    EXPECT_EQ(store_decimal(bytes, text, 5, 2).error().code, Code::kCorrupt) << text;
  EXPECT_EQ(store_decimal(bytes, "1", 82, 0).error().code, Code::kInvalid);
  EXPECT_EQ(store_decimal(bytes, "1", 2, 3).error().code, Code::kInvalid);
}

}  // namespace
}  // namespace binbus::schema
