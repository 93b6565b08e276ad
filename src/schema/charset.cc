#include "schema/charset.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "schema/collations.h"
#include "schema/text_decoder.h"

namespace binbus::schema {
namespace {

struct Row {
  std::string_view name;
  uint8_t bytes_per_character_max;
  std::string_view default_collation;
};
constexpr Row kRows[] = {
    {"armscii8", 1, "armscii8_general_ci"}, {"ascii", 1, "ascii_general_ci"},
    {"big5", 2, "big5_chinese_ci"},         {"binary", 1, "binary"},
    {"cp1250", 1, "cp1250_general_ci"},     {"cp1251", 1, "cp1251_general_ci"},
    {"cp1256", 1, "cp1256_general_ci"},     {"cp1257", 1, "cp1257_general_ci"},
    {"cp850", 1, "cp850_general_ci"},       {"cp852", 1, "cp852_general_ci"},
    {"cp866", 1, "cp866_general_ci"},       {"cp932", 2, "cp932_japanese_ci"},
    {"dec8", 1, "dec8_swedish_ci"},         {"eucjpms", 3, "eucjpms_japanese_ci"},
    {"euckr", 2, "euckr_korean_ci"},        {"gb18030", 4, "gb18030_chinese_ci"},
    {"gb2312", 2, "gb2312_chinese_ci"},     {"gbk", 2, "gbk_chinese_ci"},
    {"geostd8", 1, "geostd8_general_ci"},   {"greek", 1, "greek_general_ci"},
    {"hebrew", 1, "hebrew_general_ci"},     {"hp8", 1, "hp8_english_ci"},
    {"keybcs2", 1, "keybcs2_general_ci"},   {"koi8r", 1, "koi8r_general_ci"},
    {"koi8u", 1, "koi8u_general_ci"},       {"latin1", 1, "latin1_swedish_ci"},
    {"latin2", 1, "latin2_general_ci"},     {"latin5", 1, "latin5_turkish_ci"},
    {"latin7", 1, "latin7_general_ci"},     {"macce", 1, "macce_general_ci"},
    {"macroman", 1, "macroman_general_ci"}, {"sjis", 2, "sjis_japanese_ci"},
    {"swe7", 1, "swe7_swedish_ci"},         {"tis620", 1, "tis620_thai_ci"},
    {"ucs2", 2, "ucs2_general_ci"},         {"ujis", 3, "ujis_japanese_ci"},
    {"utf16", 4, "utf16_general_ci"},       {"utf16le", 4, "utf16le_general_ci"},
    {"utf32", 4, "utf32_general_ci"},       {"utf8mb3", 3, "utf8mb3_general_ci"},
    {"utf8mb4", 4, "utf8mb4_general_ci"},
};

std::unique_ptr<TextDecoder> make_decoder(std::string_view charset) {
  if (charset == "utf8mb4" || charset == "binary") return utf8_decoder(4);
  if (charset == "utf8mb3") return utf8_decoder(3);
  if (charset == "ucs2") return unicode_decoder(UnicodeForm::kUcs2);
  if (charset == "utf16") return unicode_decoder(UnicodeForm::kUtf16);
  if (charset == "utf16le") return unicode_decoder(UnicodeForm::kUtf16le);
  if (charset == "utf32") return unicode_decoder(UnicodeForm::kUtf32);
  for (const SingleByteTable& table : single_byte_tables())
    if (table.charset == charset) return single_byte_decoder(table);
  for (const MultiByteTable& table : multi_byte_tables())
    if (table.charset == charset) return multi_byte_decoder(table);
  return nullptr;
}

// They live as long as the program: whoever still runs at its end may use them.
const std::vector<Charset>& charsets() {
  static const auto* const all = [] {
    auto* made = new std::vector<Charset>;
    for (const Row& row : kRows) {
      const TextDecoder* decoder = make_decoder(row.name).release();
      BINBUS_CHECK(decoder != nullptr);
      made->emplace_back(row.name, row.bytes_per_character_max, row.default_collation, *decoder);
    }
    return made;
  }();
  return *all;
}

bool same_word(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

const Charset* Charset::find(std::string_view name) {
  if (same_word(name, "utf8")) name = "utf8mb3";
  for (const Charset& charset : charsets())
    if (same_word(charset.name_, name)) return &charset;
  return nullptr;
}

const Charset* Charset::find_by_collation(uint32_t collation_id) {
  return find_by_collation(collation_name(collation_id, mysql::Flavor::kMysql));
}

const Charset* Charset::find_by_collation(std::string_view collation) {
  return find(collation.substr(0, collation.find('_')));
}

Charset::Charset(std::string_view name, uint32_t bytes_per_character_max,
                 std::string_view default_collation, const TextDecoder& decoder)
    : name_(name),
      bytes_per_character_max_(bytes_per_character_max),
      default_collation_(default_collation),
      decoder_(decoder),
      is_binary_(name == "binary"),
      extends_ascii_(decoder.extends_ascii()) {}

std::string_view Charset::default_collation(mysql::Flavor flavor, uint32_t server_version) const {
  if (flavor == mysql::Flavor::kMysql)
    return server_version >= 80001 && name_ == "utf8mb4" ? "utf8mb4_0900_ai_ci"
                                                         : default_collation_;
  constexpr std::string_view kNewOfMariadb[] = {"utf8mb3_uca1400_ai_ci", "utf8mb4_uca1400_ai_ci",
                                                "ucs2_uca1400_ai_ci", "utf16_uca1400_ai_ci",
                                                "utf32_uca1400_ai_ci"};
  if (server_version >= 110500) {
    for (const std::string_view collation : kNewOfMariadb)
      if (collation.substr(0, collation.find('_')) == name_) return collation;
  }
  return default_collation_;
}

bool Charset::append_decoded(std::string& out, Bytes text) const {
  return decoder_.append_utf8(out, text);
}

std::string utf8_text(std::string_view text, uint32_t collation_id) {
  const Charset* charset = Charset::find_by_collation(collation_id);
  if (charset == nullptr) charset = Charset::find("utf8mb4");
  std::string out;
  charset->append_utf8(out, as_bytes(text));
  return out;
}

}  // namespace binbus::schema
