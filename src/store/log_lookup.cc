// Log's look-ups: what it has, and where.

#include <algorithm>
#include <functional>

#include "store/gtid_place.h"
#include "store/log_state.h"
#include "store/scan.h"
#include "store/source_map.h"

namespace binbus::store {
namespace {

// A segment's first event; 0 while not even the magic is visible.
uint64_t first_event(const Segment& segment) {
  return std::min<uint64_t>(binlog::kMagic.size(), segment.visible.load());
}

// The last mark of a segment before which the replica needs nothing.
Result<Position> last_skipped(Segment& segment, GtidPlace& place, uint64_t mark_bytes) {
  BINBUS_TRY(previous, segment.previous());
  place.start_at(previous);
  uint64_t offset = first_event(segment);
  BINBUS_TRY(marks, segment.marks(mark_bytes));
  const uint64_t visible = segment.visible.load();
  for (auto mark = marks.next(); mark && mark->offset <= visible && place.skips(mark->added);
       mark = marks.next()) {
    offset = mark->offset;
  }
  return Position{segment.number(), offset};
}

// Gives the transaction ends from the last mark that is not `behind` to the first one that is, or to `visible`. Returns where
// that begins.
Result<uint64_t> scan_between_marks(Segment& segment, uint64_t visible, uint64_t mark_bytes,
                                    const std::function<bool(const Mark&)>& behind,
                                    const std::function<void(const TransactionEnd&)>& on_end) {
  uint64_t from = 0;
  uint64_t to = visible;
  BINBUS_TRY(marks, segment.marks(mark_bytes));
  for (auto mark = marks.next(); mark && mark->offset <= visible; mark = marks.next()) {
    if (behind(*mark)) {
      to = mark->offset;
      break;
    }
    from = mark->offset;
  }
  BINBUS_TRY(file, segment.file());
  BINBUS_TRY(head, segment.head());
  BINBUS_TRY(scanned, scan_segment(*file, from, to, head->format, on_end));
  if (scanned.broken) return fail_in("segment " + segment.name(), *scanned.broken);
  return std::max(from, first_event(segment));
}

// The end of the last transaction in the segment before one that committed at `time_us` or later.
Result<Position> last_before(Segment& segment, uint64_t time_us, uint64_t mark_bytes) {
  std::optional<uint64_t> last;
  bool passed = false;
  BINBUS_TRY(begin, scan_between_marks(
                        segment, segment.visible.load(), mark_bytes,
                        [&](const Mark& mark) { return mark.newest_commit_us >= time_us; },
                        [&](const TransactionEnd& end) {
                          passed = passed || (end.transaction && end.commit_us >= time_us);
                          if (!passed) last = end.offset;
                        }));
  return Position{segment.number(), last.value_or(begin)};
}

Result<Stretch> stretch_around(Segment& segment, uint64_t at, uint64_t mark_bytes) {
  const uint64_t visible = segment.visible.load();
  std::optional<uint64_t> before, behind;
  BINBUS_TRY(begin,
             scan_between_marks(
                 segment, visible, mark_bytes, [&](const Mark& mark) { return mark.offset >= at; },
                 [&](const TransactionEnd& end) {
                   if (end.offset <= at) before = end.offset;
                   if (end.offset >= at && !behind) behind = end.offset;
                 }));
  return Stretch{{segment.number(), before.value_or(begin)},
                 {segment.number(), behind.value_or(visible)}};
}

// Adds what the segment has up to `at`.
Status add_executed(Segment& segment, uint64_t at, uint64_t mark_bytes, mysql::Executed& set) {
  BINBUS_TRY(marks, segment.marks(mark_bytes));
  for (auto mark = marks.next(); mark && mark->offset <= at; mark = marks.next())
    set.add(mark->added);
  BINBUS_RETURN_IF_ERROR(scan_between_marks(
      segment, segment.visible.load(), mark_bytes,
      [&](const Mark& mark) { return mark.offset > at; },
      [&](const TransactionEnd& end) {
        if (end.offset <= at) set.add(end.gtid);
      }));
  return ok();
}

}  // namespace

std::vector<std::shared_ptr<Segment>> Log::State::all_segments() const {
  const std::lock_guard lock(mutex);
  std::vector<std::shared_ptr<Segment>> all;
  all.reserve(segments.size());
  for (const auto& [number, segment] : segments) all.push_back(segment);
  return all;
}

Result<std::shared_ptr<Segment>> Log::State::find_segment(uint64_t number) const {
  const std::lock_guard lock(mutex);
  return find_segment_locked(number);
}

Result<std::shared_ptr<Segment>> Log::State::find_segment_locked(uint64_t number) const {
  const auto found = segments.find(number);
  if (found != segments.end()) return found->second;
  if (!segments.empty() && number < segments.begin()->first) {
    return fail(Code::kPurged, "segment " + std::to_string(number) +
                                   " is no longer here; the oldest is " +
                                   segments.begin()->second->name());
  }
  return fail(Code::kNotFound, "there is no segment " + std::to_string(number));
}

void Log::State::add_seeded_locked(mysql::Executed& set, Position at) const {
  const auto after = std::ranges::upper_bound(sources, at, {}, &SourceSpan::from);
  if (after == sources.begin() || std::prev(after)->seeded.empty()) return;
  set.add(std::prev(after)->seeded);
}

Result<mysql::Executed> Log::State::previous_of(Segment& segment) const {
  BINBUS_TRY(previous, segment.previous());
  const std::lock_guard lock(mutex);
  add_seeded_locked(previous, {segment.number(), 0});
  return previous;
}

bool Log::State::has(Position position) const {
  const auto segment = find_segment(position.segment);
  return segment && position.offset <= (*segment)->visible.load();
}

Position Log::visible_end() const {
  const std::lock_guard lock(state_->mutex);
  if (state_->segments.empty()) return {};
  const Segment& newest = *state_->segments.rbegin()->second;
  return {newest.number(), newest.visible.load()};
}

mysql::Executed Log::executed() const {
  const std::lock_guard lock(state_->mutex);
  return state_->executed;
}

uint64_t Log::last_commit_us() const {
  const std::lock_guard lock(state_->mutex);
  return state_->last_commit_us;
}

std::vector<SegmentInfo> Log::segments() const {
  std::vector<SegmentInfo> infos;
  for (const auto& segment : state_->all_segments()) {
    SegmentInfo info;
    info.name = segment->name();
    info.number = segment->number();
    info.bytes = segment->visible.load();
    info.sealed = segment->sealed.load();
    info.last_commit_us = segment->newest_commit_us.load();
    if (const auto head = segment->head()) info.first_timestamp = (*head)->first_timestamp;
    if (auto previous = state_->previous_of(*segment)) info.previous = std::move(*previous);
    infos.push_back(std::move(info));
  }
  return infos;
}

LogSize Log::size() const {
  const std::lock_guard lock(state_->mutex);
  LogSize size{.segments = state_->segments.size()};
  if (!state_->segments.empty()) size.oldest = state_->segments.begin()->first;
  for (const auto& [number, segment] : state_->segments) size.bytes += segment->visible.load();
  return size;
}

std::string Log::segment_name(uint64_t number) const {
  const auto segment = state_->find_segment(number);
  return segment ? (*segment)->name() : "";
}

uint64_t Log::bytes_between(Position from, Position to) const {
  if (from >= to) return 0;
  if (from.segment == to.segment) return to.offset - from.offset;
  const std::lock_guard lock(state_->mutex);
  const Segments& segments = state_->segments;
  uint64_t bytes = to.offset;
  const auto end = segments.lower_bound(to.segment);
  for (auto at = segments.lower_bound(from.segment); at != end; ++at) {
    const uint64_t visible = at->second->visible.load();
    bytes += visible - (at->first == from.segment ? std::min(from.offset, visible) : 0);
  }
  return bytes;
}

std::vector<SourceSpan> Log::sources() const {
  const std::lock_guard lock(state_->mutex);
  return state_->sources;
}

std::string Log::cursor(const std::string& name) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->cursors.find(name);
  return found == state_->cursors.end() ? "" : found->second;
}

