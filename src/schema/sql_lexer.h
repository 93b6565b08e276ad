// Tokens of MySQL's and MariaDB's SQL.
//
// Pure; one object from one thread at a time. Tokens are read one by one as they are asked for, so that a statement costs
// what is looked at of it. A lexer is small and copied to look ahead.
//
// Comments are left out. The text of an executable one counts where the server that wrote the statement runs it:
// /*! and /*!50100 everywhere (MariaDB passes over 50700 to 99999, which are MySQL's alone), /*M! and /*M!100100 in MariaDB.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "schema/server.h"

namespace binbus::schema {

struct Token {
  enum class Kind : uint8_t {
    kEnd,
    kWord,    // a keyword or an identifier without quotes
    kQuoted,  // an identifier in quotes
    kString,  // a literal in quotes; also x'..' and b'..', see `prefix`
    kNumber,  // digits, decimals, 0x.., 0b..
    kSymbol,  // one character
    kBroken,  // quotes or a comment that do not end
  };
  Kind kind = Kind::kEnd;
  char prefix = 0;        // of kString: 'x', 'b' or 'n' in lower case where it has one
  std::string_view text;  // as it stands: with its quotes; a view into the statement

  size_t size() const { return text.size(); }
  // `upper` is in upper case. A quoted identifier is never a keyword.
  bool is(std::string_view upper) const;
  bool is(char symbol) const { return kind == Kind::kSymbol && text[0] == symbol; }
  bool is_name() const { return kind == Kind::kWord || kind == Kind::kQuoted; }
};

class SqlLexer {
 public:
  // Views `statement`, UTF-8 text that must outlive the lexer and its tokens.
  SqlLexer(std::string_view statement, const ServerVersion& server, uint64_t sql_mode)
      : statement_(statement), server_(server), sql_mode_(sql_mode) {}

  Token next();
  // Where the next token is looked for, in bytes of the statement.
  size_t position() const { return at_; }
  std::string_view statement() const { return statement_; }

 private:
  // Moves to the next token's first byte. False: a comment does not end.
  bool skip_blanks();
  // At "/*": enters an executable comment or passes over the whole one.
  bool skip_comment();
  bool runs(bool mariadb_only, uint32_t version) const;
  void skip_line();
  Token take(Token::Kind kind, size_t bytes);
  Token take_quoted(size_t prefix_bytes);
  Token take_number_or_word();
  bool quotes_identifier(char quote) const;
  char peek(size_t ahead) const {
    return at_ + ahead < statement_.size() ? statement_[at_ + ahead] : '\0';
  }

  std::string_view statement_;
  ServerVersion server_;
  uint64_t sql_mode_;
  size_t at_ = 0;
  uint32_t executable_depth_ = 0;  // of the comments around the place
  bool after_dot_ = false;         // a name may begin with a digit there
};

// What is in a quoted identifier's or a literal's quotes, escapes resolved. Of x'..', b'..' and 0x.. numbers: the bytes.
std::string token_value(const Token& token, uint64_t sql_mode);

// Calculates nothing but a statement's first word, past comments; "" when it begins otherwise. Bounded by the comments.
std::string_view first_word(std::string_view statement, const ServerVersion& server);

}  // namespace binbus::schema
