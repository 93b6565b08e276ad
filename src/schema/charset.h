// Text of every server character set as UTF-8, by the server's own tables.
//
// Thread: any; tables are made once.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "mysql/gtid.h"
#include "schema/utf8.h"

namespace binbus::schema {

class TextDecoder;

class Charset {
 public:
  // By the server's name ("latin1", "utf8", "utf8mb3", "gbk", ..., in any case); null when no server has it.
  static const Charset* find(std::string_view name);
  // By a collation's number, as row metadata, Query events and columns of result sets have it; null when not known.
  static const Charset* find_by_collation(uint32_t collation_id);
  // By a collation's name ("utf8mb4_0900_ai_ci"), also of one that is not known: its first word is the charset. Null for
  // MariaDB's names without one ("uca1400_ai_ci"), which are of the charset around them.
  static const Charset* find_by_collation(std::string_view collation);

  Charset(std::string_view name, uint32_t bytes_per_character_max,
          std::string_view default_collation, const TextDecoder& decoder);

  std::string_view name() const {
    return name_;
  }  // "utf8mb3" also for what old servers name "utf8"
  // The one that a server of this version (80030 is 8.0.30) takes when none is named and its settings do not say otherwise.
  std::string_view default_collation(mysql::Flavor flavor = mysql::Flavor::kMysql,
                                     uint32_t server_version = 90700) const;
  uint32_t bytes_per_character_max() const { return bytes_per_character_max_; }
  bool is_binary() const { return is_binary_; }
  // Text of bytes below 0x80 alone is ASCII.
  bool extends_ascii() const { return extends_ascii_; }

  // Appends the text as UTF-8 (never an invalid one), as the server's CONVERT(... USING utf8mb4) gives it, but with U+FFFD
  // where that has '?'; returns whether there was none. One U+FFFD stands for a sequence that has the charset's form and no
  // character, and for each byte of what has not the form. For text that is valid UTF-8 already this is a check and a copy.
  // Binary is taken for utf8mb4.
  bool append_utf8(std::string& out, Bytes text) const {
    if (!extends_ascii_ || !is_ascii(text)) return append_decoded(out, text);
    out.append(as_text(text));
    return true;
  }

 private:
  bool append_decoded(std::string& out, Bytes text) const;

  std::string_view name_;
  uint32_t bytes_per_character_max_;
  std::string_view default_collation_;  // before the newer ones of Unicode
  const TextDecoder& decoder_;
  bool is_binary_;
  bool extends_ascii_;
};

// Text of a session, which names its collation by number, as UTF-8; of an unknown or binary one it is taken for UTF-8.
std::string utf8_text(std::string_view text, uint32_t collation_id);

}  // namespace binbus::schema
