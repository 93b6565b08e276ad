// What files say of rows.
#include "dump/row_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/change_testing.h"

namespace binbus::dump {
namespace {

using format::integer_cell;
using format::text_cell;
using schema::SqlType;
using testing::HasSubstr;
using testing::StartsWith;
using Maker = format::TableMaker;

state::Place place() {
  state::Place place;
  place.at = {7, 88};
  place.text = "binlog.000007:88";
  return place;
}

class RowTextTest : public testing::Test {
 protected:
  RowTextTest() {
    maker_.add(id_).add(name_).add(blob_).add(twice_);
    maker_.key({0});
  }

  std::string text(const std::string& format,
                   const std::vector<std::pair<std::vector<Maker::Value>, uint64_t>>& rows) {
    auto made = make_row_text(format, {"shop", place(), maker_.table()});
    EXPECT_TRUE(made) << made.error().message;
    std::string out;
    (*made)->begin(out);
    for (const auto& [row, count] : rows) {
      const Status added = (*made)->add(out, maker_.row(row), count);
      EXPECT_TRUE(added) << added.error().message;
    }
    (*made)->end(out);
    return out;
  }
  static Maker::Value integer(uint64_t value) {
    return Maker::value(integer_cell("", SqlType::kInt, "int", value));
  }
  static Maker::Value bytes(const std::string& value) {
    return {schema::Field::State::kValue, value};
  }

  static format::Cell binary() {
    format::Cell cell = text_cell("b", "", "");
    cell.column.type = SqlType::kVarbinary;
    return cell;
  }
  static format::Cell generated() {
    format::Cell cell = integer_cell("twice", SqlType::kInt, "int", 0);
    cell.column.generated = true;
    return cell;
  }

  const format::Cell id_ = integer_cell("id", SqlType::kInt, "int", 0);
  const format::Cell name_ = text_cell("na`me", "");
  const format::Cell blob_ = binary();
  const format::Cell twice_ = generated();
  Maker maker_{"shop", "or`ders"};
};

std::string without_head(const std::string& sql) { return sql.substr(sql.find("INSERT")); }

TEST_F(RowTextTest, SqlPutsManyRowsIntoAStatementWithoutGeneratedColumns) {
  const std::string sql =
      text("sql", {{{integer(1), bytes("it's"), Maker::null(), integer(2)}, 1},
                   {{integer(2), Maker::null(), bytes("\xff"), integer(4)}, 2}});
  EXPECT_THAT(sql, StartsWith("-- binbus: rows of stream shop as of binlog.000007:88\n"
                              "SET NAMES utf8mb4;\nSET time_zone='+00:00', "));
  EXPECT_EQ(without_head(sql),
            "INSERT INTO `shop`.`or``ders` (`id`,`na``me`,`b`) VALUES\n"
            "(1,'it''s',NULL),\n(2,NULL,X'FF'),\n(2,NULL,X'FF');\n");
}

TEST_F(RowTextTest, SqlBeginsAStatementForRowsWithOtherColumnsAndBeforeOneIsTooLong) {
  EXPECT_EQ(
      without_head(text("sql", {{{integer(1), Maker::absent(), Maker::absent(), integer(2)}, 1},
                                {{integer(2), bytes("x"), Maker::absent(), integer(4)}, 1}})),
      "INSERT INTO `shop`.`or``ders` (`id`) VALUES\n(1);\n"
      "INSERT INTO `shop`.`or``ders` (`id`,`na``me`) VALUES\n(2,'x');\n");
  EXPECT_EQ(
      without_head(
          text("sql", {{{Maker::absent(), Maker::absent(), Maker::absent(), Maker::absent()}, 2}})),
      "INSERT INTO `shop`.`or``ders` () VALUES\n(),\n();\n");
  const std::string half(300 << 10, 'x');
  const std::string sql = text("sql", {{{integer(1), bytes(half), Maker::null(), integer(2)}, 1},
                                       {{integer(2), bytes(half), Maker::null(), integer(4)}, 1}});
  EXPECT_THAT(sql, HasSubstr(");\nINSERT INTO"));
}

TEST_F(RowTextTest, SqlOfNoRowsHasNoStatement) {
  EXPECT_EQ(text("sql", {}).find("INSERT"), std::string::npos);
}

struct CsvCase {
  const char* name;
  Maker::Value value;
  const char* printed;
};
const CsvCase kCsvCases[] = {
    {"null", Maker::null(), "\\N"},
    {"the_text_that_null_is", {schema::Field::State::kValue, "\\N"}, "\"\\N\""},
    {"empty", {schema::Field::State::kValue, ""}, "\"\""},
    {"absent", Maker::absent(), ""},
    {"plain", {schema::Field::State::kValue, "a b'\\"}, "a b'\\"},
    {"comma", {schema::Field::State::kValue, "a,b"}, "\"a,b\""},
    {"quote", {schema::Field::State::kValue, "a\"b"}, "\"a\"\"b\""},
    {"lines", {schema::Field::State::kValue, "a\r\nb"}, "\"a\r\nb\""},
    {"four_bytes", {schema::Field::State::kValue, "\xf0\x9f\x98\x80"}, "\xf0\x9f\x98\x80"},
};

TEST_F(RowTextTest, CsvOfEveryKindOfText) {
  for (const CsvCase& each : kCsvCases) {
    EXPECT_EQ(
        text("csv", {{{integer(1), each.value, bytes(std::string("\0\xab", 2)), integer(2)}, 1}}),
        std::string("id,na`me,b,twice\r\n1,") + each.printed + ",00AB,2\r\n")
        << each.name;
  }
}

TEST_F(RowTextTest, CsvOfARowThatIsThereTwice) {
  EXPECT_EQ(text("csv", {{{integer(1), bytes("x"), Maker::null(), integer(2)}, 2}}),
            "id,na`me,b,twice\r\n1,x,\\N,2\r\n1,x,\\N,2\r\n");
}

TEST_F(RowTextTest, JsonLinesAreTheMessagesOfRows) {
  const std::string lines =
      text("jsonl", {{{integer(1), bytes("x"), Maker::null(), integer(2)}, 2}});
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2);
  EXPECT_THAT(lines, HasSubstr(R"("op":"read")"));
  EXPECT_THAT(lines, HasSubstr(R"("after":{"id":1,"na`me":"x","b":null,"twice":2})"));
  EXPECT_THAT(lines, HasSubstr(R"("position":"binlog.000007:88")"));
}

TEST_F(RowTextTest, AnotherFormatIsNone) {
  const auto made = make_row_text("xml", {"shop", place(), maker_.table()});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::kInvalid);
  EXPECT_THAT(made.error().message, HasSubstr("sql, csv, jsonl"));
}

}  // namespace
}  // namespace binbus::dump
