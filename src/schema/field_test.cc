#include "schema/field.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/fields_testing.h"

namespace binbus::schema {
namespace {

using namespace testing_fields;

struct TextCase {
  const char* name;
  SqlType type;
  WireColumn wire;
  const char* hex;
  std::string want;
  std::function<void(Column&)> declare = nullptr;
};
void PrintTo(const TextCase& test, std::ostream* out) { *out << test.name; }

void make_unsigned(Column& column) { column.is_unsigned = true; }
std::function<void(Column&)> zerofill(uint32_t length, uint8_t decimals = 0) {
  return [=](Column& column) {
    column.is_unsigned = column.zerofill = true;
    column.length = length;
    column.decimals = decimals;
  };
}
std::function<void(Column&)> sized(uint32_t length, uint8_t decimals = 0) {
  return [=](Column& column) {
    column.length = length;
    column.decimals = decimals;
  };
}
std::function<void(Column&)> labels(size_t count) {
  return [=](Column& column) {
    for (size_t i = 0; i < count; ++i) column.labels.push_back("l" + std::to_string(i));
  };
}
void text_of_latin1(Column& column) { column.charset = "latin1"; }
void text_of_utf8(Column& column) { column.charset = "utf8mb4"; }

// Bytes as servers write them, texts as their SELECT prints them (tests/server/test_values.py has many more).
const TextCase kTexts[] = {
    {"tinyint_least", SqlType::kTinyint, {.type = kWireTiny}, "80", "-128"},
    {"tinyint_unsigned", SqlType::kTinyint, {.type = kWireTiny}, "ff", "255", make_unsigned},
    {"smallint", SqlType::kSmallint, {.type = kWireShort}, "0080", "-32768"},
    {"mediumint_minus_one", SqlType::kMediumint, {.type = kWireInt24}, "ffffff", "-1"},
    {"mediumint_unsigned",
     SqlType::kMediumint,
     {.type = kWireInt24},
     "ffffff",
     "16777215",
     make_unsigned},
    {"int", SqlType::kInt, {.type = kWireLong}, "00000080", "-2147483648"},
    {"bigint_least",
     SqlType::kBigint,
     {.type = kWireLonglong},
     "0000000000000080",
     "-9223372036854775808"},
    {"bigint_unsigned",
     SqlType::kBigint,
     {.type = kWireLonglong},
     "ffffffffffffffff",
     "18446744073709551615",
     make_unsigned},
    {"int_zerofill", SqlType::kInt, {.type = kWireLong}, "2a000000", "0000000042", zerofill(10)},
    {"int_zerofill_wider", SqlType::kInt, {.type = kWireLong}, "39300000", "12345", zerofill(4)},
    {"int_cut",
     SqlType::kInt,
     {.type = kWireLong},
     "0000",
     "error: value of another size than its type's"},
    {"year", SqlType::kYear, {.type = kWireYear}, "7c", "2024"},
    {"year_zero", SqlType::kYear, {.type = kWireYear}, "00", "0000"},
    {"year_of_two_digits", SqlType::kYear, {.type = kWireYear}, "6c", "08", sized(2)},
    {"bit",
     SqlType::kBit,
     {.type = kWireBit, .metadata = 0x0105},
     "1f41",
     "\x1f"
     "A"},
    {"decimal",
     SqlType::kDecimal,
     {.type = kWireNewdecimal, .metadata = 0x020a},
     "8000000c1e",
     "12.30"},
    {"decimal_negative",
     SqlType::kDecimal,
     {.type = kWireNewdecimal, .metadata = 0x020a},
     "7ffffff3e1",
     "-12.30"},
    {"decimal_of_fraction_alone",
     SqlType::kDecimal,
     {.type = kWireNewdecimal, .metadata = 0x0202},
     "85",
     "0.05"},
    {"decimal_zerofill",
     SqlType::kDecimal,
     {.type = kWireNewdecimal, .metadata = 0x020a},
     "8000000c1e",
     "00000012.30",
     zerofill(10, 2)},
    {"decimal_of_too_much",
     SqlType::kDecimal,
     {.type = kWireNewdecimal, .metadata = 0x0202},
     "e4",
     "error: decimal with a group of more than nine digits"},
    {"decimal_cut",
     SqlType::kDecimal,
     {.type = kWireNewdecimal, .metadata = 0x020a},
     "80",
     "error: decimal of another size than its precision"},
    {"float", SqlType::kFloat, {.type = kWireFloat, .metadata = 4}, "cdcccc3d", "0.1"},
    {"float_six_digits",
     SqlType::kFloat,
     {.type = kWireFloat, .metadata = 4},
     "0000804b",
     "16777200"},
    {"float_fixed",
     SqlType::kFloat,
     {.type = kWireFloat, .metadata = 4},
     "cdcccc3d",
     "0.100",
     sized(7, 3)},
    {"double", SqlType::kDouble, {.type = kWireDouble, .metadata = 8}, "333333333333d33f", "0.3"},
    {"double_zerofill",
     SqlType::kDouble,
     {.type = kWireDouble, .metadata = 8},
     "000000000000f83f",
     "00000000000000000001.5",
     zerofill(0)},
    {"date", SqlType::kDate, {.type = kWireDate}, "5dd00f", "2024-02-29"},
    {"date_zero", SqlType::kDate, {.type = kWireDate}, "000000", "0000-00-00"},
    {"date_of_month_13",
     SqlType::kDate,
     {.type = kWireDate},
     "a1d10f",
     "error: date or time out of its range"},
    {"time_negative", SqlType::kTime, {.type = kWireTime2}, "7f3afc", "-12:20:04"},
    {"time_least", SqlType::kTime, {.type = kWireTime2}, "4b9105", "-838:59:59"},
    {"time_negative_fraction",
     SqlType::kTime,
     {.type = kWireTime2, .metadata = 1},
     "7fffffce",
     "-00:00:00.5"},
    {"datetime2",
     SqlType::kDatetime,
     {.type = kWireDatetime2, .metadata = 3},
     "99b2fac8b804ce",
     "2024-03-29 12:34:56.123"},
    {"timestamp2_epoch",
     SqlType::kTimestamp,
     {.type = kWireTimestamp2},
     "00000001",
     "1970-01-01 00:00:01"},
    {"timestamp2_zero",
     SqlType::kTimestamp,
     {.type = kWireTimestamp2, .metadata = 2},
     "0000000000",
     "0000-00-00 00:00:00.00"},
    {"timestamp2_last_second",
     SqlType::kTimestamp,
     {.type = kWireTimestamp2},
     "ffffffff",
     "2106-02-07 06:28:15"},
    {"old_time", SqlType::kTime, {.type = kWireTime}, "c01dfe", "-12:34:56"},
    {"old_datetime",
     SqlType::kDatetime,
     {.type = kWireDatetime},
     "fa36ed395f120000",
     "2020-02-03 04:05:06"},
    {"old_timestamp",
     SqlType::kTimestamp,
     {.type = kWireTimestamp},
     "01000000",
     "1970-01-01 00:00:01"},
    {"mariadb_time", SqlType::kTime, {.type = kWireTime}, "01c5f6f9", "-12:34:56.7", sized(0, 1)},
    {"mariadb_datetime",
     SqlType::kDatetime,
     {.type = kWireDatetime},
     "a90e9b0b7b02",
     "error: date or time of another size",
     sized(0, 3)},
    {"mariadb_timestamp",
     SqlType::kTimestamp,
     {.type = kWireTimestamp},
     "5e379bf24e",
     "2020-02-03 04:05:06.78",
     sized(0, 2)},
    {"char", SqlType::kChar, {.type = kWireString, .metadata = 20}, "c3a4", "ä", text_of_utf8},
    {"latin1_is_cp1252",
     SqlType::kVarchar,
     {.type = kWireVarchar, .metadata = 20},
     "80e4",
     "€ä",
     text_of_latin1},
    {"binary_gets_its_zeros",
     SqlType::kBinary,
     {.type = kWireString, .metadata = 4},
     "6100",
     std::string("a\0\0\0", 4),
     sized(4)},
    {"varbinary_does_not",
     SqlType::kVarbinary,
     {.type = kWireVarchar, .metadata = 4},
     "6100",
     std::string("a\0", 2),
     sized(4)},
    {"enum", SqlType::kEnum, {.type = kWireEnum, .metadata = 1}, "02", "l1", labels(2)},
    {"enum_of_nothing", SqlType::kEnum, {.type = kWireEnum, .metadata = 1}, "00", "", labels(2)},
    {"enum_of_many",
     SqlType::kEnum,
     {.type = kWireEnum, .metadata = 2},
     "0001",
     "l255",
     labels(300)},
    {"enum_of_no_label",
     SqlType::kEnum,
     {.type = kWireEnum, .metadata = 1},
     "03",
     "error: ENUM with an index of no label",
     labels(2)},
    {"set", SqlType::kSet, {.type = kWireSet, .metadata = 1}, "05", "l0,l2", labels(3)},
    {"set_of_no_label",
     SqlType::kSet,
     {.type = kWireSet, .metadata = 1},
     "08",
     "error: SET with a bit of no label",
     labels(3)},
    {"set_of_64",
     SqlType::kSet,
     {.type = kWireSet, .metadata = 8},
     "0100000000000080",
     "l0,l63",
     labels(64)},
    {"json",
     SqlType::kJson,
     {.type = kWireJson, .metadata = 4},
     "0001000c000b0001000504006b",
     "{\"k\": 4}"},
    {"inet4", SqlType::kInet4, {.type = kWireString, .metadata = 4}, "0a", "10.0.0.0"},
    {"inet6_nothing", SqlType::kInet6, {.type = kWireString, .metadata = 16}, "", "::"},
    {"inet6_mapped",
     SqlType::kInet6,
     {.type = kWireString, .metadata = 16},
     "00000000000000000000ffff01020304",
     "::ffff:1.2.3.4"},
    {"inet6_longest_run",
     SqlType::kInet6,
     {.type = kWireString, .metadata = 16},
     "00010000000000020000000000000003",
     "1:0:0:2::3"},
    {"uuid",
     SqlType::kUuid,
     {.type = kWireString, .metadata = 16},
     "123e4567e89b12d3a4564266554400",
     "123e4567-e89b-12d3-a456-426655440000"},
    {"compressed",
     SqlType::kVarbinary,
     {.type = kWireVarcharCompressed, .metadata = 201},
     "006162",
     "ab"},
    {"compressed_stream",
     SqlType::kBlob,
     {.type = kWireBlobCompressed, .metadata = 2},
     "89c8aba8181e0000",
     std::string(200, 'x')},
    {"compressed_lie",
     SqlType::kBlob,
     {.type = kWireBlobCompressed, .metadata = 2},
     "8bffffffaba8181e00",
     "error: compressed bytes say to be longer than they can be"},
};

class FieldText : public testing::TestWithParam<TextCase> {};

TEST_P(FieldText, IsWhatSelectPrints) {
  const TextCase& test = GetParam();
  Value value{.column = column_of(test.type), .wire = test.wire, .bytes = bytes_of(test.hex)};
  if (test.declare) test.declare(value.column);
  EXPECT_EQ(value.text(), test.want);
}

INSTANTIATE_TEST_SUITE_P(Types, FieldText, testing::ValuesIn(kTexts),
                         [](const auto& test) { return test.param.name; });

TEST(FieldNumbers, AreTheTextsNumbers) {
  const Value bit{.column = column_of(SqlType::kBit),
                  .wire = {.type = kWireBit, .metadata = 0x0800},
                  .bytes = bytes_of("8000000000000001")};
  EXPECT_EQ(read_integer(bit.field())->bits, 0x8000000000000001);
  const Value tiny{
      .column = column_of(SqlType::kTinyint), .wire = {.type = kWireTiny}, .bytes = bytes_of("ff")};
  EXPECT_EQ(read_integer(tiny.field())->value(), -1);
  EXPECT_TRUE(read_integer(tiny.field())->is_signed);
  const Value real{.column = column_of(SqlType::kFloat),
                   .wire = {.type = kWireFloat},
                   .bytes = bytes_of("0000c03f")};
  EXPECT_EQ(read_double(real.field()).value(), 1.5);
  EXPECT_FALSE(read_integer(real.field()));
  EXPECT_FALSE(read_double(tiny.field()));
  EXPECT_FALSE(read_temporal(tiny.field()));
}

TEST(FieldTemporal, HasAllParts) {
  const Value value{.column = column_of(SqlType::kTime),
                    .wire = {.type = kWireTime2, .metadata = 1},
                    .bytes = bytes_of("7fffffce")};
  const auto time = read_temporal(value.field());
  ASSERT_TRUE(time);
  EXPECT_TRUE(time->negative);
  EXPECT_EQ(time->microsecond, 500000U);
}

TEST(FieldState, OnlyAValueHasAText) {
  Value value{.column = column_of(SqlType::kInt),
              .wire = {.type = kWireLong},
              .bytes = bytes_of("01000000")};
  Field field = value.field();
  std::string out;
  for (const auto state : {Field::State::kAbsent, Field::State::kNull, Field::State::kPartial}) {
    field.state = state;
    EXPECT_FALSE(append_text(out, field));
    EXPECT_FALSE(read_integer(field));
  }
  EXPECT_EQ(out, "");
}

}  // namespace
}  // namespace binbus::schema
