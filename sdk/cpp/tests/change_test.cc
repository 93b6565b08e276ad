// What a change tells of the message that it came in.
#include "binbus/change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "batch.h"
#include "binbus/error.h"
#include "fake_node_testing.h"
#include "inbox.h"

namespace binbus {
namespace {

using testing::HasSubstr;

Change take(const feed::v1::Batch& told) {
  Tables tables;
  Inbox inbox("", false, false);
  inbox.batch(tables.make(feed::v1::Batch(told)), 0);
  return inbox.pop().value();
}

feed::v1::Batch update() {
  feed::v1::Batch batch;
  add_insert(batch, 1, 7, 2);
  auto& change = *batch.mutable_changes(0);
  change.set_operation(feed::v1::UPDATE);
  *change.mutable_before() = orders_row(1);
  change.mutable_after()->add_absent(1);
  change.mutable_before()->add_nulls(1);
  change.set_sql("UPDATE orders ...");
  return batch;
}

std::string complaint(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing is thrown";
}

TEST(Change, OfARow) {
  const Change change = take(update());
  EXPECT_EQ(change.op(), Op::kUpdate);
  EXPECT_EQ(name(change.op()), "update");
  EXPECT_EQ(change.database(), "shop");
  EXPECT_EQ(change.table(), "orders");
  EXPECT_EQ(change.before()["id"].as_int64(), 1);
  EXPECT_TRUE(change.before()["name"].is_null());
  EXPECT_EQ(change.after()[0].as_int64(), 2);
  EXPECT_TRUE(change.after()[1].is_absent());
  EXPECT_EQ(change.key().size(), 1u);
  EXPECT_EQ(change.key()[0].as_int64(), 2);
  EXPECT_EQ(change.gtid(), "uuid:1");
  EXPECT_EQ(change.transaction_position(), "binlog.000001:100");
  EXPECT_EQ(change.commit_time().time_since_epoch(), std::chrono::seconds(1'700'000'000));
  EXPECT_EQ(change.event(), 7u);
  EXPECT_EQ(change.statement(), "UPDATE orders ...");
  EXPECT_EQ(change.position(), position_of(1, 7));
}

TEST(Change, AKeyThatWasNotLoggedAgainIsTheOldOne) {
  feed::v1::Batch batch = update();
  batch.mutable_changes(0)->mutable_after()->add_absent(0);
  EXPECT_EQ(take(batch).key()[0].as_int64(), 1);
}

TEST(Change, WhatIsNotThereIsNamed) {
  const Change change = take(update());
  EXPECT_THAT(complaint([&] { change.after()["nam"]; }),
              HasSubstr("shop.orders has no column nam"));
  EXPECT_THAT(complaint([&] { change.after()[2]; }), HasSubstr("the table has 2 columns"));
  feed::v1::Batch deleted = update();
  deleted.mutable_changes(0)->set_operation(feed::v1::DELETE);
  deleted.mutable_changes(0)->clear_after();
  const Change gone = take(deleted);
  EXPECT_FALSE(gone.after());
  EXPECT_THAT(complaint([&] { gone.after()["id"]; }), HasSubstr("no such row"));
  EXPECT_EQ(gone.key()[0].as_int64(), 1);
}

TEST(Change, OfADdlStatement) {
  feed::v1::Batch batch;
  add_mark(batch, feed::v1::DDL, 3);
  *batch.add_tables() = orders_table();
  auto& ddl = *batch.mutable_changes(0)->mutable_ddl();
  ddl.set_statement("DROP TABLE orders");
  ddl.set_database("shop");
  ddl.set_table_before(1);
  const Change change = take(batch);
  EXPECT_EQ(change.op(), Op::kDdl);
  EXPECT_EQ(change.statement(), "DROP TABLE orders");
  EXPECT_EQ(change.ddl().database, "shop");
  ASSERT_NE(change.ddl().before, nullptr);
  EXPECT_EQ(change.ddl().before->name, "orders");
  EXPECT_EQ(change.ddl().after, nullptr);
  EXPECT_EQ(change.table(), "");
  EXPECT_FALSE(change.after());
  EXPECT_TRUE(change.key().empty());
}

struct HostileCase {
  const char* name;
  std::function<void(feed::v1::Batch&)> spoil;
  const char* complaint;
};
class Hostile : public testing::TestWithParam<HostileCase> {};

TEST_P(Hostile, IsAProtocolError) {
  feed::v1::Batch batch = update();
  GetParam().spoil(batch);
  Tables tables;
  EXPECT_THAT(complaint([&] { tables.make(std::move(batch)); }), HasSubstr(GetParam().complaint));
}

INSTANTIATE_TEST_SUITE_P(
    Batches, Hostile,
    testing::Values(
        HostileCase{"table", [](auto& batch) { batch.clear_tables(); }, "a table 1 without"},
        HostileCase{"no_table", [](auto& batch) { batch.mutable_changes(0)->set_table(0); },
                    "of no table"},
        HostileCase{"transaction", [](auto& batch) { batch.clear_transactions(); },
                    "without its transaction"},
        HostileCase{
            "operation",
            [](auto& batch) { batch.mutable_changes(0)->set_operation(feed::v1::Operation(99)); },
            "an operation 99"},
        HostileCase{"values",
                    [](auto& batch) { batch.mutable_changes(0)->mutable_before()->clear_values(); },
                    "a row of 0 values of shop.orders"},
        HostileCase{"key", [](auto& batch) { batch.mutable_tables(0)->add_key(2); },
                    "a key of a column"}),
    [](const auto& test) { return test.param.name; });

TEST(Tables, NamesThatWereToldLongAgoAreForgotten) {
  Tables tables;
  feed::v1::Batch first;
  add_insert(first, 1, 0, 1);
  tables.make(std::move(first));
  feed::v1::Batch more;
  for (uint32_t id = 2; id <= 1002; ++id) {
    *more.add_tables() = orders_table();
    more.mutable_tables()->rbegin()->set_id(id);
  }
  tables.make(std::move(more));
  feed::v1::Batch last;
  add_insert(last, 2, 0, 2);
  last.clear_tables();
  EXPECT_THROW(tables.make(std::move(last)), Error);
}

}  // namespace
}  // namespace binbus
