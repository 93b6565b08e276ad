#include "serve/queries.h"

#include <algorithm>
#include <charconv>

#include "serve/binlog_listing.h"
#include "serve/expressions.h"
#include "serve/server_version.h"
#include "serve/sql_tokens.h"

namespace binbus::serve {
namespace {

using Kind = SqlToken::Kind;
using mysql::integer_column;
using mysql::ResultSet;
using mysql::ServerError;

struct Context {
  SessionState& session;
  const Catalog& catalog;
  ServerActions& server;
  io::Clock& clock;

  Scope scope() const { return {session, catalog, clock}; }
  bool mariadb() const { return catalog.flavor() == mysql::Flavor::kMariadb; }
  // Servers have UUIDs since MySQL 5.6.
  bool tells_uuids() const {
    const ServerVersion version = ServerVersion::parse(catalog.version());
    return version.flavor == mysql::Flavor::kMysql && version.number >= 50600;
  }
};

constexpr size_t kVariableBytes = 64;              // of a user variable, beside its name and value
constexpr size_t kRowBytesMax = 16 * 1024 * 1024;  // of a SELECT

size_t bytes_of(const std::string& name, const std::string& value) {
  return kVariableBytes + name.size() + value.size();
}

ServerError too_large(const std::string& what, size_t bytes_max) {
  return {mysql::kErrorPacketTooLarge, "08S01",
          "Got a packet bigger than 'max_allowed_packet' bytes: " + what + " of more than " +
              std::to_string(bytes_max) + " bytes"};
}

// Each is given what follows the words it is registered for.

std::string source_text(std::span<const SqlToken> tokens) {
  const char* first = tokens.front().source.data();
  const std::string_view last = tokens.back().source;
  return std::string(first, static_cast<size_t>(last.data() + last.size() - first));
}

// As a column is named that has no alias.
std::string name_of(std::span<const SqlToken> expression) {
  const bool text = expression.size() == 1 && expression.front().kind == Kind::kText;
  return text ? expression.front().text : source_text(expression);
}

Answer select(TokenReader in, Context& context) {
  ResultSet result;
  ResultSet::Row row;
  size_t bytes = 0;
  do {
    const std::span<const SqlToken> start = in.rest();
    auto value = evaluate(in, context.scope());
    if (!value) return value.error();
    std::string name = name_of(start.first(start.size() - in.rest().size()));
    const bool as = in.take("AS");
    const SqlToken* next = in.peek();
    const bool alias =
        next && (as || next->kind == Kind::kQuotedWord || next->kind == Kind::kText ||
                 (next->kind == Kind::kWord && !next->is("FROM") && !next->is("LIMIT")));
    if (alias) {
      const SqlToken& token = in.take();
      name = token.kind == Kind::kWord ? token.source : token.text;
    }
    bytes += name.size() + (value->text ? value->text->size() : 0);
    if (bytes > kRowBytesMax) return too_large("a row", kRowBytesMax);
    result.columns.push_back({std::move(name), value->integer});
    row.push_back(std::move(value->text));
  } while (in.take(","));
  if (in.take("FROM") && !in.take("DUAL")) return not_served(in.rest());
  if (in.take("LIMIT") && !in.done()) in.take();
  if (!in.done()) return not_served(in.rest());
  result.rows.push_back(std::move(row));
  return result;
}

void skip_to_comma(TokenReader& in) {
  int depth = 0;
  while (const SqlToken* token = in.peek()) {
    if (depth == 0 && token->is(",")) return;
    depth += token->is("(") ? 1 : token->is(")") ? -1 : 0;
    in.take();
  }
}

// User variables are kept. Session settings change nothing here and are accepted; global ones are refused.
Answer set(TokenReader in, Context& context) {
  // All or none is set, and every value is made of the old ones.
  std::map<std::string, std::string> variables = context.session.variables;
  size_t bytes = 0;
  for (const auto& [name, value] : variables) bytes += bytes_of(name, value);
  do {
    const SqlToken* target = in.peek();
    if (!target) return not_served({});
    if (target->is("GLOBAL") || target->is("PERSIST") || target->text.starts_with("@@GLOBAL.")) {
      return ServerError{1227, "42000",
                         "binbus has no global settings that a statement can change"};
    }
    if (target->kind != Kind::kUserVariable) {
      skip_to_comma(in);
      continue;
    }
    const std::string name = in.take().text;
    in.take(":");
    if (!in.take("=")) return not_served(in.rest());
    auto value = evaluate(in, context.scope());
    if (!value) return value.error();
    if (const auto old = variables.find(name); old != variables.end()) {
      bytes -= bytes_of(name, old->second);
      variables.erase(old);
    }
    if (!value->text) continue;
    bytes += bytes_of(name, *value->text);
    if (bytes > kVariableBytesMax) {
      return ServerError{mysql::kErrorUserLimit, "42000",
                         "binbus keeps user variables of up to " +
                             std::to_string(kVariableBytesMax) + " bytes for a connection"};
    }
    variables.emplace(name, std::move(*value->text));
  } while (in.take(","));
  if (!in.done()) return not_served(in.rest());
  context.session.variables = std::move(variables);
  return OkAnswer{};
}

// LIKE 'pattern', or WHERE with names in it: every text of the condition counts as a pattern.
bool wanted(const std::string& name, std::span<const SqlToken> condition) {
  bool any = false;
  for (const SqlToken& token : condition) {
    if (token.kind != Kind::kText) continue;
    any = true;
    if (like_matches(name, token.text)) return true;
  }
  return !any;
}

Answer show_variables(TokenReader in, Context& context) {
  ResultSet result{{"Variable_name", "Value"}, {}};
  for (auto& [name, value] : context.catalog.variables()) {
    if (wanted(name, in.rest())) result.rows.push_back({name, value});
  }
  return result;
}

Answer no_status(TokenReader, Context&) { return ResultSet{{"Variable_name", "Value"}, {}}; }
Answer no_warnings(TokenReader, Context&) { return ResultSet{{"Level", "Code", "Message"}, {}}; }
Answer no_replication(TokenReader, Context&) { return ResultSet{{"Replica_IO_State"}, {}}; }
Answer nothing_to_do(TokenReader, Context&) { return OkAnswer{}; }

Answer show_log_status(TokenReader, Context& context) { return list_log_status(context.catalog); }

Answer show_logs(TokenReader, Context& context) { return list_logs(context.catalog); }

std::optional<uint64_t> number(TokenReader& in) {
  const SqlToken* token = in.peek();
  uint64_t value = 0;
  if (!token || token->kind != Kind::kNumber) return std::nullopt;
  if (std::from_chars(token->text.data(), token->text.data() + token->text.size(), value).ec !=
      std::errc()) {
    return std::nullopt;
  }
  in.take();
  return value;
}

// [IN 'file'] [FROM position] [LIMIT [offset,] count]
Answer show_events(TokenReader in, Context& context) {
  EventListing listing;
  if (in.take("IN") && !in.done()) listing.file = in.take().text;
  if (in.take("FROM")) {
    const auto from = number(in);
    if (!from) return not_served(in.rest());
    listing.from = *from;
  }
  if (in.take("LIMIT")) {
    auto count = number(in);
    if (count && in.take(",")) {
      listing.skip = *count;
      count = number(in);
    }
    if (!count) return not_served(in.rest());
    listing.count = *count;
  }
  if (!in.done()) return not_served(in.rest());
  auto events = list_events(context.catalog, listing);
  if (events) return std::move(*events);
  return ServerError{1220, "HY000",
                     "Error when executing command SHOW BINLOG EVENTS: " + events.error().message};
}

// The columns' names are MySQL's of today, or those of MariaDB and of MySQL before 8.0.22.
Answer list_replicas(const Context& context, bool todays_names) {
  using mysql::Column;
  ResultSet result;
  result.columns = {Column(todays_names ? "Server_Id" : "Server_id", true), "Host",
                    integer_column("Port"), Column(todays_names ? "Source_Id" : "Master_id", true)};
  const bool uuids = context.tells_uuids();
  if (uuids) result.columns.emplace_back(todays_names ? "Replica_UUID" : "Slave_UUID");
  const std::string source_id = std::to_string(context.catalog.options().server_id);
  for (const ReplicaStatus& replica : context.server.replicas()) {
    if (replica.mode.empty()) continue;
    const bool named = !replica.report_host.empty();
    ResultSet::Row row{
        std::to_string(replica.server_id),
        named ? replica.report_host : replica.peer.substr(0, replica.peer.rfind(':')),
        std::to_string(replica.report_port), source_id};
    if (uuids) row.push_back(replica.server_uuid);
    result.rows.push_back(std::move(row));
  }
  return result;
}

Answer show_replicas(TokenReader, Context& context) {
  return list_replicas(context, !context.mariadb());
}

Answer show_slave_hosts(TokenReader, Context& context) { return list_replicas(context, false); }

Answer show_grants(TokenReader, Context& context) {
  return ResultSet{{"Grants for " + context.session.user + "@%"},
                   {{"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `" +
                     context.session.user + "`@`%`"}}};
}

Answer kill(TokenReader in, Context& context) {
  if (!in.take("CONNECTION")) in.take("QUERY");
  const auto id = number(in);
  if (!id) return not_served(in.rest());
  if (context.server.kill(static_cast<uint32_t>(*id), context.session.user)) return OkAnswer{};
  return ServerError{mysql::kErrorUnknownThread, "HY000",
                     "Unknown thread id: " + std::to_string(*id)};
}

struct Statement {
  std::initializer_list<std::string_view> words;
  Answer (*run)(TokenReader, Context&);
};

// The first whose words the statement begins with, scopes (GLOBAL, SESSION, ALL, ...) after SHOW left out.
const Statement kStatements[] = {
    {{"SELECT"}, select},
    {{"SET"}, set},
    {{"SHOW", "VARIABLES"}, show_variables},
    {{"SHOW", "STATUS"}, no_status},
    {{"SHOW", "MASTER", "STATUS"}, show_log_status},
    {{"SHOW", "BINARY", "LOG", "STATUS"}, show_log_status},
    {{"SHOW", "BINLOG", "STATUS"}, show_log_status},
    {{"SHOW", "BINARY", "LOGS"}, show_logs},
    {{"SHOW", "MASTER", "LOGS"}, show_logs},
    {{"SHOW", "BINLOG", "EVENTS"}, show_events},
    {{"SHOW", "REPLICA", "STATUS"}, no_replication},
    {{"SHOW", "REPLICAS", "STATUS"}, no_replication},
    {{"SHOW", "SLAVE", "STATUS"}, no_replication},
    {{"SHOW", "SLAVES", "STATUS"}, no_replication},
    {{"SHOW", "REPLICAS"}, show_replicas},
    {{"SHOW", "REPLICA", "HOSTS"}, show_replicas},
    {{"SHOW", "SLAVE", "HOSTS"}, show_slave_hosts},
    {{"SHOW", "WARNINGS"}, no_warnings},
    {{"SHOW", "ERRORS"}, no_warnings},
    {{"SHOW", "GRANTS"}, show_grants},
    {{"KILL"}, kill},
    {{"USE"}, nothing_to_do},
    {{"BEGIN"}, nothing_to_do},
    {{"START", "TRANSACTION"}, nothing_to_do},
    {{"COMMIT"}, nothing_to_do},
    {{"ROLLBACK"}, nothing_to_do},
};

bool is_scope(const SqlToken& token) {
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"GLOBAL", "SESSION", "LOCAL", "ALL", "FULL"},
      [&](std::string_view word) { return token.is(word); });
}

