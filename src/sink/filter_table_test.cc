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

// Kept in memory, for several nodes; its places are numbers.
class TestStore final : public FilterStore {
 public:
  std::string name() const override { return "the test"; }
  Result<std::optional<std::string>> read() override { return kept; }
  Result<std::optional<std::string>> read_own() override { return own; }
  Status write(const std::string& text) override {
    if (std::exchange(fails, false)) return fail(Code::kNetwork, "away");
    kept = text;
    own.reset();
    return ok();
  }
  Status forget() override {
    kept.reset();
    return ok();
  }
  Result<std::string> tell(const Checkpoint& place) override { return prefix + place; }
  Room room() const override { return limits; }

  std::optional<std::string> kept, own;
  std::string prefix;
  Room limits;
  bool fails = false;
};

bool is_before(const Checkpoint& a, const Checkpoint& b) { return a < b; }

std::vector<FilterRow> row(const std::string& table) {
  return {{"shop", table, true, true, false}};
}

std::string table_at(FilterHistory& history, const char* place) {
  const auto rows = history.at("ops.m", place);
  return rows && *rows ? (**rows).at(0).table : "";
}

TEST(FilterHistory, TellsTheRowsOfAPlace) {
  io::SimulatedDisk disk;
  ASSERT_TRUE(disk.make_directories("data"));
  const auto open = [&] {
    return FilterHistory(file_filter_store(disk, "data/f.json"), is_before);
  };
  {
    FilterHistory history = open();
    EXPECT_FALSE(history.at("ops.m", "5")->has_value());
    EXPECT_TRUE(history.add("ops.m", "3", row("b"), "3"));
    EXPECT_TRUE(history.add("ops.m", "7", row("c"), "3"));
    EXPECT_TRUE(history.add("ops.m", "7", row("d"), "3"));
    EXPECT_TRUE(history.add("ops.m", "5", row("e"), "3"));
  }
  disk.crash(3);
  FilterHistory history = open();
  EXPECT_EQ(table_at(history, "1"), "b");
  EXPECT_EQ(table_at(history, "4"), "b");
  EXPECT_EQ(table_at(history, "5"), "e");
  EXPECT_EQ(table_at(history, "7"), "d");
  EXPECT_EQ(table_at(history, "9"), "d");
  EXPECT_FALSE(history.at("ops.other", "5")->has_value());
  EXPECT_TRUE(history.add("ops.other", "5", row("z"), "5"));
  EXPECT_FALSE(history.at("ops.m", "5")->has_value());
  EXPECT_TRUE(history.forget());
  EXPECT_FALSE(disk.exists("data/f.json"));
  EXPECT_FALSE(history.at("ops.other", "5")->has_value());
}

TEST(FilterHistory, WhatCouldNotBeKeptIsNotBelieved) {
  const auto store = std::make_shared<TestStore>();
  FilterHistory history(store, is_before);
  EXPECT_TRUE(history.add("ops.m", "3", row("b"), "3"));
  store->fails = true;
  EXPECT_FALSE(history.add("ops.m", "5", row("c"), "3"));
  EXPECT_EQ(table_at(history, "5"), "b");
  EXPECT_TRUE(history.add("ops.m", "5", row("c"), "3"));
  FilterHistory next(store, is_before);
  EXPECT_EQ(table_at(next, "5"), "c");
}

TEST(FilterHistory, TheOldestGoButNotWhatHoldsAtTheCheckpoint) {
  const auto store = std::make_shared<TestStore>();
  store->limits.past_bytes = 0;
  FilterHistory history(store, is_before);
  for (const char* from : {"1", "3", "5"}) EXPECT_TRUE(history.add("ops.m", from, row(from), "4"));
  EXPECT_EQ(table_at(history, "2"), "3");
  EXPECT_EQ(table_at(history, "4"), "3");
  EXPECT_EQ(table_at(history, "5"), "5");
  // The same rows are no other content.
  EXPECT_TRUE(history.add("ops.m", "6", row("5"), "4"));
  EXPECT_EQ(table_at(history, "4"), "3");
  // Back: what is behind can be learned again.
  EXPECT_TRUE(history.add("ops.m", "4", row("4"), "3"));
  EXPECT_EQ(table_at(history, "3"), "3");
  EXPECT_EQ(table_at(history, "5"), "4");
  // These two alone.
  store->limits.bytes = store->kept->size();
  EXPECT_TRUE(history.add("ops.m", "5", row("5"), "4"));
  const Status large = history.add("ops.m", "6", row("a_longer_name"), "5");
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, Code::kInvalid);
  EXPECT_THAT(large.error().message, HasSubstr("ops.m has too many rows"));
  EXPECT_EQ(table_at(history, "6"), "5");
}

TEST(FilterHistory, WhatANodeKeptByItselfIsTakenOver) {
  const auto alone = std::make_shared<TestStore>();
  FilterHistory own(alone, is_before);
  EXPECT_TRUE(own.add("ops.m", "3", row("b"), "3"));
  EXPECT_TRUE(own.add("ops.m", "5", row("c"), "3"));
  const auto store = std::make_shared<TestStore>();
  store->own = alone->kept;
  store->prefix = "told ";
  FilterHistory history(store, is_before);
  EXPECT_EQ(table_at(history, "4"), "b");
  EXPECT_FALSE(store->own);
  FilterHistory next(store, is_before);
  EXPECT_EQ(table_at(next, "4"), "b");
  EXPECT_EQ(table_at(next, "5"), "c");
}

TEST(FilterHistory, WhatIsNoneSaysSo) {
  const auto store = std::make_shared<TestStore>();
  store->kept = "{}";
  FilterHistory history(store, is_before);
  const auto rows = history.at("ops.m", "1");
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, Code::kCorrupt);
  EXPECT_THAT(rows.error().message, HasSubstr("the test: "));
  EXPECT_TRUE(history.forget());
  EXPECT_FALSE(history.at("ops.m", "1")->has_value());
}

}  // namespace
}  // namespace binbus::sink
