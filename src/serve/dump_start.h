// Where a dump begins, or why it cannot.
#pragma once

#include "mysql/mariadb_gtid_set.h"
#include "serve/catalog.h"
#include "serve/dump_errors.h"
#include "serve/dump_request.h"

namespace binbus::serve {

struct DumpStart {
  // Told to the reader; offset 4: the segment's start.
  binlog::Position at;
  // MySQL's GTIDs: nothing before this offset is to be sent, but for the segment's head.
  uint64_t skip_to = 0;
  // The reader has some of the segment's transactions: its temporary tables must live on.
  bool clear_created = false;
  // MariaDB's GTIDs: what the reader has, of the domains in which it has to skip something.
  mysql::MariadbGtidSet skip;
  mysql::MariadbGtidSet until;
};

// Errors for the reader carry 1236. A place that the source may have reached and this log not yet is waited for, up to
// options.catch_up_ms: a replica may come from the source straight to us. When the log may be behind for
// longer: kUnavailable, with a number after which replicas try again.
Result<DumpStart> find_dump_start(const DumpRequest& request, const ReaderTraits& traits,
                                  const Catalog& catalog, const Wording& wording,
                                  const std::stop_token& stop);

}  // namespace binbus::serve
