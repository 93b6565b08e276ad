// The values in SELECT and SET statements: literals, @@system and @user variables, and the functions that clients call.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "mysql/server_replies.h"
#include "serve/queries.h"
#include "serve/sql_tokens.h"

namespace binbus::serve {

struct SqlValue {
  std::optional<std::string> text;  // none is NULL
  bool integer = false;
};
template <class T>
using SqlResult = tl::expected<T, mysql::ServerError>;

// What a value may depend on. Borrows all.
struct Scope {
  const SessionState& session;
  const Catalog& catalog;
  io::Clock& clock;
};

// Reads tokens from the front as it goes.
class TokenReader {
 public:
  explicit TokenReader(std::span<const SqlToken> tokens) : rest_(tokens) {}
  bool done() const { return rest_.empty(); }
  const SqlToken* peek() const { return rest_.empty() ? nullptr : &rest_.front(); }
  // Takes the token when it is this one.
  bool take(std::string_view upper_case);
  const SqlToken& take() {
    const SqlToken& token = rest_.front();
    rest_ = rest_.subspan(1);
    return token;
  }
  std::span<const SqlToken> rest() const { return rest_; }

 private:
  std::span<const SqlToken> rest_;
};

// Evaluates one value at the front of `in`; functions may be nested a few deep.
SqlResult<SqlValue> evaluate(TokenReader& in, const Scope& scope);

// "binbus does not run this": names the place in the statement.
mysql::ServerError not_served(std::span<const SqlToken> rest);

}  // namespace binbus::serve
