#include "format/json_document.h"

#include "format/json_output.h"

namespace binbus::format {
namespace {

constexpr int kDepthMax = 200;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class DocumentCopier {
 public:
  DocumentCopier(std::string& out, std::string_view text) : out_(out), text_(text) {}

  bool copy() {
    skip_blanks();
    if (!value(0)) return false;
    skip_blanks();
    return text_.empty();
  }

 private:
  bool value(int depth) {
    if (text_.empty() || depth > kDepthMax) return false;
    switch (text_[0]) {
      case '{':
        return object(depth);
      case '[':
        return array(depth);
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }

  bool object(int depth) {
    take(1);
    skip_blanks();
    if (next_is('}')) return true;
    while (true) {
      if (text_.empty() || text_[0] != '"' || !string()) return false;
      skip_blanks();
      if (!next_is(':')) return false;
      skip_blanks();
      if (!value(depth + 1)) return false;
      skip_blanks();
      if (next_is('}')) return true;
      if (!next_is(',')) return false;
      skip_blanks();
    }
  }
  bool array(int depth) {
    take(1);
    skip_blanks();
    if (next_is(']')) return true;
    while (true) {
      if (!value(depth + 1)) return false;
      skip_blanks();
      if (next_is(']')) return true;
      if (!next_is(',')) return false;
      skip_blanks();
    }
  }

  bool string() {
    take(1);
    while (true) {
      take(json_plain_length(text_));
      if (text_.empty()) return false;
      if (next_is('"')) return true;
      if (text_[0] != '\\' || !escape()) return false;
    }
  }
  bool escape() {
    if (text_.size() < 2) return false;
    if (text_[1] != 'u') {
      if (std::string_view("\"\\/bfnrt").find(text_[1]) == std::string_view::npos) return false;
      take(2);
      return true;
    }
    if (text_.size() < 6) return false;
    if (text_.substr(2, 4).find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos)
      return false;
    take(6);
    return true;
  }

  bool number() {
    size_t at = text_[0] == '-' ? 1 : 0;
    const size_t first = at;
    if (!skip_digits(at)) return false;
    if (text_[first] == '0' && at > first + 1) return false;
    if (at < text_.size() && text_[at] == '.' && !skip_digits(++at)) return false;
    if (at < text_.size() && (text_[at] == 'e' || text_[at] == 'E')) {
      ++at;
      if (at < text_.size() && (text_[at] == '+' || text_[at] == '-')) ++at;
      if (!skip_digits(at)) return false;
    }
    take(at);
    return true;
  }
  bool skip_digits(size_t& at) const {
    const size_t start = at;
    while (at < text_.size() && is_digit(text_[at])) ++at;
    return at > start;
  }

  bool word(std::string_view want) {
    if (text_.substr(0, want.size()) != want) return false;
    take(want.size());
    return true;
  }
  bool next_is(char c) {
    if (text_.empty() || text_[0] != c) return false;
    take(1);
    return true;
  }
  void take(size_t count) {
    out_.append(text_.substr(0, count));
    text_.remove_prefix(count);
  }
  void skip_blanks() {
    const size_t at = text_.find_first_not_of(" \t\n\r");
    text_.remove_prefix(at == std::string_view::npos ? text_.size() : at);
  }

  std::string& out_;
  std::string_view text_;
};

}  // namespace

bool append_json_document(std::string& out, std::string_view text) {
  const size_t start = out.size();
  if (DocumentCopier(out, text).copy()) return true;
  out.resize(start);
  return false;
}

}  // namespace binbus::format
