#include "serve/sql_tokens.h"

#include <algorithm>

namespace binbus::serve {
namespace {

using Kind = SqlToken::Kind;

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool in_word(char c) {
  return is_digit(c) || (upper(c) >= 'A' && upper(c) <= 'Z') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

class Tokenizer {
 public:
  explicit Tokenizer(std::string_view text) : rest_(text) {}

  Result<std::vector<SqlToken>> run() {
    for (;;) {
      BINBUS_RETURN_IF_ERROR(skip_blank());
      if (rest_.empty()) return std::move(tokens_);
      if (tokens_.size() == kTokensMax)
        return fail(Code::kLimit, "more than " + std::to_string(kTokensMax) + " words");
      BINBUS_RETURN_IF_ERROR(token());
    }
  }

 private:
  Status skip_blank() {
    for (;;) {
      while (!rest_.empty() && is_space(rest_[0])) rest_.remove_prefix(1);
      if (rest_.starts_with("#") || rest_.starts_with("-- ")) {
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      } else if (rest_.starts_with("/*!") || rest_.starts_with("/*M!")) {
        rest_.remove_prefix(rest_.find('!') + 1);
        while (!rest_.empty() && is_digit(rest_[0])) rest_.remove_prefix(1);
        executable_comment_ = true;
      } else if (executable_comment_ && rest_.starts_with("*/")) {
        rest_.remove_prefix(2);
        executable_comment_ = false;
      } else if (rest_.starts_with("/*")) {
        const size_t end = rest_.find("*/", 2);
        if (end == std::string_view::npos) return fail(Code::kInvalid, "a comment without an end");
        rest_.remove_prefix(end + 2);
      } else {
        return ok();
      }
    }
  }

  Status token() {
    const char first = rest_[0];
    if (first == '\'' || first == '"') return quoted(Kind::kText);
    if (first == '`') return quoted(Kind::kQuotedWord);
    if (rest_.starts_with("@@")) return add(Kind::kSystemVariable, dotted_word(2), upper);
    if (first == '@') {
      rest_.remove_prefix(1);
      if (!rest_.empty() && (rest_[0] == '`' || rest_[0] == '\'' || rest_[0] == '"')) {
        BINBUS_RETURN_IF_ERROR(quoted(Kind::kUserVariable));
        std::ranges::transform(tokens_.back().text, tokens_.back().text.begin(), lower);
        return ok();
      }
      return add(Kind::kUserVariable, dotted_word(0), lower);
    }
    if (is_digit(first)) return add(Kind::kNumber, dotted_word(1), lower);
    if (in_word(first)) return add(Kind::kWord, plain_word(), upper);
    return add(Kind::kSymbol, 1, upper);
  }

  // Lengths, from the start of rest_.
  size_t plain_word() const {
    size_t at = 0;
    while (at < rest_.size() && in_word(rest_[at])) at++;
    return at;
  }
  size_t dotted_word(size_t at) const {
    while (at < rest_.size() && (in_word(rest_[at]) || rest_[at] == '.' || rest_[at] == '`')) at++;
    return at;
  }

  Status add(Kind kind, size_t length, char (*fold)(char)) {
    std::string text(rest_.substr(0, length));
    std::erase(text, '`');
    std::ranges::transform(text, text.begin(), fold);
    tokens_.push_back({kind, std::move(text), rest_.substr(0, length)});
    rest_.remove_prefix(length);
    return ok();
  }

  Status quoted(Kind kind) {
    const char quote = rest_[0];
    std::string text;
    for (size_t at = 1; at < rest_.size(); at++) {
      if (rest_[at] == quote && (at + 1 == rest_.size() || rest_[at + 1] != quote)) {
        tokens_.push_back({kind, std::move(text), rest_.substr(0, at + 1)});
        rest_.remove_prefix(at + 1);
        return ok();
      }
      const bool escape = rest_[at] == quote || (rest_[at] == '\\' && quote != '`');
      if (escape && at + 1 < rest_.size()) at++;
      text += rest_[at];
    }
    return fail(Code::kInvalid, "a quote without an end");
  }

  std::string_view rest_;
  bool executable_comment_ = false;
  std::vector<SqlToken> tokens_;
};

}  // namespace

Result<std::vector<SqlToken>> tokenize_sql(std::string_view statement) {
  return Tokenizer(statement).run();
}

bool like_matches(std::string_view text, std::string_view pattern) {
  // Where to go on when what follows the last % does not fit.
  size_t t = 0, p = 0, retry_text = 0, retry_pattern = std::string_view::npos;
  while (t < text.size()) {
    const bool escaped = p + 1 < pattern.size() && pattern[p] == '\\';
    if (p < pattern.size() && pattern[p] == '%') {
      retry_pattern = ++p;
      retry_text = t;
    } else if (p < pattern.size() && !escaped && pattern[p] == '_') {
      p++, t++;
    } else if (p < pattern.size() && lower(pattern[p + (escaped ? 1 : 0)]) == lower(text[t])) {
      p += escaped ? 2 : 1;
      t++;
    } else if (retry_pattern != std::string_view::npos) {
      p = retry_pattern;
      t = ++retry_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '%') p++;
  return p == pattern.size();
}

}  // namespace binbus::serve
