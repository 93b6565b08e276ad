#include "serve/event_start.h"

#include "store/event_feed.h"

namespace binbus::serve {
namespace {

bool tells_its_end(const store::EventFeed& feed) {
  return feed.header().log_pos == static_cast<uint32_t>(feed.end_offset());
}

tl::unexpected<Error> no_event() { return fail(Code::kNotFound, "no event starts there"); }

Status walk_to(store::Log& log, uint64_t segment, uint64_t offset) {
  BINBUS_TRY(feed, store::EventFeed::open(log, {segment, 0}));
  while (feed.end_offset() < offset) {
    BINBUS_TRY(there, feed.next());
    if (!there) break;
    if (!feed.whole()) BINBUS_RETURN_IF_ERROR(feed.seek(feed.end_offset()));
  }
  return feed.end_offset() == offset ? ok() : no_event();
}

}  // namespace

Status check_event_start(store::Log& log, const store::SegmentInfo& segment, uint64_t offset) {
  if (offset == binlog::kMagic.size() || offset == segment.bytes) return ok();
  if (offset < binlog::kMagic.size() || offset > segment.bytes) return no_event();
  BINBUS_TRY(feed, store::EventFeed::open(log, {segment.number, offset}));
  const Result<bool> event = feed.next();
  if (!event || !*event || feed.end_offset() > segment.bytes) return no_event();
  // In a relay log or a cut file the events' own positions are another file's.
  BINBUS_TRY(head, store::EventFeed::open(log, {segment.number, 0}));
  BINBUS_TRY(there, head.next());
  const bool own_positions = there && tells_its_end(head);
  if (own_positions && tells_its_end(feed)) return ok();
  if (own_positions && feed.header().log_pos != 0) return no_event();
  return walk_to(log, segment.number, offset);
}

}  // namespace binbus::serve
