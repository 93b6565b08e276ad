#include "sink/condition.h"

#include <gtest/gtest.h>

#include "format/change_testing.h"

namespace binbus::sink {
namespace {

using format::Cell;
using format::TableMaker;
using schema::SqlType;

// A table with one column of each kind, and a row of it.
struct Row {
  Row() {
    Cell total{format::make_column("total", SqlType::kDecimal, "decimal(10,2)"),
               {schema::kWireNewdecimal, 0x020a, true},
               std::string("\x80\x00\x04\xd2\x38", 5)};  // 1234.56
    total.column.length = 10;
    total.column.decimals = 2;
    Cell spent{format::make_column("spent", SqlType::kTime, "time"),
               {schema::kWireTime2, 0, true},
               format::time_bytes(true, {100, 30, 0, 0}, 0)};
    Cell day{format::make_column("day", SqlType::kDate, "date"),
             {schema::kWireDate, 0, true},
             format::date_bytes(2024, 2, 29)};
    Cell kind{format::make_column("kind", SqlType::kEnum, "enum('old','new')"),
              {schema::kWireEnum, 1, true},
              std::string("\x02", 1)};
    kind.column.labels = {"old", "new"};
    kind.column.charset = "utf8mb4";
    const Cell cells[] = {
        format::integer_cell("id", SqlType::kBigint, "bigint unsigned", UINT64_MAX),
        format::integer_cell("small", SqlType::kInt, "int", static_cast<uint64_t>(-5)),
        format::text_cell("name", "Zo\xeb's", "latin1"),
        total,
        spent,
        day,
        kind,
        format::text_cell("note", ""),
        format::text_cell("gone", "")};
    std::vector<TableMaker::Value> values;
    for (const Cell& cell : cells) {
      maker.add(cell);
      values.push_back(cell.column.name == "note"   ? TableMaker::null()
                       : cell.column.name == "gone" ? TableMaker::absent()
                                                    : TableMaker::value(cell));
    }
    row = maker.row(values);
  }
  // "true", "false" or the error's message.
  std::string judge(const std::string& text) {
    const auto condition = Condition::parse(text);
    if (!condition) return condition.error().message;
    const auto columns = (*condition)->bind(*maker.table());
    if (!columns) return columns.error().message;
    const auto fulfilled = (*condition)->fulfilled(*columns, row, {});
    if (!fulfilled) return fulfilled.error().message;
    return *fulfilled ? "true" : "false";
  }
  TableMaker maker{"shop", "orders"};
  std::span<const schema::Field> row;
};

struct Case {
  const char* name;
  const char* condition;
  const char* want;
};

const Case kCases[] = {
    {"unsigned_64_bits", "id = 18446744073709551615", "true"},
    {"unsigned_64_bits_are_not_doubles", "id = 18446744073709551614", "false"},
    {"negative", "small < -4.5 AND small >= -5", "true"},
    {"not_equal", "small != -5", "false"},
    {"not_equal_as_in_sql", "small <> -6", "true"},
    {"number_as_text", "small = '-5'", "true"},
    {"decimal_ignores_zeros", "total = 01234.560", "true"},
    {"decimal_greater", "total > 999.99", "true"},
    {"charset_of_the_column", "name = 'Zoë''s'", "true"},
    {"case_matters", "name = 'zoë''s'", "false"},
    {"column_names_in_any_case", "`NAME` = 'Zoë''s'", "true"},
    {"time_by_length", "spent < '-99:00:00'", "true"},
    {"date", "day >= '2024-02-01' AND day < '2024-03-01'", "true"},
    {"enum_by_label", "kind = 'new'", "true"},
    {"enum_by_index", "kind = 2", "true"},
    {"in", "small IN (1, -5, 7)", "true"},
    {"not_in", "small NOT IN (1, -5, 7)", "false"},
    {"like", "name LIKE 'Z_ë%'", "true"},
    {"like_whole", "name LIKE 'Zo'", "false"},
    {"not_like", "name NOT LIKE '%x%'", "true"},
    {"is_null", "note IS NULL", "true"},
    {"is_not_null", "note IS NOT NULL", "false"},
    {"null_equals_nothing", "note = ''", "false"},
    {"not_of_null_is_null", "NOT note = ''", "false"},
    {"null_or_true", "note = '' OR small = -5", "true"},
    {"absent_may_be_true", "gone = 'x'", "true"},
    {"absent_may_be_false", "NOT gone = 'x'", "true"},
    {"absent_and_false", "gone = 'x' AND small = 1", "false"},
    {"absent_and_null_may_not_be_true", "gone = 'x' AND note = ''", "false"},
    {"not_of_absent_and_null_may_be_true", "NOT (gone = 'x' AND note = '')", "true"},
    {"and_binds_more_than_or", "small = -5 OR small = 1 AND small = 2", "true"},
    {"parentheses", "(small = -5 OR small = 1) AND small = 2", "false"},
    {"words_in_any_case", "small = 1 or not (small in (1)) and true_ is null",
     "condition: table `shop`.`orders` has no column `true_`; mend `where`, or give that table a "
     "[[sink.table]] of its own"},
    {"text_for_a_number", "small = 'five'",
     "condition: column `small` is a number, and 'five' is none"},
    {"number_for_text", "name = 5",
     "condition: column `name` is text, which is written in quotes, and 5 is none"},
    {"empty", "", "condition: a column expected at character 1, its end"},
    {"no_comparison", "id 5",
     "condition: a comparison (=, !=, <, <=, >, >=, IN, LIKE, IS NULL) expected at character 4, "
     "before: 5"},
    {"open_quote", "name = 'x", "condition: a closing ' expected at character 10, its end"},
    {"open_parenthesis", "(id = 5", "condition: AND, OR or ) expected at character 8, its end"},
    {"rest", "id = 5 6", "condition: AND, OR or the end expected at character 8, before: 6"},
    {"equals_null", "note = NULL",
     "condition: IS NULL, as nothing compares with NULL; a literal expected at character 8, "
     "before: NULL"},
    {"number_and_letters", "id = 5x", "condition: a number expected at character 6, before: 5x"},
};

TEST(Condition, Cases) {
  Row row;
  for (const Case& c : kCases) EXPECT_EQ(row.judge(c.condition), c.want) << c.name;
}

TEST(Condition, NestingHasALimit) {
  const auto parsed = Condition::parse(std::string(100'000, '(') + "id = 1");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, Code::kInvalid);
}

TEST(Condition, WhatARowLacksIsInItsOtherImage) {
  Row row;
  const Cell id = format::integer_cell("id", SqlType::kInt, "int", 1);
  TableMaker maker("shop", "t");
  maker.add(id);
  const auto condition = *Condition::parse("id = 2");
  const auto columns = *condition->bind(*maker.table());
  const auto absent = maker.row({TableMaker::absent()});
  const auto one = maker.row({TableMaker::value(id)});
  EXPECT_TRUE(*condition->fulfilled(columns, absent, {}));
  EXPECT_FALSE(*condition->fulfilled(columns, absent, one));
}

}  // namespace
}  // namespace binbus::sink
