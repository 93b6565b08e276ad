#include "schema/token_reader.h"

#include <algorithm>
#include <charconv>

namespace binbus::schema {
namespace {

constexpr size_t kShownBytes = 40;  // of a token in a message

// Names are in a charset that has no characters of four bytes.
std::string as_stored(std::string name) {
  const auto four_bytes = [](char c) { return (static_cast<unsigned char>(c) & 0xf8) == 0xf0; };
  if (std::ranges::none_of(name, four_bytes)) return name;
  std::string out;
  for (size_t i = 0; i < name.size(); i += four_bytes(name[i]) ? 4 : 1) {
    out.push_back(four_bytes(name[i]) ? '?' : name[i]);
  }
  return out;
}

bool is_introducer(const Token& token, const Token& after) {
  return token.kind == Token::Kind::kWord && token.text.starts_with('_') &&
         (after.kind == Token::Kind::kString || after.kind == Token::Kind::kNumber);
}

}  // namespace

Token TokenReader::peek() const {
  SqlLexer ahead = lexer_;
  return ahead.next();
}

size_t TokenReader::position() const {
  return static_cast<size_t>(current_.text.data() - lexer_.statement().data());
}

Token TokenReader::take() {
  const Token taken = current_;
  current_ = lexer_.next();
  return taken;
}

bool TokenReader::at_any(std::initializer_list<std::string_view> keywords) const {
  for (const std::string_view keyword : keywords) {
    if (at(keyword)) return true;
  }
  return false;
}

bool TokenReader::at_sequence(std::initializer_list<std::string_view> keywords) const {
  TokenReader ahead = *this;
  return ahead.accept_sequence(keywords);
}

bool TokenReader::accept(std::string_view keyword) {
  if (!at(keyword)) return false;
  take();
  return true;
}

bool TokenReader::accept(char symbol) {
  if (!at(symbol)) return false;
  take();
  return true;
}

bool TokenReader::accept_sequence(std::initializer_list<std::string_view> keywords) {
  if (!at(*keywords.begin())) return false;
  const TokenReader before = *this;
  for (const std::string_view keyword : keywords) {
    if (accept(keyword)) continue;
    *this = before;
    return false;
  }
  return true;
}

Status TokenReader::expect(std::string_view keyword) {
  if (accept(keyword)) return ok();
  return unexpected(std::string(keyword));
}

Status TokenReader::expect(char symbol) {
  if (accept(symbol)) return ok();
  return unexpected(std::string("'") + symbol + "'");
}

Result<std::string> TokenReader::name(const char* what) {
  if (!current_.is_name()) return unexpected(what);
  return as_stored(token_value(take(), context_->sql_mode));
}

Result<std::string> TokenReader::name_or_string(const char* what) {
  if (!current_.is_name() && current_.kind != Token::Kind::kString) return unexpected(what);
  return token_value(take(), context_->sql_mode);
}

Result<uint32_t> TokenReader::number(const char* what) {
  uint64_t value = 0;
  const std::string_view text = current_.text;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (current_.kind != Token::Kind::kNumber || parsed.ec != std::errc() ||
      parsed.ptr != text.data() + text.size()) {
    return unexpected(what);
  }
  take();
  return static_cast<uint32_t>(std::min<uint64_t>(value, UINT32_MAX));
}

Result<std::string> TokenReader::text(const char* what) {
  if (is_introducer(current_, peek())) take();
  if (current_.kind != Token::Kind::kString && current_.kind != Token::Kind::kNumber) {
    return unexpected(what);
  }
  const bool literal = current_.kind == Token::Kind::kString;
  std::string value = token_value(take(), context_->sql_mode);
  while (literal && current_.kind == Token::Kind::kString && current_.prefix == 0) {
    value += token_value(take(), context_->sql_mode);
  }
  return value;
}

Status TokenReader::skip_parentheses() {
  BINBUS_RETURN_IF_ERROR(expect('('));
  for (size_t depth = 1; depth > 0;) {
    if (current_.kind == Token::Kind::kEnd || current_.kind == Token::Kind::kBroken) {
      return unexpected("')'");
    }
    if (at('(')) ++depth;
    if (at(')')) --depth;
    take();
  }
  return ok();
}

Status TokenReader::skip_to_comma() {
  while (!at_end() && !at(',') && !at(')')) {
    if (current_.kind == Token::Kind::kBroken) return unexpected("a whole token");
    if (at('(')) {
      BINBUS_RETURN_IF_ERROR(skip_parentheses());
    } else {
      take();
    }
  }
  return ok();
}

void TokenReader::skip_to_end() {
  while (!at_end() && current_.kind != Token::Kind::kBroken) take();
}

tl::unexpected<Error> TokenReader::unexpected(const std::string& wanted) const {
  std::string found = at_end() ? std::string("the end")
                               : "'" + std::string(current_.text.substr(0, kShownBytes)) + "'";
  return fail(Code::kUnsupported, "statement at byte " + std::to_string(position()) +
                                      ": expected " + wanted + ", found " + found);
}

}  // namespace binbus::schema
