#include "binlog/statement.h"

#include <algorithm>

namespace binbus::binlog {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Takes the next word off the statement; "" when something else comes first.
std::string_view take_word(std::string_view& rest) {
  size_t begin = 0;
  while (begin < rest.size() && is_space(rest[begin])) ++begin;
  size_t end = begin;
  while (end < rest.size() && is_letter(rest[end])) ++end;
  const std::string_view word = rest.substr(begin, end - begin);
  rest.remove_prefix(end);
  return word;
}

// `upper` is in upper case.
bool is(std::string_view word, std::string_view upper) {
  return std::ranges::equal(word, upper, {}, [](char c) { return c & ~0x20; });
}

StatementKind xa_kind(std::string_view verb) {
  if (is(verb, "START") || is(verb, "BEGIN")) return StatementKind::kBegin;
  if (is(verb, "COMMIT") || is(verb, "ROLLBACK") || is(verb, "PREPARE")) return StatementKind::kEnd;
  return StatementKind::kOther;
}

}  // namespace

StatementKind statement_kind(std::string_view statement) {
  if (statement == "BEGIN") return StatementKind::kBegin;  // what servers write
  std::string_view rest = statement;
  const std::string_view first = take_word(rest);
  if (is(first, "XA")) return xa_kind(take_word(rest));
  if (is(first, "COMMIT")) return StatementKind::kEnd;
  if (!is(first, "BEGIN") && !is(first, "ROLLBACK") && !is(first, "START")) {
    return StatementKind::kOther;
  }
  std::string_view second = take_word(rest);
  if (is(second, "WORK")) second = take_word(rest);
  if (is(first, "ROLLBACK")) return is(second, "TO") ? StatementKind::kOther : StatementKind::kEnd;
  if (is(first, "START")) {
    return is(second, "TRANSACTION") ? StatementKind::kBegin : StatementKind::kOther;
  }
  return is(second, "NOT") ? StatementKind::kOther : StatementKind::kBegin;  // BEGIN NOT ATOMIC
}

}  // namespace binbus::binlog
