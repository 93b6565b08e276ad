#include "schema/json.h"

#include <gtest/gtest.h>

#include "schema/fields_testing.h"
#include "schema/json_path.h"
#include "schema/json_update.h"

namespace binbus::schema {
namespace {

using testing_fields::bytes_of;

std::string text_of(Bytes document) {
  std::string out = "|";
  const Status done = append_json(out, document);
  if (!done) return out == "|" ? "error: " + done.error().message : "appended to on an error";
  return out.substr(1);
}

struct JsonCase {
  const char* name;
  const char* hex;
  std::string want;
};
void PrintTo(const JsonCase& test, std::ostream* out) { *out << test.name; }

const JsonCase kDocuments[] = {
    {"nothing_is_null", "", "null"},
    {"true", "0401", "true"},
    {"int16", "05ffff", "-1"},
    {"uint16", "06ffff", "65535"},
    {"int32", "0700000080", "-2147483648"},
    {"uint64", "0affffffffffffffff", "18446744073709551615"},
    {"double_whole", "0b000000000000f03f", "1.0"},
    {"double_large", "0b00c84e676dc1ab43", "1e18"},
    {"string_escapes", "0c0a 22 5c 08 0c 0a 0d 09 01 1f 7f",
     "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\""},
    {"object", "0001000c000b0001000504006b", "{\"k\": 4}"},
    {"array_of_inline", "0203000d00 0400 00 05ffff 0401 00", "[null, -1, true]"},
    {"empty_object", "0000000400", "{}"},
    {"empty_large_array", "030000000008000000", "[]"},
    {"decimal", "0f f6 07 0a02 8000000c1e", "12.30"},
    {"time", "0f 0b 08 e05ef84737ffffff", "\"-12:34:56.500000\""},
    {"date", "0f 0a 08 0000000000bab219", "\"2024-02-29\""},
    {"datetime", "0f 0c 08 90d0038310bab219", "\"2024-02-29 01:02:03.250000\""},
    {"time_out_of_range", "0f 0b 08 0000000070340000", "error: date or time out of its range"},
    {"time_cut", "0f 0b 04 00000000", "error: JSON document: a time's size"},
    {"bit", "0f 10 01 05", "\"base64:type16:BQ==\""},
    {"blob", "0f fc 03 ff00ff", "\"base64:type252:/wD/\""},
    {"unknown_literal", "0403", "error: JSON document: an unknown literal"},
    {"unknown_type", "0d00", "error: JSON document: an unknown type"},
    {"container_size_too_large", "0000000500", "error: JSON document: a container's size"},
    {"too_many_elements", "02ffff0400", "error: JSON document: more elements than there are bytes"},
    {"value_in_the_head", "020100080000 0000 00", "error: JSON document: a value's place"},
    {"key_outside", "0001000c00ff0001000504006b", "error: JSON document: a key's place"},
    {"string_cut", "0c0561", "error: JSON string"},
    {"length_without_end", "0cffffffffffff",
     "error: JSON document: a length of more than five bytes"},
    // Both elements are the one string: such a document would print without end.
    {"overlap", "02 0200 0f00 0c0a00 0c0a00 04 61616161",
     "error: JSON document: values that overlap"},
};

class JsonText : public testing::TestWithParam<JsonCase> {};

TEST_P(JsonText, IsAsTheServerPrintsIt) {
  EXPECT_EQ(text_of(bytes_of(GetParam().hex)), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(Documents, JsonText, testing::ValuesIn(kDocuments),
                         [](const auto& test) { return test.param.name; });

// Arrays in each other, the innermost empty.
ByteVector nested(size_t depth) {
  ByteVector document{2};
  for (size_t i = depth; i > 1; --i) {
    ByteWriter level;
    level.u16(1).u16(4 + 3 + 7 * (i - 2) + 4).u8(2).u16(7);
    document.insert(document.end(), level.view().begin(), level.view().end());
  }
  const ByteVector innermost{0, 0, 4, 0};
  document.insert(document.end(), innermost.begin(), innermost.end());
  return document;
}

TEST(JsonDepth, IsLimited) {
  EXPECT_EQ(text_of(nested(3)), "[[[]]]");
  EXPECT_EQ(text_of(nested(100)), std::string(100, '[') + std::string(100, ']'));
  EXPECT_EQ(text_of(nested(101)), "error: JSON document nested too deep");
  EXPECT_EQ(text_of(nested(9000)), "error: JSON document nested too deep");
}

std::string updated(std::string_view document_hex, std::string_view update_hex) {
  ByteVector out;
  const Status done = apply_json_update(bytes_of(document_hex), bytes_of(update_hex), out);
  return done ? text_of(out) : "error: " + done.error().message;
}

// {"k": 4}
const char* const kSmall = "0001000c000b0001000504006b";
// [1, [2], {"k": 4}]
const char* const kArray =
    "02 0300 2000 050100 020d00 001400 0100 0700 050200 0100 0c00 0b00 0100 050400 6b";

struct UpdateCase {
  const char* name;
  const char* document;
  std::string steps;  // text of a path where a step's hex has {path}
  std::string want;
};
void PrintTo(const UpdateCase& test, std::ostream* out) { *out << test.name; }

std::string step(const char* operation, const std::string& path, const std::string& value = "") {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex = operation;
  const auto byte = [&hex](size_t value_of) {
    hex += kDigits[value_of >> 4];
    hex += kDigits[value_of & 15];
  };
  byte(path.size());
  for (const char c : path) byte(static_cast<uint8_t>(c));
  if (!value.empty()) {
    byte(value.size() / 2);
    hex += value;
  }
  return hex;
}

const UpdateCase kUpdates[] = {
    {"nothing", kSmall, "", "{\"k\": 4}"},
    {"replace", kSmall, step("00", "$.k", "050500"), "{\"k\": 5}"},
    {"replace_all", kSmall, step("00", "$", "0401"), "true"},
    {"insert_sorted", kSmall,
     step("01", "$.a", "0400") + step("01", "$.bb", "0402") + step("01", "$.z", "0401"),
     "{\"a\": null, \"k\": 4, \"z\": true, \"bb\": false}"},
    {"remove", kSmall, step("02", "$.k"), "{}"},
    {"quoted_name", kSmall, step("01", "$.\"\\u00e4\\\" \"", "0400"),
     "{\"k\": 4, \"\xc3\xa4\\\" \": null}"},
    {"array_insert", kArray, step("01", "$[1][0]", "0400"), "[1, [null, 2], {\"k\": 4}]"},
    {"array_append", kArray, step("01", "$[9]", "0400"), "[1, [2], {\"k\": 4}, null]"},
    {"array_last", kArray, step("02", "$[last-1]"), "[1, {\"k\": 4}]"},
    {"deep", kArray, step("00", "$[2].k", "0c026869"), "[1, [2], {\"k\": \"hi\"}]"},
    {"what_is_no_array_is_its_first_element", kSmall, step("00", "$.k[0]", "0400"),
     "{\"k\": null}"},
    {"one_after_the_other", kSmall,
     step("01", "$.o", kSmall) + step("00", "$.o.k", "0401") + step("02", "$.k"),
     "{\"o\": {\"k\": true}}"},
    {"no_such_member", kSmall, step("00", "$.x", "0400"),
     "error: JSON update: the document has no place $.x"},
    {"no_such_parent", kSmall, step("01", "$.x.y", "0400"),
     "error: JSON update: the document has no place $.x.y"},
    {"there_already", kSmall, step("01", "$.k", "0400"),
     "error: JSON update: the document has no place $.k"},
    {"unknown_operation", kSmall, "0300", "error: JSON update: an unknown operation"},
    {"bad_path", kSmall, step("02", "k"), "error: JSON path that is none"},
    {"cut", kSmall, "0005242e", "error: path of a JSON update"},
};

class JsonUpdate : public testing::TestWithParam<UpdateCase> {};

TEST_P(JsonUpdate, MakesTheWholeDocument) {
  EXPECT_EQ(updated(GetParam().document, GetParam().steps), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(Steps, JsonUpdate, testing::ValuesIn(kUpdates),
                         [](const auto& test) { return test.param.name; });

TEST(JsonUpdateText, ListsTheSteps) {
  std::string out;
  ASSERT_TRUE(
      append_json_update(out, bytes_of(step("00", "$.k", "050500") + step("02", "$.\"a b\""))));
  EXPECT_EQ(out,
            "[{\"op\": \"replace\", \"path\": \"$.k\", \"value\": 5}, {\"op\": \"remove\", "
            "\"path\": \"$.\\\"a b\\\"\"}]");
}

TEST(JsonPath, OfTooManyLegsIsRefused) {
  std::string path = "$";
  for (int i = 0; i < 101; ++i) path += "[0]";
  EXPECT_FALSE(parse_json_path(path));
  for (const char* bad : {"", "k", "$.", "$[", "$[x]", "$[1", "$.\"a", "$.\"\\x\"", "$[last-]",
                          "$[99999999999999999999999]"}) {
    EXPECT_FALSE(parse_json_path(bad)) << bad;
  }
}

}  // namespace
}  // namespace binbus::schema
