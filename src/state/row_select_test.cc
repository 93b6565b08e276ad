// Rows of SELECT made by hand: what of each type comes out. What servers send is in tests/server/test_select.py.
#include "state/row_select.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/fields_testing.h"
#include "state/row_codec.h"

namespace binbus::state {
namespace {

using mysql::ResultColumn;
using schema::Column;
using schema::Field;
using schema::ServerVersion;
using schema::SqlType;
using schema::testing_fields::bytes_of;
using schema::testing_fields::column_of;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr ServerVersion kMysql{.number = 90700};
constexpr ServerVersion kMariadb{.mariadb = true, .number = 110800};
constexpr uint16_t kUnsignedFlag = 32;
constexpr uint16_t kBinary = 63;
constexpr uint16_t kUtf8mb4 = 45;

using Declare = void (*)(Column& column);

Column declared(SqlType type, uint32_t length = 0, uint8_t decimals = 0,
                Declare declare = nullptr) {
  Column column = column_of(type);
  column.type_text = "declared";
  column.length = length;
  column.decimals = decimals;
  if (declare != nullptr) declare(column);
  return column;
}
void is_unsigned(Column& column) { column.is_unsigned = true; }
void of_utf8mb4(Column& column) { column.charset = "utf8mb4"; }
void with_300_labels(Column& column) {
  for (int i = 0; i < 300; ++i) column.labels.push_back("l" + std::to_string(i));
}
void with_64_labels(Column& column) {
  for (int i = 0; i < 64; ++i) column.labels.push_back("l" + std::to_string(i));
}
void is_compressed(Column& column) { column.compressed = true; }

struct ValueCase {
  const char* name;
  Column column;
  ResultColumn result;
  const char* sent;  // in the packet
  uint8_t type;      // in the log
  uint16_t metadata;
  const char* logged;  // bytes
  std::string text;
  bool mariadb = false;
};
void PrintTo(const ValueCase& test, std::ostream* out) { *out << test.name; }

// As result columns of columns are, of the name c.
ResultColumn result(uint8_t type, uint32_t length = 0, uint8_t decimals = 0, uint16_t flags = 0,
                    uint16_t collation = kBinary) {
  return {.name = "c",
          .type = type,
          .collation = collation,
          .length = length,
          .flags = flags,
          .decimals = decimals};
}
ResultColumn text(uint8_t type, uint32_t length) { return result(type, length, 0, 0, kUtf8mb4); }
ResultColumn expression(uint8_t type, uint16_t flags = 0) {
  return {.name = "", .type = type, .collation = kBinary, .flags = flags};
}

const ValueCase kValues[] = {
    {"tinyint", declared(SqlType::kTinyint), result(1), "80", 1, 0, "80", "-128"},
    {"smallint", declared(SqlType::kSmallint), result(2), "ff7f", 2, 0, "ff7f", "32767"},
    {"mediumint_is_four_bytes", declared(SqlType::kMediumint), result(9), "feffffff", 9, 0,
     "feffff", "-2"},
    {"int_unsigned", declared(SqlType::kInt, 0, 0, is_unsigned), result(3, 0, 0, kUnsignedFlag),
     "ffffffff", 3, 0, "ffffffff", "4294967295"},
    {"bigint", declared(SqlType::kBigint), result(8), "0000000000000080", 8, 0, "0000000000000080",
     "-9223372036854775808"},
    {"float", declared(SqlType::kFloat), result(4, 12, 31), "cdcccc3d", 4, 4, "cdcccc3d", "0.1"},
    {"double", declared(SqlType::kDouble, 10, 2), result(5, 10, 2), "000000000000f83f", 5, 8,
     "000000000000f83f", "1.50"},
    {"decimal", declared(SqlType::kDecimal, 10, 2), result(246, 12, 2), "05 2d312e3530", 246,
     0x020a, "7ffffffecd", "-1.50"},
    {"bit", declared(SqlType::kBit, 9), result(16, 9, 0, kUnsignedFlag), "02 0101", 16, 0x0101,
     "0101", std::string("\1\1")},
    {"year", declared(SqlType::kYear, 4), result(13, 4), "6b08", 13, 0, "ff", "2155"},
    {"year_zero", declared(SqlType::kYear, 4), result(13, 4), "0000", 13, 0, "00", "0000"},
    {"year_of_two_digits", declared(SqlType::kYear, 2), result(13, 2), "4600", 13, 0, "46", "70"},
    {"year_of_two_digits_zero", declared(SqlType::kYear, 2), result(13, 2), "0000", 13, 0, "64",
     "00"},
    {"date", declared(SqlType::kDate), result(10), "04 e807021d", 10, 0, "5dd00f", "2024-02-29"},
    {"date_zero", declared(SqlType::kDate), result(10), "00", 10, 0, "000000", "0000-00-00"},
    {"time", declared(SqlType::kTime, 0, 2), result(11, 13, 2), "0c 01 22000000 16 3b 3a f0ba0400",
     19, 2, "4b9105e1", "-838:59:58.31"},
    {"time_zero", declared(SqlType::kTime), result(11, 10), "00", 19, 0, "800000", "00:00:00"},
    {"datetime", declared(SqlType::kDatetime), result(12, 19), "07 e807021d 0c2238", 18, 0,
     "99b2bac8b8", "2024-02-29 12:34:56"},
    {"datetime_of_a_day", declared(SqlType::kDatetime, 0, 1), result(12, 21, 1), "04 e807021d", 18,
     1, "99b2ba000000", "2024-02-29 00:00:00.0"},
    {"timestamp", declared(SqlType::kTimestamp, 0, 6), result(7, 26, 6),
     "0b e807021d 0c2238 01000000", 17, 6, "65e079f0000001", "2024-02-29 12:34:56.000001"},
    {"timestamp_zero", declared(SqlType::kTimestamp), result(7, 19), "00", 17, 0, "00000000",
     "0000-00-00 00:00:00"},
    {"char", declared(SqlType::kChar, 5, 0, of_utf8mb4), text(254, 20), "02 c3a4", 254, 20, "c3a4",
     "ä"},
    {"varchar", declared(SqlType::kVarchar, 100, 0, of_utf8mb4), text(253, 400), "02 6120", 15, 400,
     "6120", "a "},
    {"text", declared(SqlType::kText, 65535, 0, of_utf8mb4), text(252, 65535), "00", 252, 2, "",
     ""},
    {"blob_of_a_long_length", declared(SqlType::kLongblob), result(252, 0xffffffff), "fc 0100 ff",
     252, 4, "ff", "\xff"},
    {"binary_without_its_zeros", declared(SqlType::kBinary, 4), result(254, 4), "04 61000000", 254,
     4, "61", std::string("a\0\0\0", 4)},
    {"varbinary", declared(SqlType::kVarbinary, 4), result(253, 4), "02 6100", 15, 4, "6100",
     std::string("a\0", 2)},
    {"enum", declared(SqlType::kEnum, 0, 0, with_300_labels), expression(8, kUnsignedFlag),
     "0101000000000000", 247, 2, "0101", "l256"},
    {"enum_of_four_bytes", declared(SqlType::kEnum, 0, 0, with_64_labels),
     expression(3, kUnsignedFlag), "02000000", 247, 1, "02", "l1", true},
    {"set", declared(SqlType::kSet, 0, 0, with_64_labels), expression(8, kUnsignedFlag),
     "0100000000000080", 248, 8, "0100000000000080", "l0,l63"},
    {"set_of_four_bytes", declared(SqlType::kSet, 0, 0, with_64_labels),
     expression(3, kUnsignedFlag), "01000080", 248, 8, "0100008000000000", "l0,l31", true},
    {"json", declared(SqlType::kJson), result(245, 0xffffffff), "08 7b226b223a20347d", 245, 4,
     "0001000c000b0001000504006b", "{\"k\": 4}"},
    {"geometry", declared(SqlType::kPoint), result(255, 0xffffffff), "02 0102", 255, 4, "0102",
     "\1\2"},
    {"vector", declared(SqlType::kVector, 1), result(242, 4), "04 0000803f", 242, 4, "0000803f",
     std::string("\0\0\x80\x3f", 4)},
    {"vector_of_mariadb", declared(SqlType::kVector, 1), result(253, 4), "04 0000803f", 15, 4,
     "0000803f", std::string("\0\0\x80\x3f", 4), true},
    {"inet4", declared(SqlType::kInet4), expression(253), "04 0a000000", 254, 4, "0a", "10.0.0.0",
     true},
    {"inet6", declared(SqlType::kInet6), expression(253), "10 00000000000000000000000000000001",
     254, 16, "00000000000000000000000000000001", "::1", true},
    {"uuid", declared(SqlType::kUuid), expression(254), "10 123e4567e89b12d3a456426655440000", 254,
     16, "123e4567e89b12d3a45642665544", "123e4567-e89b-12d3-a456-426655440000", true},
    {"compressed", declared(SqlType::kVarbinary, 9, 0, is_compressed), result(253, 10), "01 61", 15,
     9, "61", "a", true},
};

schema::TablePtr table_of(std::vector<Column> columns) {
  auto table = std::make_shared<schema::TableVersion>();
  table->database.push_back('d');
  table->table.push_back('t');
  table->columns = std::move(columns);
  return table;
}

ByteVector row_of(const ByteVector& values) {
  ByteWriter packet;
  packet.u16(0).bytes(values);
  return packet.take();
}

RowSelect opened(const ValueCase& test) {
  auto select = RowSelect::make(table_of({test.column}), test.mariadb ? kMariadb : kMysql);
  EXPECT_TRUE(select) << select.error().message;
  const Status open = select->open({&test.result, 1});
  EXPECT_TRUE(open) << open.error().message;
  return std::move(*select);
}

class SelectedValues : public testing::TestWithParam<ValueCase> {};

TEST_P(SelectedValues, AreAsInTheLog) {
  RowSelect select = opened(GetParam());
  const ByteVector packet = row_of(bytes_of(GetParam().sent));
  const auto row = select.read(packet);
  ASSERT_TRUE(row) << row.error().message;
  ASSERT_EQ(row->size(), 1U);
  const Field& field = row->front();
  ASSERT_EQ(field.state, Field::State::kValue);
  EXPECT_EQ(field.wire.type, GetParam().type);
  EXPECT_EQ(field.wire.metadata, GetParam().metadata);
  EXPECT_EQ(to_owned(field.bytes), bytes_of(GetParam().logged));
  std::string printed;
  ASSERT_TRUE(append_text(printed, field));
  EXPECT_EQ(printed, GetParam().text);
}

TEST_P(SelectedValues, CutShortOrWithMoreBehindAreRefused) {
  RowSelect select = opened(GetParam());
  ByteVector packet = row_of(bytes_of(GetParam().sent));
  for (size_t length = 0; length < packet.size(); ++length)
    EXPECT_FALSE(select.read(Bytes(packet).first(length))) << length;
  packet.push_back(0);
  EXPECT_EQ(select.read(packet).error().code, Code::kCorrupt);
}

TEST_P(SelectedValues, MayBeNull) {
  RowSelect select = opened(GetParam());
  const auto row = select.read(bytes_of("00 04"));
  ASSERT_TRUE(row);
  EXPECT_EQ(row->front().state, Field::State::kNull);
  EXPECT_TRUE(row->front().bytes.empty());
}

INSTANTIATE_TEST_SUITE_P(Types, SelectedValues, testing::ValuesIn(kValues),
                         [](const auto& test) { return test.param.name; });

const ValueCase& value_case(std::string_view name) {
  for (const ValueCase& test : kValues) {
    if (test.name == name) return test;
  }
  std::abort();
}

TEST(RowSelect, ValuesThatContradictTheirTypeAreRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"enum", "0001000000000100"},
      {"year", "6c08"},
      {"year_of_two_digits", "6400"},
      {"date", "05 e807021d00"},
      {"date", "04 e8070d1d"},
      {"time", "08 00 ffffffff 000000"},
      {"time", "08 00 00000000 003c00"},
      {"timestamp", "04 b1070101"},
      {"decimal", "02 7878"},
      {"decimal", "09 313233343536373839"},
      {"bit", "01 01"},
      {"binary_without_its_zeros", "05 6162636465"},
      {"json", "01 7b"},
      {"varchar", "fb"},
  };
  for (const auto& [name, sent] : cases) {
    RowSelect select = opened(value_case(name));
    const auto row = select.read(row_of(bytes_of(sent)));
    ASSERT_FALSE(row) << name << " " << sent;
    EXPECT_EQ(row.error().code, Code::kCorrupt) << name;
    EXPECT_THAT(row.error().message, HasSubstr("column c of d.t: ")) << name;
  }
  RowSelect select = opened(value_case("tinyint"));
  EXPECT_THAT(select.read(bytes_of("01 00 80")).error().message,
              HasSubstr("does not begin with zero"));
}

