#include "schema/sql_lexer.h"

#include <algorithm>

namespace binbus::schema {
namespace {

using Kind = Token::Kind;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '$' ||
         (static_cast<unsigned char>(c) & 0x80) != 0;
}
bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
uint8_t hex_value(char c) {
  return static_cast<uint8_t>(is_digit(c) ? c - '0' : lower(c) - 'a' + 10);
}

std::string bytes_of_hex(std::string_view digits) {
  std::string bytes;
  size_t at = 0;
  if (digits.size() % 2 == 1) bytes.push_back(static_cast<char>(hex_value(digits[at++])));
  for (; at + 1 < digits.size(); at += 2) {
    bytes.push_back(static_cast<char>(hex_value(digits[at]) * 16 + hex_value(digits[at + 1])));
  }
  return bytes;
}

std::string bytes_of_bits(std::string_view digits) {
  std::string bytes((digits.size() + 7) / 8, '\0');
  for (size_t i = 0; i < digits.size(); ++i) {
    const size_t bit = digits.size() - 1 - i;
    if (digits[i] == '1') {
      char& byte = bytes[bytes.size() - 1 - bit / 8];
      byte = static_cast<char>(byte | (1 << (bit % 8)));
    }
  }
  return bytes;
}

char unescaped(char c) {
  switch (c) {
    case '0':
      return '\0';
    case 'b':
      return '\b';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'Z':
      return '\x1a';
    default:
      return c;
  }
}

std::string unquoted(std::string_view text, bool backslashes) {
  const char quote = text.front();
  const std::string_view body = text.substr(1, text.size() - 2);
  std::string value;
  value.reserve(body.size());
  for (size_t i = 0; i < body.size(); ++i) {
    if (body[i] == '\\' && backslashes && i + 1 < body.size()) {
      ++i;
      if (body[i] == '%' || body[i] == '_') value.push_back('\\');
      value.push_back(unescaped(body[i]));
      continue;
    }
    value.push_back(body[i]);
    if (body[i] == quote) ++i;  // doubled
  }
  return value;
}

}  // namespace

bool Token::is(std::string_view upper) const {
  return kind == Kind::kWord && text.size() == upper.size() &&
         std::ranges::equal(text, upper, {}, [](char c) {
           return c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c;
         });
}

bool SqlLexer::runs(bool mariadb_only, uint32_t version) const {
  if (mariadb_only) return server_.mariadb && version <= server_.number;
  if (server_.mariadb && version >= 50700 && version <= 99999) return false;
  return version <= server_.number;
}

void SqlLexer::skip_line() {
  const size_t end = statement_.find('\n', at_);
  at_ = end == statement_.npos ? statement_.size() : end + 1;
}

bool SqlLexer::skip_comment() {
  const bool mariadb_only = peek(2) == 'M' && peek(3) == '!';
  if (!mariadb_only && peek(2) != '!') {
    const size_t end = statement_.find("*/", at_ + 2);
    if (end == statement_.npos) return false;
    at_ = end + 2;
    return true;
  }
  size_t at = at_ + (mariadb_only ? 4 : 3);
  uint32_t version = 0;
  size_t digits = 0;
  while (digits < 6 && at + digits < statement_.size() && is_digit(statement_[at + digits])) {
    version = version * 10 + static_cast<uint32_t>(statement_[at + digits++] - '0');
  }
  if (digits < 5) version = 0;  // what follows is text
  if (digits >= 5) at += digits;
  if (runs(mariadb_only, version)) {
    at_ = at;
    ++executable_depth_;
    return true;
  }
  // One that is not run may have plain comments in it.
  for (int depth = 1; depth > 0;) {
    const size_t mark = statement_.find_first_of("*/", at);
    if (mark == statement_.npos || mark + 1 >= statement_.size()) return false;
    const bool opens = statement_[mark] == '/' && statement_[mark + 1] == '*';
    const bool closes = statement_[mark] == '*' && statement_[mark + 1] == '/';
    depth += opens ? 1 : closes ? -1 : 0;
    at = mark + (opens || closes ? 2 : 1);
  }
  at_ = at;
  return true;
}

bool SqlLexer::skip_blanks() {
  while (at_ < statement_.size()) {
    const char c = statement_[at_];
    if (is_space(c)) {
      ++at_;
    } else if (c == '#' || (c == '-' && peek(1) == '-' && (is_space(peek(2)) || peek(2) == '\0'))) {
      skip_line();
    } else if (c == '/' && peek(1) == '*') {
      if (!skip_comment()) return false;
    } else if (executable_depth_ > 0 && c == '*' && peek(1) == '/') {
      --executable_depth_;
      at_ += 2;
    } else if (c == '\0') {  // MySQL's lexer ends there; nothing but padding follows in real events
      at_ = statement_.size();
    } else {
      break;
    }
  }
  return true;
}

bool SqlLexer::quotes_identifier(char quote) const {
  return quote == '`' || (quote == '"' && (sql_mode_ & kAnsiQuotes) != 0);
}

