#include "feed/share.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>

#include "format/change_testing.h"

namespace binbus::feed {
namespace {

using format::TableMaker;
using schema::Change;
using schema::Operation;

TableMaker::Value number(uint64_t value) { return {.bytes = format::little_endian(value, 4)}; }

class ShareTest : public testing::Test {
 protected:
  ShareTest() {
    for (TableMaker* maker : {&keyed_, &keyless_}) {
      maker->add(format::integer_cell("id", schema::SqlType::kInt, "int", 0))
          .add(format::integer_cell("n", schema::SqlType::kInt, "int", 0));
    }
    keyed_.key({0});
    transaction_.begin = {1, 100};
  }
  Parts part(TableMaker& maker, std::vector<TableMaker::Value> row,
             std::vector<TableMaker::Value> other = {}) {
    const auto its = other.empty() ? std::span<const schema::Field>() : maker.row(std::move(other));
    auto found = part_of(*maker.table(), maker.row(std::move(row)), its);
    EXPECT_TRUE(found) << found.error().message;
    return found.value_or(0);
  }
  // What a share makes of a change: "", or its operation.
  std::string fits(const Share& share, TableMaker& maker, Operation operation, uint64_t before,
                   uint64_t after, uint64_t event = 0) {
    Change change;
    change.operation = operation;
    change.transaction = &transaction_;
    change.table = maker.table();
    change.event = event;
    if (operation != Operation::kInsert) change.before = maker.row({number(before), number(1)});
    if (operation != Operation::kDelete) change.after = maker.row({number(after), number(2)});
    const auto fit = share.fit(change);
    EXPECT_TRUE(fit) << fit.error().message;
    return fit.value_or(false) ? std::string(schema::operation_name(change.operation)) : "";
  }
  static Share share(Parts parts) { return Share({{"b.1:4", Spot{{1, 4}, {}}, parts}}); }

