#include "state/chunk_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/fields_testing.h"

namespace binbus::state {
namespace {

using schema::Field;
using schema::SqlType;
using schema::testing_fields::bytes_of;
using schema::testing_fields::column_of;
using schema::testing_fields::Value;
using testing::HasSubstr;

Value value(std::string name, SqlType type, schema::WireColumn wire, std::string_view hex,
            std::string charset = "") {
  Value out{column_of(type, std::move(charset)), wire, bytes_of(hex)};
  out.column.name = std::move(name);
  return out;
}

std::string query_behind(const std::vector<Value>& last) {
  schema::TableVersion table;
  table.database = "my`shop";
  table.table = "t";
  std::vector<Field> row;
  std::vector<uint32_t> key;
  for (const Value& each : last) {
    key.push_back(static_cast<uint32_t>(key.size()));
    table.columns.push_back(each.column);
    row.push_back(each.field());
  }
  const auto query = chunk_query(table, "*", key, row, 100);
  return query ? *query : "error: " + query.error().message;
}

TEST(ChunkQuery, TheFirstRowsAndAllOfATableWithoutAKey) {
  schema::TableVersion table;
  table.database = "shop";
  table.table = "t";
  table.columns = {column_of(SqlType::kInt), column_of(SqlType::kInt)};
  table.columns[0].name = "a";
  table.columns[1].name = "b";
  EXPECT_EQ(*chunk_query(table, "`a`, `b`", std::vector<uint32_t>{1, 0}, {}, 10),
            "SELECT `a`, `b` FROM `shop`.`t` ORDER BY `b`, `a` LIMIT 10");
  EXPECT_EQ(*chunk_query(table, "`a`, `b`", {}, {}, 10), "SELECT `a`, `b` FROM `shop`.`t`");
}

TEST(ChunkQuery, BehindTheLastRow) {
  const auto a = value("a", SqlType::kInt, {.type = schema::kWireLong}, "feffffff");
  const auto b = value("b", SqlType::kVarchar, {.type = schema::kWireVarchar, .metadata = 40},
                       "6127", "latin1");
  const auto c = value("c", SqlType::kInt, {.type = schema::kWireLong}, "05000000");
  EXPECT_EQ(query_behind({a}),
            "SELECT * FROM `my``shop`.`t` WHERE `a` > -2 ORDER BY `a` LIMIT 100");
  EXPECT_EQ(query_behind({a, b, c}),
            "SELECT * FROM `my``shop`.`t` WHERE `a` >= -2 AND (`a` > -2 OR (`a` = -2 AND `b` >= "
            "_latin1 X'6127' AND (`b` > _latin1 X'6127' OR (`b` = _latin1 X'6127' AND `c` > 5)))) "
            "ORDER BY `a`, `b`, `c` LIMIT 100");
}

struct LiteralCase {
  const char* name;
  Value last;
  const char* condition;
};

TEST(ChunkQuery, ValuesOfEveryTypeThatMayBeAKey) {
  auto binary = value("k", SqlType::kBinary, {.type = schema::kWireString, .metadata = 4}, "61");
  binary.column.length = 4;
  auto labels = value("k", SqlType::kEnum, {.type = schema::kWireEnum, .metadata = 1}, "02");
  labels.column.labels = {"a", "b"};
  const LiteralCase cases[] = {
      {"padded as it is stored", binary, "`k` > X'61000000'"},
      {"ENUM by its number", labels, "`k`+0 > 2"},
      {"BIT", value("k", SqlType::kBit, {.type = schema::kWireBit, .metadata = 0x0100}, "05"),
       "`k` > 5"},
      {"DOUBLE", value("k", SqlType::kDouble, {.type = schema::kWireDouble}, "9a9999999999b93f"),
       "`k` > 1.00000000000000006e-01"},
      {"FLOAT exactly", value("k", SqlType::kFloat, {.type = schema::kWireFloat}, "cdcccc3d"),
       "`k` > 1.00000001490116119e-01"},
      {"YEAR", value("k", SqlType::kYear, {.type = schema::kWireYear}, "7c"), "`k` > 2024"},
      {"DATE", value("k", SqlType::kDate, {.type = schema::kWireDate}, "5dd00f"),
       "`k` > '2024-02-29'"},
      {"VARBINARY",
       value("k", SqlType::kVarbinary, {.type = schema::kWireVarchar, .metadata = 9}, ""),
       "`k` > X''"},
  };
  for (const LiteralCase& each : cases)
    EXPECT_THAT(query_behind({each.last}), HasSubstr(each.condition)) << each.name;
}

TEST(ChunkQuery, ATypeWithoutAnOrderIsNamed) {
  EXPECT_EQ(
      query_behind({value("k", SqlType::kJson, {.type = schema::kWireJson, .metadata = 4}, "")}),
      "error: column k of type json is part of the key, and rows cannot be read in its order");
}

TEST(ChunkQuery, OneRowByItsKey) {
  schema::TableVersion table;
  table.database = "shop";
  table.table = "t";
  const auto a = value("a", SqlType::kInt, {.type = schema::kWireLong}, "01000000");
  const auto b = value("b", SqlType::kInt, {.type = schema::kWireLong}, "02000000");
  table.columns = {a.column, b.column};
  const std::string condition =
      *key_condition(std::vector<uint32_t>{1, 0}, std::vector{a.field(), b.field()});
  EXPECT_EQ(rows_query(table, "*", {&condition, 1}),
            "SELECT * FROM `shop`.`t` WHERE `b` = 2 AND `a` = 1");
  const std::string conditions[] = {"`a` = 1", "`a` = 2"};
  EXPECT_EQ(rows_query(table, "`a`", conditions),
            "SELECT `a` FROM `shop`.`t` WHERE `a` = 1 OR `a` = 2");
}

}  // namespace
}  // namespace binbus::state
