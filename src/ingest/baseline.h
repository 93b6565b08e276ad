// Reads what all tables of a source look like, without a lock on it: in bulk from information_schema, by SHOW CREATE TABLE where
// only that tells the order of UNIQUE keys, or hidden columns and long keys (MariaDB).
//
// The user needs some right on the tables (SELECT); tables that it may not see are not there. System schemas are left out.
// Thread: one; blocks for queries. Memory: the catalog, and one row at a time.
// Errors: of mysql::Client; nothing is half done.
#pragma once

#include "ingest/source_facts.h"
#include "schema/baseline.h"

namespace binbus::ingest {

Result<schema::Baseline> read_baseline(mysql::Client& client);

// Reads these again, at another time: the baseline's places become those around this reading. A table that is gone is taken
// out of the catalog.
Status read_again(mysql::Client& client, const std::vector<schema::TableName>& tables,
                  schema::Baseline& baseline);

// Where the source's log ends. kInvalid when it has none.
Result<schema::SourcePlace> ask_place(mysql::Client& client);

}  // namespace binbus::ingest