// Ten columns, so that null bits take two bytes; one is the server's own.
TEST(RowSelect, SelectsWhatIsDeclaredAndLeavesOutWhatIsHidden) {
  std::vector<Column> columns(10, declared(SqlType::kTinyint));
  for (size_t i = 0; i < columns.size(); ++i) columns[i].name = "c" + std::to_string(i);
  columns[1].name = "a`b";
  columns[2].type = SqlType::kEnum;
  columns[2].labels = {"x"};
  columns[3].invisible = true;
  columns[4].type = SqlType::kInet6;
  columns[9].hidden = true;
  auto select = RowSelect::make(table_of(columns), kMariadb);
  ASSERT_TRUE(select);
  EXPECT_EQ(select->list(),
            "`c0`, `a``b`, CAST(`c2` AS UNSIGNED), `c3`, CAST(`c4` AS BINARY(16)), `c5`, `c6`, "
            "`c7`, `c8`");
  std::vector<ResultColumn> results(9, result(schema::kWireTiny));
  for (size_t i = 0; i < results.size(); ++i) results[i].name = columns[i].name;
  results[2] = expression(schema::kWireLong);
  results[4] = expression(schema::kWireVarString);
  const Status open = select->open(results);
  ASSERT_TRUE(open) << open.error().message;
  const ByteVector packet = bytes_of("00 4004 01 02 01000000 04 05 06 07");  // c4 and c8 are NULL
  const auto row = select->read(packet);
  ASSERT_TRUE(row) << row.error().message;
  ASSERT_EQ(row->size(), 10U);
  std::vector<Field::State> states;
  for (const Field& field : *row) states.push_back(field.state);
  using enum Field::State;
  EXPECT_THAT(states, ElementsAre(kValue, kValue, kValue, kValue, kNull, kValue, kValue, kValue,
                                  kNull, kAbsent));
  EXPECT_EQ((*row)[7].bytes[0], 7);
}

