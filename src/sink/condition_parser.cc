#include "sink/condition_parser.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "sink/names.h"

namespace binbus::sink {
namespace {

using Node = ConditionNode;
using NodePtr = std::unique_ptr<const Node>;

constexpr int kDepthMax = 100;  // of parentheses and NOTs

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '_' || c == '$' ||
         static_cast<uint8_t>(c) >= 0x80;
}

enum class Token : uint8_t { kEnd, kWord, kName, kText, kNumber, kSymbol };

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<NodePtr> parse() {
    BINBUS_RETURN_IF_ERROR(advance());
    BINBUS_TRY(root, either(0));
    if (token_ != Token::kEnd) return expected("AND, OR or the end");
    return std::move(root);
  }

 private:
  tl::unexpected<Error> expected(std::string_view what) const {
    const std::string_view rest = text_.substr(begin_);
    return fail(Code::kInvalid,
                "condition: " + std::string(what) + " expected at character " +
                    std::to_string(begin_ + 1) +
                    (rest.empty() ? ", its end" : ", before: " + std::string(rest.substr(0, 40))));
  }

  // Reads the next token.
  Status advance() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string::npos)
      ++at_;
    begin_ = at_;
    value_.clear();
    if (at_ == text_.size()) {
      token_ = Token::kEnd;
      return ok();
    }
    const char c = text_[at_];
    if (c == '\'' || c == '`') {
      token_ = c == '`' ? Token::kName : Token::kText;
      return quoted(c);
    }
    if (is_digit(c) || (std::string_view("-+.").find(c) != std::string::npos)) {
      token_ = Token::kNumber;
      return number();
    }
    if (is_word(c)) {
      token_ = Token::kWord;
      while (at_ < text_.size() && is_word(text_[at_])) value_ += text_[at_++];
      return ok();
    }
    token_ = Token::kSymbol;
    value_ = c;
    ++at_;
    if (at_ < text_.size() && (c == '<' || c == '>' || c == '!') &&
        (text_[at_] == '=' || (c == '<' && text_[at_] == '>'))) {
      value_ += text_[at_++];
    }
    return ok();
  }

  Status quoted(char quote) {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == quote) {
        ++at_;
        if (at_ == text_.size() || text_[at_] != quote) return ok();
      }
      value_ += text_[at_];
    }
    begin_ = at_;
    return expected(quote == '`' ? "a closing `" : "a closing '");
  }

  Status number() {
    while (at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '.' || at_ == begin_))
      value_ += text_[at_++];
    return is_number_text(value_) ? ok() : Status(expected("a number"));
  }

  bool is_symbol(std::string_view symbol) const {
    return token_ == Token::kSymbol && value_ == symbol;
  }
  // `word` in capitals.
  bool is_keyword(std::string_view word) const {
    return token_ == Token::kWord && same_column_name(value_, word);
  }
  Result<bool> take_keyword(std::string_view word) {
    if (!is_keyword(word)) return false;
    BINBUS_RETURN_IF_ERROR(advance());
    return true;
  }
  Status take_symbol(std::string_view symbol, std::string_view what) {
    if (!is_symbol(symbol)) return expected(what);
    return advance();
  }

  static NodePtr join(Node::Kind kind, NodePtr left, NodePtr right) {
    auto node = std::make_unique<Node>();
    node->kind = kind;
    node->left = std::move(left);
    node->right = std::move(right);
    return node;
  }

  Result<NodePtr> either(int depth) {
    BINBUS_TRY(left, both(depth));
    while (is_keyword("OR")) {
      BINBUS_RETURN_IF_ERROR(advance());
      BINBUS_TRY(right, both(depth));
      left = join(Node::Kind::kOr, std::move(left), std::move(right));
    }
    return std::move(left);
  }

  Result<NodePtr> both(int depth) {
    BINBUS_TRY(left, factor(depth));
    while (is_keyword("AND")) {
      BINBUS_RETURN_IF_ERROR(advance());
      BINBUS_TRY(right, factor(depth));
      left = join(Node::Kind::kAnd, std::move(left), std::move(right));
    }
    return std::move(left);
  }

  Result<NodePtr> factor(int depth) {
    if (depth > kDepthMax) return expected("less nesting");
    BINBUS_TRY(inverted, take_keyword("NOT"));
    if (inverted) {
      BINBUS_TRY(inner, factor(depth + 1));
      return join(Node::Kind::kNot, std::move(inner), nullptr);
    }
    if (is_symbol("(")) {
      BINBUS_RETURN_IF_ERROR(advance());
      BINBUS_TRY(inner, either(depth + 1));
      BINBUS_RETURN_IF_ERROR(take_symbol(")", "AND, OR or )"));
      return std::move(inner);
    }
    return test();
  }

  Result<NodePtr> test() {
    if (token_ != Token::kName && token_ != Token::kWord) return expected("a column");
    auto node = std::make_unique<Node>();
    node->name = value_;
    node->column = tests_++;
    BINBUS_RETURN_IF_ERROR(advance());
    BINBUS_TRY(is, take_keyword("IS"));
    BINBUS_TRY(inverted, take_keyword("NOT"));
    if (is) {
      BINBUS_TRY(null, take_keyword("NULL"));
      if (!null) return expected(inverted ? "NULL" : "NULL or NOT NULL");
      node->comparison = Comparison::kIsNull;
    } else if (is_keyword("IN")) {
      node->comparison = Comparison::kIn;
      BINBUS_RETURN_IF_ERROR(advance());
      BINBUS_RETURN_IF_ERROR(list(node->literals));
    } else if (is_keyword("LIKE")) {
      node->comparison = Comparison::kLike;
      BINBUS_RETURN_IF_ERROR(advance());
      if (token_ != Token::kText) return expected("a pattern in quotes");
      BINBUS_RETURN_IF_ERROR(literal(node->literals));
    } else if (inverted) {
      return expected("IN or LIKE");
    } else {
      BINBUS_TRY(comparison, symbol());
      node->comparison = comparison;
      BINBUS_RETURN_IF_ERROR(literal(node->literals));
    }
    if (inverted) return join(Node::Kind::kNot, std::move(node), nullptr);
    return node;
  }

  Result<Comparison> symbol() {
    constexpr std::pair<std::string_view, Comparison> kSymbols[] = {
        {"=", Comparison::kEqual},         {"!=", Comparison::kNotEqual},
        {"<>", Comparison::kNotEqual},     {"<", Comparison::kLess},
        {"<=", Comparison::kLessEqual},    {">", Comparison::kGreater},
        {">=", Comparison::kGreaterEqual},
    };
    for (const auto& [text, comparison] : kSymbols) {
      if (!is_symbol(text)) continue;
      BINBUS_RETURN_IF_ERROR(advance());
      return comparison;
    }
    return expected("a comparison (=, !=, <, <=, >, >=, IN, LIKE, IS NULL)");
  }

  Status list(std::vector<Literal>& out) {
    BINBUS_RETURN_IF_ERROR(take_symbol("(", "("));
    for (;;) {
      BINBUS_RETURN_IF_ERROR(literal(out));
      if (is_symbol(")")) return advance();
      BINBUS_RETURN_IF_ERROR(take_symbol(",", ", or )"));
    }
  }

  Status literal(std::vector<Literal>& out) {
    if (token_ == Token::kText || token_ == Token::kNumber) {
      out.push_back({value_, token_ == Token::kNumber});
    } else if (is_keyword("TRUE")) {
      out.push_back({"1", true});
    } else if (is_keyword("FALSE")) {
      out.push_back({"0", true});
    } else {
      return expected(is_keyword("NULL") ? "IS NULL, as nothing compares with NULL; a literal"
                                         : "a number, a text in '' or TRUE or FALSE");
    }
    return advance();
  }

  const std::string_view text_;
  size_t at_ = 0;     // behind the token
  size_t begin_ = 0;  // of the token
  Token token_ = Token::kEnd;
  std::string value_;
  uint32_t tests_ = 0;
};

}  // namespace

Result<NodePtr> parse_condition(std::string_view text) { return Parser(text).parse(); }

bool is_number_text(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  size_t digits = 0, points = 0;
  for (const char c : text) {
    digits += is_digit(c) ? 1 : 0;
    points += c == '.' ? 1 : 0;
  }
  return digits > 0 && points <= 1 && digits + points == text.size();
}

}  // namespace binbus::sink
