#include "binlog/position.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace binbus::binlog {
namespace {

struct NameCase {
  const char* name;
  std::string text;
  std::optional<SegmentName> want;
};
void PrintTo(const NameCase& test, std::ostream* out) { *out << test.name; }

const NameCase kNames[] = {
    {"usual", "binlog.000123", SegmentName{"binlog", 123}},
    {"dots_and_dashes_in_base", "mysql-bin.old.000001", SegmentName{"mysql-bin.old", 1}},
    {"seven_digits", "binlog.1000000", SegmentName{"binlog", 1000000}},
    {"largest", "b.18446744073709551615", SegmentName{"b", 18446744073709551615ull}},
    {"longest", std::string(248, 'b') + ".000001", SegmentName{std::string(248, 'b'), 1}},
    {"too_long", std::string(249, 'b') + ".000001", {}},
    {"number_too_large", "b.18446744073709551616", {}},
    {"five_digits", "binlog.00001", {}},
    {"seven_digits_with_leading_zero", "binlog.0000001", {}},
    {"no_number", "binlog.index", {}},
    {"number_and_more", "binlog.000001.bak", {}},
    {"sign", "binlog.+00001", {}},
    {"no_dot", "binlog000001", {}},
    {"no_base", ".000001", {}},
    {"path", "../binlog.000001", {}},
    {"absolute_path", "/var/binlog.000001", {}},
    {"nul", std::string("bin\0log.000001", 14), {}},
    {"empty", "", {}},
};

class Name : public testing::TestWithParam<NameCase> {};
TEST_P(Name, IsTakenApartAndPutTogether) {
  const auto parsed = SegmentName::parse(GetParam().text);
  ASSERT_EQ(parsed.has_value(), GetParam().want.has_value());
  if (!parsed) {
    EXPECT_EQ(parsed.error().code, Code::kInvalid);
    return;
  }
  EXPECT_EQ(*parsed, *GetParam().want);
  EXPECT_EQ(parsed->to_string(), GetParam().text);
}
INSTANTIATE_TEST_SUITE_P(Cases, Name, testing::ValuesIn(kNames),
                         [](const auto& test) { return test.param.name; });

TEST(Position, SegmentsComeBeforeOffsets) {
  EXPECT_LT((Position{1, 900}), (Position{2, 4}));
  EXPECT_LT((Position{2, 4}), (Position{2, 5}));
  EXPECT_EQ(Position{}, (Position{0, 0}));
}

}  // namespace
}  // namespace binbus::binlog
