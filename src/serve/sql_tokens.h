// Cuts a statement into words. Only as much SQL as replicas and tools send to a source before they read its log.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace binbus::serve {

struct SqlToken {
  enum class Kind : uint8_t {
    kWord,
    kQuotedWord,
    kText,
    kNumber,
    kSystemVariable,
    kUserVariable,
    kSymbol
  };
  Kind kind;
  // kWord, kSystemVariable ("@@" and scope left on): upper case; kText, kQuotedWord: without quotes and escapes;
  // kUserVariable: lower case without the "@".
  std::string text;
  std::string_view source;  // as written, in the statement given

  bool is(std::string_view upper_case) const {
    return (kind == Kind::kWord || kind == Kind::kSymbol) && text == upper_case;
  }
};

// More make no statement that anybody sends.
inline constexpr size_t kTokensMax = 10'000;

// kInvalid for an open quote or comment, kLimit for more than kTokensMax. Comments are dropped, but what "/*!" comments
// hold is kept.
Result<std::vector<SqlToken>> tokenize_sql(std::string_view statement);

// SQL's LIKE, ignoring case as SHOW ... LIKE does: % and _, backslash escapes.
bool like_matches(std::string_view text, std::string_view pattern);

}  // namespace binbus::serve