  TableMaker keyed_{"shop", "a"}, keyless_{"shop", "b"};
  schema::TransactionInfo transaction_;
};

// They are kept in cursors: they must never be others.
TEST_F(ShareTest, PartsOfKeysStayTheSame) {
  std::string parts;
  for (uint64_t id = 0; id < 8; ++id)
    parts += std::to_string(std::countr_zero(part(keyed_, {number(id), number(7)}))) + " ";
  EXPECT_EQ(parts, "45 30 55 56 17 2 59 44 ");
  EXPECT_EQ(std::countr_zero(part(keyless_, {number(1), number(7)})), 42);
}

TEST_F(ShareTest, KeysAreSpreadEvenly) {
  std::array<int, kParts> rows{};
  for (uint64_t id = 0; id < 6'400; ++id)
    ++rows[static_cast<size_t>(std::countr_zero(part(keyed_, {number(id), number(7)})))];
  EXPECT_GT(*std::ranges::min_element(rows), 50);
  EXPECT_LT(*std::ranges::max_element(rows), 200);
}

TEST_F(ShareTest, AKeyMakesThePartAndNothingElse) {
  const Parts ones = part(keyed_, {number(1), number(7)});
  EXPECT_EQ(part(keyed_, {number(1), TableMaker::null()}), ones);
  EXPECT_EQ(part(keyed_, {TableMaker::absent(), number(8)}, {number(1), number(7)}), ones);
  const auto none = part_of(*keyed_.table(), keyed_.row({TableMaker::absent(), number(8)}), {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kNotFound);
  EXPECT_THAT(none.error().message, testing::HasSubstr("shop.a"));
  // All rows of a table without a key have one.
  EXPECT_EQ(part(keyless_, {number(1), number(7)}), part(keyless_, {number(2), number(8)}));
}

TEST_F(ShareTest, AnUpdateOfTheKeyIsADeleteForOneAndAnInsertForTheOther) {
  const Parts ones = part(keyed_, {number(1), number(1)});
  uint64_t other = 2;
  while (part(keyed_, {number(other), number(1)}) == ones) ++other;
  const Parts others = part(keyed_, {number(other), number(1)});
  EXPECT_EQ(fits(share(ones), keyed_, Operation::kUpdate, 1, other), "delete");
  EXPECT_EQ(fits(share(others), keyed_, Operation::kUpdate, 1, other), "insert");
  EXPECT_EQ(fits(share(ones | others), keyed_, Operation::kUpdate, 1, other), "update");
  EXPECT_EQ(fits(share(~ones & ~others), keyed_, Operation::kUpdate, 1, other), "");
  EXPECT_EQ(fits(share(ones), keyed_, Operation::kUpdate, 1, 1), "update");
  EXPECT_EQ(fits(share(ones), keyless_, Operation::kInsert, 1, 1),
            part(keyless_, {number(1), number(1)}) == ones ? "insert" : "");
}

TEST_F(ShareTest, EachPartBeginsAtItsPlace) {
  const Parts ones = part(keyed_, {number(1), number(1)});
  uint64_t other = 2;
  while (part(keyed_, {number(other), number(1)}) == ones) ++other;
  const Parts others = part(keyed_, {number(other), number(1)});
  Share share({{"b.1:50", Spot{{1, 50}, {}}, ones},
               {"b.1:100/1.0", Spot{{1, 100}, Place::Change{1, 0}}, others}});
  const std::string ones_text = "@" + print_parts(ones), others_text = "@" + print_parts(others);
  EXPECT_EQ(share.first().place, "b.1:50");
  EXPECT_EQ(share.suffix(), ones_text + "+b.1:100/1.0" + others_text);
  EXPECT_EQ(fits(share, keyed_, Operation::kInsert, 0, 1, 0), "insert");
  EXPECT_EQ(fits(share, keyed_, Operation::kInsert, 0, other, 0), "");
  EXPECT_EQ(fits(share, keyed_, Operation::kInsert, 0, other, 1), "");
  EXPECT_EQ(fits(share, keyed_, Operation::kInsert, 0, other, 2), "insert");
  EXPECT_EQ(fits(share, keyed_, Operation::kUpdate, 1, other, 1), "delete");
  EXPECT_FALSE(share.reach(Spot{{1, 100}, Place::Change{0, 0}}));
  EXPECT_TRUE(share.reach(Spot{{1, 100}, Place::Change{2, 0}}));
  EXPECT_EQ(share.suffix(), "@" + print_parts(ones | others));
  EXPECT_EQ(fits(share, keyed_, Operation::kUpdate, 1, other, 3), "update");
}

TEST_F(ShareTest, StatementsAreEverybodys) {
  Change change;
  change.operation = Operation::kTruncate;
  change.transaction = &transaction_;
  EXPECT_TRUE(share(1).fit(change).value());
  EXPECT_TRUE(share(2).fit(change).value());
}

TEST(PartPlaces, ArePrintedAndParsed) {
  PartPlaces places;
  places.add("b.000001:4/1.0", 0xf0);
  places.add("b.000001:4/1.0", 0x100);
  places.add("", 0xf);
  EXPECT_EQ(places.print(), "b.000001:4/1.0@1f0+@f");
  EXPECT_EQ(PartPlaces::parse(places.print())->all, places.all);
  EXPECT_EQ(places.of(8), "b.000001:4/1.0");
  EXPECT_EQ(places.of(9), "");
  EXPECT_EQ(PartPlaces::parse("my+log.1:4@1+my@log.2:5@2")->of(1), "my@log.2:5");
  for (const char* text : {"", "b.000001:4", "b.1:4@", "b.1:4@0", "b.1:4@g", "b.1:4@1+",
                           "b.1:4@3+b.1:5@2", "b.1:4@-1", "b.1:4@10000000000000000", "a@1+b.1:4"})
    EXPECT_FALSE(PartPlaces::parse(text)) << text;
}

}  // namespace
}  // namespace binbus::feed
