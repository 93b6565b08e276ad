// As information_schema.COLLATIONS of MySQL 9.7 and MariaDB 11.8 have them.
#include "schema/collations.h"

#include <string>
#include <vector>

namespace binbus::schema {
namespace {

constexpr uint32_t kPadVariantsFirst = 1024;  // MariaDB: + number of the padding one
constexpr uint32_t kUca1400First = 2048;      // MariaDB: + charset << 8 | language << 3 | variant
constexpr uint32_t kEnd = kUca1400First + (5 << 8);
constexpr uint32_t kUcaCroatian = 21;  // among kLanguages

// Of the UCA 4.0.0 and 5.2.0 in every Unicode charset, and of the UCA 14.0.0.
constexpr std::string_view kLanguages =
    "unicode_ci icelandic_ci latvian_ci romanian_ci slovenian_ci polish_ci estonian_ci spanish_ci "
    "swedish_ci "
    "turkish_ci czech_ci danish_ci lithuanian_ci slovak_ci spanish2_ci roman_ci persian_ci "
    "esperanto_ci "
    "hungarian_ci sinhala_ci german2_ci croatian_ci unicode_520_ci vietnamese_ci";

struct Group {
  uint32_t first;
  std::string_view prefix;
  std::string_view names;  // by number; "-": none has it
};
const Group kGroups[] = {
    {1, "",
     "big5_chinese_ci latin2_czech_cs dec8_swedish_ci cp850_general_ci latin1_german1_ci "
     "hp8_english_ci "
     "koi8r_general_ci latin1_swedish_ci latin2_general_ci swe7_swedish_ci ascii_general_ci "
     "ujis_japanese_ci "
     "sjis_japanese_ci cp1251_bulgarian_ci latin1_danish_ci hebrew_general_ci - tis620_thai_ci "
     "euckr_korean_ci "
     "latin7_estonian_cs latin2_hungarian_ci koi8u_general_ci cp1251_ukrainian_ci "
     "gb2312_chinese_ci "
     "greek_general_ci cp1250_general_ci latin2_croatian_ci gbk_chinese_ci cp1257_lithuanian_ci "
     "latin5_turkish_ci latin1_german2_ci armscii8_general_ci utf8mb3_general_ci cp1250_czech_cs "
     "ucs2_general_ci cp866_general_ci keybcs2_general_ci macce_general_ci macroman_general_ci "
     "cp852_general_ci latin7_general_ci latin7_general_cs macce_bin cp1250_croatian_ci "
     "utf8mb4_general_ci "
     "utf8mb4_bin latin1_bin latin1_general_ci latin1_general_cs cp1251_bin cp1251_general_ci "
     "cp1251_general_cs macroman_bin utf16_general_ci utf16_bin utf16le_general_ci "
     "cp1256_general_ci "
     "cp1257_bin cp1257_general_ci utf32_general_ci utf32_bin utf16le_bin binary armscii8_bin "
     "ascii_bin "
     "cp1250_bin cp1256_bin cp866_bin dec8_bin greek_bin hebrew_bin hp8_bin keybcs2_bin koi8r_bin "
     "koi8u_bin "
     "utf8mb3_tolower_ci latin2_bin latin5_bin latin7_bin cp850_bin cp852_bin swe7_bin utf8mb3_bin "
     "big5_bin "
     "euckr_bin gb2312_bin gbk_bin sjis_bin tis620_bin ucs2_bin ujis_bin geostd8_general_ci "
     "geostd8_bin "
     "latin1_spanish_ci cp932_japanese_ci cp932_bin eucjpms_japanese_ci eucjpms_bin "
     "cp1250_polish_ci"},
    {101, "utf16_", kLanguages},
    {128, "ucs2_", kLanguages},
    {159, "ucs2_", "general_mysql500_ci"},
    {160, "utf32_", kLanguages},
    {192, "utf8mb3_", kLanguages},
    {223, "utf8mb3_", "general_mysql500_ci"},
    {224, "utf8mb4_", kLanguages},
    {248, "gb18030_", "chinese_ci bin unicode_520_ci"},
    {255, "utf8mb4_",
     "0900_ai_ci de_pb_0900_ai_ci is_0900_ai_ci lv_0900_ai_ci ro_0900_ai_ci sl_0900_ai_ci "
     "pl_0900_ai_ci "
     "et_0900_ai_ci es_0900_ai_ci sv_0900_ai_ci tr_0900_ai_ci cs_0900_ai_ci da_0900_ai_ci "
     "lt_0900_ai_ci "
     "sk_0900_ai_ci es_trad_0900_ai_ci la_0900_ai_ci - eo_0900_ai_ci hu_0900_ai_ci hr_0900_ai_ci - "
     "vi_0900_ai_ci 0900_as_cs de_pb_0900_as_cs is_0900_as_cs lv_0900_as_cs ro_0900_as_cs "
     "sl_0900_as_cs "
     "pl_0900_as_cs et_0900_as_cs es_0900_as_cs sv_0900_as_cs tr_0900_as_cs cs_0900_as_cs "
     "da_0900_as_cs "
     "lt_0900_as_cs sk_0900_as_cs es_trad_0900_as_cs la_0900_as_cs - eo_0900_as_cs hu_0900_as_cs "
     "hr_0900_as_cs - vi_0900_as_cs - - ja_0900_as_cs ja_0900_as_cs_ks 0900_as_ci ru_0900_ai_ci "
     "ru_0900_as_cs zh_0900_as_cs 0900_bin nb_0900_ai_ci nb_0900_as_cs nn_0900_ai_ci nn_0900_as_cs "
     "sr_latn_0900_ai_ci sr_latn_0900_as_cs bs_0900_ai_ci bs_0900_as_cs bg_0900_ai_ci "
     "bg_0900_as_cs "
     "gl_0900_ai_ci gl_0900_as_cs mn_cyrl_0900_ai_ci mn_cyrl_0900_as_cs"},
    // MariaDB's own.
    {576, "utf8mb3_", "croatian_ci myanmar_ci thai_520_w2 general1400_as_ci"},
    {608, "utf8mb4_", "croatian_ci myanmar_ci thai_520_w2 general1400_as_ci"},
    {640, "ucs2_", "croatian_ci myanmar_ci thai_520_w2"},
    {672, "utf16_", "croatian_ci myanmar_ci thai_520_w2"},
    {736, "utf32_", "croatian_ci myanmar_ci thai_520_w2"},
};

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> words;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find(' ', start), text.size());
    words.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return words;
}

