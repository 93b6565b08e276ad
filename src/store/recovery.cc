#include "store/recovery.h"

#include <deque>

#include "binlog/event.h"
#include "store/scan.h"

namespace binbus::store {
namespace {

// A place where the segment may be cut: no transaction is under way there.
struct Cut {
  uint64_t offset = 0;
  uint64_t records_end = kEntriesHeaderBytes;
  uint64_t next_index = 1;
  uint64_t term = 1;
};

struct EventsEntry {
  Entry entry;
  uint64_t batch;
  Cut before;  // the last cut that does not need these bytes
};

// What the entries file says, as far as its records can be read.
struct Walk {
  Cut cut;
  uint64_t batch_start = 0;  // where the last batch begins in the segment
  uint64_t batch = 0;        // number of the last one; only its bytes may not have become durable
  std::deque<EventsEntry>
      tail;  // entries of the segment's last bytes; what an abort cut is not among them
  std::vector<SourceSpan> sources;
  std::vector<std::pair<uint64_t, SchemaRecord>>
      schemas;  // with the offset where they were recorded
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
  while (!walk.tail.empty() && walk.tail.back().entry.end() > offset) walk.tail.pop_back();
  std::erase_if(walk.sources,
                [offset](const SourceSpan& span) { return span.from.offset > offset; });
  std::erase_if(walk.schemas, [offset](const auto& schema) { return schema.first > offset; });
}

Status take(Walk& walk, const EntryAt& found, uint64_t segment_number, uint64_t verify_bytes) {
  const Entry& entry = found.entry;
  if (entry.starts_batch()) {
    ++walk.batch;
    walk.batch_start = entry.offset;
  }
  switch (entry.kind) {
    case EntryKind::kEvents: {
      walk.tail.push_back({entry, walk.batch, walk.cut});
      while (walk.tail.front().batch != walk.batch &&
             walk.tail.front().entry.end() + verify_bytes < entry.end()) {
        walk.tail.pop_front();
      }
      if (!entry.ends_transaction()) return ok();
      break;
    }
    case EntryKind::kControl: {
      BINBUS_TRY(span, decode_source(found.inline_payload, Position{segment_number, entry.offset}));
      if (span) walk.sources.push_back(std::move(*span));
      BINBUS_TRY(schema, decode_schema(found.inline_payload));
      if (schema) walk.schemas.emplace_back(entry.offset, std::move(*schema));
      break;
    }
    case EntryKind::kAbort:
      cut_back(walk, entry.offset);
      break;
  }
  walk.cut = {entry.end(), found.record_end(), entry.index + 1, entry.term};
  return ok();
}

Result<Walk> walk_entries(const io::File& entries, const StateHeader& state,
                          uint64_t segment_number, uint64_t verify_bytes, bool proves_itself) {
  Walk walk;
  walk.cut.next_index = state.first_index;
  walk.cut.term = state.term;
  auto reader = EntriesReader::open(entries);
  if (!reader && !is_damage(reader.error())) return fail(reader.error());
  if (!reader || reader->first_index() != state.first_index) {
    walk.cut.records_end = 0;  // the header has to be written as well
    return walk;
  }
  auto found = reader->next();
  for (; found; found = reader->next()) {
    BINBUS_RETURN_IF_ERROR(take(walk, *found, segment_number, verify_bytes));
  }
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

// Where the segment's bytes stop being what the entries say.
Result<Cut> verified_cut(const io::File& segment, const Walk& walk) {
  for (const EventsEntry& events : walk.tail) {
    BINBUS_TRY(matches, payload_matches(segment, events.entry));
    if (matches) continue;
    if (events.batch == walk.batch) return events.before;
    return fail(
        Code::kCorrupt,
        "bytes " + std::to_string(events.entry.offset) + " to " +
            std::to_string(events.entry.end()) +
            " were durable and have changed or are missing since; restore the file from a copy "
            "or from the source's file of that name");
  }
  return walk.cut;
}

// Entry records for [from, to) of the segment.
Result<EntryBuilder> derive_entries(const io::File& segment, const Cut& from, uint64_t to,
                                    uint64_t entry_bytes_max) {
  constexpr uint64_t kReadBytes = 1024 * 1024;
  EntryBuilder builder({from.offset, from.next_index, from.term}, entry_bytes_max);
  ByteVector buffer(static_cast<size_t>(std::min(kReadBytes, to - from.offset)));
  for (uint64_t at = from.offset; at < to;) {
    const auto part =
        std::span(buffer).first(static_cast<size_t>(std::min<uint64_t>(buffer.size(), to - at)));
    BINBUS_TRY(count, segment.read_at(at, part));
    if (count < part.size()) return fail(Code::kIo, "file got shorter while it was read");
    at += count;
    builder.events(part, at == to);
  }
  return builder;
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
Result<Scanned> scan_tail(const io::File& segment, const Cut& cut, uint64_t size,
                          const std::optional<binlog::FormatDescription>& format) {
  if (size <= cut.offset || !format) return Scanned{cut.offset, cut.offset, std::nullopt};
  return scan_segment(segment, cut.offset, size, *format, [](const binlog::TransactionEnd&) {});
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
Status mend(io::File& segment, io::File& entries, const Walk& walk, const Cut& cut,
            EntryBuilder& derived, uint64_t end, uint64_t first_index) {
  BINBUS_RETURN_IF_ERROR(write_again(segment, std::min(walk.batch_start, cut.offset), end));
  BINBUS_RETURN_IF_ERROR(segment.sync());
  BINBUS_RETURN_IF_ERROR(entries.truncate(cut.records_end));
  BINBUS_RETURN_IF_ERROR(write_again(entries, 0, cut.records_end));
  ByteWriter out;
  if (cut.records_end == 0) store_entries_header(out, first_index);
  out.bytes(derived.records());
  BINBUS_RETURN_IF_ERROR(entries.write_at(cut.records_end, out.view()));
  BINBUS_RETURN_IF_ERROR(entries.sync());
  BINBUS_RETURN_IF_ERROR(segment.truncate(end));
  return segment.sync();
}

Result<RecoveredSegment> recover(io::FileSystem& files, const Segment& segment,
                                 const StateHeader& state, const RecoveryOptions& options,
                                 RecoveryReport& report) {
  RecoveredSegment result;
  BINBUS_TRY(bytes, files.open(segment.paths().segment, io::OpenMode::kWrite));
  BINBUS_TRY(size, bytes->size());
  const auto format = proving_format(*bytes, size);
  if (!format)
    BINBUS_RETURN_IF_ERROR(check_provable(files, segment.paths(), size, state.first_index));
  BINBUS_TRY(entries, open_or_create(files, segment.paths().entries));
  BINBUS_TRY(walk, walk_entries(*entries, state, segment.number(), options.verify_bytes,
                                format.has_value()));
  BINBUS_TRY(cut, verified_cut(*bytes, walk));
  if (size < cut.offset) {
    return fail(
        Code::kCorrupt,
        "it has " + std::to_string(size) + " bytes, and " + std::to_string(cut.offset) +
            " were durable; restore the file from a copy or from the source's file of that name");
  }
  BINBUS_TRY(scanned, scan_tail(*bytes, cut, size, format));
  BINBUS_TRY(derived, derive_entries(*bytes, cut, scanned.last_end, options.entry_bytes_max));
  const uint64_t derived_bytes = derived.records().size();
  const uint64_t header_bytes = cut.records_end == 0 ? kEntriesHeaderBytes : 0;
  BINBUS_RETURN_IF_ERROR(
      mend(*bytes, *entries, walk, cut, derived, scanned.last_end, state.first_index));

  report.torn_bytes += size - scanned.whole_end;
  report.unfinished_bytes += scanned.whole_end - scanned.last_end;
  report.rederived_entries += derived_bytes / kEntryBytes;
  cut_back(walk, scanned.last_end);
  result.segment = std::move(bytes);
  result.entries = std::move(entries);
  result.start = {scanned.last_end, cut.records_end + header_bytes + derived_bytes,
                  derived.next_index(), cut.term};
  result.sources = std::move(walk.sources);
  for (auto& [offset, record] : walk.schemas) result.schemas.push_back(std::move(record));
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
