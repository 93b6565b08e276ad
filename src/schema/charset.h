// Text of every server character set as UTF-8, by the server's own tables.
//
// Thread: any; tables are made once.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace binbus::schema {

class Charset {
 public:
  // By the server's name ("latin1", "utf8", "utf8mb3", "gbk", ...); null when no server has it.
  static const Charset* find(std::string_view name);
  // By a collation's number, as row metadata, Query events and columns of result sets have it; null when not known.
  static const Charset* find_by_collation(uint32_t collation_id);
  // By a collation's name ("utf8mb4_0900_ai_ci"); null when no server has it.
  static const Charset* find_by_collation(std::string_view collation);

  std::string_view name() const;
  std::string_view default_collation() const;
  uint32_t bytes_per_character_max() const;
  bool is_binary() const;

  // Appends the text as UTF-8 (never an invalid one). Bytes that are none of this charset's become U+FFFD one by one; returns
  // whether there were none such. For text that is valid UTF-8 already this is a check and a copy.
  bool append_utf8(std::string& out, Bytes text) const;
};

}  // namespace binbus::schema
