#include "serve/mariadb_position.h"

#include "binlog/gtid_events.h"
#include "store/event_feed.h"

namespace binbus::serve {

Result<store::SegmentInfo> find_segment(const std::vector<store::SegmentInfo>& segments,
                                        const std::string& name) {
  for (const store::SegmentInfo& segment : segments) {
    if (name.empty() || segment.name == name) return segment;
  }
  return fail(Code::kNotFound, "Could not find first log file name in binary log index file", 1236);
}

Result<mysql::MariadbGtidSet> mariadb_state_at(store::Log& log, const std::string& segment,
                                               uint64_t offset) {
  BINBUS_TRY(info, find_segment(log.segments(), segment));
  const mysql::MariadbGtidSet* before = info.previous.mariadb();
  mysql::MariadbGtidSet state = before ? *before : mysql::MariadbGtidSet();
  if (offset <= binlog::kMagic.size()) return state;
  BINBUS_TRY(feed, store::EventFeed::open(log, {info.number, 0}));
  while (feed.end_offset() < offset) {
    BINBUS_TRY(there, feed.next());
    if (!there) break;
    if (feed.header().type == binlog::kFormatDescriptionEvent)
      BINBUS_RETURN_IF_ERROR(feed.learn_format());
    if (feed.header().type == binlog::kMariadbGtidEvent && feed.end_offset() <= offset) {
      BINBUS_TRY(event, binlog::parse_gtid_event(feed.header(), feed.prefix()));
      if (const auto* gtid = std::get_if<mysql::MariadbGtid>(&event.gtid)) state.add(*gtid);
    }
    BINBUS_RETURN_IF_ERROR(feed.skip());
  }
  if (feed.end_offset() != offset) return fail(Code::kNotFound, "no event starts there");
  return state;
}

}  // namespace binbus::serve