// The five Unicode charsets have Croatian ones of MySQL's that MariaDB made its own of, and renamed.
void rename_croatian(std::vector<std::string>& names) {
  for (const Group& group : kGroups) {
    if (group.names.data() == kLanguages.data())
      names[group.first + kUcaCroatian] = std::string(group.prefix) + "croatian_mysql561_ci";
  }
}

// "latin1_swedish_nopad_ci" of "latin1_swedish_ci".
std::string without_padding(std::string name) { return name.insert(name.rfind('_'), "_nopad"); }

void add_pad_variants(std::vector<std::string>& names) {
  for (uint32_t id = 1; id < 255; ++id) {
    if (!names[id].empty() && names[id] != "binary")
      names[kPadVariantsFirst + id] = without_padding(names[id]);
  }
}

void add_uca1400(std::vector<std::string>& names) {
  std::vector<std::string_view> languages = words(kLanguages);
  languages[0] = "_ci";  // the language of no language
  languages[kUcaCroatian] = languages[kUcaCroatian + 1] = "";
  languages.push_back("croatian_ci");
  uint32_t first = kUca1400First;
  for (const char* charset : {"utf8mb3", "utf8mb4", "ucs2", "utf16", "utf32"}) {
    for (uint32_t place = 0; place < languages.size() << 3; ++place) {
      const std::string_view language = languages[place >> 3];
      if (language.empty()) continue;
      std::string& name = names[first + place] = charset;
      name.append("_uca1400_").append(language.substr(0, language.size() - 3));
      if (name.back() != '_') name += '_';
      name.append(place & 4 ? "nopad_" : "").append(place & 2 ? "as_" : "ai_");
      name.append(place & 1 ? "cs" : "ci");
    }
    first += 1 << 8;
  }
}

std::vector<std::string> make_names(mysql::Flavor flavor) {
  std::vector<std::string> names(kEnd);
  for (const Group& group : kGroups) {
    uint32_t id = group.first;
    for (const std::string_view name : words(group.names)) {
      if (name != "-") names[id] = std::string(group.prefix).append(name);
      ++id;
    }
  }
  add_pad_variants(names);
  add_uca1400(names);
  if (flavor == mysql::Flavor::kMariadb) rename_croatian(names);
  return names;
}

}  // namespace

std::string_view collation_name(uint32_t collation_id, mysql::Flavor flavor) {
  static const std::vector<std::string> mysql_names = make_names(mysql::Flavor::kMysql);
  static const std::vector<std::string> mariadb_names = make_names(mysql::Flavor::kMariadb);
  const auto& names = flavor == mysql::Flavor::kMariadb ? mariadb_names : mysql_names;
  return collation_id < names.size() ? std::string_view(names[collation_id]) : std::string_view();
}

}  // namespace binbus::schema
