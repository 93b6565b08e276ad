#include "schema/charset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/collations.h"
#include "schema/multi_byte_tables.h"
#include "schema/single_byte_tables.h"
#include "schema/utf8.h"

namespace binbus::schema {
namespace {

using mysql::Flavor;
using namespace std::string_literals;

struct Converted {
  std::string utf8;
  bool clean;
  bool operator==(const Converted&) const = default;
};
void PrintTo(const Converted& converted, std::ostream* out) {
  *out << testing::PrintToString(converted.utf8) << (converted.clean ? "" : ", not clean");
}

Converted convert(std::string_view charset, std::string_view text) {
  Converted converted{"before ", false};
  converted.clean = Charset::find(charset)->append_utf8(converted.utf8, as_bytes(text));
  converted.utf8.erase(0, 7);
  return converted;
}

struct TextCase {
  const char* name;
  const char* charset;
  std::string text;
  std::string utf8;
  bool clean = true;
};
void PrintTo(const TextCase& c, std::ostream* out) { *out << c.name; }

class CharsetText : public testing::TestWithParam<TextCase> {};
TEST_P(CharsetText, BecomesUtf8) {
  const TextCase& c = GetParam();
  EXPECT_EQ(convert(c.charset, c.text), (Converted{c.utf8, c.clean}));
}

const TextCase kSingleByteCases[] = {
    {"latin1_is_cp1252", "latin1", "\x80\x93\xE4\x9F\xFF", "€“äŸÿ"},
    {"latin1_holes_are_controls", "latin1", "\x81\x8D\x8F\x90\x9D",
     "\u0081\u008D\u008F\u0090\u009D"},
    {"latin1_nul_and_controls", "latin1", "a\0\x1A\x7F"s, "a\0\x1A\x7F"s},
    {"latin1_of_any_length", "latin1",
     "0123456789abcde\xE9"
     "0123456\xE8",
     "0123456789abcdeé0123456è"},
    {"latin2_has_c1_controls", "latin2", "\x80\x9F\xA1\xB1", "\u0080\u009FĄą"},
    {"latin5", "latin5", "\xD0\xDD\xDE\xF0\xFD\xFE", "ĞİŞğış"},
    {"latin7_quotes", "latin7", "\xA1\xA5\xB4\xFF", "”„“’"},
    {"ascii", "ascii", "A~\x7F", "A~\x7F"},
    {"ascii_high", "ascii",
     "A\x80"
     "B\xFF",
     "A\uFFFDB\uFFFD", false},
    {"cp1250_hole", "cp1250", "\x8A\x81\x8D", "Š\uFFFDŤ", false},
    {"cp1251_euro", "cp1251", "\x88\xCF\xF0", "€Пр"},
    {"cp1256", "cp1256", "\xC7\xE1\xFE", "ال\u200F"},
    {"cp1257", "cp1257", "\xC0\xE0", "Ąą"},
    {"cp850_dotless_i_and_box", "cp850", "\xD5\xC9\xBD", "ı╔¢"},
    {"cp852", "cp852", "\x9D\xA5", "Łą"},
    {"cp866", "cp866", "\x8F\xE0\xF0", "ПрЁ"},
    {"koi8r", "koi8r", "\xF0\xD2\xA3", "Прё"},
    {"koi8u_differs_from_koi8r", "koi8u", "\xA4\xA6\xA7\xAD\x95", "єіїґ•"},
    {"greek", "greek", "\xC1\xD9\xA1\xA2", "ΑΩʽʼ"},
    {"greek_has_no_euro", "greek", "\xA4", "\uFFFD", false},
    {"hebrew", "hebrew", "\xF9\xEC\xFE", "של\u200F"},
    {"tis620", "tis620", "\xA1\xDF\xE0\xFB", "ก฿เ๛"},
    {"tis620_c1_controls", "tis620", "\x80\x9F", "\u0080\u009F"},
    {"tis620_holes", "tis620", "\xA0\xDB\xFC", "\uFFFD\uFFFD\uFFFD", false},
    {"armscii8", "armscii8", "\xA2\xA7\xB2\xFD\xFE", "§«Աֆ’"},
    {"armscii8_ascii_twice", "armscii8", "()\xA5\xA4\xFF'", "()()''"},
    {"geostd8", "geostd8", "\x80\xC0\xE5\xFD", "€აჵ№"},
    {"geostd8_hole", "geostd8", "\xE6", "\uFFFD", false},
    {"swe7_letters_in_ascii", "swe7", "@[\\]^`{|}~_ab1", "ÉÄÖÅÜéäöåü_ab1"},
    {"swe7_high", "swe7", "a\x80", "a\uFFFD", false},
    {"hp8", "hp8", "\xA1\xAF\xBA\xFE", "À₤¤±"},
    {"hp8_last", "hp8", "\xFF", "\uFFFD", false},
    {"dec8", "dec8", "\xD7\xF7\xDD\xFD\xA8", "ŒœŸÿ¤"},
    {"dec8_hole", "dec8", "\xA4", "\uFFFD", false},
    {"keybcs2", "keybcs2", "\x80\x87\xA8\xAD",
     "Čč"
     "š¡"},
    {"macce", "macce", "\x81\x8B\xB8\xFF", "Āčłˇ"},
    {"macroman_apple", "macroman", "\xDB\xF0\xDE", "€\uF8FFﬁ"},
};
INSTANTIATE_TEST_SUITE_P(SingleByte, CharsetText, testing::ValuesIn(kSingleByteCases),
                         [](const auto& made) { return std::string(made.param.name); });

const TextCase kMultiByteCases[] = {
    {"sjis_backslash_and_tilde", "sjis", "\\~", "\\~"},
    {"sjis_backslash_as_trail", "sjis", "\x95\x5C\x83\x7C\x8F\xAA", "表ポ宵"},
    {"sjis_wide_backslash", "sjis", "\x81\x5F", "\\"},
    {"sjis_wave_dash", "sjis", "\x81\x60\x81\x61\x81\x7C", "〜‖−"},
    {"sjis_katakana", "sjis", "\xA1\xB1\xDF", "｡ｱﾟ"},
    {"sjis_has_no_nec_row", "sjis",
     "\x87\x40"
     "a\x5C",
     "\uFFFDa\\", false},
    {"sjis_has_no_ibm_row", "sjis", "\xFA\x5C", "\uFFFD", false},
    {"sjis_has_no_user_area", "sjis", "\xF0\x40", "\uFFFD", false},
    {"cp932_wide_tilde", "cp932", "\x81\x5F\x81\x60\x81\x61\x81\x7C", "＼～∥－"},
    {"cp932_nec_row", "cp932", "\x87\x40\x87\x90\x87\x9C", "①≒∪"},
    {"cp932_nec_selected_row", "cp932", "\xED\x40\xEE\xEF", "纊ⅰ"},
    {"cp932_ibm_row", "cp932", "\xFA\x40\xFA\x5C\xFC\x4B", "ⅰ纊黑"},
    {"cp932_user_area", "cp932", "\xF0\x40\xF9\xFC", "\uE000\uE757"},
    {"cp932_cut", "cp932", "a\x87", "a\uFFFD", false},
    {"cp932_wrong_trail", "cp932", "\x87\x20\x87\xFD", "\uFFFD \uFFFD\uFFFD", false},
    {"cp932_not_bytes", "cp932", "\x80\xA0\xFD", "\uFFFD\uFFFD\uFFFD", false},
    {"ujis_backslash", "ujis", "\\~\xA1\xC0", "\\~\\"},
    {"ujis_katakana", "ujis", "\x8E\xB1\x8E\xDF", "ｱﾟ"},
    {"ujis_katakana_beyond", "ujis", "\x8E\xE0\xA1", "\uFFFD燹", false},
    {"ujis_jis_x_0212", "ujis", "\x8F\xB0\xA1\x8F\xA2\xB7", "丂~"},
    {"ujis_three_bytes_cut", "ujis", "\x8F\xB0", "\uFFFD\uFFFD", false},
    {"ujis_three_bytes_wrong", "ujis",
     "\x8F\xB0"
     "a",
     "\uFFFD\uFFFDa", false},
    {"ujis_three_bytes_none", "ujis", "\x8F\xA1\xA1", "\uFFFD", false},
    {"eucjpms_nec_and_ibm", "eucjpms", "\xAD\xA1\x8F\xF3\xF3\x8F\xF4\xFE\xA1\xC1", "①ⅰ黑～"},
    {"eucjpms_user_areas", "eucjpms", "\xF5\xA1\x8F\xF5\xA1", "\uE000\uE3AC"},
    {"euckr_hangul_beyond_ksx1001", "euckr", "\xB0\xA1\x81\x41\xC6\x52", "가갂힣"},
    {"euckr_has_no_user_area", "euckr", "\xC9\xA1", "\uFFFD", false},
    {"euckr_hole_of_trails", "euckr", "\x81\x5B", "\uFFFD[", false},
    {"big5_backslash_as_trail", "big5", "\xA5\x5C\xB3\x5C", "功許"},
    {"big5_differences", "big5", "\xA1\x45\xA1\x4E\xA2\x42\xC6\xA5\xC7\xB1", "•､＼ぁД"},
    {"big5_eten_row_beyond", "big5", "\xF9\xD6\xF9\xDD", "碁\uFFFD", false},
    {"gb2312", "gb2312", "\xB0\xA1\xA1\xA4\xA1\xAA\xA3\xA7", "啊・―＇"},
    {"gb2312_none", "gb2312", "\xAA\xA1", "\uFFFD", false},
    {"gbk_backslash_as_trail", "gbk", "\x81\x5C\xB0\xA1\xA1\xA4", "乗啊·"},
    {"gbk_euro_is_none", "gbk",
     "\x80"
     "a",
     "\uFFFDa", false},
    {"gbk_has_no_user_area", "gbk", "\xAA\xA1", "\uFFFD", false},
    {"gb18030_two_bytes", "gb18030", "\xB0\xA1\xA2\xE3\xAA\xA1", "啊€\uE000"},
    {"gb18030_2005_not_2022", "gb18030", "\xA6\xD9\xA8\xBC\xFE\x59\x84\x31\x82\x36",
     "\uE78D\u1E3F\uE81E\uFE10"},
    {"gb18030_four_bytes_first", "gb18030", "\x81\x30\x81\x30", "\u0080"},
    {"gb18030_four_bytes_basic_last", "gb18030", "\x84\x31\xA4\x37\x84\x31\xA4\x39",
     "\uFFFD\uFFFF"},
    {"gb18030_four_bytes_other_planes", "gb18030",
     "\x90\x30\x81\x30\x94\x39\xDA\x33\xE3\x32\x9A\x35", "\U00010000💩\U0010FFFF"},
    {"gb18030_four_bytes_none", "gb18030", "\x84\x31\xA5\x30\xE3\x32\x9A\x36\xFE\x39\xFE\x39",
     "\uFFFD\uFFFD\uFFFD", false},
    {"gb18030_four_bytes_cut", "gb18030", "\x90\x30\x81", "\uFFFD0\uFFFD", false},
    {"gb18030_four_bytes_wrong", "gb18030", "\x90\x30\x20\x30", "\uFFFD0 0", false},
    {"ascii_between", "gbk",
     "0123456\xB0\xA1"
     "0123456789abcdef\xB0\xA1",
     "0123456啊0123456789abcdef啊"},
};
INSTANTIATE_TEST_SUITE_P(MultiByte, CharsetText, testing::ValuesIn(kMultiByteCases),
                         [](const auto& made) { return std::string(made.param.name); });

const TextCase kUnicodeCases[] = {
    {"utf8mb4", "utf8mb4", "aä€💩", "aä€💩"},
    {"utf8mb4_empty", "utf8mb4", "", ""},
    {"utf8mb4_edges", "utf8mb4",
     "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F"
     "\xBF\xBF",
     "\x7F\u0080\u07FF\u0800\uD7FF\uE000\uFFFF\U00010000\U0010FFFF"},
    {"utf8mb4_real_replacement", "utf8mb4", "\uFFFD", "\uFFFD"},
    {"utf8mb4_overlong_two", "utf8mb4", "\xC0\x80\xC1\xBF", "\uFFFD\uFFFD\uFFFD\uFFFD", false},
    {"utf8mb4_overlong_three", "utf8mb4", "\xE0\x9F\xBF", "\uFFFD\uFFFD\uFFFD", false},
    {"utf8mb4_overlong_four", "utf8mb4", "\xF0\x8F\xBF\xBF", "\uFFFD\uFFFD\uFFFD\uFFFD", false},
    {"utf8mb4_surrogate", "utf8mb4", "\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD", false},
    {"utf8mb4_beyond", "utf8mb4", "\xF4\x90\x80\x80\xF5", "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD", false},
    {"utf8mb4_continuation_alone", "utf8mb4",
     "a\x80"
     "b",
     "a\uFFFDb", false},
    {"utf8mb4_cut_two", "utf8mb4", "a\xC3", "a\uFFFD", false},
    {"utf8mb4_cut_three", "utf8mb4", "a\xE2\x82", "a\uFFFD\uFFFD", false},
    {"utf8mb4_cut_four", "utf8mb4", "\xF0\x9F\x92", "\uFFFD\uFFFD\uFFFD", false},
    {"utf8mb4_goes_on_behind", "utf8mb4", "ä\xFFä\xE2\x82ä", "ä\uFFFDä\uFFFD\uFFFDä", false},
    {"utf8mb3", "utf8mb3", "aä€", "aä€"},
    {"utf8mb3_has_no_four", "utf8mb3", "💩", "\uFFFD\uFFFD\uFFFD\uFFFD", false},
    {"utf8_is_utf8mb3", "utf8", "💩", "\uFFFD\uFFFD\uFFFD\uFFFD", false},
    {"binary_is_checked", "binary", "💩\xFF", "💩\uFFFD", false},
    {"ucs2", "ucs2", "\0a\xFF\xFD\x20\xAC"s, "a\uFFFD€"},
    {"ucs2_odd", "ucs2", "\0a\x20"s, "a\uFFFD", false},
    {"ucs2_surrogates", "ucs2", "\xD8\x3D\xDC\xA9", "\uFFFD\uFFFD", false},
    {"utf16_pair", "utf16", "\xD8\x3D\xDC\xA9\0a"s, "💩a"},
    {"utf16_high_alone", "utf16", "\xD8\x3D\0a"s, "\uFFFDa", false},
    {"utf16_low_alone", "utf16", "\xDC\xA9\0a"s, "\uFFFDa", false},
    {"utf16_high_last", "utf16", "\0a\xD8\x3D"s, "a\uFFFD", false},
    {"utf16_high_and_a_byte", "utf16", "\xD8\x3D\xDC", "\uFFFD\uFFFD", false},
    {"utf16le", "utf16le",
     "\x3D\xD8\xA9\xDC"
     "a\0"s,
     "💩a"},
    {"utf32", "utf32", "\0\0\0a\0\1\xF4\xA9\0\x10\xFF\xFF"s, "a💩\U0010FFFF"},
    {"utf32_beyond", "utf32", "\0\x11\0\0\xFF\xFF\xFF\xFF"s, "\uFFFD\uFFFD", false},
    {"utf32_surrogate", "utf32", "\0\0\xD8\0"s, "\uFFFD", false},
    {"utf32_cut", "utf32", "\0\0\0a\0\0"s, "a\uFFFD\uFFFD", false},
};
INSTANTIATE_TEST_SUITE_P(Unicode, CharsetText, testing::ValuesIn(kUnicodeCases),
                         [](const auto& made) { return std::string(made.param.name); });

TEST(Charset, LargeTextIsDecodedInPieces) {
  std::string sjis, utf8;
  for (int n = 0; n < 5000; ++n) {
    sjis += "\x95\x5C" + std::string(static_cast<size_t>(n % 13), 'a') + "\xB1";
    utf8 += "表" + std::string(static_cast<size_t>(n % 13), 'a') + "ｱ";
  }
  EXPECT_EQ(convert("sjis", sjis), (Converted{utf8, true}));
}

TEST(Charset, InvalidUtf8IsFoundAtEveryPlaceOfALongText) {
  for (size_t place = 0; place < 100; ++place) {
    std::string text(100, 'a');
    text[place] = '\xFF';
    std::string want = text;
    want.replace(place, 1, "\uFFFD");
    EXPECT_EQ(convert("utf8mb4", text), (Converted{want, false}));
  }
}

TEST(Charset, TablesAreOfKnownCharsets) {
  for (const SingleByteTable& table : single_byte_tables()) {
    EXPECT_NE(Charset::find(table.charset), nullptr) << table.charset;
    EXPECT_LE(table.first + table.characters.size(), 256u) << table.charset;
  }
  for (const MultiByteTable& table : multi_byte_tables())
    EXPECT_NE(Charset::find(table.charset), nullptr) << table.charset;
}

TEST(Charset, IsFoundByName) {
  EXPECT_EQ(Charset::find("latin1")->name(), "latin1");
  EXPECT_EQ(Charset::find("UTF8")->name(), "utf8mb3");
  EXPECT_EQ(Charset::find("Utf8mb4")->name(), "utf8mb4");
  EXPECT_EQ(Charset::find("utf16")->name(), "utf16");
  EXPECT_TRUE(Charset::find("binary")->is_binary());
  EXPECT_FALSE(Charset::find("ascii")->is_binary());
  EXPECT_EQ(Charset::find(""), nullptr);
  EXPECT_EQ(Charset::find("latin"), nullptr);
  EXPECT_EQ(Charset::find("cp1252"), nullptr);
}

TEST(Charset, BytesPerCharacter) {
  EXPECT_EQ(Charset::find("latin1")->bytes_per_character_max(), 1u);
  EXPECT_EQ(Charset::find("sjis")->bytes_per_character_max(), 2u);
  EXPECT_EQ(Charset::find("ujis")->bytes_per_character_max(), 3u);
  EXPECT_EQ(Charset::find("utf8")->bytes_per_character_max(), 3u);
  EXPECT_EQ(Charset::find("gb18030")->bytes_per_character_max(), 4u);
  EXPECT_EQ(Charset::find("ucs2")->bytes_per_character_max(), 2u);
}

TEST(Charset, DefaultCollationIsTheServers) {
  struct {
    const char* charset;
    Flavor flavor;
    uint32_t version;
    const char* collation;
  } const cases[] = {
      {"latin1", Flavor::kMysql, 50562, "latin1_swedish_ci"},
      {"utf8mb4", Flavor::kMysql, 50744, "utf8mb4_general_ci"},
      {"utf8mb4", Flavor::kMysql, 80030, "utf8mb4_0900_ai_ci"},
      {"utf8mb3", Flavor::kMysql, 90700, "utf8mb3_general_ci"},
      {"utf8mb4", Flavor::kMariadb, 101106, "utf8mb4_general_ci"},
      {"utf8mb4", Flavor::kMariadb, 110400, "utf8mb4_general_ci"},
      {"utf8mb4", Flavor::kMariadb, 110800, "utf8mb4_uca1400_ai_ci"},
      {"utf8mb3", Flavor::kMariadb, 110800, "utf8mb3_uca1400_ai_ci"},
      {"utf16", Flavor::kMariadb, 110800, "utf16_uca1400_ai_ci"},
      {"utf16le", Flavor::kMariadb, 110800, "utf16le_general_ci"},
      {"gb2312", Flavor::kMariadb, 110800, "gb2312_chinese_ci"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(Charset::find(c.charset)->default_collation(c.flavor, c.version), c.collation);
  EXPECT_EQ(Charset::find("utf8mb4")->default_collation(), "utf8mb4_0900_ai_ci");
}

TEST(Charset, IsFoundByCollation) {
  struct {
    const char* name;
    const char* charset;
  } const cases[] = {
      {"binary", "binary"},
      {"latin1_swedish_ci", "latin1"},
      {"utf8_general_ci", "utf8mb3"},
      {"utf8mb3_bin", "utf8mb3"},
      {"UTF8MB4_0900_AI_CI", "utf8mb4"},
      {"utf16le_bin", "utf16le"},
      {"utf16_bin", "utf16"},
      {"utf8mb4_of_tomorrow_ci", "utf8mb4"},
  };
  for (const auto& c : cases) {
    ASSERT_NE(Charset::find_by_collation(c.name), nullptr) << c.name;
    EXPECT_EQ(Charset::find_by_collation(c.name)->name(), c.charset);
  }
  EXPECT_EQ(Charset::find_by_collation(""), nullptr);
  EXPECT_EQ(Charset::find_by_collation("uca1400_ai_ci"), nullptr);
}

TEST(Collation, HasANumber) {
  struct {
    uint32_t id;
    const char* mysql;
    const char* mariadb;
    const char* charset;
  } const cases[] = {
      {1, "big5_chinese_ci", "big5_chinese_ci", "big5"},
      {8, "latin1_swedish_ci", "latin1_swedish_ci", "latin1"},
      {33, "utf8mb3_general_ci", "utf8mb3_general_ci", "utf8mb3"},
      {63, "binary", "binary", "binary"},
      {99, "cp1250_polish_ci", "cp1250_polish_ci", "cp1250"},
      {181, "utf32_croatian_ci", "utf32_croatian_mysql561_ci", "utf32"},
      {247, "utf8mb4_vietnamese_ci", "utf8mb4_vietnamese_ci", "utf8mb4"},
      {248, "gb18030_chinese_ci", "gb18030_chinese_ci", "gb18030"},
      {255, "utf8mb4_0900_ai_ci", "utf8mb4_0900_ai_ci", "utf8mb4"},
      {323, "utf8mb4_mn_cyrl_0900_as_cs", "utf8mb4_mn_cyrl_0900_as_cs", "utf8mb4"},
      {576, "utf8mb3_croatian_ci", "utf8mb3_croatian_ci", "utf8mb3"},
      {1032, "latin1_swedish_nopad_ci", "latin1_swedish_nopad_ci", "latin1"},
      {1070, "utf8mb4_nopad_bin", "utf8mb4_nopad_bin", "utf8mb4"},
      {2048, "utf8mb3_uca1400_ai_ci", "utf8mb3_uca1400_ai_ci", "utf8mb3"},
      {2304, "utf8mb4_uca1400_ai_ci", "utf8mb4_uca1400_ai_ci", "utf8mb4"},
      {2315, "utf8mb4_uca1400_icelandic_as_cs", "utf8mb4_uca1400_icelandic_as_cs", "utf8mb4"},
      {3271, "utf32_uca1400_croatian_nopad_as_cs", "utf32_uca1400_croatian_nopad_as_cs", "utf32"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(collation_name(c.id, Flavor::kMysql), c.mysql) << c.id;
    EXPECT_EQ(collation_name(c.id, Flavor::kMariadb), c.mariadb) << c.id;
    ASSERT_NE(Charset::find_by_collation(c.id), nullptr) << c.id;
    EXPECT_EQ(Charset::find_by_collation(c.id)->name(), c.charset) << c.id;
  }
}

TEST(Collation, NumbersOfNone) {
  for (const uint32_t id : {0u, 17u, 100u, 324u, 1087u, 2047u, 2216u, 3272u, 3328u, 65535u, ~0u}) {
    EXPECT_EQ(collation_name(id, Flavor::kMariadb), "") << id;
    EXPECT_EQ(Charset::find_by_collation(id), nullptr) << id;
  }
}

}  // namespace
}  // namespace binbus::schema
