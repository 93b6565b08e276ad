#include "changes/sql_dump.h"

#include <algorithm>

namespace binbus::changes {
namespace {

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

bool begins_with_word(std::string_view text, std::string_view word) {
  return text.size() > word.size() && static_cast<unsigned char>(text[word.size()]) <= ' ' &&
         std::ranges::equal(text.substr(0, word.size()), word, {},
                            [](char c) { return c >= 'a' && c <= 'z' ? c & ~0x20 : c; });
}

// Splits a script into statements at its delimiter, as the mysql client does.
class Splitter {
 public:
  explicit Splitter(std::string_view text) : rest_(text) {}

  // Without its delimiter; false at the end.
  bool next(std::string_view& statement, size_t& line) {
    skip_blank_lines();
    line = line_;
    if (rest_.empty()) return false;
    size_t at = 0;
    while (at < rest_.size() && !rest_.substr(at).starts_with(delimiter_)) at = skip(at);
    statement = trimmed(rest_.substr(0, at));
    take(std::min(rest_.size(), at + delimiter_.size()));
    return true;
  }

 private:
  void take(size_t bytes) {
    line_ += static_cast<size_t>(std::ranges::count(rest_.substr(0, bytes), '\n'));
    rest_.remove_prefix(bytes);
  }

  std::string_view line_at(size_t at) const {
    const std::string_view rest = rest_.substr(at);
    return rest.substr(0, rest.find('\n'));
  }

  // Blank lines, line comments and DELIMITER, which stand between statements.
  void skip_blank_lines() {
    while (!rest_.empty()) {
      const std::string_view line = line_at(0);
      const std::string_view words = trimmed(line);
      if (begins_with_word(words, "DELIMITER")) {
        delimiter_ = trimmed(words.substr(9));
      } else if (!words.empty() && !words.starts_with("--") && !words.starts_with('#')) {
        return;
      }
      take(std::min(rest_.size(), line.size() + 1));
    }
  }

  // Behind what begins at `at`: a quoted text, a comment, or one byte.
  size_t skip(size_t at) const {
    const char c = rest_[at];
    if (c == '\'' || c == '"' || c == '`') return skip_quoted(at);
    const std::string_view rest = rest_.substr(at);
    if (rest.starts_with("/*")) {
      const size_t end = rest.find("*/", 2);
      return end == std::string_view::npos ? rest_.size() : at + end + 2;
    }
    if (rest.starts_with("-- ") || c == '#') return at + line_at(at).size();
    return at + 1;
  }

  size_t skip_quoted(size_t at) const {
    const char quote = rest_[at++];
    while (at < rest_.size() && rest_[at] != quote) {
      at += rest_[at] == '\\' && quote != '`' ? 2 : 1;
    }
    return std::min(at + 1, rest_.size());
  }

  std::string_view rest_;
  std::string_view delimiter_ = ";";
  size_t line_ = 1;
};

// "-- MySQL dump 10.13  Distrib ..." and, a few lines on, "-- Server version	8.0.36".
void read_version(std::string_view dump, schema::StatementContext& context) {
  constexpr std::string_view kServer = "-- Server version";
  constexpr size_t kHeadBytes = 1000;
  const std::string_view head = dump.substr(0, kHeadBytes);
  const size_t at = head.find(kServer);
  if (at == std::string_view::npos) return;
  const std::string_view rest = head.substr(at + kServer.size());
  context.server = schema::ServerVersion::parse(trimmed(rest.substr(0, rest.find('\n'))));
}

std::string unquoted(std::string_view name) {
  name = trimmed(name);
  if (name.size() < 2 || name.front() != '`') return std::string(name);
  std::string out;
  for (size_t i = 1; i + 1 < name.size(); ++i) {
    out += name[i];
    if (name[i] == '`') ++i;  // doubled
  }
  return out;
}

}  // namespace

Status apply_sql_dump(schema::Catalog& catalog, std::string_view dump,
                      const schema::StatementContext& context) {
  schema::StatementContext now = context;
  read_version(dump, now);
  Splitter splitter(dump);
  std::string_view statement;
  size_t line = 0;
  while (splitter.next(statement, line)) {
    if (begins_with_word(statement, "USE")) {
      now.database = unquoted(statement.substr(3));
      continue;
    }
    const std::string where = "line " + std::to_string(line);
    const auto effect = catalog.apply(statement, now);
    if (!effect) return fail_in(where, effect.error());
    if (!effect->unclear.empty()) return fail_in(where, Error{Code::kUnsupported, effect->unclear});
  }
  return ok();
}

}  // namespace binbus::changes
