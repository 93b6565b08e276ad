#include "serve/binlog_listing.h"

#include "binlog/control_events.h"
#include "binlog/gtid_events.h"
#include "serve/event_start.h"
#include "serve/mariadb_position.h"
#include "store/event_feed.h"

namespace binbus::serve {
namespace {

using mysql::integer_column;

constexpr size_t kStatementBytesMax = 1024;  // shown of a statement

bool mariadb(const Catalog& catalog) { return catalog.flavor() == mysql::Flavor::kMariadb; }

// From 8.0.14 on, SHOW BINARY LOGS has a third column.
bool tells_encryption(const Catalog& catalog) {
  return !mariadb(catalog) && std::atoi(catalog.version().c_str()) >= 8;
}

// A place that a reader may ask for: a segment that is new has no byte to be sent yet.
std::string end_of(const store::SegmentInfo& segment) {
  return std::to_string(std::max<uint64_t>(segment.bytes, binlog::kMagic.size()));
}

std::string gtid_info(const binlog::GtidEvent& event) {
  const std::string gtid = mysql::to_string(event.gtid);
  if (std::holds_alternative<mysql::MariadbGtid>(event.gtid)) return "GTID " + gtid;
  return "SET @@SESSION.GTID_NEXT= '" + (gtid.empty() ? "ANONYMOUS" : gtid) + "'";
}

std::string query_info(const binlog::QueryEvent& query) {
  std::string info = query.database.empty() ? "" : "use `" + std::string(query.database) + "`; ";
  return info.append(query.statement.substr(0, kStatementBytesMax));
}

// The Info column for the types that clients and people look at; "" for others.
std::string event_info(store::EventFeed& feed, const binlog::FormatDescription& format) {
  switch (feed.header().type) {
    case binlog::kFormatDescriptionEvent:
      return "Server ver: " + format.server_version + ", Binlog ver: 4";
    case binlog::kRotateEvent:
      if (const auto rotate = binlog::parse_rotate(feed.head(), feed.checksummed())) {
        return rotate->file + ";pos=" + std::to_string(rotate->position);
      }
      return "";
    case binlog::kGtidEvent:
    case binlog::kAnonymousGtidEvent:
    case binlog::kGtidTaggedEvent:
    case binlog::kMariadbGtidEvent:
      if (const auto gtid = binlog::parse_gtid_event(feed.header(), feed.prefix()))
        return gtid_info(*gtid);
      return "";
    case binlog::kQueryEvent:
      if (const auto query = binlog::parse_query(feed.prefix())) return query_info(*query);
      return "";
    case binlog::kPreviousGtidsEvent:
    case binlog::kMariadbGtidListEvent:
      if (!feed.whole()) return "";
      if (const auto previous = binlog::parse_previous_gtids(feed.head(), feed.checksummed())) {
        return previous->to_string();
      }
      return "";
    default:
      return "";
  }
}

}  // namespace

mysql::ResultSet list_logs(const Catalog& catalog) {
  mysql::ResultSet result{{"Log_name", integer_column("File_size")}, {}};
  const bool encryption = tells_encryption(catalog);
  if (encryption) result.columns.emplace_back("Encrypted");
  for (const store::SegmentInfo& segment : catalog.log().segments()) {
    mysql::ResultSet::Row row{segment.name, end_of(segment)};
    if (encryption) row.emplace_back("No");
    result.rows.push_back(std::move(row));
  }
  return result;
}

mysql::ResultSet list_log_status(const Catalog& catalog) {
  mysql::ResultSet result{{"File", integer_column("Position"), "Binlog_Do_DB", "Binlog_Ignore_DB"},
                          {}};
  if (!mariadb(catalog)) result.columns.emplace_back("Executed_Gtid_Set");
  const auto segments = catalog.log().segments();
  if (segments.empty()) return result;
  mysql::ResultSet::Row row{segments.back().name, end_of(segments.back()), "", ""};
  if (!mariadb(catalog)) row.emplace_back(catalog.log().executed().to_string());
  result.rows.push_back(std::move(row));
  return result;
}

Result<mysql::ResultSet> list_events(const Catalog& catalog, const EventListing& listing) {
  mysql::ResultSet result{{"Log_name", integer_column("Pos"), "Event_type",
                           integer_column("Server_id"), integer_column("End_log_pos"), "Info"},
                          {}};
  BINBUS_TRY(segment, find_segment(catalog.log().segments(), listing.file));
  BINBUS_TRY(format, read_format(catalog.log(), segment.number));
  const uint64_t from = std::max<uint64_t>(listing.from, binlog::kMagic.size());
  if (!check_event_start(catalog.log(), segment, from))
    return fail(Code::kNotFound, "Wrong offset or I/O error");
  BINBUS_TRY(feed, store::EventFeed::open(catalog.log(), {segment.number, from}));
  feed.set_checksummed(format.checksum == binlog::Checksum::kCrc32);
  const uint64_t count = listing.count == 0 ? kEventsMax : std::min(listing.count, kEventsMax);
  uint64_t bytes = 0;
  for (uint64_t i = 0; result.rows.size() < count && bytes < kEventsBytesMax; i++) {
    const uint64_t start = feed.end_offset();
    BINBUS_TRY(there, feed.next());
    if (!there) break;
    const binlog::EventHeader& header = feed.header();
    if (i >= listing.skip) {
      result.rows.push_back({segment.name, std::to_string(start),
                             std::string(binlog::event_type_name(header.type)),
                             std::to_string(header.server_id), std::to_string(feed.end_offset()),
                             event_info(feed, format)});
      for (const auto& value : result.rows.back()) bytes += value->size();
    }
    BINBUS_RETURN_IF_ERROR(feed.skip());
  }
  return result;
}

}  // namespace binbus::serve
