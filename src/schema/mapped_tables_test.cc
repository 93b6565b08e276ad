#include "schema/mapped_tables.h"

#include <gtest/gtest.h>

#include "schema/fields_testing.h"

namespace binbus::schema {
namespace {

using namespace testing_fields;

// Table `t` with one INT, under a table id of one digit.
ByteVector map_of(int id, const char* type = "03") {
  return event_of(
      binlog::kTableMapEvent,
      "0" + std::to_string(id) + "0000000000 0100 0164 00 0174 00 01 " + type + " 00 01 0402 0161");
}

struct Counted {
  int resolved = 0;
  MappedTables tables;
  explicit Counted(size_t tables_max = 4096)
      : tables(
            [this](const TableMap& map) -> Result<TablePtr> {
              ++resolved;
              BINBUS_TRY(version, describe(map));
              return std::make_shared<const TableVersion>(version);
            },
            tables_max) {}
};

TEST(MappedTables, TheSameMapAgainCostsNothing) {
  Counted counted;
  const auto format = format_of("9.7.4");
  ASSERT_TRUE(counted.tables.take(map_of(1), format));
  const RowLayout* first = counted.tables.find(1);
  ASSERT_TRUE(counted.tables.take(map_of(1), format));
  EXPECT_EQ(counted.resolved, 1);
  EXPECT_EQ(counted.tables.find(1), first);
  ASSERT_TRUE(counted.tables.take(map_of(1, "08"), format));
  EXPECT_EQ(counted.resolved, 2);
  EXPECT_EQ(counted.tables.find(1)->table()->columns[0].type, SqlType::kBigint);
  EXPECT_EQ(counted.tables.find(2), nullptr);
}

TEST(MappedTables, ARefusedMapLeavesNone) {
  Counted counted;
  const auto format = format_of("9.7.4");
  ASSERT_TRUE(counted.tables.take(map_of(1), format));
  EXPECT_FALSE(counted.tables.take(map_of(1, "00"), format));
  EXPECT_EQ(counted.tables.find(1), nullptr);
}

TEST(MappedTables, NothingIsFoundOnceForgotten) {
  Counted counted;
  const auto format = format_of("9.7.4");
  ASSERT_TRUE(counted.tables.take(map_of(1), format));
  ASSERT_TRUE(counted.tables.take(map_of(2), format));
  EXPECT_EQ(counted.tables.find(1)->table_id(), 1U);
  counted.tables.clear();
  EXPECT_FALSE(counted.tables.knows(2));
  EXPECT_EQ(counted.tables.find(2), nullptr);
}

TEST(MappedTables, AreBoundedButForAStatement) {
  Counted counted(2);
  const auto format = format_of("9.7.4");
  for (int id = 1; id <= 4; ++id) ASSERT_TRUE(counted.tables.take(map_of(id), format));
  for (uint64_t id = 1; id <= 4; ++id) EXPECT_NE(counted.tables.find(id), nullptr);
  counted.tables.end_statement();
  ASSERT_TRUE(counted.tables.take(map_of(5), format));
  EXPECT_EQ(counted.tables.find(1), nullptr);
  EXPECT_NE(counted.tables.find(5), nullptr);
}

}  // namespace
}  // namespace binbus::schema
