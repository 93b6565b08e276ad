#include "schema/row_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace binbus::schema {
namespace {

constexpr const char* kEnded = "65f0f00000000c";
constexpr const char* kLatest = "7fffffff0f423f";
constexpr const char* kLatestSince115 = "ffffffff0f423f";

ByteVector bytes_of(std::string_view hex) {
  ByteVector out;
  for (size_t i = 0; i < hex.size(); i += 2)
    out.push_back(static_cast<uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return out;
}

struct HistoryCase {
  const char* name;
  Operation logged;
  // ROW END of the images; "": an image without it, null: no image.
  const char* before;
  const char* after;
  std::optional<Operation> want;
};
void PrintTo(const HistoryCase& test, std::ostream* out) { *out << test.name; }

const HistoryCase kCases[] = {
    {"insert", Operation::kInsert, nullptr, kLatest, Operation::kInsert},
    {"insert_since_11_5", Operation::kInsert, nullptr, kLatestSince115, Operation::kInsert},
    {"insert_of_the_past", Operation::kInsert, nullptr, kEnded, std::nullopt},
    {"update", Operation::kUpdate, kLatest, kLatest, Operation::kUpdate},
    {"minimal_update", Operation::kUpdate, "", "", Operation::kUpdate},
    {"delete_as_update", Operation::kUpdate, kLatest, kEnded, Operation::kDelete},
    {"minimal_delete_as_update", Operation::kUpdate, "", kEnded, Operation::kDelete},
    {"delete", Operation::kDelete, kLatest, nullptr, Operation::kDelete},
    {"delete_history", Operation::kDelete, kEnded, nullptr, std::nullopt},
    {"update_of_the_past", Operation::kUpdate, kEnded, kEnded, std::nullopt},
    {"made_current_again", Operation::kUpdate, kEnded, kLatest, Operation::kInsert},
    {"number_of_a_transaction", Operation::kInsert, nullptr, "0300000000000000", std::nullopt},
    {"no_number_yet", Operation::kInsert, nullptr, "ffffffffffffffff", Operation::kInsert},
};

class RowHistory : public testing::TestWithParam<HistoryCase> {};
INSTANTIATE_TEST_SUITE_P(Operations, RowHistory, testing::ValuesIn(kCases),
                         [](const auto& test) { return test.param.name; });

TEST_P(RowHistory, IsToldAsOfTheCurrentRows) {
  const HistoryCase& test = GetParam();
  const std::string_view any = test.after != nullptr ? test.after : test.before;
  Column column;
  column.type = any.size() == 16 ? SqlType::kBigint : SqlType::kTimestamp;
  column.is_unsigned = true;
  column.decimals = 6;
  const WireColumn wire = {any.size() == 16 ? uint8_t{kWireLonglong} : uint8_t{kWireTimestamp2}, 6,
                           false};
  ByteVector bytes[2];
  std::vector<Field> images[2];
  for (const int side : {0, 1}) {
    const char* hex = side == 0 ? test.before : test.after;
    if (hex == nullptr) continue;
    bytes[side] = bytes_of(hex);
    images[side].push_back({.state = *hex == 0 ? Field::State::kAbsent : Field::State::kValue,
                            .wire = wire,
                            .column = &column,
                            .bytes = bytes[side]});
  }
  const auto told = current_rows_operation(test.logged, 0, images[0], images[1]);
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_EQ(*told, test.want);
}

}  // namespace
}  // namespace binbus::schema
