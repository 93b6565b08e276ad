#include "store/recovery.h"

#include <algorithm>
#include <deque>

#include "binlog/event.h"
#include "store/entry_builder.h"
#include "store/scan.h"

namespace binbus::store {
namespace {

// How far the entries go: a place between two of them.
struct Place {
  uint64_t end = 0;       // of the segment
  uint64_t last_end = 0;  // the last transaction end
  uint64_t records_end = kEntriesHeaderBytes;
  uint64_t next_index = 1;
  uint64_t term = 1;
};

struct EventsEntry {
  EntryAt at;
  uint64_t batch;
  Place before;
};

// What the entries file says, as far as its records can be read.
struct Walk {
  Place place;
  uint64_t committed = 0;  // the entries up to here
  uint64_t committed_end = 0;
  uint64_t committed_term = 0;
  uint64_t batch_start = 0;  // where the last batch begins in the segment
  uint64_t batch = 0;        // number of the last one; only its bytes may not have become durable
  // Of the segment's last bytes, of what may not be committed, and of the unfinished transaction: an abort's cut may show in
  // any of its bytes.
  std::deque<EventsEntry> tail;
  std::vector<EntryAt> inlines;
  std::optional<EntryAt> barrier;
  Place before_barrier;
};

// Of the bytes, rather than of the disk that should read them.
bool is_damage(const Error& error) {
  return error.code == Code::kCorrupt || error.code == Code::kTruncated;
}

// Whether a record that was durable stands behind a place that cannot be read: a control or abort record (whose sync()
// includes the entries) that was followed by another batch; without event checksums, where every sync() does, the
// place itself is of a batch before another.
Result<bool> durable_behind(const io::File& entries, uint64_t position, bool every_sync) {
  BINBUS_TRY(size, entries.size());
  ByteVector rest(static_cast<size_t>(size - std::min(size, position)));
  BINBUS_TRY(count, entries.read_at(position, rest));
  bool control_seen = every_sync;
  for (size_t at = 8; at + kEntryBytes <= count; at += 8) {
    const auto entry = parse_entry(Bytes(rest).subspan(at, kEntryBytes));
    if (!entry) continue;
    if (control_seen && entry->starts_batch()) return true;
    control_seen = control_seen || entry->kind != EntryKind::kEvents;
  }
  return false;
}

void cut_back(Walk& walk, uint64_t offset) {
  while (!walk.tail.empty() && walk.tail.back().at.entry.end() > offset) walk.tail.pop_back();
}

// The barrier has taken effect, so it is committed, whatever is known else.
void pass_barrier(Walk& walk) {
  if (!walk.barrier) return;
  const Entry& barrier = walk.barrier->entry;
  if (barrier.kind == EntryKind::kAbort) cut_back(walk, barrier.offset);
  if (barrier.index > walk.committed) {
    walk.committed = barrier.index;
    walk.committed_end = walk.before_barrier.last_end;
    walk.committed_term = barrier.term;
  }
  walk.barrier.reset();
}

void take(Walk& walk, EntryAt&& found, const RecoveryOptions& options) {
  const Entry entry = found.entry;
  const Place before = walk.place;
  if (entry.starts_batch()) {
    ++walk.batch;
    walk.batch_start = entry.offset;
  }
  if (!is_rafts_own(entry.kind)) pass_barrier(walk);
  if (entry.index <= walk.committed) walk.committed_term = entry.term;
  walk.place = {entry.end(), before.last_end, found.record_end(), entry.index + 1, entry.term};
  if (is_barrier(entry.kind)) {
    walk.before_barrier = before;
    walk.barrier = found;
  }
  if (entry.kind == EntryKind::kAbort) walk.place.last_end = entry.offset;
  if (entry.kind != EntryKind::kEvents) {
    if (entry.kind == EntryKind::kPart) found.inline_payload.clear();
    walk.inlines.push_back(std::move(found));
    return;
  }
  if (entry.ends_transaction()) {
    walk.place.last_end = entry.end();
    if (entry.index <= walk.committed) walk.committed_end = entry.end();
  }
  walk.tail.push_back({std::move(found), walk.batch, before});
  const auto may_go = [&](const EventsEntry& oldest) {
    return oldest.batch != walk.batch && oldest.at.entry.index <= walk.committed &&
           oldest.at.entry.end() <= walk.place.last_end &&
           oldest.at.entry.end() + options.verify_bytes < entry.end();
  };
  while (may_go(walk.tail.front())) walk.tail.pop_front();
}

Result<Walk> walk_entries(const io::File& entries, const StateHeader& state,
                          const RecoveryOptions& options, bool proves_itself) {
  Walk walk;
  walk.place.next_index = state.first_index;
  walk.place.term = walk.committed_term = state.term;
  walk.committed = options.committed;
  auto reader = EntriesReader::open(entries);
  if (!reader && !is_damage(reader.error())) return fail(reader.error());
  if (!reader || reader->first_index() != state.first_index) {
    walk.place.records_end = 0;  // the header has to be written as well
    return walk;
  }
  auto found = reader->next();
  for (; found; found = reader->next()) take(walk, std::move(*found), options);
  if (!is_damage(found.error())) return fail(found.error());
  BINBUS_TRY(damaged, durable_behind(entries, reader->position(), !proves_itself));
  if (damaged) {
    return fail(Code::kCorrupt,
                "entries file damaged at byte " + std::to_string(reader->position()) +
                    ", before records that were durable; restore it from a copy" +
                    (proves_itself ? ", or remove it to have it made again from the segment's own "
                                     "checksums (which forgets what it says of sources)"
                                   : ""));
  }
  return walk;
}

Result<bool> payload_matches(const io::File& segment, const Entry& entry) {
  constexpr uint64_t kReadBytes = 1024 * 1024;
  ByteVector buffer(static_cast<size_t>(std::min<uint64_t>(kReadBytes, entry.length)));
  uint32_t crc = 0;
  for (uint64_t at = entry.offset; at < entry.end();) {
    const auto part = std::span(buffer).first(
        static_cast<size_t>(std::min<uint64_t>(buffer.size(), entry.end() - at)));
    BINBUS_TRY(count, segment.read_at(at, part));
    if (count < part.size()) return false;
    crc = binlog::crc32(crc, part);
    at += count;
  }
  return crc == entry.payload_crc;
}

// An abort is followed by content, durably, before anything behind it counts. So when it is the last one, its bytes are
// there as long as it has not taken effect, and nothing else need be. What is longer has come since, also where it begins alike.
Status judge_barrier(const io::File& segment, uint64_t size, Walk& walk) {
  if (!walk.barrier || walk.barrier->entry.kind != EntryKind::kAbort) return ok();
  bool there = size == walk.before_barrier.end;
  for (const EventsEntry& events : walk.tail) {
    if (!there || events.at.entry.end() <= walk.barrier->entry.offset) continue;
    BINBUS_TRY(matches, payload_matches(segment, events.at.entry));
    there = matches;
  }
  if (!there) pass_barrier(walk);
  return ok();
}

// Goes back to before the first entry whose bytes are not what it says.
Status verify_tail(const io::File& segment, Walk& walk) {
  for (size_t i = 0; i < walk.tail.size(); ++i) {
    const EventsEntry& events = walk.tail[i];
    const Entry& entry = events.at.entry;
    BINBUS_TRY(matches, payload_matches(segment, entry));
    if (matches) continue;
    if (events.batch != walk.batch) {
      return fail(
          Code::kCorrupt,
          "bytes " + std::to_string(entry.offset) + " to " + std::to_string(entry.end()) +
              " were durable and have changed or are missing since; restore the file from a copy "
              "or from the source's file of that name");
    }
    walk.place = events.before;
    walk.barrier.reset();
    std::erase_if(walk.inlines, [&](const EntryAt& at) { return at.entry.index >= entry.index; });
    walk.tail.resize(i);
    break;
  }
  walk.committed_end = std::min(walk.committed_end, walk.place.last_end);
  walk.committed_term = std::min(walk.committed_term, walk.place.term);
  return ok();
}

// Entries for [from.end, to) of the segment, behind the walk's.
Result<std::vector<Entry>> derive_entries(const io::File& segment, const Place& from, uint64_t to,
                                          uint64_t entry_bytes_max) {
  constexpr uint64_t kReadBytes = 1024 * 1024;
  EntryBuilder builder(from.end, entry_bytes_max);
  ByteVector buffer(static_cast<size_t>(std::min(kReadBytes, to - from.end)));
  for (uint64_t at = from.end; at < to;) {
    const auto part =
        std::span(buffer).first(static_cast<size_t>(std::min<uint64_t>(buffer.size(), to - at)));
    BINBUS_TRY(count, segment.read_at(at, part));
    if (count < part.size()) return fail(Code::kIo, "file got shorter while it was read");
    at += count;
    builder.events(part, at == to);
  }
  std::vector<Entry> entries = builder.take();
  uint64_t index = from.next_index;
  for (Entry& entry : entries) {
    if (index == from.next_index) entry.flags |= kStartsBatch;
    entry.index = index++;
    entry.term = from.term;
  }
  return entries;
}

Result<std::unique_ptr<io::File>> open_or_create(io::FileSystem& files, const std::string& path) {
  return files.open(path, files.exists(path) ? io::OpenMode::kWrite : io::OpenMode::kCreateNew);
}

// The format of events that their checksums prove; none: there are none, or the segment does not tell.
std::optional<binlog::FormatDescription> proving_format(const io::File& segment, uint64_t size) {
  auto format = read_format(segment, size);
  if (!format || format->checksum == binlog::Checksum::kNone) return std::nullopt;
  return std::move(*format);
}

// How far the segment's events go on whole, proven by their checksums, behind the last entry.
Result<Scanned> scan_tail(const io::File& segment, const Place& from, uint64_t size,
                          const std::optional<binlog::FormatDescription>& format) {
  if (size <= from.end || !format) return Scanned{from.last_end, from.end, std::nullopt};
  return scan_segment(segment, from.last_end, size, *format, [](const binlog::TransactionEnd&) {});
}

// The entries' header was durable before the segment had a byte: without it the rest needs another proof.
Status check_provable(io::FileSystem& files, const SegmentPaths& paths, uint64_t size,
                      uint64_t first_index) {
  if (size == 0) return ok();
  bool header_there = false;
  if (files.exists(paths.entries)) {
    BINBUS_TRY(entries, files.open(paths.entries, io::OpenMode::kRead));
    const auto reader = EntriesReader::open(*entries);
    if (!reader && !is_damage(reader.error())) return fail(reader.error());
    header_there = reader && reader->first_index() == first_index;
  }
  if (header_there) return ok();
  return fail(
      Code::kCorrupt,
      "its entries file is missing or damaged at its head, and its events carry no checksums "
      "(binlog_checksum=NONE) to make it again from; restore " +
          paths.entries + " from a copy");
}

// Writes [from, to) again as it is. After a failed sync the kernel takes pages for clean that never reached the disk, and
// a process that starts anew would sync in vain.
Status write_again(io::File& file, uint64_t from, uint64_t to) {
  constexpr uint64_t kBlockBytes = 1024 * 1024;
  ByteVector buffer;
  for (; from < to; from += buffer.size()) {
    buffer.resize(static_cast<size_t>(std::min(kBlockBytes, to - from)));
    BINBUS_TRY(count, file.read_at(from, buffer));
    if (count < buffer.size()) return fail(Code::kIo, "file got shorter while it was read");
    BINBUS_RETURN_IF_ERROR(file.write_at(from, buffer));
  }
  return ok();
}

// The order matters: at every moment entries describe bytes that are there, or are of a batch that need not be.
Status mend(io::File& segment, io::File& entries, const Walk& walk, Bytes derived, uint64_t end,
            uint64_t first_index) {
  const uint64_t records_end = walk.place.records_end;
  BINBUS_RETURN_IF_ERROR(
      write_again(segment, std::min({walk.batch_start, walk.place.end, end}), end));
  BINBUS_RETURN_IF_ERROR(segment.sync());
  BINBUS_RETURN_IF_ERROR(entries.truncate(records_end));
  BINBUS_RETURN_IF_ERROR(write_again(entries, 0, records_end));
  ByteWriter out;
  if (records_end == 0) store_entries_header(out, first_index);
  out.bytes(derived);
  BINBUS_RETURN_IF_ERROR(entries.write_at(records_end, out.view()));
  BINBUS_RETURN_IF_ERROR(entries.sync());
  BINBUS_RETURN_IF_ERROR(segment.truncate(end));
  return segment.sync();
}

// Adds the derived entries to the walk. Returns their records.
ByteVector add_derived(Walk& walk, const std::vector<Entry>& derived,
                       const RecoveryOptions& options) {
  ByteWriter records;
  uint64_t at = std::max<uint64_t>(walk.place.records_end, kEntriesHeaderBytes);
  for (const Entry& entry : derived) {
    store_entry(records, entry);
    EntryAt found{entry, at, {}};
    at = found.record_end();
    take(walk, std::move(found), options);
  }
  return records.take();
}

RecoveredSegment result_of(Walk&& walk, uint64_t end) {
  RecoveredSegment result;
  result.start = {end, walk.place.records_end};
  result.last_index = walk.place.next_index - 1;
  result.last_term = walk.place.term;
  result.records_end = walk.place.end;
  result.committed = walk.committed;
  result.committed_end = walk.committed_end;
  result.committed_term = walk.committed_term;
  result.inlines = std::move(walk.inlines);
  result.barrier = std::move(walk.barrier);
  result.barrier_before_term = walk.before_barrier.term;
  for (EventsEntry& events : walk.tail) result.events.push_back(std::move(events.at));
  return result;
}

// What comes before the first segment has entries only, each of them synced.
Result<RecoveredSegment> recover_start(io::FileSystem& files, const Segment& segment,
                                       const StateHeader& state, const RecoveryOptions& options) {
  BINBUS_TRY(entries, open_or_create(files, segment.paths().entries));
  BINBUS_TRY(walk, walk_entries(*entries, state, options, false));
  const uint64_t records_end = walk.place.records_end;
  BINBUS_RETURN_IF_ERROR(entries->truncate(records_end));
  BINBUS_RETURN_IF_ERROR(write_again(*entries, 0, records_end));
  if (records_end == 0) {
    ByteWriter header;
    store_entries_header(header, state.first_index);
    BINBUS_RETURN_IF_ERROR(entries->write_at(0, header.view()));
    walk.place.records_end = header.size();
  }
  BINBUS_RETURN_IF_ERROR(entries->sync());
  RecoveredSegment result = result_of(std::move(walk), 0);
  result.entries = std::move(entries);
  return result;
}

Result<RecoveredSegment> recover(io::FileSystem& files, const Segment& segment,
                                 const StateHeader& state, const RecoveryOptions& options,
                                 RecoveryReport& report) {
  if (segment.number() == 0) return recover_start(files, segment, state, options);
  BINBUS_TRY(bytes, files.open(segment.paths().segment, io::OpenMode::kWrite));
  BINBUS_TRY(size, bytes->size());
  const auto format = proving_format(*bytes, size);
  if (!format)
    BINBUS_RETURN_IF_ERROR(check_provable(files, segment.paths(), size, state.first_index));
  BINBUS_TRY(entries, open_or_create(files, segment.paths().entries));
  BINBUS_TRY(walk, walk_entries(*entries, state, options, format.has_value() && !options.shared));
  BINBUS_RETURN_IF_ERROR(judge_barrier(*bytes, size, walk));
  BINBUS_RETURN_IF_ERROR(verify_tail(*bytes, walk));
  // With an abort that waits, the bytes that it will cut stay.
  uint64_t end = walk.barrier && walk.barrier->entry.kind == EntryKind::kAbort
                     ? walk.before_barrier.end
                     : walk.place.end;
  if (size < end) {
    return fail(
        Code::kCorrupt,
        "it has " + std::to_string(size) + " bytes, and " + std::to_string(end) +
            " were durable; restore the file from a copy or from the source's file of that name");
  }
  BINBUS_TRY(scanned, scan_tail(*bytes, walk.place, size, format));
  ByteVector derived_records;
  const bool shared = options.shared || std::ranges::any_of(walk.inlines, [](const EntryAt& at) {
                        return at.entry.kind == EntryKind::kMembers;
                      });
  if (!walk.barrier && !shared && scanned.last_end > end) {
    BINBUS_TRY(derived,
               derive_entries(*bytes, walk.place, scanned.last_end, options.entry_bytes_max));
    report.rederived_entries += derived.size();
    // The walk's own place is where they are to be written.
    Walk with_derived = walk;
    derived_records = add_derived(with_derived, derived, options);
    BINBUS_RETURN_IF_ERROR(
        mend(*bytes, *entries, walk, derived_records, scanned.last_end, state.first_index));
    end = scanned.last_end;
    walk = std::move(with_derived);
  } else {
    BINBUS_RETURN_IF_ERROR(mend(*bytes, *entries, walk, {}, end, state.first_index));
    walk.place.records_end = std::max<uint64_t>(walk.place.records_end, kEntriesHeaderBytes);
  }
  const uint64_t whole_end = std::max(scanned.whole_end, end);
  report.torn_bytes += size - whole_end;
  report.unfinished_bytes += whole_end - end;
  RecoveredSegment result = result_of(std::move(walk), end);
  result.segment = std::move(bytes);
  result.entries = std::move(entries);
  return result;
}

}  // namespace

Result<RecoveredSegment> recover_segment(io::FileSystem& files, const Segment& segment,
                                         const StateHeader& state, const RecoveryOptions& options,
                                         RecoveryReport& report) {
  auto result = recover(files, segment, state, options, report);
  if (!result) return fail_in("segment " + segment.name(), std::move(result).error());
  return result;
}

}  // namespace binbus::store