bool begins_with(TokenReader& in, const Statement& statement) {
  return std::ranges::all_of(statement.words, [&](std::string_view word) { return in.take(word); });
}

}  // namespace

const std::string* SessionState::first_of(std::initializer_list<const char*> names) const {
  for (const char* name : names) {
    if (const auto found = variables.find(name); found != variables.end()) return &found->second;
  }
  return nullptr;
}

Answer run_query(std::string_view statement, SessionState& session, const Catalog& catalog,
                 ServerActions& server, io::Clock& clock) {
  if (statement.size() > kStatementBytesMax) return too_large("a statement", kStatementBytesMax);
  auto tokens = tokenize_sql(statement);
  if (!tokens)
    return ServerError{mysql::kErrorSyntax, "42000",
                       "binbus cannot read this statement: " + tokens.error().message};
  while (!tokens->empty() && tokens->back().is(";")) tokens->pop_back();
  if (tokens->empty()) return ServerError{1065, "42000", "Query was empty"};
  if (tokens->size() > 1 && tokens->front().is("SHOW") && is_scope((*tokens)[1]))
    tokens->erase(tokens->begin() + 1);
  Context context{session, catalog, server, clock};
  for (const Statement& known : kStatements) {
    TokenReader in(*tokens);
    if (begins_with(in, known)) return known.run(in, context);
  }
  return not_served(*tokens);
}

}  // namespace binbus::serve
