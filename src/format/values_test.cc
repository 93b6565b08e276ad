// One row per type and edge value: what each format prints for it.
#include <gtest/gtest.h>

#include "format/change_testing.h"

namespace binbus::format {
namespace {

using schema::Column;
using schema::SqlType;

struct ValueCase {
  std::string name;
  Cell cell;
  std::string maxwell, canal, debezium, binbus, sql;
};

Cell cell(SqlType type, std::string type_text, uint8_t wire, uint16_t metadata, std::string bytes,
          void (*more)(Column&) = nullptr) {
  Cell made{make_column("v", type, std::move(type_text)), {wire, metadata, true}, std::move(bytes)};
  if (more != nullptr) more(made.column);
  return made;
}
Cell integer(SqlType type, std::string type_text, uint64_t value) {
  return integer_cell("v", type, std::move(type_text), value);
}
Cell decimals(Cell made, uint8_t digits) {
  made.column.decimals = digits;
  made.wire.metadata = digits;
  return made;
}
Cell text(SqlType type, std::string bytes, std::string charset = "utf8mb4") {
  Cell made = text_cell("v", std::move(bytes), std::move(charset));
  made.column.type = type;
  if (type == SqlType::kChar) made.wire.type = schema::kWireString;
  if (type == SqlType::kText) made.wire = {schema::kWireBlob, 2, true};
  return made;
}
Cell label(SqlType type, uint64_t value) {
  const bool is_enum = type == SqlType::kEnum;
  Cell made = cell(type, is_enum ? "enum('red','b,l\"ue','')" : "set('red','b,l\"ue','')",
                   is_enum ? schema::kWireEnum : schema::kWireSet, 1, little_endian(value, 1));
  made.column.labels = {"red", "b,l\"ue", ""};
  made.column.charset = "utf8mb4";
  return made;
}
Cell bits(uint32_t length, std::string bytes) {
  Cell made = cell(SqlType::kBit, "bit(" + std::to_string(length) + ")", schema::kWireBit,
                   static_cast<uint16_t>(length / 8 << 8 | length % 8), std::move(bytes));
  made.column.length = length;
  return made;
}
Cell decimal(uint32_t precision, uint32_t scale, std::string bytes) {
  Cell made = cell(
      SqlType::kDecimal, "decimal(" + std::to_string(precision) + "," + std::to_string(scale) + ")",
      schema::kWireNewdecimal, static_cast<uint16_t>(scale << 8 | precision), std::move(bytes));
  made.column.length = precision;
  made.column.decimals = static_cast<uint8_t>(scale);
  return made;
}
Cell binary(SqlType type, std::string bytes, uint32_t length) {
  Cell made = cell(type, "binary",
                   type == SqlType::kBlob     ? schema::kWireBlob
                   : type == SqlType::kBinary ? schema::kWireString
                                              : schema::kWireVarchar,
                   2, std::move(bytes));
  made.column.length = length;
  made.column.charset = "binary";
  return made;
}

template <class T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}
// SRID, then a little-endian POINT.
std::string point(uint32_t srid, double x, double y) {
  return raw(srid) + "\x01" + raw(uint32_t{1}) + raw(x) + raw(y);
}
std::string hex(std::string_view digits) {
  std::string bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
  return bytes;
}

const std::string kSession =
    "SET time_zone='+00:00', sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'; ";

std::vector<ValueCase> number_cases() {
  const std::string u64 = "18446744073709551615";
  return {
      {"tinyint", integer(SqlType::kTinyint, "tinyint", 0x80), "-128", "\"-128\"", "-128", "-128",
       "-128"},
      {"tinyint_unsigned", integer(SqlType::kTinyint, "tinyint unsigned", 255), "255", "\"255\"",
       "255", "255", "255"},
      {"bool_is_no_boolean", integer(SqlType::kTinyint, "tinyint(1)", 2), "2", "\"2\"", "2", "2",
       "2"},
      {"mediumint", integer(SqlType::kMediumint, "mediumint", 0xffffff), "-1", "\"-1\"", "-1", "-1",
       "-1"},
      {"int_unsigned", integer(SqlType::kInt, "int unsigned", 0xffffffff), "4294967295",
       "\"4294967295\"", "4294967295", "4294967295", "4294967295"},
      {"bigint", integer(SqlType::kBigint, "bigint", 1ULL << 63), "-9223372036854775808",
       "\"-9223372036854775808\"", "-9223372036854775808", "-9223372036854775808",
       "-9223372036854775808"},
      {"bigint_unsigned", integer(SqlType::kBigint, "bigint unsigned", ~0ULL), u64,
       "\"" + u64 + "\"", u64, u64, u64},
      {"zerofill",
       [] {
         Cell made = integer(SqlType::kInt, "int(5) unsigned zerofill", 42);
         made.column.zerofill = true;
         made.column.length = 5;
         return made;
       }(),
       "42", "\"42\"", "42", "42", "42"},
      {"bit_1", bits(1, "\x01"), "1", "\"1\"", "true", "1", "1"},
      {"bit_10", bits(10, "\x02\x01"), "513", "\"513\"", "\"AQI=\"", "513", "513"},
      {"bit_40", bits(40, hex("ff00000001")), "1095216660481", "\"1095216660481\"", "\"AQAAAP8=\"",
       "1095216660481", "1095216660481"},
      {"bit_64", bits(64, hex("ffffffffffffffff")), u64, "\"" + u64 + "\"", "\"//////////8=\"", u64,
       u64},
      {"decimal", decimal(10, 2, hex("800004d238")), "1234.56", "\"1234.56\"", "\"AeJA\"",
       "\"1234.56\"", "1234.56"},
      {"decimal_negative", decimal(10, 2, hex("7ffffb2dc7")), "-1234.56", "\"-1234.56\"",
       "\"/h3A\"", "\"-1234.56\"", "-1234.56"},
      {"float", cell(SqlType::kFloat, "float", schema::kWireFloat, 4, raw(1.5F)), "1.5", "\"1.5\"",
       "1.5", "1.5", "1.5e+00"},
      {"float_inexact", cell(SqlType::kFloat, "float", schema::kWireFloat, 4, raw(0.1F)), "0.1",
       "\"0.1\"", "0.1", "0.1", "1.0000000149011612e-01"},
      {"double", cell(SqlType::kDouble, "double", schema::kWireDouble, 8, raw(-0.1)), "-0.1",
       "\"-0.1\"", "-0.1", "-0.1", "-1e-01"},
      {"year", cell(SqlType::kYear, "year", schema::kWireYear, 0, "\x7c"), "2024", "\"2024\"",
       "2024", "2024", "2024"},
      {"year_zero", cell(SqlType::kYear, "year", schema::kWireYear, 0, std::string(1, '\0')), "0",
       "\"0000\"", "0", "0", "0"},
  };
}

std::vector<ValueCase> temporal_cases() {
  return {
      {"date", cell(SqlType::kDate, "date", schema::kWireDate, 0, date_bytes(2024, 2, 29)),
       "\"2024-02-29\"", "\"2024-02-29\"", "19782", "\"2024-02-29\"", kSession + "'2024-02-29'"},
      {"date_before_1970",
       cell(SqlType::kDate, "date", schema::kWireDate, 0, date_bytes(1000, 1, 1)), "\"1000-01-01\"",
       "\"1000-01-01\"", "-354285", "\"1000-01-01\"", "'1000-01-01'"},
      {"date_zero", cell(SqlType::kDate, "date", schema::kWireDate, 0, date_bytes(0, 0, 0)),
       "\"0000-00-00\"", "\"0000-00-00\"", "null", "\"0000-00-00\"", kSession + "'0000-00-00'"},
      {"date_zero_parts",
       cell(SqlType::kDate, "date", schema::kWireDate, 0, date_bytes(2024, 1, 0)), "\"2024-01-00\"",
       "\"2024-01-00\"", "null", "\"2024-01-00\"", kSession + "'2024-01-00'"},
      {"date_of_no_calendar",
       cell(SqlType::kDate, "date", schema::kWireDate, 0, date_bytes(2023, 2, 31)),
       "\"2023-02-31\"", "\"2023-02-31\"", "null", "\"2023-02-31\"", kSession + "'2023-02-31'"},
      {"date_zero_not_null",
       cell(SqlType::kDate, "date", schema::kWireDate, 0, date_bytes(0, 0, 0),
            [](Column& column) { column.nullable = false; }),
       "\"0000-00-00\"", "\"0000-00-00\"", "0", "\"0000-00-00\"", kSession + "'0000-00-00'"},
      {"time_negative",
       cell(SqlType::kTime, "time", schema::kWireTime2, 0, time_bytes(true, {838, 59, 59}, 0)),
       "\"-838:59:59\"", "\"-838:59:59\"", "-3020399000000", "\"-838:59:59\"", "'-838:59:59'"},
      {"time_fraction",
       decimals(cell(SqlType::kTime, "time(3)", schema::kWireTime2, 3,
                     time_bytes(true, {0, 0, 1, 500'000}, 3)),
                3),
       "\"-00:00:01.500\"", "\"-00:00:01.500\"", "-1500000", "\"-00:00:01.500\"",
       "'-00:00:01.500'"},
      {"datetime",
       cell(SqlType::kDatetime, "datetime", schema::kWireDatetime2, 0,
            datetime_bytes(2024, 2, 28, {12, 0, 5}, 0)),
       "\"2024-02-28 12:00:05\"", "\"2024-02-28 12:00:05\"", "1709121605000",
       "\"2024-02-28 12:00:05\"", "'2024-02-28 12:00:05'"},
      {"datetime_micros",
       decimals(cell(SqlType::kDatetime, "datetime(6)", schema::kWireDatetime2, 6,
                     datetime_bytes(2024, 2, 28, {12, 0, 5, 123'456}, 6)),
                6),
       "\"2024-02-28 12:00:05.123456\"", "\"2024-02-28 12:00:05.123456\"", "1709121605123456",
       "\"2024-02-28 12:00:05.123456\"", "'2024-02-28 12:00:05.123456'"},
      {"timestamp",
       cell(SqlType::kTimestamp, "timestamp", schema::kWireTimestamp2, 0,
            timestamp_bytes(1'709'121'605, 0, 0)),
       "\"2024-02-28 12:00:05\"", "\"2024-02-28 12:00:05\"", "\"2024-02-28T12:00:05Z\"",
       "\"2024-02-28 12:00:05\"", kSession + "'2024-02-28 12:00:05'"},
      {"timestamp_fraction",
       decimals(cell(SqlType::kTimestamp, "timestamp(2)", schema::kWireTimestamp2, 2,
                     timestamp_bytes(1'709'121'605, 120'000, 2)),
                2),
       "\"2024-02-28 12:00:05.12\"", "\"2024-02-28 12:00:05.12\"", "\"2024-02-28T12:00:05.12Z\"",
       "\"2024-02-28 12:00:05.12\"", kSession + "'2024-02-28 12:00:05.12'"},
      {"timestamp_zero",
       cell(SqlType::kTimestamp, "timestamp", schema::kWireTimestamp2, 0, timestamp_bytes(0, 0, 0),
            [](Column& column) { column.nullable = false; }),
       "\"0000-00-00 00:00:00\"", "\"0000-00-00 00:00:00\"", "\"1970-01-01T00:00:00Z\"",
       "\"0000-00-00 00:00:00\"", kSession + "'0000-00-00 00:00:00'"},
  };
}

std::vector<ValueCase> text_cases() {
  return {
      {"varchar", text(SqlType::kVarchar, "it's"), "\"it's\"", "\"it's\"", "\"it's\"", "\"it's\"",
       "'it''s'"},
      {"char_latin1", text(SqlType::kChar, "\xe9\x80", "latin1"), "\"é€\"", "\"é€\"", "\"é€\"",
       "\"é€\"", "_utf8mb4'é€'"},
      {"text_with_escapes", text(SqlType::kText, "a\"b\\c\n"), R"("a\"b\\c\n")", R"("a\"b\\c\n")",
       R"("a\"b\\c\n")", R"("a\"b\\c\n")", "_utf8mb4 X'6122625C630A'"},
      {"text_of_other_letters", text(SqlType::kText, "你好\n"), R"("你好\n")", R"("你好\n")",
       R"("你好\n")", R"("你好\n")", "_utf8mb4 X'E4BDA0E5A5BD0A'"},
      {"text_empty", text(SqlType::kText, ""), "\"\"", "\"\"", "\"\"", "\"\"", "''"},
      {"text_invalid", text(SqlType::kText, "a\xff"), "\"a\xef\xbf\xbd\"", "\"a\xef\xbf\xbd\"",
       "\"a\xef\xbf\xbd\"", "\"a\xef\xbf\xbd\"},\"invalid\":{\"after\":{\"v\":\"Yf8=\"}",
       "X'61FF'"},
      {"varchar_as_bytes", text(SqlType::kVarchar, "\xff", "binary"), "\"/w==\"", "\"\xc3\xbf\"",
       "\"/w==\"", "\"/w==\"", "X'FF'"},
      {"binary_is_padded_but_by_maxwell", binary(SqlType::kBinary, "a", 3), "\"YQ==\"",
       R"("a\u0000\u0000")", "\"YQAA\"", "\"YQAA\"", "X'610000'"},
      {"varbinary", binary(SqlType::kVarbinary, std::string("a\0", 2), 3), "\"YQA=\"",
       R"("a\u0000")", "\"YQA=\"", "\"YQA=\"", "X'6100'"},
      {"blob", binary(SqlType::kBlob, hex("00010203"), 0), "\"AAECAw==\"",
       R"("\u0000\u0001\u0002\u0003")", "\"AAECAw==\"", "\"AAECAw==\"", "X'00010203'"},
      {"enum", label(SqlType::kEnum, 2), R"("b,l\"ue")", "\"2\"", R"("b,l\"ue")", R"("b,l\"ue")",
       "'b,l\"ue'"},
      {"enum_of_no_label", label(SqlType::kEnum, 0), "\"\"", "\"0\"", "\"\"", "0", kSession + "0"},
      {"set", label(SqlType::kSet, 3), R"(["red","b,l\"ue"])", "\"3\"", R"("red,b,l\"ue")",
       R"(["red","b,l\"ue"])", "'red,b,l\"ue'"},
      {"set_empty", label(SqlType::kSet, 0), "[]", "\"0\"", "\"\"", "[]", "''"},
      {"json",
       cell(SqlType::kJson, "json", schema::kWireJson, 4, hex("0001000c000b00010005610061")),
       R"({"a": 97})", R"("{\"a\": 97}")", R"("{\"a\": 97}")", R"("{\"a\": 97}")",
       R"('{"a": 97}')"},
      {"json_of_mariadb",
       [] {
         Cell made = text(SqlType::kLongtext, "{ \"a\" : [1,\n2] }");
         made.column.json = true;
         made.wire = {schema::kWireBlob, 4, true};
         return made;
       }(),
       R"({"a":[1,2]})", R"("{ \"a\" : [1,\n2] }")", R"("{ \"a\" : [1,\n2] }")",
       R"("{ \"a\" : [1,\n2] }")", "_utf8mb4 X'7B20226122203A205B312C0A325D207D'"},
      {"json_of_mariadb_that_is_none",
       [] {
         Cell made = text(SqlType::kLongtext, "{oops");
         made.column.json = true;
         made.wire = {schema::kWireBlob, 4, true};
         return made;
       }(),
       R"("{oops")", R"("{oops")", R"("{oops")", R"("{oops")", "'{oops'"},
  };
}

std::vector<ValueCase> other_cases() {
  const std::string at = point(4326, 1, -2.5);
  std::string as_characters;
  for (const char c : at) {
    const auto byte = static_cast<uint8_t>(c);
    char escape[8];
    std::snprintf(escape, sizeof(escape), "\\u00%02X", byte);
    as_characters += byte < 0x20   ? escape
                     : byte > 0x7f ? std::string{static_cast<char>(0xc0 | byte >> 6),
                                                 static_cast<char>(0x80 | (byte & 0x3f))}
                                   : std::string(1, c);
  }
  return {
      {"point", cell(SqlType::kPoint, "point", schema::kWireGeometry, 4, at), "\"POINT (1 -2.5)\"",
       "\"" + as_characters + "\"",
       R"({"x":1,"y":-2.5,"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAATA","srid":4326})",
       R"({"srid":4326,"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAATA"})",
       "X'E61000000101000000000000000000F03F00000000000004C0'"},
      {"geometry_without_srid",
       cell(SqlType::kGeometry, "geometry", schema::kWireGeometry, 4, point(0, 1, 1)),
       "\"POINT (1 1)\"",
       R"("\u0000\u0000\u0000\u0000\u0001\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000ð?\u0000\u0000\u0000\u0000\u0000\u0000ð?")",
       R"({"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAPA/","srid":null})",
       R"({"srid":0,"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAPA/"})",
       "X'000000000101000000000000000000F03F000000000000F03F'"},
      {"vector",
       cell(SqlType::kVector, "vector(2)", schema::kWireVector, 4, raw(0.1F) + raw(-2.0F)),
       "\"zczMPQAAAMA=\"", R"("ÍÌÌ=\u0000\u0000\u0000À")", "[0.1,-2]", "[0.1,-2]",
       "X'CDCCCC3D000000C0'"},
      {"inet6",
       cell(SqlType::kInet6, "inet6", schema::kWireString, 16,
            hex("20010db8000000000000000000000001")),
       "\"2001:db8::1\"", "\"2001:db8::1\"", "\"2001:db8::1\"", "\"2001:db8::1\"", "'2001:db8::1'"},
      {"unknown", cell(SqlType::kUnknown, "xmltype", 200, 0, "\x01\xff"), "\"Af8=\"",
       "\"\\u0001\xc3\xbf\"", "\"Af8=\"", "\"Af8=\"", "X'01FF'"},
  };
}

// An insert of a row with this one value.
struct OneValue {
  explicit OneValue(const Cell& cell) {
    maker.add(cell);
    change.table = maker.table();
    change.after = maker.row({TableMaker::value(cell)});
  }
  TableMaker maker{"d", "t"};
  schema::Change change;
};

// What stands between `before` and `after` in the message of the value.
std::string value_in(std::string_view format, const Cell& cell, std::string_view before,
                     std::string_view after) {
  WriterOptions options;
  options.gtid = false;
  const std::string message = printed(format, options, OneValue(cell).change);
  const size_t start = message.find(before);
  const size_t end = message.rfind(after);
  if (start == std::string::npos || end == std::string::npos) return "? " + message;
  return message.substr(start + before.size(), end - start - before.size());
}

void check(const std::vector<ValueCase>& cases) {
  for (const ValueCase& test : cases) {
    EXPECT_EQ(value_in("maxwell", test.cell, "\"data\":{\"v\":", "}}"), test.maxwell) << test.name;
    EXPECT_EQ(value_in("canal", test.cell, "{\"data\":[{\"v\":", "}],\"database\""), test.canal)
        << test.name;
    EXPECT_EQ(value_in("debezium", test.cell, "\"after\":{\"v\":", "},\"source\""), test.debezium)
        << test.name;
    EXPECT_EQ(value_in("binbus", test.cell, "\"after\":{\"v\":", "},\"types\""), test.binbus)
        << test.name;
    const std::string session = test.sql.starts_with(kSession) ? kSession : "";
    EXPECT_EQ(value_in("sql", test.cell, "", ");"),
              session + "INSERT INTO `d`.`t` (`v`) VALUES (" + test.sql.substr(session.size()))
        << test.name;
  }
}

TEST(Values, Numbers) { check(number_cases()); }
TEST(Values, DatesAndTimes) { check(temporal_cases()); }
TEST(Values, TextAndBytes) { check(text_cases()); }
TEST(Values, Others) { check(other_cases()); }

TEST(Values, WhatContradictsItsTypeLeavesNothing) {
  const Cell cells[] = {
      cell(SqlType::kInt, "int", schema::kWireLong, 0, "\x01"),
      cell(SqlType::kPoint, "point", schema::kWireGeometry, 4, "\x01"),
      label(SqlType::kEnum, 9),
      label(SqlType::kSet, 200),
      decimal(10, 2, "\x80"),
  };
  for (const Cell& broken : cells) {
    for (const char* format : {"maxwell", "debezium", "binbus", "sql"}) {
      if (format == std::string_view("sql") && broken.column.type == SqlType::kPoint) continue;
      std::string out = "kept";
      const OneValue row(broken);
      const Result<bool> done = (*make_writer(format, {}))->write(out, row.change);
      ASSERT_FALSE(done) << format << " " << broken.column.type_text << out;
      EXPECT_EQ(done.error().code, Code::kCorrupt) << format << done.error().message;
      EXPECT_EQ(out, "kept");
    }
  }
}

}  // namespace
}  // namespace binbus::format