Token SqlLexer::take(Kind kind, size_t bytes) {
  Token token{kind, 0, statement_.substr(at_, bytes)};
  at_ += token.size();
  after_dot_ = kind == Kind::kSymbol && token.text[0] == '.';
  return token;
}

Token SqlLexer::take_quoted(size_t prefix_bytes) {
  const size_t begin = at_ + prefix_bytes;
  const char quote = statement_[begin];
  const bool identifier = quotes_identifier(quote);
  const bool backslashes = !identifier && (sql_mode_ & kNoBackslashEscapes) == 0;
  size_t at = begin + 1;
  for (;; ++at) {
    at = statement_.find_first_of(backslashes    ? (quote == '"' ? "\"\\" : "'\\")
                                  : quote == '`' ? "`"
                                  : quote == '"' ? "\""
                                                 : "'",
                                  at);
    if (at == statement_.npos) return take(Kind::kBroken, statement_.size() - at_);
    if (statement_[at] == '\\') {
      ++at;
    } else if (at + 1 < statement_.size() && statement_[at + 1] == quote) {
      ++at;
    } else {
      break;
    }
  }
  Token token = take(identifier ? Kind::kQuoted : Kind::kString, at + 1 - at_);
  if (prefix_bytes > 0) token.prefix = lower(token.text[0]);
  return token;
}

Token SqlLexer::take_number_or_word() {
  size_t end = at_;
  while (end < statement_.size() && is_name_byte(statement_[end])) ++end;
  const std::string_view text = statement_.substr(at_, end - at_);
  if (after_dot_ || !is_digit(text[0])) return take(Kind::kWord, text.size());
  if (std::ranges::all_of(text, is_digit)) {
    // 1.5: the fraction belongs to it, also an empty one
    size_t bytes = text.size();
    if (peek(bytes) == '.') {
      ++bytes;
      while (is_digit(peek(bytes))) ++bytes;
    }
    if (lower(peek(bytes)) == 'e' && bytes > text.size()) {
      size_t exponent = bytes + 1;
      if (peek(exponent) == '+' || peek(exponent) == '-') ++exponent;
      if (is_digit(peek(exponent))) {
        while (is_digit(peek(exponent))) ++exponent;
        bytes = exponent;
      }
    }
    return take(Kind::kNumber, bytes);
  }
  const auto rest_is = [&](size_t from, auto test) {
    return text.size() > from && std::ranges::all_of(text.substr(from), test);
  };
  if (text.starts_with("0x") && rest_is(2, is_hex_digit)) return take(Kind::kNumber, text.size());
  if (text.starts_with("0b") && rest_is(2, [](char c) { return c == '0' || c == '1'; })) {
    return take(Kind::kNumber, text.size());
  }
  // 1e5 and 1e+5 are numbers, 1e5x and 1st are names
  const size_t e = text.find_first_not_of("0123456789");
  if (lower(text[e]) == 'e') {
    if (rest_is(e + 1, is_digit)) return take(Kind::kNumber, text.size());
    if (e + 1 == text.size() && (peek(e + 1) == '+' || peek(e + 1) == '-') &&
        is_digit(peek(e + 2))) {
      size_t bytes = e + 2;
      while (is_digit(peek(bytes))) ++bytes;
      return take(Kind::kNumber, bytes);
    }
  }
  return take(Kind::kWord, text.size());
}

Token SqlLexer::next() {
  if (!skip_blanks()) return take(Kind::kBroken, statement_.size() - at_);
  if (at_ >= statement_.size()) return Token{Kind::kEnd, 0, statement_.substr(statement_.size())};
  const char c = statement_[at_];
  if (c == '\'' || c == '"' || c == '`') return take_quoted(0);
  if (!after_dot_ && peek(1) == '\'' &&
      std::string_view("xXbBnN").find(c) != std::string_view::npos) {
    return take_quoted(1);
  }
  if (is_name_byte(c)) return take_number_or_word();
  return take(Kind::kSymbol, 1);
}

std::string token_value(const Token& token, uint64_t sql_mode) {
  const std::string_view text = token.text;
  switch (token.kind) {
    case Kind::kQuoted:
      return unquoted(text, false);
    case Kind::kString: {
      const std::string_view quoted = text.substr(token.prefix != 0 ? 1 : 0);
      const std::string_view body = quoted.substr(1, quoted.size() - 2);
      if (token.prefix == 'x' && std::ranges::all_of(body, is_hex_digit)) return bytes_of_hex(body);
      if (token.prefix == 'b') return bytes_of_bits(body);
      return unquoted(quoted, (sql_mode & kNoBackslashEscapes) == 0);
    }
    case Kind::kNumber:
      if (text.starts_with("0x")) return bytes_of_hex(text.substr(2));
      if (text.starts_with("0b")) return bytes_of_bits(text.substr(2));
      return std::string(text);
    default:
      return std::string(text);
  }
}

std::string_view first_word(std::string_view statement, const ServerVersion& server) {
  const Token token = SqlLexer(statement, server, 0).next();
  return token.kind == Kind::kWord ? token.text : std::string_view();
}

}  // namespace binbus::schema
