// Opening a log: which segments are there, and what the newest one came to.

#include <algorithm>

#include "store/log_state.h"
#include "store/recovery.h"
#include "store/scan.h"
#include "store/source_map.h"

namespace binbus::store {
namespace {

constexpr std::string_view kCompanions[] = {".entries", ".state", ".state.new", ".index"};

struct Found {
  std::map<uint64_t, io::DirectoryEntry> segments;  // by number
  std::vector<io::DirectoryEntry> companions;
};

// The segment that a companion file belongs to.
std::optional<std::string> companion_of(const std::string& name) {
  for (const std::string_view suffix : kCompanions) {
    if (!name.ends_with(suffix)) continue;
    std::string segment = name.substr(0, name.size() - suffix.size());
    if (binlog::SegmentName::parse(segment)) return segment;
  }
  return std::nullopt;
}

Result<Found> find_files(io::FileSystem& files, const std::string& directory) {
  Found found;
  BINBUS_TRY(entries, files.list(directory));
  for (io::DirectoryEntry& entry : entries) {
    if (entry.is_directory) continue;
    if (companion_of(entry.name)) {
      found.companions.push_back(std::move(entry));
      continue;
    }
    const auto name = binlog::SegmentName::parse(entry.name);
    if (!name) continue;
    const auto [other, is_new] = found.segments.try_emplace(name->number, entry);
    if (!is_new) {
      return fail(Code::kCorrupt, directory + " has two segments of one number, " +
                                      other->second.name + " and " + entry.name +
                                      "; move the one that is not of this log away");
    }
  }
  return found;
}

// Each segment's state names the one before, with its final size.
Status check_join(const StateHeader& state, const std::string& name,
                  const io::DirectoryEntry* before) {
  if (before == nullptr) return ok();
  const uint64_t number = binlog::SegmentName::parse(before->name)->number;
  if (state.previous_number != number) {
    return fail(Code::kCorrupt, "segment " + std::to_string(state.previous_number) +
                                    " is missing between " + before->name + " and " + name +
                                    "; restore it, or move the older segments away");
  }
  if (state.previous_bytes != before->bytes) {
    return fail(
        Code::kCorrupt,
        "segment " + before->name + " has " + std::to_string(before->bytes) + " bytes and had " +
            std::to_string(state.previous_bytes) +
            " when it was sealed; restore it from a copy or from the source's file of that name");
  }
  return ok();
}

// Companions without a segment are left by a creation or a removal that was cut short.
Status remove_orphans(io::FileSystem& files, const std::string& directory, const Found& found,
                      RecoveryReport& report) {
  for (const io::DirectoryEntry& companion : found.companions) {
    const auto name = binlog::SegmentName::parse(*companion_of(companion.name));
    const auto segment = found.segments.find(name->number);
    if (segment != found.segments.end() && segment->second.name == name->to_string()) continue;
    const bool newer = found.segments.empty() || name->number > found.segments.rbegin()->first;
    if (newer && companion.name.ends_with(".entries") && companion.bytes > kEntriesHeaderBytes) {
      return fail(Code::kCorrupt,
                  "segment " + name->to_string() + " is missing, and " + companion.name +
                      " describes it; restore it, or remove its other files to go on without it");
    }
    BINBUS_RETURN_IF_ERROR(files.remove(directory + "/" + companion.name));
    report.notes.push_back("removed " + companion.name + ", which belonged to no segment");
  }
  return ok();
}

void note(RecoveryReport& report, const std::string& segment) {
  if (report.torn_bytes > 0) {
    report.notes.push_back("cut " + std::to_string(report.torn_bytes) + " torn bytes from " +
                           segment);
  }
  if (report.unfinished_bytes > 0) {
    report.notes.push_back("cut an unfinished transaction of " +
                           std::to_string(report.unfinished_bytes) + " bytes from " + segment);
  }
  if (report.rederived_entries > 0) {
    report.notes.push_back("made " + std::to_string(report.rederived_entries) +
                           " lost entries of " + segment + " again");
  }
}

}  // namespace

void Log::State::take(const Mark& mark) {
  executed.add(mark.added);
  if (mark.newest_commit_us == 0) return;
  last_commit_us = mark.newest_commit_us;
  newest->newest_commit_us = std::max(newest->newest_commit_us.load(), mark.newest_commit_us);
}

// Adds what the newest segment executed behind the last mark.
Result<IndexWriter> Log::State::replay(const io::File& segment, uint64_t end, IndexWriter marks) {
  if (marks.marked() == end) return marks;
  BINBUS_TRY(format, read_format(segment, end));
  BINBUS_TRY(scanned,
             scan_segment(segment, marks.marked(), end, format, [&](const TransactionEnd& found) {
               marks.add(found);
               take({.newest_commit_us = found.transaction ? found.commit_us : 0, .added = {}});
               executed.add(found.gtid);
             }));
  if (scanned.broken) return fail(*scanned.broken);
  return marks;
}

Result<IndexWriter> Log::State::load_executed(const io::File& segment, uint64_t end) {
  const std::string& path = newest->paths().index;
  BINBUS_TRY(previous, newest->previous());
  add_seeded_locked(previous, {newest->number(), end});
  executed = previous;
  auto marks = replay(segment, end,
                      IndexWriter::open(files, path, end, options.index_bytes,
                                        [this](const Mark& mark) { take(mark); }));
  if (marks || marks.error().code == Code::kIo) return marks;
  // The index is not of this segment, perhaps: once more without it.
  executed = std::move(previous);
  marks = replay(segment, end, IndexWriter::create(files, path, options.index_bytes));
  if (!marks) return fail_in("segment " + newest->name(), std::move(marks).error());
  return marks;
}

Status Log::State::open(RecoveryReport& report) {
  BINBUS_RETURN_IF_ERROR(files.make_directories(options.directory));
  BINBUS_TRY(found, find_files(files, options.directory));
  StateHeader state;
  const io::DirectoryEntry* before = nullptr;
  for (const auto& [number, entry] : found.segments) {
    auto segment = std::make_shared<Segment>(files, options.directory, entry.name, number);
    BINBUS_TRY(header, read_state_header(files, segment->paths().state));
    BINBUS_RETURN_IF_ERROR(check_join(header, entry.name, before));
    if (newest) newest->newest_commit_us = header.previous_newest_commit_us;
    segment->visible = entry.bytes;
    segment->sealed = number != found.segments.rbegin()->first;
    segments.emplace(number, segment);
    newest = segment;
    state = header;
    before = &entry;
  }
  BINBUS_RETURN_IF_ERROR(remove_orphans(files, options.directory, found, report));
  // What is found may be new, and its creator have died before this.
  BINBUS_RETURN_IF_ERROR(files.sync_directory(options.directory));
  if (!newest) return remove_unused_schemas(files, options.directory, {});

  BINBUS_TRY(recovered, recover_segment(files, *newest, state,
                                        {options.entry_bytes_max, options.verify_bytes}, report));
  note(report, newest->name());
  newest->visible = recovered.start.bytes;
  BINBUS_TRY(control, read_state_document(files, newest->paths().state));
  sources = std::move(control.sources);
  for (SourceSpan& span : recovered.sources) add_span(sources, std::move(span));
  prune(sources, segments.begin()->first);
  schemas = std::move(control.schemas);
  for (SchemaRecord& record : recovered.schemas) add_schema(schemas, std::move(record));
  prune(schemas, segments.begin()->first);
  BINBUS_RETURN_IF_ERROR(remove_unused_schemas(files, options.directory, schemas));
  BINBUS_TRY(loaded, load_executed(*recovered.segment, recovered.start.bytes));
  index = std::make_unique<IndexWriter>(std::move(loaded));
  writer =
      std::make_unique<SegmentWriter>(std::move(recovered.segment), std::move(recovered.entries),
                                      recovered.start, options.entry_bytes_max);
  if (const auto head = newest->head()) {
    head_known = (*head)->final;
    writer->set_checksummed(head_known && (*head)->checksummed());
  }
  return ok();
}

Result<std::unique_ptr<Log>> Log::open(io::FileSystem& files, io::Clock& clock, LogOptions options,
                                       RecoveryReport* report) {
  RecoveryReport unread;
  auto state = std::make_unique<State>(files, clock, std::move(options));
  BINBUS_RETURN_IF_ERROR(state->open(report != nullptr ? *report : unread));
  return std::unique_ptr<Log>(new Log(std::move(state)));
}

Log::Log(std::unique_ptr<State> state) : state_(std::move(state)) {}
Log::~Log() = default;

}  // namespace binbus::store
