#include "binbus/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "binbus/error.h"

namespace binbus {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

Column column(Kind kind, const char* type = "its type") {
  return {.name = "c", .type = type, .type_text = type, .charset = "", .kind = kind};
}

// What a conversion says when it cannot be.
template <class Convert>
std::string complaint(const Convert& convert) {
  try {
    convert();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kConversion);
    return error.what();
  }
  return "nothing is thrown";
}

TEST(Value, Integers) {
  const Column integer = column(Kind::kInteger, "bigint unsigned");
  const auto value = [&](const char* text) { return Value(integer, text); };
  EXPECT_EQ(value("-9223372036854775808").as_int64(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(value("9223372036854775807").as_int64(), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(value("18446744073709551615").as_uint64(), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(value("42").as_double(), 42.0);
  EXPECT_EQ(value("42").as_decimal().text(), "42");
  EXPECT_TRUE(value("18446744073709551615").as_bool());
  EXPECT_TRUE(value("-1").as_bool());
  EXPECT_FALSE(value("0").as_bool());
  EXPECT_EQ(complaint([&] { value("18446744073709551615").as_int64(); }),
            "column c (bigint unsigned) as int64: \"18446744073709551615\" does not fit");
  EXPECT_THAT(complaint([&] { value("-1").as_uint64(); }), HasSubstr("\"-1\" does not fit"));
  EXPECT_THAT(complaint([&] { value("").as_int64(); }), HasSubstr("\"\" does not fit"));
  EXPECT_THAT(complaint([&] { value("1x").as_int64(); }), HasSubstr("\"1x\" does not fit"));
}

TEST(Value, WrongTypesNullsAndAbsentOnesAreNamed) {
  const Column text = column(Kind::kText, "varchar(20)");
  const Column integer = column(Kind::kInteger, "int");
  EXPECT_EQ(complaint([&] { Value(text, "1").as_int64(); }),
            "column c (varchar(20)) as int64: its type is another; text() has every value");
  EXPECT_THAT(complaint([&] { Value(integer, "1").as_string(); }), HasSubstr("(int) as string"));
  EXPECT_THAT(complaint([&] { Value(text, "1").as_bytes(); }), HasSubstr("as bytes"));
  EXPECT_THAT(complaint([&] { Value(text, "1").as_decimal(); }), HasSubstr("as decimal"));
  EXPECT_THAT(complaint([&] { Value(text, "1").as_time(); }), HasSubstr("as time"));
  EXPECT_THAT(complaint([&] { Value(text, "1").as_labels(); }), HasSubstr("as labels"));
  const Value null(integer, "", Value::State::kNull);
  EXPECT_TRUE(null.is_null());
  EXPECT_EQ(null.text(), "");
  EXPECT_THAT(complaint([&] { null.as_int64(); }), HasSubstr("it is NULL"));
  const Value absent(integer, "", Value::State::kAbsent);
  EXPECT_TRUE(absent.is_absent());
  EXPECT_FALSE(absent.is_null());
  EXPECT_THAT(complaint([&] { absent.as_int64(); }), HasSubstr("it is absent"));
}

TEST(Value, Decimals) {
  const Column decimal = column(Kind::kDecimal);
  const auto value = [&](const std::string& text) { return Value(decimal, text).as_decimal(); };
  EXPECT_EQ(value("-12.340").text(), "-12.340");
  EXPECT_EQ(value("-12.340").scale(), 3);
  EXPECT_EQ(value("-12.340").unscaled(), -12340);
  EXPECT_EQ(value("-12.340").to_double(), -12.34);
  EXPECT_EQ(value("0").unscaled(), 0);
  EXPECT_EQ(value("0").scale(), 0);
  const Int128 max = static_cast<Int128>(~static_cast<unsigned __int128>(0) >> 1);
  EXPECT_TRUE(value("170141183460469231731687303715884105727").unscaled() == max);
  EXPECT_TRUE(value("-1701411834604692317316873037158841057.27").unscaled() == -max);
  EXPECT_FALSE(value("170141183460469231731687303715884105728").unscaled());
  EXPECT_FALSE(value(std::string(65, '9')).unscaled());
  EXPECT_EQ(value(std::string(65, '9')).text(), std::string(65, '9'));
  for (const char* wrong : {"", "-", ".", "1.", ".5", "1e5", "1.2.3", "x"})
    EXPECT_THAT(complaint([&] { value(wrong); }), HasSubstr("is none")) << wrong;
}

TEST(Value, Floats) {
  const Column real = column(Kind::kFloat);
  EXPECT_EQ(Value(real, "-1.5e20").as_double(), -1.5e20);
  EXPECT_EQ(Value(real, "0.1").as_double(), 0.1);
  EXPECT_THAT(complaint([&] { Value(real, "1.5").as_decimal(); }),
              HasSubstr("its type is another"));
}

TEST(Value, Dates) {
  const Column type = column(Kind::kDate);
  const auto date = [&](const char* text) { return Value(type, text).as_date(); };
  EXPECT_EQ(date("2026-11-20"), (Date{2026, 11, 20}));
  EXPECT_EQ(date("2026-11-20").to_days(), std::chrono::sys_days(std::chrono::November / 20 / 2026));
  EXPECT_EQ(date("0000-00-00"), Date{});
  EXPECT_FALSE(date("0000-00-00").is_real());
  EXPECT_EQ(date("2026-11-00"), (Date{2026, 11, 0}));
  EXPECT_FALSE(date("2026-11-00").to_days());
  EXPECT_FALSE(date("2026-02-31").is_real());  // as ALLOW_INVALID_DATES lets in
  EXPECT_EQ(Value(type, "2026-11-20").as_datetime(), (DateTime{.date = {2026, 11, 20}}));
  for (const char* wrong : {"", "2026-11", "2026-13-01", "2026-11-20 ", "26-11-20"})
    EXPECT_THAT(complaint([&] { date(wrong); }), HasSubstr("is none")) << wrong;
}

TEST(Value, Times) {
  const Column type = column(Kind::kTime);
  const auto time = [&](const char* text) { return Value(type, text).as_time(); };
  EXPECT_EQ(time("-838:59:59.000001"), (Time{true, 838, 59, 59, 1}));
  EXPECT_EQ(time("838:59:59").to_duration(), 838h + 59min + 59s);
  EXPECT_EQ(time("-00:00:01.5").to_duration(), -1500ms);
  EXPECT_EQ(time("00:00:00.123").microseconds, 123'000);
  for (const char* wrong :
       {"", "1:00:00", "839:00:00", "00:60:00", "00:00:00.", "00:00:00.1234567"})
    EXPECT_THAT(complaint([&] { time(wrong); }), HasSubstr("is none")) << wrong;
}

TEST(Value, DateTimes) {
  const Column type = column(Kind::kDateTime);
  const auto time = [&](const char* text) { return Value(type, text).as_datetime(); };
  EXPECT_EQ(time("2026-11-20 10:11:12.000013"), (DateTime{{2026, 11, 20}, 10, 11, 12, 13}));
  EXPECT_EQ(time("1970-01-01 00:00:01.25").to_utc()->time_since_epoch(), 1250ms);
  EXPECT_EQ(time("0000-00-00 00:00:00"), DateTime{});
  EXPECT_FALSE(time("0000-00-00 00:00:00").to_utc());
  for (const char* wrong : {"", "2026-11-20 24:00:00", "2026-11-20T10:00:00", "2026-11-20 10:00"})
    EXPECT_THAT(complaint([&] { time(wrong); }), HasSubstr("is none")) << wrong;
}

TEST(Value, TextBytesBitsAndLabels) {
  EXPECT_EQ(Value(column(Kind::kText), "Zoë").as_string(), "Zoë");
  const Column bytes = column(Kind::kBytes);
  EXPECT_EQ(Value(bytes, std::string_view("\0\xff", 2)).as_bytes(), std::string_view("\0\xff", 2));
  const Column bit = column(Kind::kBit);
  EXPECT_EQ(Value(bit, std::string_view("\1\2", 2)).as_uint64(), 0x0102u);
  EXPECT_TRUE(Value(bit, "\1").as_bool());
  EXPECT_FALSE(Value(bit, std::string_view("\0", 1)).as_bool());
  EXPECT_THAT(complaint([&] { Value(bit, "123456789").as_uint64(); }), HasSubstr("64 bits"));
  const Column set = column(Kind::kSet);
  EXPECT_THAT(Value(set, "a,b c,d").as_labels(), ElementsAre("a", "b c", "d"));
  EXPECT_THAT(Value(set, "").as_labels(), ElementsAre());
  EXPECT_EQ(Value(set, "a,b").as_string(), "a,b");
  EXPECT_THAT(Value(column(Kind::kEnum), "a,b").as_labels(), ElementsAre("a,b"));
}

}  // namespace
}  // namespace binbus
