#include "cli/verify_source.h"

#include <gtest/gtest.h>

namespace binbus::cli {
namespace {

constexpr std::string_view kEqual =
    R"({"result":{"stream":"shop","position":"binlog.000001:4","repair":false,"error":null,"tables":[
 {"table":"shop.a","rows":1200,"differ":0,"missing":0,"extra":0,"repaired":0,"not_comparable":null,"first":[]}]}})";

constexpr std::string_view kDiffering =
    R"({"result":{"stream":"shop","position":"binlog.000001:4","repair":true,"error":null,"tables":[
 {"table":"shop.a","rows":1200,"differ":2,"missing":1,"extra":0,"repaired":3,"not_comparable":null,"first":[
  {"kind":"differs","key":{"id":"7","n":"x"},"columns":["v","w"]},{"kind":"missing","key":{"id":"8","n":"y"}}]},
 {"table":"shop.b","rows":0,"differ":0,"missing":0,"extra":0,"repaired":0,"not_comparable":"it was dropped","first":[]}]}})";

TEST(VerifySource, TellsThatAllIsEqual) {
  const auto line = read_verify_line(kEqual, false);
  ASSERT_TRUE(line) << line.error().message;
  EXPECT_TRUE(line->all_equal);
  EXPECT_EQ(line->result,
            "TABLE   ROWS   DIFFER  MISSING  EXTRA  REPAIRED  NOT COMPARABLE\n"
            "shop.a  1,200  0       0        0      0\n"
            "\n"
            "1,200 rows compared, all equal\n");
}

TEST(VerifySource, TellsWhichRowsDifferAndWhatWasNotCompared) {
  const auto line = read_verify_line(kDiffering, false);
  ASSERT_TRUE(line) << line.error().message;
  EXPECT_FALSE(line->all_equal);
  EXPECT_EQ(line->result,
            "TABLE   ROWS   DIFFER  MISSING  EXTRA  REPAIRED  NOT COMPARABLE\n"
            "shop.a  1,200  2       1        0      3\n"
            "shop.b  0      0       0        0      0         it was dropped\n"
            "\n"
            "differs shop.a  id=7, n=x: v, w\n"
            "missing shop.a  id=8, n=y\n"
            "and 1 rows more of shop.a\n"
            "\n"
            "1,200 rows compared, 3 differ, 3 repaired; 1 table not compared\n");
}

TEST(VerifySource, TellsHowFarItIs) {
  const auto line = read_verify_line(
      R"({"progress":{"tables":12,"tables_done":3,"differences":2,"table":"shop.a","rows":500,
          "rows_expected":1000,"stage":"rows","waits":"the source runs 9 statements"}})",
      false);
  ASSERT_TRUE(line) << line.error().message;
  EXPECT_EQ(line->progress,
            "shop.a  500 rows, 50%  3 of 12 tables, 2 rows differ, waits: the source runs 9 "
            "statements");
  EXPECT_EQ(line->result, "");
}

TEST(VerifySource, AnErrorIsNoEquality) {
  std::string text(kEqual);
  text.replace(text.find("\"error\":null"), 12, "\"error\":\"the source is gone\"");
  const auto line = read_verify_line(text, true);
  ASSERT_TRUE(line);
  EXPECT_FALSE(line->all_equal);
  EXPECT_EQ(line->error, "the source is gone");
  EXPECT_EQ(line->result.front(), '{');
  EXPECT_FALSE(read_verify_line("{}", false));
}

}  // namespace
}  // namespace binbus::cli
