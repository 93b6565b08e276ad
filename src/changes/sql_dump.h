// Table definitions from a dump: what mysqldump --no-data and mariadb-dump write, or statements in a file of one's own.
#pragma once

#include "schema/catalog.h"

namespace binbus::changes {

// Runs the file's CREATE, ALTER, DROP, RENAME and USE statements; all others are passed over. The server's version is taken from the
// dump's first lines, else it is `server`. kUnsupported names the line of a statement that is not understood.
Status apply_sql_dump(schema::Catalog& catalog, std::string_view dump,
                      const schema::StatementContext& context);

}  // namespace binbus::changes