std::map<std::string, std::string> Log::cursors(const std::string& prefix) const {
  const std::lock_guard lock(state_->mutex);
  std::map<std::string, std::string> found;
  for (auto at = state_->cursors.lower_bound(prefix); at != state_->cursors.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    found.insert(*at);
  }
  return found;
}

Result<Position> Log::find_gtids(const mysql::Executed& replica) const {
  const Position end = visible_end();
  const mysql::Executed all = executed();
  const auto segments = state_->all_segments();
  GtidPlace place(replica, all);
  if (segments.empty() || place.passed(all)) return end;

  BINBUS_TRY(first, state_->previous_of(*segments.front()));
  if (!place.passed(first)) {
    return fail(Code::kPurged,
                "the log starts at " + segments.front()->name() +
                    ", and these transactions are from before: " + place.missing(first));
  }
  // The last segment whose head was passed: sets only grow along the log.
  size_t low = 0;
  for (size_t high = segments.size(); high - low > 1;) {
    const size_t middle = low + (high - low) / 2;
    BINBUS_TRY(previous, state_->previous_of(*segments[middle]));
    (place.passed(previous) ? low : high) = middle;
  }
  return last_skipped(*segments[low], place, state_->options.index_bytes);
}

Result<mysql::Executed> Log::executed_at(Position at) const {
  if (at == visible_end()) return executed();
  BINBUS_TRY(segment, state_->find_segment(at.segment));
  BINBUS_TRY(set, state_->previous_of(*segment));
  BINBUS_RETURN_IF_ERROR(add_executed(*segment, at.offset, state_->options.index_bytes, set));
  return set;
}

