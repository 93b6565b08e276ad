#include "format/json_output.h"

#include <gtest/gtest.h>

namespace binbus::format {
namespace {

struct TextCase {
  const char* name;
  std::string text;
  std::string want;
};
const TextCase kTextCases[] = {
    {"empty", "", R"("")"},
    {"plain", "abc", R"("abc")"},
    {"quote_and_backslash", R"(a"b\c)", R"("a\"b\\c")"},
    {"named_controls", "\b\t\n\f\r", R"("\b\t\n\f\r")"},
    {"other_controls", std::string("\0\x01\x1f", 3), R"("\u0000\u0001\u001F")"},
    {"delete_is_no_control", "\x7f", "\"\x7f\""},
    {"slash_stays", "a/b", R"("a/b")"},
    {"other_letters_stay", "Grüße 你好 😀", "\"Grüße 你好 😀\""},
    {"sixteen_plain", "0123456789abcdef", R"("0123456789abcdef")"},
    {"quote_after_sixteen", "0123456789abcdef\"", R"("0123456789abcdef\"")"},
    {"quote_in_second_block", "0123456789abcdef0123\"6789abcdef",
     R"("0123456789abcdef0123\"6789abcdef")"},
};

TEST(JsonOutput, EscapesText) {
  for (const TextCase& test : kTextCases) {
    std::string out;
    append_json_string(out, test.text);
    EXPECT_EQ(out, test.want) << test.name;
  }
}

TEST(JsonOutput, FindsThePlainPartAtEveryPlace) {
  for (size_t at = 0; at < 70; ++at) {
    for (const char special : {'"', '\\', '\n', '\0', '\x1f'}) {
      std::string text(70, 'x');
      text[at] = special;
      EXPECT_EQ(json_plain_length(text), at);
      EXPECT_EQ(json_plain_ascii_length(text), at);
    }
    std::string text(70, ' ');
    text[at] = '\xc3';
    EXPECT_EQ(json_plain_length(text), text.size());
    EXPECT_EQ(json_plain_ascii_length(text), at);
  }
}

TEST(JsonOutput, Base64) {
  const std::pair<std::string, std::string> cases[] = {
      {"", ""},        {"f", "Zg=="},          {"fo", "Zm8="},
      {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}, {std::string("\xff\x00\xfe", 3), "/wD+"},
  };
  for (const auto& [bytes, want] : cases) {
    std::string out = "x";
    append_base64(out, as_bytes(bytes));
    EXPECT_EQ(out, "x" + want);
  }
}

TEST(JsonOutput, BytesAsCharacters) {
  std::string out;
  append_json_latin1(out, as_bytes(std::string_view("\x00\"a\xff", 4)));
  EXPECT_EQ(out, "\"\\u0000\\\"a\xc3\xbf\"");
}

TEST(JsonOutput, HexAndNumbers) {
  std::string out;
  append_hex(out, as_bytes(std::string_view("\x00\xab", 2)));
  append_number(out, UINT64_MAX);
  append_number(out, INT64_MIN);
  EXPECT_EQ(out, "00AB18446744073709551615-9223372036854775808");
  EXPECT_EQ(json_member("a\"b"), R"(,"a\"b":)");
}

}  // namespace
}  // namespace binbus::format