TEST(RowSelect, OneRowAfterTheOther) {
  RowSelect select = opened(value_case("json"));
  const std::pair<const char*, const char*> cases[] = {
      {"04 5b315d20", "[1]"}, {"01 31", "1"}, {"03 5b325d", "[2]"}};
  for (const auto& [sent, want] : cases) {
    const ByteVector packet = row_of(bytes_of(sent));
    const auto row = select.read(packet);
    ASSERT_TRUE(row) << row.error().message;
    std::string printed;
    ASSERT_TRUE(append_text(printed, row->front()));
    EXPECT_EQ(printed, want);
  }
}

TEST(RowSelect, ATypeThatIsNotKnownIsRefused) {
  Column column = declared(SqlType::kUnknown);
  column.type_text = "xmltype";
  const auto select = RowSelect::make(table_of({column}), kMariadb);
  ASSERT_FALSE(select);
  EXPECT_EQ(select.error().code, Code::kUnsupported);
  EXPECT_EQ(select.error().message, "column c of d.t: type xmltype");
}

struct OtherCase {
  const char* name;
  const char* value;  // of the table, among kValues
  ResultColumn result;
  const char* why;
};
const OtherCase kOthers[] = {
    {"type", "tinyint", result(2), "SHORTINT"},
    {"sign", "tinyint", result(1, 0, 0, kUnsignedFlag), "unsigned"},
    {"signed", "int_unsigned", result(3), "signed"},
    {"precision", "decimal", result(246, 13, 2), "DECIMAL of length 11"},
    {"scale", "decimal", result(246, 12, 3), "DECIMAL with 3 decimals"},
    {"fraction", "time", result(11, 13, 3), "TIME with 3 decimals"},
    {"width", "varchar", text(253, 404), "VARSTRING of length 404"},
    {"charset", "varchar", result(253, 400, 0, 0, 8), "VARSTRING of charset latin1"},
    {"bytes", "varchar", result(253, 400), "VARSTRING of charset binary"},
    {"text_for_blob", "blob_of_a_long_length", text(252, 0xffffffff), "BLOB of charset utf8mb4"},
    {"longer_text", "text", text(252, 0xffffff), "BLOB of length 16777215"},
    {"digits_of_a_double", "double", result(5, 22, 31), "DOUBLE with 31 decimals"},
    {"bits", "bit", result(16, 10, 0, kUnsignedFlag), "BIT of length 10"},
    {"not_a_number", "enum", expression(253), "VARSTRING"},
};

TEST(RowSelect, OfAnotherTableIsSeenWhenItIsOpened) {
  for (const OtherCase& test : kOthers) {
    const ValueCase& value = value_case(test.value);
    auto select = RowSelect::make(table_of({value.column}), value.mariadb ? kMariadb : kMysql);
    ASSERT_TRUE(select);
    const Status open = select->open({&test.result, 1});
    ASSERT_FALSE(open) << test.name;
    EXPECT_EQ(open.error().code, Code::kDiverged);
    EXPECT_EQ(open.error().message, std::string("column c of d.t: is declared here and ") +
                                        test.why + " at the source; was the table altered?");
  }
  auto select = RowSelect::make(table_of({declared(SqlType::kTinyint)}), kMysql);
  ResultColumn named = result(schema::kWireTiny);
  named.name = "other";
  EXPECT_THAT(select->open({&named, 1}).error().message,
              HasSubstr("and column other at the source"));
  EXPECT_THAT(select->open({}).error().message, HasSubstr("0 columns were selected, of 1"));
}

}  // namespace
}  // namespace binbus::state
