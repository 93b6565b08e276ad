// What changes of a log do to kept rows, in a real database that is opened again.
#include "state/applier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <deque>
#include <filesystem>

#include "base/hex.h"
#include "schema/charset.h"

namespace binbus::state {
namespace {

using schema::Change;
using schema::Column;
using schema::Field;
using schema::Operation;
using schema::SqlType;
using schema::TablePtr;
using schema::TableVersion;
using testing::ElementsAre;
using testing::IsEmpty;

Column column(std::string name) {
  Column out;
  out.name = std::move(name);
  out.type = SqlType::kVarchar;
  out.length = 20;
  out.charset = "ascii";
  return out;
}

// Of text columns. The first is the primary key, unless told otherwise.
TablePtr table(std::string name, const std::vector<std::string>& columns, bool with_key = true) {
  auto out = std::make_shared<TableVersion>();
  out->database = "shop";
  out->table = std::move(name);
  for (const std::string& each : columns) out->columns.push_back(column(each));
  if (with_key) {
    out->primary_key = {0};
    out->columns[0].nullable = false;
  }
  return out;
}

constexpr const char* kAbsent = nullptr;  // in rows

class ApplierTest : public testing::Test {
 protected:
  ApplierTest() {
    char folder[] = "/tmp/binbus-state-XXXXXX";
    folder_ = ::mkdtemp(folder);
    reopen();
    Place place;
    place.at = {1, 4};
    place.text = "binlog.000001:4";
    tables_->set_place(place);
  }
  ~ApplierTest() override {
    tables_.reset();
    std::filesystem::remove_all(folder_);
  }

  // What was committed is there again.
  void reopen() {
    applier_.reset();
    tables_.reset();
    auto store = TableStore::open({.folder = folder_});
    ASSERT_TRUE(store) << store.error().message;
    auto tables = Tables::open("shop", std::move(*store));
    ASSERT_TRUE(tables) << tables.error().message;
    tables_ = std::move(*tables);
    applier_ = std::make_unique<Applier>(
        "shop", *tables_, [](std::string_view, std::string_view name) { return name != "other"; });
  }

  std::span<const Field> row(const TablePtr& of, const std::vector<const char*>& values) {
    std::vector<Field>& fields = rows_.emplace_back();
    for (size_t i = 0; i < of->columns.size() && !values.empty(); ++i) {
      Field field;
      field.column = &of->columns[i];
      field.charset = schema::Charset::find("ascii");
      field.wire = {.type = schema::kWireVarchar, .metadata = 20};
      if (values[i] != kAbsent) {
        field.state = Field::State::kValue;
        field.bytes = as_bytes(values[i]);
      }
      fields.push_back(field);
    }
    return fields;
  }

  using Values = std::vector<const char*>;
  void take(Operation operation, const TablePtr& of, const Values& before, const Values& after) {
    Change change;
    change.operation = operation;
    change.transaction = &transaction_;
    change.event = event_++;
    change.table = of;
    change.before = row(of, before);
    change.after = row(of, after);
    const Status taken = applier_->take(change);
    ASSERT_TRUE(taken) << taken.error().message;
  }
  void insert(const TablePtr& of, const Values& after) { take(Operation::kInsert, of, {}, after); }
  void update(const TablePtr& of, const Values& before, const Values& after) {
    take(Operation::kUpdate, of, before, after);
  }
  void remove(const TablePtr& of, const Values& before) {
    take(Operation::kDelete, of, before, {});
  }
  void ddl(const TablePtr& before, const TablePtr& after, std::string_view statement = "ALTER") {
    Change change;
    change.operation = Operation::kDdl;
    change.transaction = &transaction_;
    change.event = event_++;
    change.table_before = before;
    change.table_after = after;
    change.statement = statement;
    ASSERT_TRUE(applier_->take(change));
  }
  void truncate(const TablePtr& of) {
    Change change;
    change.operation = Operation::kTruncate;
    change.transaction = &transaction_;
    change.event = event_++;
    change.table = of;
    ASSERT_TRUE(applier_->take(change));
  }
  void end() {
    applier_->reach({1, transaction_.begin.offset + 100}, "binlog.000001:100");
    transaction_.begin.offset += 100;
    event_ = 0;
    ASSERT_TRUE(tables_->commit());
  }

