#include "sink/pattern.h"

#include <gtest/gtest.h>

namespace binbus::sink {
namespace {

struct Case {
  const char* name;
  std::vector<std::string> patterns;
  const char* database;
  const char* table;
  int first;  // -1: none
};

const Case kCases[] = {
    {"exact", {"shop.orders"}, "shop", "orders", 0},
    {"case_matters", {"shop.orders"}, "shop", "Orders", -1},
    {"star", {"shop.*"}, "shop", "orders", 0},
    {"star_is_anchored", {"shop.*"}, "myshop", "orders", -1},
    {"star_in_a_name", {"shop.order*_archive"}, "shop", "orders_2024_archive", 0},
    {"star_at_the_end_of_a_name", {"shop.order"}, "shop", "orders", -1},
    {"question_mark", {"shop.order?"}, "shop", "orders", 0},
    {"question_mark_is_one", {"shop.orders?"}, "shop", "orders", -1},
    {"question_mark_is_one_character",
     {"shop.gr??e"},
     "shop",
     "gr\xc3\xb6\xc3\x9f"
     "e",
     0},
    {"point_is_a_point", {"shop.a.b*"}, "shop", "axb", -1},
    {"regex", {"/shop\\.orders_[0-9]+/"}, "shop", "orders_17", 0},
    {"regex_is_anchored", {"/shop\\.orders/"}, "shop", "orders_17", -1},
    {"regex_alternation_is_anchored", {"/a\\.b|shop\\.orders/"}, "shop", "orders_17", -1},
    // docs/sinks.md has this one.
    {"gh_ost", {"/.*\\._.*_(gho|ghc|del|new|old)/"}, "shop", "_orders_gho", 0},
    {"pt_online_schema_change", {"/.*\\._.*_(gho|ghc|del|new|old)/"}, "shop", "__orders_new", 0},
    {"no_ghost", {"/.*\\._.*_(gho|ghc|del|new|old)/"}, "shop", "orders_new", -1},
    {"the_first_wins", {"a.*", "shop.*", "shop.orders"}, "shop", "orders", 1},
    {"the_first_wins_when_exact", {"a.*", "shop.orders", "shop.*"}, "shop", "orders", 1},
    {"none", {}, "shop", "orders", -1},
};

TEST(PatternSet, Cases) {
  for (const Case& c : kCases) {
    const auto set = PatternSet::compile(c.patterns);
    ASSERT_TRUE(set) << c.name;
    const std::optional<size_t> first = set->first(c.database, c.table);
    EXPECT_EQ(first ? static_cast<int>(*first) : -1, c.first) << c.name;
  }
}

TEST(PatternSet, WhatIsNoPattern) {
  const auto error_of = [](std::string pattern) {
    const auto set = PatternSet::compile(std::vector<std::string>{std::move(pattern)});
    return set ? "" : set.error().message;
  };
  EXPECT_EQ(error_of("shop"),
            "pattern \"shop\" is neither database.table, as in \"shop.*\", nor a /regular "
            "expression/");
  EXPECT_EQ(error_of("/a(b/"), "pattern \"/a(b/\": missing ): a(b");
}

TEST(PatternSet, TenThousandAtOnce) {
  std::vector<std::string> patterns;
  for (int i = 0; i < 10'000; ++i) {
    const std::string number = std::to_string(i);
    patterns.push_back(i % 3 == 0   ? "shop_" + number + ".*"
                       : i % 3 == 1 ? "/tenant" + number + "\\.(orders|goods)_[a-z]+/"
                                    : "mall.table" + number);
  }
  const auto set = PatternSet::compile(patterns);
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_EQ(set->first("shop_9999", "x"), 9999u);
  EXPECT_EQ(set->first("tenant4", "goods_abc"), 4u);
  EXPECT_EQ(set->first("tenant4", "goods_1"), std::nullopt);
  EXPECT_EQ(set->first("mall", "table9998"), 9998u);
}

}  // namespace
}  // namespace binbus::sink
