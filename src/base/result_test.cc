#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

#include "base/check.h"

namespace binbus {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail(Code::kInvalid, "odd");
  return number / 2;
}
Result<int> quarter(int number) {
  BINBUS_TRY(halved, half(number));
  BINBUS_TRY(again, half(halved));
  return again;
}
Status check_even(int number) {
  BINBUS_RETURN_IF_ERROR(half(number));
  return ok();
}

TEST(Result, TryGivesTheValueOrReturnsTheError) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().message, "odd");
  EXPECT_EQ(quarter(7).error().code, Code::kInvalid);
}

TEST(Result, ReturnIfErrorPassesSuccess) {
  EXPECT_TRUE(check_even(2));
  EXPECT_FALSE(check_even(3));
}

TEST(Result, HoldsWhatCanOnlyBeMoved) {
  const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(5); };
  const auto use = [&]() -> Result<int> {
    BINBUS_TRY(made, make());
    return *std::move(made);
  };
  EXPECT_EQ(use().value(), 5);
}

TEST(Result, FailKeepsTheServersNumber) {
  const Status status = fail(Code::kRemote, "no", 1236);
  EXPECT_EQ(status.error().mysql_errno, 1236);
}

TEST(Result, FailInPutsWhereInFront) {
  const Status status = fail_in("segment binlog.000007", Error{Code::kDiskFull, "full", 7});
  EXPECT_EQ(status.error().message, "segment binlog.000007: full");
  EXPECT_EQ(status.error().code, Code::kDiskFull);
  EXPECT_EQ(status.error().mysql_errno, 7);
}

TEST(CheckDeathTest, EndsTheProcessWithConditionAndPlace) {
  const int one = 1;
  BINBUS_CHECK(one == 1);
  EXPECT_DEATH(BINBUS_CHECK(one == 2), "check failed: one == 2 at .*result_test.cc:[0-9]+");
}

}  // namespace
}  // namespace binbus