  Tables::Table& kept(const std::string& name) {
    Tables::Table* found = tables_->find("shop", name);
    EXPECT_NE(found, nullptr) << name;
    return *found;
  }
  Phase phase(const std::string& name) { return kept(name).record.phase; }
  // As it was committed: values joined, "-" for one that is absent, with the count where it is not 1.
  std::vector<std::string> rows(const std::string& name) {
    EXPECT_TRUE(tables_->commit());
    const Tables::Table& of = kept(name);
    std::vector<std::string> out;
    const auto view = tables_->view();
    RowReader reader = view->reader(of.record);
    const auto at = view->rows(of.record);
    for (; at->valid(); at->next()) {
      const auto read = reader.read(at->value());
      EXPECT_TRUE(read) << read.error().message;
      std::string text;
      for (const Field& field : read->fields) {
        if (!text.empty()) text += ' ';
        text += field.state == Field::State::kValue ? as_text(field.bytes) : "-";
      }
      if (read->count != 1) text += " x" + std::to_string(read->count);
      out.push_back(text);
    }
    EXPECT_TRUE(at->status());
    return out;
  }

  std::string folder_;
  std::unique_ptr<Tables> tables_;
  std::unique_ptr<Applier> applier_;
  schema::TransactionInfo transaction_;
  uint64_t event_ = 0;
  std::deque<std::vector<Field>> rows_;
  const TablePtr orders_ = table("orders", {"id", "state", "note"});
};

TEST_F(ApplierTest, RowsFollowTheLog) {
  ddl(nullptr, orders_, "CREATE TABLE orders");
  insert(orders_, {"1", "new", "a"});
  insert(orders_, {"2", "new", "b"});
  insert(orders_, {"3", "new", "c"});
  update(orders_, {"1", "new", "a"}, {"1", "paid", "a"});
  update(orders_, {"2", "new", "b"}, {"4", "new", "b"});  // another key
  remove(orders_, {"3", "new", "c"});
  end();
  EXPECT_EQ(phase("orders"), Phase::kReady);
  EXPECT_THAT(rows("orders"), ElementsAre("1 paid a", "4 new b"));
  reopen();
  EXPECT_THAT(rows("orders"), ElementsAre("1 paid a", "4 new b"));
  EXPECT_EQ(tables_->place()->text, "binlog.000001:100");
}

TEST_F(ApplierTest, WhatWasCancelledStaysSoUntilTheTableIsAnother) {
  Tables::Table& cancelled = tables_->add(orders_, Phase::kCancelled);
  cancelled.record.error = "its reading was cancelled";
  tables_->keep(cancelled);
  insert(orders_, {"1", "new", "a"});
  update(orders_, {"2", "new", "b"}, {"2", "paid", "b"});
  truncate(orders_);
  insert(orders_, {"3", "new", "c"});
  const TablePtr wider = table("orders", {"id", "state", "note", "more"});
  ddl(orders_, wider, "ALTER TABLE orders ADD COLUMN more VARCHAR(20) DEFAULT 'x'");
  insert(wider, {"4", "new", "d", "y"});
  end();
  EXPECT_EQ(phase("orders"), Phase::kCancelled);
  EXPECT_THAT(rows("orders"), IsEmpty());
  reopen();
  EXPECT_EQ(phase("orders"), Phase::kCancelled);
  EXPECT_EQ(kept("orders").record.error, "its reading was cancelled");
  EXPECT_EQ(kept("orders").record.table->columns.size(), 4u);
  ddl(wider, nullptr, "DROP TABLE orders");
  ddl(nullptr, orders_, "CREATE TABLE orders");
  insert(orders_, {"5", "new", "e"});
  EXPECT_EQ(phase("orders"), Phase::kReady);
  EXPECT_THAT(rows("orders"), ElementsAre("5 new e"));
}

TEST_F(ApplierTest, MinimalImagesAreFilledFromTheRowsThatAreThere) {
  ddl(nullptr, orders_, "CREATE TABLE orders");
  insert(orders_, {"1", "new", "a"});
  insert(orders_, {"2", "new", "b"});
  update(orders_, {"1", kAbsent, kAbsent}, {kAbsent, "paid", kAbsent});
  update(orders_, {"2", kAbsent, kAbsent}, {"3", kAbsent, kAbsent});
  EXPECT_THAT(rows("orders"), ElementsAre("1 paid a", "3 new b"));
  EXPECT_EQ(kept("orders").incomplete, 0u);
  remove(orders_, {"1", kAbsent, kAbsent});
  EXPECT_THAT(rows("orders"), ElementsAre("3 new b"));
}

TEST_F(ApplierTest, WholeImagesAreKeptOfChangesThatTheLogHasAPartOf) {
  applier_->keep_images();
  ddl(nullptr, orders_, "CREATE TABLE orders");
  insert(orders_, {"1", "new", "a"});
  insert(orders_, {"2", "new", "b"});
  end();
  const Position begin = transaction_.begin;
  update(orders_, {"1", kAbsent, kAbsent}, {kAbsent, "paid", kAbsent});
  update(orders_, {"2", "new", "b"}, {"2", "paid", "b"});  // has all
  remove(orders_, {"1", kAbsent, kAbsent});
  end();
  ImageReader reader;
  // Before and after, "-" for what is absent; "": no images are kept.
  const auto filled = [&](uint64_t event, const Values& before, const Values& after) {
    const auto images = tables_->store_view()->get(images_key({begin, event, 0})).value();
    if (!images) return std::string();
    Change change;
    change.table = orders_;
    change.before = row(orders_, before);
    change.after = row(orders_, after);
    EXPECT_TRUE(reader.fill(change, as_bytes(*images)));
    std::string out;
    for (const auto image : {change.before, change.after}) {
      for (const Field& field : image)
        out += field.state == Field::State::kValue ? std::string(as_text(field.bytes)) + " " : "- ";
      out += "/ ";
    }
    return out;
  };
  EXPECT_EQ(filled(0, {"1", kAbsent, kAbsent}, {kAbsent, "paid", kAbsent}),
            "1 new a / 1 paid a / ");
  EXPECT_EQ(filled(1, {}, {}), "");
  EXPECT_EQ(filled(2, {"1", kAbsent, kAbsent}, {}), "1 paid a / / ");
  reopen();
  EXPECT_EQ(filled(2, {"1", kAbsent, kAbsent}, {}), "1 paid a / / ");
  ASSERT_TRUE(tables_->forget_images(begin.segment + 1));
  EXPECT_EQ(filled(0, {}, {}), "");
}

class DocumentsTest : public ApplierTest {
 protected:
  // {"k": 4}, {"k": 5} as updates write it, and what makes the one of the other.
  const std::string four_ = *parse_hex("0001000c000b0001000504006b");
  const std::string five_ = *parse_hex("01010000001400000013000000010005050000006b");
  const std::string step_ = *parse_hex("0003242e6b03050500");

