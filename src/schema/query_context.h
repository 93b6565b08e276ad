// What a Query event says about the session that ran its statement.
#pragma once

#include "binlog/control_events.h"
#include "schema/server.h"

namespace binbus::schema {

struct QueryContext {
  StatementContext statement;
  uint32_t client_collation = 0;  // of the statement's own text; 0: not said
  bool takes_effect =
      true;  // false: the announcement or the end without success of MariaDB's ALTER in two phases
};

// `facts` is what the event does not say: the server's version, and what holds where a variable was not logged, such as
// explicit_defaults_for_timestamp before MySQL 8.0.
Result<QueryContext> query_context(const binlog::QueryEvent& query, const StatementContext& facts);

}  // namespace binbus::schema
