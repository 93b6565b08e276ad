#include "schema/query_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace binbus::schema {
namespace {

Result<QueryContext> read(const ByteWriter& variables, ServerVersion server = {false, 90704}) {
  binlog::QueryEvent query;
  query.database = "shop";
  query.thread_id = 9;
  query.status_variables = variables.view();
  StatementContext facts;
  facts.server = server;
  return query_context(query, facts);
}

TEST(QueryContext, OfMysql9) {
  ByteWriter out;
  out.u8(0).u32(0);
  out.u8(1).u64(kAnsiQuotes | kStrictTransTables);
  out.u8(6).u8(3).text("std");
  out.u8(4).u16(45).u16(45).u16(8);
  out.u8(5).u8(6).text("SYSTEM");
  out.u8(12).u8(1).nul_terminated("shop");
  out.u8(16).u8(0);
  out.u8(17).u64(77);
  out.u8(18).u16(45);
  const auto context = read(out);
  ASSERT_TRUE(context) << context.error().message;
  EXPECT_EQ(context->client_collation, 45U);
  EXPECT_TRUE(context->takes_effect);
  const StatementContext& statement = context->statement;
  EXPECT_EQ(statement.database, "shop");
  EXPECT_EQ(statement.session, 9U);
  EXPECT_TRUE(statement.mode(kAnsiQuotes));
  EXPECT_TRUE(statement.strict());
  EXPECT_EQ(statement.collation_server, "latin1_swedish_ci");
  EXPECT_FALSE(statement.explicit_defaults_for_timestamp);
  ASSERT_EQ(statement.default_collations.size(), 1U);
  EXPECT_EQ(statement.default_collations[0],
            std::make_pair(std::string("utf8mb4"), std::string("utf8mb4_general_ci")));
}

TEST(QueryContext, OfMariadb11) {
  ByteWriter out;
  out.u8(0).u32(1U << 24);
  out.u8(131).u8(1).u16(45).u16(46);
  out.u8(4).u16(33).u16(33).u16(8);
  out.u8(129).u64(5);
  const auto context = read(out, {true, 110809});
  ASSERT_TRUE(context) << context.error().message;
  EXPECT_TRUE(context->statement.explicit_defaults_for_timestamp);
  ASSERT_EQ(context->statement.default_collations.size(), 1U);
  EXPECT_EQ(context->statement.default_collations[0].second, "utf8mb4_bin");
  EXPECT_FALSE(
      read(ByteWriter().u8(0).u32(0), {true, 110809})->statement.explicit_defaults_for_timestamp);
  // Older ones do not say it
  EXPECT_TRUE(
      read(ByteWriter().u8(0).u32(0), {true, 100601})->statement.explicit_defaults_for_timestamp);
}

TEST(QueryContext, AltersInTwoPhases) {
  const ServerVersion server{true, 110809};
  EXPECT_FALSE(read(ByteWriter().u8(130).u8(2), server)->takes_effect);
  EXPECT_TRUE(read(ByteWriter().u8(130).u8(4).u64(3), server)->takes_effect);
  EXPECT_FALSE(read(ByteWriter().u8(130).u8(8).u64(3), server)->takes_effect);
}

TEST(QueryContext, CutVariablesAreErrors) {
  EXPECT_FALSE(read(ByteWriter().u8(1).u32(0)));
  EXPECT_FALSE(read(ByteWriter().u8(4).u16(0)));
  EXPECT_FALSE(read(ByteWriter().u8(6).u8(9)));
  EXPECT_FALSE(read(ByteWriter().u8(12).u8(1).text("x")));
  EXPECT_FALSE(read(ByteWriter().u8(131).u8(2).u32(0)));
}

TEST(QueryContext, UnknownVariablesEndIt) {
  const auto context = read(ByteWriter().u8(1).u64(4).u8(99).u8(1).u8(4));
  ASSERT_TRUE(context);
  EXPECT_EQ(context->statement.sql_mode, 4U);
}

}  // namespace
}  // namespace binbus::schema