  DocumentsTest() {
    ddl(nullptr, orders_, "CREATE TABLE orders");
    take_document(Operation::kInsert, {}, {"1", "new", ""}, Field::State::kValue, four_);
    end();
  }
  // `note` is the document.
  void take_document(Operation operation, const Values& before, const Values& after,
                     Field::State state, const std::string& bytes) {
    Change change;
    change.operation = operation;
    change.transaction = &transaction_;
    change.event = event_++;
    change.table = orders_;
    change.before = row(orders_, before);
    change.after = row(orders_, after);
    rows_.back()[2].state = state;
    rows_.back()[2].bytes = as_bytes(bytes);
    ASSERT_TRUE(applier_->take(change));
  }
  void step() {
    take_document(Operation::kUpdate, {"1", kAbsent, kAbsent}, {kAbsent, kAbsent, ""},
                  Field::State::kPartial, step_);
  }
};

TEST_F(DocumentsTest, AStepIsDoneToTheOneThatIsKept) {
  step();
  EXPECT_THAT(rows("orders"), ElementsAre("1 new " + five_));
  EXPECT_EQ(kept("orders").incomplete, 0u);
}

TEST_F(DocumentsTest, AStepIsNotDoneToOneThatMayHaveItAlready) {
  kept("orders").record.fill.until = {1, transaction_.begin.offset + 100};
  step();
  EXPECT_THAT(rows("orders"), ElementsAre("1 new -"));
  EXPECT_EQ(kept("orders").incomplete, 1u);  // it will be looked up
  // That makes it one of later; others are as they were.
  take_document(Operation::kInsert, {}, {"2", "new", ""}, Field::State::kValue, four_);
  kept("orders").looked_up.emplace();
  ASSERT_TRUE(tables_->complete(kept("orders"), row(orders_, {"1", "new", "x"})));
  step();
  take_document(Operation::kUpdate, {"2", kAbsent, kAbsent}, {kAbsent, kAbsent, ""},
                Field::State::kPartial, step_);
  EXPECT_THAT(rows("orders"), ElementsAre("1 new -", "2 new " + five_));
}

TEST_F(DocumentsTest, WhereAStepDoesNotFitTheTableIsReadAgain) {
  update(orders_, {"1", "new", "a"}, {"1", "new", "no document"});
  step();
  EXPECT_EQ(phase("orders"), Phase::kFilling);
}

// What is read at the source while the log waits may be of later.
TEST_F(ApplierTest, NoImagesAreMadeOfRowsThatMayBeOfLater) {
  applier_->keep_images();
  ddl(nullptr, orders_, "CREATE TABLE orders");
  insert(orders_, {"1", "new", "a"});
  end();
  kept("orders").record.fill.until = {1, transaction_.begin.offset + 100};
  update(orders_, {"1", kAbsent, kAbsent}, {kAbsent, "paid", kAbsent});
  ASSERT_TRUE(tables_->commit());
  EXPECT_FALSE(tables_->store_view()->get(images_key({transaction_.begin, 0, 0})).value());
  EXPECT_THAT(rows("orders"), ElementsAre("1 paid a"));
}

TEST_F(ApplierTest, WhatNoImageTellsIsToBeReadAtTheSource) {
  ddl(nullptr, orders_, "CREATE TABLE orders");
  insert(orders_, {"1", "new", kAbsent});  // a default
  EXPECT_THAT(rows("orders"), ElementsAre("1 new -"));
  EXPECT_EQ(kept("orders").incomplete, 1u);
  reopen();
  EXPECT_EQ(kept("orders").incomplete, 1u);
  const auto incomplete = tables_->incomplete_rows(kept("orders"), 10);
  ASSERT_TRUE(incomplete);
  EXPECT_EQ(incomplete->size(), 1u);
  ASSERT_TRUE(tables_->insert(kept("orders"), row(orders_, {"1", "new", "default"})));
  EXPECT_THAT(rows("orders"), ElementsAre("1 new default"));
  EXPECT_EQ(kept("orders").incomplete, 0u);
}

TEST_F(ApplierTest, ARowThatIsStillToBeReadIsLeftToThat) {
  update(orders_, {"7", kAbsent, kAbsent}, {kAbsent, "paid", kAbsent});
  EXPECT_EQ(phase("orders"), Phase::kFilling);
  EXPECT_THAT(rows("orders"), IsEmpty());
  update(orders_, {"8", "new", "a"}, {"8", "paid", "a"});  // a whole one is as good as read
  EXPECT_THAT(rows("orders"), ElementsAre("8 paid a"));
  // From where it was not read to where it may have been: its rest is to be looked up.
  update(orders_, {"9", kAbsent, kAbsent}, {"1", kAbsent, kAbsent});
  EXPECT_THAT(rows("orders"), ElementsAre("1 - -", "8 paid a"));
  EXPECT_EQ(kept("orders").incomplete, 1u);
}

TEST_F(ApplierTest, RowsWithoutAKeyAreCounted) {
  const TablePtr notes = table("notes", {"a", "b"}, /*with_key=*/false);
  ddl(nullptr, notes, "CREATE TABLE notes");
  insert(notes, {"1", "x"});
  insert(notes, {"1", "x"});
  insert(notes, {"1", "y"});
  EXPECT_THAT(rows("notes"), ElementsAre("1 x x2", "1 y"));
  remove(notes, {"1", "x"});
  update(notes, {"1", "y"}, {kAbsent, "z"});
  EXPECT_THAT(rows("notes"), ElementsAre("1 x", "1 z"));
  // One that is not there: what is here is not what the source has.
  remove(notes, {"2", "x"});
  EXPECT_EQ(phase("notes"), Phase::kFilling);
  EXPECT_THAT(rows("notes"), IsEmpty());
}

TEST_F(ApplierTest, StatementsThatChangeTables) {
  const TablePtr items = table("items", {"id", "name"});
  ddl(nullptr, orders_, "CREATE TABLE orders");
  ddl(nullptr, items, "CREATE TABLE items");
  insert(orders_, {"1", "new", "a"});
  insert(items, {"1", "i"});
  // Both change their names.
  const TablePtr third = table("third", {"id", "state", "note"});
  const TablePtr orders = table("orders", {"id", "name"});
  const TablePtr renamed = table("items", {"id", "state", "note"});
  ddl(orders_, third);
  ddl(items, orders);
  ddl(third, renamed);
  EXPECT_THAT(rows("orders"), ElementsAre("1 i"));
  EXPECT_THAT(rows("items"), ElementsAre("1 new a"));
  EXPECT_EQ(phase("orders"), Phase::kReady);

  truncate(orders);
  EXPECT_THAT(rows("orders"), IsEmpty());
  EXPECT_EQ(phase("orders"), Phase::kReady);
  insert(orders, {"2", "j"});
  EXPECT_THAT(rows("orders"), ElementsAre("2 j"));

  ddl(orders, nullptr, "DROP TABLE orders");
  EXPECT_EQ(tables_->find("shop", "orders"), nullptr);
  ddl(nullptr, orders, "CREATE TABLE orders");
  EXPECT_THAT(rows("orders"), IsEmpty());
  reopen();
  EXPECT_THAT(rows("orders"), IsEmpty());
  EXPECT_THAT(rows("items"), ElementsAre("1 new a"));
}

TEST_F(ApplierTest, ColumnsThatGoOrGrowLeaveTheRows) {
  ddl(nullptr, orders_, "CREATE TABLE orders");
  insert(orders_, {"1", "new", "a"});
  auto shorter = std::make_shared<TableVersion>(*table("orders", {"id", "note"}));
  shorter->columns[1].length = 200;
  ddl(orders_, shorter);
  EXPECT_EQ(phase("orders"), Phase::kReady);
  EXPECT_THAT(rows("orders"), ElementsAre("1 a"));
  insert(shorter, {"2", "b"});
  end();
  reopen();
  EXPECT_THAT(rows("orders"), ElementsAre("1 a", "2 b"));
  update(shorter, {"1", kAbsent}, {kAbsent, "c"});
  EXPECT_THAT(rows("orders"), ElementsAre("1 c", "2 b"));
}

TEST_F(ApplierTest, WhatMayHaveChangedRowsHasThemReadAgain) {
  auto shorter = std::make_shared<TableVersion>(*orders_);
  shorter->columns[2].length = 5;
  auto other_charset = std::make_shared<TableVersion>(*orders_);
  other_charset->columns[2].charset = "latin1";
  auto other_key = std::make_shared<TableVersion>(*orders_);
  other_key->primary_key = {1};
  const std::pair<const char*, TablePtr> cases[] = {
      {"ADD COLUMN", table("orders", {"id", "state", "note", "more"})},
      {"MODIFY note VARCHAR(5)", shorter},
      {"CONVERT TO CHARACTER SET", other_charset},
      {"DROP PRIMARY KEY, ADD PRIMARY KEY (state)", other_key},
      {"TRUNCATE PARTITION p", orders_}};
  for (const auto& [statement, after] : cases) {
    ddl(nullptr, orders_, "CREATE TABLE orders");
    insert(orders_, {"1", "new", "a"});
    ddl(orders_, after, statement);
    EXPECT_EQ(phase("orders"), Phase::kFilling) << statement;
    EXPECT_THAT(rows("orders"), IsEmpty()) << statement;
  }
}

TEST_F(ApplierTest, OnlyWhatIsWanted) {
  const TablePtr other = table("other", {"id", "state", "note"});
  ddl(nullptr, other, "CREATE TABLE other");
  EXPECT_EQ(tables_->find("shop", "other"), nullptr);
  ddl(other, orders_, "RENAME TABLE other TO orders");  // with rows that nobody has seen
  EXPECT_EQ(phase("orders"), Phase::kFilling);
  ddl(orders_, other, "RENAME TABLE orders TO other");
  EXPECT_EQ(tables_->find("shop", "orders"), nullptr);
  // It may have been there.
  ddl(nullptr, orders_, "create table if not exists orders");
  EXPECT_EQ(phase("orders"), Phase::kFilling);
}

// Of a transaction that is longer than what is written at a time a part is there after a restart; the same changes come again.
TEST_F(ApplierTest, APartOfATransactionIsNotDoneTwice) {
  const TablePtr notes = table("notes", {"a", "b"}, /*with_key=*/false);
  ddl(nullptr, notes, "CREATE TABLE notes");
  end();
  const std::string text(1000, 'x');
  const auto take_all = [&](uint64_t from) {
    event_ = from;
    for (uint64_t i = from; i < 20'000; ++i) insert(notes, {"1", text.c_str()});
  };
  take_all(0);
  ASSERT_TRUE(tables_->place()->within);
  const uint64_t done = tables_->place()->within->event;
  EXPECT_EQ(tables_->place()->text, "binlog.000001:100");  // the transaction is not over
  reopen();
  EXPECT_EQ(tables_->place()->within->event, done);
  take_all(0);
  end();
  EXPECT_THAT(rows("notes"), ElementsAre("1 " + text + " x20000"));
  EXPECT_FALSE(tables_->place()->within);
}

// As after an error in the midst of one.
TEST_F(ApplierTest, WhatIsRolledBackIsAsItWas) {
  ddl(nullptr, orders_, "CREATE TABLE orders");
  insert(orders_, {"1", "new", "a"});
  end();
  insert(orders_, {"2", "new", "b"});
  ddl(nullptr, table("items", {"id", "name"}), "CREATE TABLE items");
  remove(orders_, {"1", "new", "a"});
  ASSERT_TRUE(tables_->roll_back());
  applier_->forget();
  EXPECT_EQ(tables_->find("shop", "items"), nullptr);
  EXPECT_THAT(rows("orders"), ElementsAre("1 new a"));
  EXPECT_EQ(tables_->place()->text, "binlog.000001:100");
}

TEST_F(ApplierTest, ARowWithoutItsKeyFailsItsTableAlone) {
  ddl(nullptr, orders_, "CREATE TABLE orders");
  const TablePtr items = table("items", {"id", "name"});
  ddl(nullptr, items, "CREATE TABLE items");
  update(orders_, {kAbsent, "new", "a"}, {"1", "new", "b"});
  EXPECT_EQ(phase("orders"), Phase::kFailed);
  EXPECT_EQ(kept("orders").record.error, "a row has no value of column id of its key");
  insert(items, {"1", "i"});
  EXPECT_THAT(rows("items"), ElementsAre("1 i"));
}

}  // namespace
}  // namespace binbus::state
