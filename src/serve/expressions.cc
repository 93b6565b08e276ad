#include "serve/expressions.h"

#include <algorithm>
#include <charconv>
#include <random>
#include <vector>

#include "mysql/gtid_set.h"
#include "serve/mariadb_position.h"

namespace binbus::serve {
namespace {

using Kind = SqlToken::Kind;
using Arguments = std::vector<SqlValue>;
using mysql::ServerError;

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

SqlValue integer(uint64_t value) { return {std::to_string(value), true}; }

bool is_integer(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

SqlResult<SqlValue> version(const Arguments&, const Scope& scope) {
  return SqlValue{scope.catalog.version()};
}

SqlResult<SqlValue> database(const Arguments&, const Scope& scope) {
  return scope.session.database.empty() ? SqlValue() : SqlValue{scope.session.database};
}

SqlResult<SqlValue> user(const Arguments&, const Scope& scope) {
  return SqlValue{scope.session.user + "@%"};
}

SqlResult<SqlValue> connection_id(const Arguments&, const Scope& scope) {
  return integer(scope.session.connection_id);
}

SqlResult<SqlValue> unix_timestamp(const Arguments&, const Scope& scope) {
  return integer(scope.clock.wall_us() / 1'000'000);
}

SqlResult<SqlValue> random_uuid(const Arguments&, const Scope&) {
  std::random_device random;
  mysql::Uuid uuid;
  for (uint8_t& byte : uuid.bytes) byte = static_cast<uint8_t>(random());
  return SqlValue{uuid.to_string()};
}

tl::unexpected<ServerError> wrong_parameter_count() {
  return tl::unexpected(
      ServerError{mysql::kErrorParameterCount, "42000", "Incorrect parameter count"});
}

// Both arguments as GTID sets; NULL when either is.
template <class Operation>
SqlResult<SqlValue> with_gtid_sets(const Arguments& arguments, Operation operation) {
  if (arguments.size() != 2) return wrong_parameter_count();
  if (!arguments[0].text || !arguments[1].text) return SqlValue();
  const auto left = mysql::GtidSet::parse(*arguments[0].text);
  const auto right = mysql::GtidSet::parse(*arguments[1].text);
  if (!left || !right) {
    return tl::unexpected(ServerError{1772, "HY000", "Malformed GTID set specification"});
  }
  return operation(*left, *right);
}

SqlResult<SqlValue> gtid_subset(const Arguments& arguments, const Scope&) {
  return with_gtid_sets(arguments, [](const auto& left, const auto& right) {
    return integer(right.contains(left) ? 1 : 0);
  });
}

SqlResult<SqlValue> gtid_subtract(const Arguments& arguments, const Scope&) {
  return with_gtid_sets(arguments, [](const auto& left, const auto& right) {
    return SqlValue{mysql::difference(left, right).to_string(",\n")};
  });
}

// NULL for a place that is not one between events, as the server does.
SqlResult<SqlValue> binlog_gtid_pos(const Arguments& arguments, const Scope& scope) {
  if (arguments.size() != 2 || !arguments[0].text || !arguments[1].text) return SqlValue();
  const std::string& place = *arguments[1].text;
  uint64_t offset = 0;
  std::from_chars(place.data(), place.data() + place.size(), offset);
  const auto state = mariadb_state_at(scope.catalog.log(), *arguments[0].text, offset);
  return state ? SqlValue{state->to_string()} : SqlValue();
}

struct Function {
  std::string_view name;
  SqlResult<SqlValue> (*call)(const Arguments&, const Scope&);
};
constexpr Function kFunctions[] = {
    {"BINLOG_GTID_POS", binlog_gtid_pos},
    {"CONNECTION_ID", connection_id},
    {"CURRENT_USER", user},
    {"DATABASE", database},
    {"GTID_SUBSET", gtid_subset},
    {"GTID_SUBTRACT", gtid_subtract},
    {"SCHEMA", database},
    {"SESSION_USER", user},
    {"SYSTEM_USER", user},
    {"UNIX_TIMESTAMP", unix_timestamp},
    {"USER", user},
    {"UUID", random_uuid},
    {"VERSION", version},
};

// SHOW VARIABLES and SELECT say the same of these; of every other switch the one says ON or OFF, and the other 1 or 0.
constexpr std::string_view kNoSwitches[] = {"enforce_gtid_consistency", "gtid_mode",
                                            "query_cache_type", "session_track_gtids",
                                            "session_track_transaction_info"};

// A variable's value as SELECT returns it.
SqlValue selected(const std::string& name, std::string value) {
  const bool is_switch = std::ranges::find(kNoSwitches, name) == std::end(kNoSwitches);
  if (is_switch && (value == "ON" || value == "OFF")) return integer(value == "ON" ? 1 : 0);
  const bool number = is_integer(value);
  return {std::move(value), number};
}

// "@@GLOBAL.SERVER_ID" and "@@server_id" alike.
SqlResult<SqlValue> system_variable(const SqlToken& token, const Scope& scope) {
  std::string name = lower_case(token.text.substr(2));
  for (const std::string_view scope_name : {"global.", "session.", "local."}) {
    if (name.starts_with(scope_name)) name.erase(0, scope_name.size());
  }
  if (auto value = scope.catalog.variable(name)) return selected(name, std::move(*value));
  return tl::unexpected(
      ServerError{mysql::kErrorUnknownVariable, "HY000", "Unknown system variable '" + name + "'"});
}

// Each level of nesting is one of the stack, and the client's to choose.
constexpr size_t kNestingMax = 16;
constexpr size_t kArgumentsMax = 2;

SqlResult<SqlValue> value_at(TokenReader& in, const Scope& scope, size_t depth);

SqlResult<SqlValue> call(const SqlToken& name, TokenReader& in, const Scope& scope, size_t depth) {
  const auto function = std::ranges::find(kFunctions, name.text, &Function::name);
  if (function == std::end(kFunctions)) return tl::unexpected(not_served(std::span(&name, 1)));
  Arguments arguments;
  if (in.take("(")) {
    while (!in.take(")")) {
      if (in.done() || (!arguments.empty() && !in.take(",")))
        return tl::unexpected(not_served(in.rest()));
      if (arguments.size() == kArgumentsMax) return wrong_parameter_count();
      auto argument = value_at(in, scope, depth + 1);
      if (!argument) return argument;
      arguments.push_back(std::move(*argument));
    }
  }
  return function->call(arguments, scope);
}

SqlResult<SqlValue> value_at(TokenReader& in, const Scope& scope, size_t depth) {
  if (depth > kNestingMax) {
    return tl::unexpected(ServerError{mysql::kErrorSyntax, "42000",
                                      "binbus evaluates functions that are nested up to " +
                                          std::to_string(kNestingMax) + " deep"});
  }
  if (in.done()) return tl::unexpected(not_served({}));
  const bool negative = in.take("-");
  if (in.done()) return tl::unexpected(not_served({}));
  const SqlToken& token = in.take();
  switch (token.kind) {
    case Kind::kNumber:
      return SqlValue{(negative ? "-" : "") + token.text, is_integer(token.text)};
    case Kind::kText:
      return SqlValue{token.text};
    case Kind::kSystemVariable:
      return system_variable(token, scope);
    case Kind::kUserVariable: {
      const auto found = scope.session.variables.find(token.text);
      return found == scope.session.variables.end() ? SqlValue() : SqlValue{found->second};
    }
    case Kind::kWord:
      if (token.is("NULL")) return SqlValue();
      if (token.is("TRUE") || token.is("FALSE")) return integer(token.is("TRUE") ? 1 : 0);
      return call(token, in, scope, depth);
    case Kind::kQuotedWord:
    case Kind::kSymbol:
      break;
  }
  return tl::unexpected(not_served(std::span(&token, 1)));
}

}  // namespace

bool TokenReader::take(std::string_view upper_case) {
  if (rest_.empty() || !rest_.front().is(upper_case)) return false;
  rest_ = rest_.subspan(1);
  return true;
}

ServerError not_served(std::span<const SqlToken> rest) {
  constexpr size_t kShownBytesMax = 60;
  std::string near;
  for (const SqlToken& token : rest) {
    if (near.size() < kShownBytesMax) near += (near.empty() ? "" : " ") + std::string(token.source);
  }
  return {mysql::kErrorSyntax, "42000",
          "binbus serves the binary log and does not run this statement; send it to the source. It "
          "knows dumps, "
          "SHOW BINARY LOGS, SHOW BINARY LOG STATUS, SHOW BINLOG EVENTS, SHOW REPLICAS, SHOW "
          "VARIABLES, SELECT @@name "
          "and SET. Near: '" +
              near.substr(0, kShownBytesMax) + "'"};
}

SqlResult<SqlValue> evaluate(TokenReader& in, const Scope& scope) { return value_at(in, scope, 0); }

}  // namespace binbus::serve
