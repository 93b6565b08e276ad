#include "sink/filter_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/change_testing.h"
#include "io/simulated_disk.h"
#include "sink/filter_history.h"

namespace binbus::sink {
namespace {

using format::TableMaker;
using schema::Change;
using schema::Operation;
using schema::SqlType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Values = std::vector<TableMaker::Value>;

TableMaker::Value text(const std::string& value) {
  return TableMaker::value(format::text_cell("x", value));
}
TableMaker::Value flag(uint64_t value) {
  return TableMaker::value(format::integer_cell("x", SqlType::kTinyint, "tinyint", value));
}

// ops.monitored, with a column more than is needed, and changes of it.
struct World {
  World() {
    maker.add(format::text_cell("tb_name", ""))
        .add(format::text_cell("DB_NAME", ""))
        .add(format::integer_cell("monitor_insert", SqlType::kTinyint, "tinyint", 0))
        .add(format::integer_cell("monitor_update", SqlType::kTinyint, "tinyint", 0))
        .add(format::integer_cell("monitor_delete", SqlType::kTinyint, "tinyint", 0));
  }
  std::string apply(Operation operation, const Values& before, const Values& after) {
    Change change;
    change.operation = operation;
    change.table = maker.table();
    if (!before.empty()) change.before = maker.row(before);
    if (!after.empty()) change.after = maker.row(after);
    const Status applied = table.apply(change);
    return applied ? "" : applied.error().message;
  }
  static Values row(const std::string& name, uint64_t i, uint64_t u, uint64_t d) {
    return {text(name), text("shop"), flag(i), flag(u), flag(d)};
  }
  TableMaker maker{"ops", "monitored"};
  FilterTable table = FilterTable::make("ops.monitored").value();
};

TEST(FilterTable, FollowsItsRows) {
  World world;
  EXPECT_EQ(world.apply(Operation::kInsert, {}, World::row("orders", 1, 0, 1)), "");
  EXPECT_EQ(world.apply(Operation::kInsert, {}, World::row("log", 0, 0, 0)), "");
  ASSERT_NE(world.table.find("shop", "orders"), nullptr);
  EXPECT_EQ(*world.table.find("shop", "orders"), (FilterRow{"shop", "orders", true, false, true}));
  EXPECT_EQ(world.table.find("mall", "orders"), nullptr);
  EXPECT_TRUE(world.table.take_changed());
  EXPECT_FALSE(world.table.take_changed());
  // Another name, and other flags.
  EXPECT_EQ(
      world.apply(Operation::kUpdate, World::row("orders", 1, 0, 1), World::row("bills", 0, 1, 0)),
      "");
  EXPECT_THAT(world.table.rows(), ElementsAre(FilterRow{"shop", "bills", false, true, false},
                                              FilterRow{"shop", "log", false, false, false}));
  EXPECT_EQ(world.apply(Operation::kDelete, World::row("bills", 0, 1, 0), {}), "");
  EXPECT_THAT(world.table.rows(), ElementsAre(FilterRow{"shop", "log", false, false, false}));
}

TEST(FilterTable, ImagesOfFewColumns) {
  World world;
  const auto absent = TableMaker::absent();
  EXPECT_EQ(world.apply(Operation::kInsert, {}, World::row("orders", 1, 0, 1)), "");
  EXPECT_EQ(world.apply(Operation::kUpdate, {text("orders"), text("shop"), absent, absent, absent},
                        {absent, absent, absent, flag(1), flag(0)}),
            "");
  EXPECT_THAT(world.table.rows(), ElementsAre(FilterRow{"shop", "orders", true, true, false}));
  EXPECT_THAT(world.apply(Operation::kDelete, {absent, text("shop"), absent, absent, absent}, {}),
              HasSubstr("binlog_row_image = FULL"));
}

TEST(FilterTable, TheTableItselfMayGo) {
  World world;
  const auto fill = [&] { world.apply(Operation::kInsert, {}, World::row("orders", 1, 1, 1)); };
  fill();
  world.apply(Operation::kTruncate, {}, {});
  EXPECT_TRUE(world.table.rows().empty());
  fill();
  Change altered;
  altered.operation = Operation::kDdl;
  altered.table = altered.table_before = altered.table_after = world.maker.table();
  EXPECT_TRUE(world.table.apply(altered));
  EXPECT_EQ(world.table.rows().size(), 1u);
  altered.table_after = nullptr;
  EXPECT_TRUE(world.table.apply(altered));
  EXPECT_TRUE(world.table.rows().empty());
}

TEST(FilterTable, ColumnsThatAreMissing) {
  World world;
  TableMaker other("ops", "monitored");
  other.add(format::text_cell("db_name", ""));
  Change change;
  change.operation = Operation::kInsert;
  change.table = other.table();
  change.after = other.row({text("shop")});
  EXPECT_THAT(world.table.apply(change).error().message,
              HasSubstr("`ops`.`monitored` has no column tb_name"));
  for (const char* name : {"monitored", ".monitored", "ops."})
    EXPECT_FALSE(FilterTable::make(name)) << name;
}

TEST(FilterHistory, TellsTheRowsOfAPlace) {
  io::SimulatedDisk disk;
  const auto before = [](const Checkpoint& a, const Checkpoint& b) { return a < b; };
  const auto row = [](const char* table) {
    return std::vector<FilterRow>{{"shop", table, true, true, false}};
  };
  ASSERT_TRUE(disk.make_directories("data"));
  {
    FilterHistory history(disk, "data/f.json");
    EXPECT_FALSE(history.at("ops.m", "5", before)->has_value());
    EXPECT_TRUE(history.add("ops.m", "3", row("b"), before));
    EXPECT_TRUE(history.add("ops.m", "7", row("c"), before));
    EXPECT_TRUE(history.add("ops.m", "7", row("d"), before));
    EXPECT_TRUE(history.add("ops.m", "5", row("e"), before));
  }
  disk.crash(3);
  FilterHistory history(disk, "data/f.json");
  const auto at = [&](const char* place) {
    return (*history.at("ops.m", place, before))->at(0).table;
  };
  EXPECT_EQ(at("1"), "b");
  EXPECT_EQ(at("4"), "b");
  EXPECT_EQ(at("5"), "e");
  EXPECT_EQ(at("7"), "d");
  EXPECT_EQ(at("9"), "d");
  EXPECT_FALSE(history.at("ops.other", "5", before)->has_value());
  EXPECT_TRUE(history.add("ops.other", "5", row("z"), before));
  EXPECT_FALSE(history.at("ops.m", "5", before)->has_value());
  EXPECT_TRUE(history.forget());
  EXPECT_FALSE(disk.exists("data/f.json"));
}

}  // namespace
}  // namespace binbus::sink
