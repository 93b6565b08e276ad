// Dates and times stored, and read again: of every kind and number of digits.
#include <gtest/gtest.h>

#include "schema/fields_testing.h"
#include "schema/temporal.h"
#include "schema/wire_types.h"

namespace binbus::schema {
namespace {

using testing_fields::bytes_of;
using testing_fields::column_of;
using testing_fields::Value;

struct TimeCase {
  const char* name;
  WireColumn wire;
  Temporal value;
  const char* hex;
  const char* text;
};
void PrintTo(const TimeCase& test, std::ostream* out) { *out << test.name; }

constexpr Temporal kLeapDay{.year = 2024,
                            .month = 2,
                            .day = 29,
                            .hour = 12,
                            .minute = 34,
                            .second = 56,
                            .microsecond = 987654};
constexpr Temporal kLess{
    .hour = 838, .minute = 59, .second = 58, .microsecond = 987654, .negative = true};

const TimeCase kTimes[] = {
    {"date", {kWireDate, 0}, kLeapDay, "5dd00f", "2024-02-29"},
    {"date_zero", {kWireDate, 0}, {}, "000000", "0000-00-00"},
    {"time", {kWireTime2, 0}, {.hour = 1, .minute = 2, .second = 3}, "801083", "01:02:03"},
    {"time_least",
     {kWireTime2, 0},
     {.hour = 838, .minute = 59, .second = 59, .negative = true},
     "4b9105",
     "-838:59:59"},
    {"time_one_digit", {kWireTime2, 1}, kLess, "4b9105 9e", "-838:59:58.9"},
    {"time_three_digits", {kWireTime2, 3}, kLess, "4b9105 d96c", "-838:59:58.987"},
    {"time_six_digits", {kWireTime2, 6}, kLess, "4b9105 f0edfa", "-838:59:58.987654"},
    {"time_less_than_a_second",
     {kWireTime2, 2},
     {.microsecond = 500'000, .negative = true},
     "7fffff ce",
     "-00:00:00.50"},
    {"datetime", {kWireDatetime2, 0}, kLeapDay, "99b2bac8b8", "2024-02-29 12:34:56"},
    {"datetime_two_digits",
     {kWireDatetime2, 2},
     kLeapDay,
     "99b2bac8b8 62",
     "2024-02-29 12:34:56.98"},
    {"datetime_six_digits",
     {kWireDatetime2, 6},
     kLeapDay,
     "99b2bac8b8 0f1206",
     "2024-02-29 12:34:56.987654"},
    {"datetime_zero", {kWireDatetime2, 0}, {}, "8000000000", "0000-00-00 00:00:00"},
    {"timestamp", {kWireTimestamp2, 4}, kLeapDay, "65e079f0 2694", "2024-02-29 12:34:56.9876"},
    {"timestamp_zero", {kWireTimestamp2, 0}, {}, "00000000", "0000-00-00 00:00:00"},
    {"timestamp_first",
     {kWireTimestamp2, 0},
     {.year = 1970, .month = 1, .day = 1, .second = 1},
     "00000001",
     "1970-01-01 00:00:01"},
    {"timestamp_last",
     {kWireTimestamp2, 0},
     {.year = 2106, .month = 2, .day = 7, .hour = 6, .minute = 28, .second = 15},
     "ffffffff",
     "2106-02-07 06:28:15"},
};

ByteVector stored(const TimeCase& test) {
  ByteVector bytes(value_size(test.wire, 0)->fixed);
  const uint32_t digits = test.wire.metadata;
  switch (test.wire.type) {
    case kWireDate:
      store_date(bytes.data(), test.value);
      break;
    case kWireTime2:
      store_time2(bytes.data(), test.value, digits);
      break;
    case kWireDatetime2:
      store_datetime2(bytes.data(), test.value, digits);
      break;
    default:
      EXPECT_TRUE(store_timestamp2(bytes.data(), test.value, digits));
  }
  return bytes;
}

class StoredTimes : public testing::TestWithParam<TimeCase> {};

TEST_P(StoredTimes, AreAsRowsHoldThem) {
  const ByteVector bytes = stored(GetParam());
  EXPECT_EQ(bytes, bytes_of(GetParam().hex));
  const Value value{column_of(SqlType::kDatetime), GetParam().wire, bytes};
  EXPECT_EQ(value.text(), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(Kinds, StoredTimes, testing::ValuesIn(kTimes),
                         [](const auto& test) { return test.param.name; });

TEST(StoredTimestamp, OnlyWhatTheTypeHas) {
  uint8_t bytes[8];
  Temporal value = kLeapDay;
  value.year = 1969;
  EXPECT_EQ(store_timestamp2(bytes, value, 0).error().code, Code::kCorrupt);
  value.year = 2106;
  EXPECT_EQ(store_timestamp2(bytes, value, 0).error().code, Code::kCorrupt);
  value = kLeapDay;
  value.day = 0;
  EXPECT_EQ(store_timestamp2(bytes, value, 0).error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace binbus::schema
