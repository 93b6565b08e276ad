#include "cli/tail.h"

#include <gtest/gtest.h>

namespace binbus::cli {
namespace {

struct ColorCase {
  const char* name;
  const char* line;
  const char* color;
};
class Colors : public testing::TestWithParam<ColorCase> {};
TEST_P(Colors, ByTheFirstWordOfAnOperation) {
  std::string out;
  TailPrinter printer(true, [&](std::string_view text) {
    out += text;
    return true;
  });
  EXPECT_TRUE(printer.take(std::string(GetParam().line) + "\n"));
  const std::string color = GetParam().color;
  EXPECT_EQ(out, color.empty() ? std::string(GetParam().line) + "\n"
                               : "\x1b[" + color + "m" + GetParam().line + "\x1b[0m\n");
}
constexpr ColorCase kColors[] = {
    {"binbus", R"({"id":"a","op":"delete","before":{"x":"\"op\":\"insert\""}})", "31"},
    {"maxwell", R"({"database":"d","table":"t","type":"update","ts":1})", "33"},
    {"maxwell_ddl", R"({"type":"table-alter","database":"d"})", "35"},
    {"canal", R"({"data":[{"a":"1"}],"isDdl":false,"type":"INSERT"})", "32"},
    {"debezium", R"({"before":null,"after":{"a":1},"op":"c"})", "32"},
    {"sql", "/* s:1:0.0 */ DELETE FROM `d`.`t` WHERE `a`=1;", "31"},
    {"nothing", R"({"op":"begin"})", ""},
};
INSTANTIATE_TEST_SUITE_P(Tail, Colors, testing::ValuesIn(kColors),
                         [](const auto& param) { return std::string(param.param.name); });

TEST(Tail, LinesOfPieces) {
  std::string out;
  TailPrinter printer(false, [&](std::string_view text) {
    out += text;
    return true;
  });
  EXPECT_TRUE(printer.take("{\"a\":"));
  EXPECT_EQ(out, "");
  EXPECT_TRUE(printer.take("1}\n{\"b\""));
  EXPECT_EQ(out, "{\"a\":1}\n");
  EXPECT_FALSE(
      printer.take(":2}\n{\"binbus_error\":{\"code\":\"corrupt\",\"message\":\"why\"}}\n"));
  EXPECT_EQ(out, "{\"a\":1}\n{\"b\":2}\n");
  EXPECT_EQ(printer.error(), "why");
}

TEST(Tail, EndsWhenNobodyReads) {
  TailPrinter printer(false, [](std::string_view) { return false; });
  EXPECT_FALSE(printer.take("{}\n"));
}

}  // namespace
}  // namespace binbus::cli
