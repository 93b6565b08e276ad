// What the parser's parts share: a place among a statement's tokens, with one token looked at.
//
// Pure; one object from one thread at a time. Copies look ahead. A mismatch is kUnsupported and names the place.
#pragma once

#include <initializer_list>
#include <optional>

#include "schema/sql_lexer.h"

namespace binbus::schema {

class TokenReader {
 public:
  TokenReader(std::string_view statement, const StatementContext& context)
      : context_(&context),
        lexer_(statement, context.server, context.sql_mode),
        current_(lexer_.next()) {}

  const StatementContext& context() const { return *context_; }
  const Token& current() const { return current_; }
  Token peek() const;  // the one after
  bool at_end() const { return current_.kind == Token::Kind::kEnd || current_.is(';'); }
  // Where the current token begins, in bytes of the statement.
  size_t position() const;

  Token take();
  bool at(std::string_view keyword) const { return current_.is(keyword); }
  bool at(char symbol) const { return current_.is(symbol); }
  bool at_any(std::initializer_list<std::string_view> keywords) const;
  // Whether the next tokens are these keywords.
  bool at_sequence(std::initializer_list<std::string_view> keywords) const;
  bool accept(std::string_view keyword);
  bool accept(char symbol);
  // All of them or none.
  bool accept_sequence(std::initializer_list<std::string_view> keywords);
  bool accept_if_exists() { return accept_sequence({"IF", "EXISTS"}); }
  bool accept_if_not_exists() { return accept_sequence({"IF", "NOT", "EXISTS"}); }

  Status expect(std::string_view keyword);
  Status expect(char symbol);
  // An identifier, or a keyword that stands for one.
  Result<std::string> name(const char* what);
  // A name or a literal in quotes, as charsets and collations may be given.
  Result<std::string> name_or_string(const char* what);
  Result<uint32_t> number(const char* what);
  // A literal that stands for text: strings beside each other are one. Introducers are passed over.
  Result<std::string> text(const char* what);

  // From '(' past its ')'.
  Status skip_parentheses();
  // To the next comma or ')' that is not within parentheses, or the end.
  Status skip_to_comma();
  void skip_to_end();

  tl::unexpected<Error> unexpected(const std::string& wanted) const;

 private:
  const StatementContext* context_;
  SqlLexer lexer_;
  Token current_;
};

}  // namespace binbus::schema
