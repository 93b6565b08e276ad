// The statements that replicas and tools send to a source around a dump, and their answers.
//
// Thread: one (a connection's).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mysql/server_replies.h"
#include "serve/catalog.h"

namespace binbus::serve {

// What a client can make the server hold: a statement, and its user variables with their names.
inline constexpr size_t kStatementBytesMax = 1024 * 1024;
inline constexpr size_t kVariableBytesMax = 1024 * 1024;

// A connection's own state, as far as statements see it.
struct SessionState {
  uint32_t connection_id = 0;
  std::string user;
  std::string database;
  // SET @name = value: names in lower case, values as text. "" is a value; NULL removes.
  std::map<std::string, std::string> variables;

  // The value of the first of these variables that is set; MySQL renamed most of them ("master_..." to "source_...").
  const std::string* first_of(std::initializer_list<const char*> names) const;
};

// What statements need of the server around the connection.
class ServerActions {
 public:
  virtual ~ServerActions() = default;
  virtual std::vector<ReplicaStatus> replicas() const = 0;
  // Ends another connection; false when there is none of this id that `user` may end (its own ones).
  virtual bool kill(uint32_t connection_id, const std::string& user) = 0;
};

struct OkAnswer {};
using Answer = std::variant<OkAnswer, mysql::ResultSet, mysql::ServerError>;

// Runs one statement. Never fails: what binbus does not serve is answered with an error that says so.
Answer run_query(std::string_view statement, SessionState& session, const Catalog& catalog,
                 ServerActions& server, io::Clock& clock);

}  // namespace binbus::serve
