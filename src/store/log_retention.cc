// Removes whole segments from the log's front.

#include <algorithm>

#include "store/log_state.h"
#include "store/source_map.h"

namespace binbus::store {
namespace {

bool too_old(Segment& segment, uint64_t retain_seconds, uint64_t now_us) {
  constexpr uint64_t kSecond = 1'000'000;
  uint64_t newest_us = segment.newest_commit_us.load();
  if (newest_us == 0) {  // no transaction: as old as its file
    const auto head = segment.head();
    if (!head) return false;
    newest_us = (*head)->first_timestamp * kSecond;
  }
  return retain_seconds > 0 && newest_us + retain_seconds * kSecond < now_us;
}

}  // namespace

uint64_t Log::State::total_bytes() const {
  uint64_t bytes = 0;
  for (const auto& segment : all_segments()) bytes += segment->visible.load();
  return bytes;
}

// The oldest segment if it is to go, taken out of the log so that no reader can begin in it.
std::shared_ptr<Segment> Log::State::take_oldest(uint64_t now_us, uint64_t keep_from,
                                                 uint64_t total) {
  const auto all = all_segments();
  if (all.size() < 2) return nullptr;
  const auto& oldest = all.front();
  if (oldest->number() >= keep_from) return nullptr;
  const bool too_large = options.retain_bytes > 0 && total > options.retain_bytes;
  if (!too_large && !too_old(*oldest, options.retain_seconds, now_us)) return nullptr;
  const std::lock_guard lock(mutex);
  if (segments.begin()->second != oldest) return nullptr;  // another call took it
  for (const LogReader::State* reader : readers) {
    if (reader->segment == oldest) return nullptr;
  }
  segments.erase(segments.begin());
  return oldest;
}

// What lies before the first segment goes with that one, and before it.
Status Log::State::drop_oldest(const std::shared_ptr<Segment>& oldest) {
  for (bool more = true; more;) {
    const std::shared_ptr<Segment> gone = containers.begin()->second;
    more = gone != oldest;
    const SegmentPaths& next = std::next(containers.begin())->second->paths();
    BINBUS_TRY(header, read_state_header(files, next.state));
    const Status removed = remove_container(*gone);
    if (!removed && files.exists(made_by(*gone))) return removed;
    // Also when some of its files could not be removed: it exists with that one.
    containers.erase(containers.begin());
    if (gone == start) start.reset();
    first_term = header.term;
    looked_up.reset();
    BINBUS_RETURN_IF_ERROR(removed);
  }
  return ok();
}

Result<std::vector<std::string>> Log::State::remove_old(uint64_t now_us, uint64_t keep_from) {
  std::vector<std::string> removed;
  uint64_t total = total_bytes();
  while (const auto oldest = take_oldest(now_us, keep_from, total)) {
    if (auto gone = drop_oldest(oldest); !gone) {
      const std::lock_guard lock(mutex);
      if (files.exists(made_by(*oldest))) segments.emplace(oldest->number(), oldest);
      return fail(gone.error());
    }
    total -= oldest->visible.load();
    removed.push_back(oldest->name());
  }
  if (removed.empty()) return removed;
  std::vector<SchemaRecord> kept;
  {
    const std::lock_guard lock(mutex);
    prune(sources, segments.begin()->first);
    prune(schemas, segments.begin()->first);
    kept = schemas;
  }
  BINBUS_RETURN_IF_ERROR(remove_unused_schemas(files, options.directory, kept));
  return removed;
}

Result<std::vector<std::string>> Log::apply_retention(uint64_t now_us, uint64_t keep_from) {
  return state_->remove_old(now_us, keep_from);
}

}  // namespace binbus::store
