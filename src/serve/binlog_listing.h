// SHOW BINARY LOGS, SHOW BINARY LOG STATUS and SHOW BINLOG EVENTS.
#pragma once

#include <string>

#include "mysql/server_replies.h"
#include "serve/catalog.h"

namespace binbus::serve {

mysql::ResultSet list_logs(const Catalog& catalog);
mysql::ResultSet list_log_status(const Catalog& catalog);

struct EventListing {
  std::string file;  // "": the oldest
  uint64_t from = 4;
  uint64_t skip = 0;
  uint64_t count = 0;  // 0: kEventsMax
};
// What is listed at most, to keep memory bounded: rows, and bytes of their text. Who wants more asks FROM where it ended.
inline constexpr uint64_t kEventsMax = 100'000;
inline constexpr uint64_t kEventsBytesMax = 16 * 1024 * 1024;
// kNotFound for an unknown file or a place where no event starts.
Result<mysql::ResultSet> list_events(const Catalog& catalog, const EventListing& listing);

}  // namespace binbus::serve
