#include "schema/json_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/fields_testing.h"
#include "schema/json.h"
#include "schema/json_binary.h"

namespace binbus::schema {
namespace {

using testing::HasSubstr;
using testing_fields::bytes_of;

std::string text_of(Bytes document) {
  std::string out;
  const Status done = append_json(out, document);
  return done ? out : "error: " + done.error().message;
}

ByteVector encoded(std::string_view text) {
  JsonEncoder encoder;
  ByteVector document;
  const Status done = encoder.encode(text, document);
  EXPECT_TRUE(done) << done.error().message;
  return document;
}

struct DocumentCase {
  const char* name;
  std::string text;
  const char* hex;  // as MySQL 9.7 stores the same text
};
void PrintTo(const DocumentCase& test, std::ostream* out) { *out << test.name; }

const DocumentCase kDocuments[] = {
    {"null", "null", "0400"},
    {"true", "true", "0401"},
    {"false", "false", "0402"},
    {"int16", "-32768", "050080"},
    {"int16_most", "32767", "05ff7f"},
    {"int32", "32768", "0700800000"},
    {"int32_least", "-2147483648", "0700000080"},
    {"int64_without_sign", "4294967295", "09ffffffff00000000"},
    {"int64_least", "-9223372036854775808", "090000000000000080"},
    {"uint64", "4294967296", "0a0000000001000000"},
    {"uint64_most", "18446744073709551615", "0affffffffffffffff"},
    {"double", "1.0", "0b000000000000f03f"},
    {"double_with_exponent", "1e20", "0b408cb5781daf1544"},
    {"negative_zero", "-0.0", "0b0000000000000080"},
    {"decimal", "12.30", "0f f6 04 0402 8c1e"},
    {"decimal_of_no_double", "18446744073709551616", "0f f6 0b 1400 92 1aa0c609 2a4ae600"},
    {"string", "\"k\"", "0c016b"},
    {"string_escapes", R"("\"\\\b\f\n\r\t\u0001")", "0c08 22 5c 08 0c 0a 0d 09 01"},
    {"empty_object", "{}", "0000000400"},
    {"empty_array", "[]", "0200000400"},
    {"object", R"({"k": 4})", "0001000c000b0001000504006b"},
    {"array_of_inline", "[null, -1, true]", "0203000d00 0400 00 05ffff 0401 00"},
    {"values_behind_each_other", R"([70000, "x"])", "0202001000 070a00 0c0e00 70110100 0178"},
};

class Documents : public testing::TestWithParam<DocumentCase> {};

TEST_P(Documents, AreTheServersBytesAndPrintAsTheyCame) {
  const ByteVector document = encoded(GetParam().text);
  EXPECT_EQ(text_of(document), GetParam().text);
  EXPECT_EQ(document, bytes_of(GetParam().hex));
}

INSTANTIATE_TEST_SUITE_P(Encoded, Documents, testing::ValuesIn(kDocuments),
                         [](const auto& test) { return test.param.name; });

TEST(JsonEncoder, EscapesOfOtherPrintersAreCharacters) {
  EXPECT_EQ(text_of(encoded(R"( [ "\u00e9\ud83d\ude00\/" ,"\u0041"] )")),
            "[\"é\U0001F600/\", \"A\"]");
}

// A container is small as long as it is of 65535 bytes at most, and so are those in it.
TEST(JsonEncoder, ContainersBecomeLargeOnlyWhereTheyMust) {
  const auto array = [](size_t letters, const char* more) {
    return "[\"" + std::string(letters, 'x') + "\"" + more + "]";
  };
  constexpr size_t kHead = 4 + 3 + 3;  // count, size; an entry; the string's length
  const std::string most = array(65535 - kHead, "");
  const std::string large = array(65535 - kHead + 1, "");
  EXPECT_EQ(encoded(most)[0], kJsonSmallArray);
  EXPECT_EQ(encoded(large)[0], kJsonLargeArray);
  EXPECT_EQ(text_of(encoded(most)), most);
  EXPECT_EQ(text_of(encoded(large)), large);

  const std::string mixed = array(70000, ", [1, -2], 70000, -5, {\"k\": {}}");
  const ByteVector document = encoded(mixed);
  EXPECT_EQ(text_of(document), mixed);
  EXPECT_EQ(document[1 + 8 + 5], kJsonSmallArray);
  const std::string deep = "{\"a\": " + large + ", \"bb\": [" + large + "]}";
  EXPECT_EQ(encoded(deep)[0], kJsonLargeObject);
  EXPECT_EQ(text_of(encoded(deep)), deep);
}

TEST(JsonEncoder, KeepsTheOrderOfKeys) {
  const std::string text = R"({"": 1, "a": 2, "b": 3, "aa": {"x": [], "y": "z"}})";
  EXPECT_EQ(text_of(encoded(text)), text);
}

TEST(JsonEncoder, OneForManyDocuments) {
  JsonEncoder encoder;
  ByteVector document;
  ASSERT_TRUE(encoder.encode("[1, 2, {\"a\": \"long\"}]", document));
  ASSERT_FALSE(encoder.encode("[1, 2", document));
  ASSERT_TRUE(encoder.encode("[3]", document));
  EXPECT_EQ(document, bytes_of("0201000700 050300"));
}

TEST(JsonEncoder, AsDeepAsServersAllow) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(text_of(encoded(nested(kJsonDepthMax))), nested(kJsonDepthMax));
  JsonEncoder encoder;
  ByteVector document;
  EXPECT_EQ(encoder.encode(nested(kJsonDepthMax + 1), document).error().code, Code::kLimit);
}

TEST(JsonEncoder, WhatIsNoDocumentIsRefused) {
  const std::string long_key = "{\"" + std::string(65536, 'k') + "\": 1}";
  const std::pair<std::string, const char*> cases[] = {
      {"", "no value at byte 0"},
      {"[1, ", "no value at byte 4"},
      {"[1 2]", "neither a comma nor an end at byte 3"},
      {"{\"a\" 1}", "no colon after a key at byte 5"},
      {"{1: 2}", "no key at byte 1"},
      {"\"a", "a string without an end"},
      {"\"a\\", "a string without an end"},
      {"\"\\x\"", "an unknown escape"},
      {"\"\\u00\"", "an escape cut short"},
      {"\"\\ud800\"", "half a character"},
      {"\"\\ud800\\u0041\"", "half a character"},
      {"nul", "no value"},
      {"-", "no value"},
      {"1 2", "more than one value"},
      {"01", "a number that no server prints so"},
      {"1.", "a number that no server prints so"},
      {"1e5", "a number that no server prints so"},
      {"1-2", "a number that no server prints so"},
      {std::string(82, '9'), "a number of too many digits"},
      {long_key, "a key of more than 65535 bytes"},
  };
  JsonEncoder encoder;
  ByteVector document;
  for (const auto& [text, why] : cases) {
    const Status done = encoder.encode(text, document);
    ASSERT_FALSE(done) << text.substr(0, 20);
    EXPECT_EQ(done.error().code, Code::kCorrupt) << text.substr(0, 20);
    EXPECT_THAT(done.error().message, HasSubstr(why));
  }
}

}  // namespace
}  // namespace binbus::schema
