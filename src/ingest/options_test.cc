#include "ingest/options.h"

#include <gtest/gtest.h>

namespace binbus::ingest {
namespace {

TEST(Start, parses_what_the_configuration_says) {
  EXPECT_EQ(Start::parse("earliest")->at, Start::At::kEarliest);
  EXPECT_EQ(Start::parse("latest")->at, Start::At::kLatest);
  const auto gtid = Start::parse("gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5");
  ASSERT_TRUE(gtid);
  EXPECT_EQ(gtid->at, Start::At::kGtid);
  EXPECT_EQ(gtid->executed, "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5");
  EXPECT_EQ(Start::parse("gtid:0-1-100,1-2-5")->executed, "0-1-100,1-2-5");
  const auto file = Start::parse("binlog.000007:5000000000");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->at, Start::At::kFile);
  EXPECT_EQ(file->file, "binlog.000007");
  EXPECT_EQ(file->offset, 5'000'000'000U);
}

TEST(Start, refuses_the_rest) {
  for (const char* bad :
       {"", "begin", "binlog.000007", "binlog.000007:", "binlog.000007:3", "binlog.000007:4x",
        "binlog:4", ":4", "gtid:nonsense", "gtid:0-1", "../binlog.000001:4"}) {
    const auto start = Start::parse(bad);
    ASSERT_FALSE(start) << bad;
    EXPECT_EQ(start.error().code, Code::kInvalid) << bad;
  }
}

}  // namespace
}  // namespace binbus::ingest
