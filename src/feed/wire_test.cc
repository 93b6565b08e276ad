#include "feed/wire.h"

#include <binbus/feed/v1/feed.pb.h>
#include <gtest/gtest.h>

namespace binbus::feed {
namespace {

class WireTest : public testing::TestWithParam<size_t> {};

// Protocol buffers' own reader and writer say the same.
TEST_P(WireTest, IsWhatProtocolBuffersWrite) {
  v1::Change change;
  change.set_operation(v1::UPDATE);
  change.set_table(static_cast<uint32_t>(GetParam()));
  change.mutable_before()->add_values("");
  change.mutable_before()->add_values(std::string(GetParam(), 'x'));
  change.mutable_before()->add_nulls(0);
  change.set_position(std::string(GetParam(), 'p'));
  WireWriter out;
  out.number(v1::Change::kOperationFieldNumber, v1::UPDATE);
  out.number(v1::Change::kTableFieldNumber, GetParam());
  const size_t row = out.open(v1::Change::kBeforeFieldNumber);
  out.element(v1::Row::kValuesFieldNumber, "");
  const size_t value = out.open(v1::Row::kValuesFieldNumber);
  out.out().append(GetParam(), 'x');
  out.close(value);
  out.text(v1::Row::kNullsFieldNumber, std::string_view("\0", 1));
  out.close(row);
  out.text(v1::Change::kPositionFieldNumber, std::string(GetParam(), 'p'));
  EXPECT_EQ(out.written(), change.SerializeAsString());
}

INSTANTIATE_TEST_SUITE_P(Lengths, WireTest,
                         testing::Values(0, 1, 100, 120, 127, 128, 129, 16'380, 16'383, 16'384,
                                         16'390, 2'097'151, 2'097'152));

}  // namespace
}  // namespace binbus::feed