Result<Position> Log::find_time(uint64_t time_us) const {
  const Position end = visible_end();
  for (const auto& segment : state_->all_segments()) {
    if (segment->newest_commit_us.load() < time_us) continue;
    return last_before(*segment, time_us, state_->options.index_bytes);
  }
  return end;
}

Result<Stretch> Log::find_stretch(Position at) const {
  BINBUS_TRY(segment, state_->find_segment(at.segment));
  const uint64_t visible = segment->visible.load();
  if (at.offset > std::max<uint64_t>(visible, binlog::kMagic.size())) {
    return fail(Code::kNotFound, segment->name() + " has " + std::to_string(visible) +
                                     " bytes so far, and no offset " + std::to_string(at.offset));
  }
  if (at.offset <= binlog::kMagic.size() || at.offset == visible) return Stretch{at, at};
  return stretch_around(*segment, at.offset, state_->options.index_bytes);
}

Result<Position> Log::from_source(const std::string& server_uuid, const std::string& file,
                                  uint64_t offset) const {
  for (const Position place : map_from_source(sources(), server_uuid, file, offset)) {
    if (state_->has(place)) return place;
  }
  return fail(Code::kNotFound, file + ":" + std::to_string(offset) + " of server " + server_uuid +
                                   " is not in the log");
}

std::vector<SchemaPlace> Log::schemas() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<SchemaPlace> places;
  for (const SchemaRecord& record : state_->schemas) places.push_back(record.place);
  return places;
}

Result<SchemaRecord> Log::State::schema_at(Position at) const {
  const std::lock_guard lock(mutex);
  for (const SchemaRecord& record : schemas) {
    if (record.place.at == at) return record;
  }
  return fail(Code::kNotFound, "no schema baseline at segment " + std::to_string(at.segment) +
                                   ", offset " + std::to_string(at.offset));
}

Result<ByteVector> Log::read_schema(Position at) const {
  BINBUS_TRY(record, state_->schema_at(at));
  return store::read_schema(state_->files, state_->options.directory, record);
}

Result<SourceSpan> Log::to_source(Position position) const {
  return map_to_source(sources(), position);
}

}  // namespace binbus::store
