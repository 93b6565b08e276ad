// Opening a log: which segments are there, and what the newest one came to.

#include <algorithm>

#include "io/durable_file.h"
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

// Whether an entries file tells of bytes, and not of Raft's own entries only.
Result<bool> describes_bytes(io::FileSystem& files, const std::string& path) {
  BINBUS_TRY(file, files.open(path, io::OpenMode::kRead));
  auto reader = EntriesReader::open(*file);
  if (!reader) return false;
  for (auto entry = reader->next(); entry; entry = reader->next()) {
    if (!is_rafts_own(entry->entry.kind)) return true;
  }
  return false;
}

// Companions without a segment are left by a creation or a removal that was cut short.
Status remove_orphans(io::FileSystem& files, const std::string& directory, const Found& found,
                      RecoveryReport& report) {
  for (const io::DirectoryEntry& companion : found.companions) {
    const auto name = binlog::SegmentName::parse(*companion_of(companion.name));
    const auto segment = found.segments.find(name->number);
    if (segment != found.segments.end() && segment->second.name == name->to_string()) continue;
    const bool newer = found.segments.empty() || name->number > found.segments.rbegin()->first;
    if (newer && companion.name.ends_with(".entries")) {
      BINBUS_TRY(missing, describes_bytes(files, directory + "/" + companion.name));
      if (missing) {
        return fail(Code::kCorrupt,
                    "segment " + name->to_string() + " is missing, and " + companion.name +
                        " describes it; restore it, or remove its other files to go on without it");
      }
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

Status Log::State::remove_all() {
  BINBUS_TRY(found, find_files(files, options.directory));
  for (const auto& [number, entry] : found.segments)
    BINBUS_RETURN_IF_ERROR(files.remove(options.directory + "/" + entry.name));
  for (const io::DirectoryEntry& companion : found.companions)
    BINBUS_RETURN_IF_ERROR(files.remove(options.directory + "/" + companion.name));
  const SegmentPaths paths(options.directory, std::string(kStartName));
  for (const std::string& path : {paths.state, paths.state + ".new", paths.entries}) {
    if (files.exists(path)) BINBUS_RETURN_IF_ERROR(files.remove(path));
  }
  return files.sync_directory(options.directory);
}

Status Log::State::open(RecoveryReport& report) {
  BINBUS_RETURN_IF_ERROR(files.make_directories(options.directory));
  if (auto taken = take_restoring(); !taken) return fail_in(options.directory, taken.error());
  BINBUS_TRY(found, find_files(files, options.directory));
  start = std::make_shared<Segment>(files, options.directory, std::string(kStartName), 0);
  StateHeader newest_state;
  if (found.segments.empty() && !files.exists(start->paths().state)) {
    BINBUS_RETURN_IF_ERROR(create_start(
        encode_state({}, {.sources = {}, .executed = {}, .members = options.members})));
  }
  if (files.exists(start->paths().state)) {
    BINBUS_TRY(header, read_state_header(files, start->paths().state));
    containers.emplace(header.first_index, start);
    first_term = header.term;
    newest = start;
    newest_state = header;
  } else {
    BINBUS_RETURN_IF_ERROR(io::remove_if_there(files, start->paths().entries));
    start.reset();
  }
  const io::DirectoryEntry* before = nullptr;
  for (const auto& [number, entry] : found.segments) {
    auto segment = std::make_shared<Segment>(files, options.directory, entry.name, number);
    BINBUS_TRY(header, read_state_header(files, segment->paths().state));
    BINBUS_RETURN_IF_ERROR(check_join(header, entry.name, before));
    if (newest && newest->number() != 0)
      newest->newest_commit_us = header.previous_newest_commit_us;
    segment->visible = entry.bytes;
    segment->sealed = number != found.segments.rbegin()->first;
    segments.emplace(number, segment);
    if (containers.empty()) first_term = header.term;
    if (!containers.emplace(header.first_index, segment).second ||
        containers.rbegin()->second != segment) {
      return fail(Code::kCorrupt, segment->paths().state + ": entry " +
                                      std::to_string(header.first_index) +
                                      " cannot be its first; restore it from a copy");
    }
    newest = segment;
    newest_state = header;
    before = &entry;
  }
  BINBUS_RETURN_IF_ERROR(remove_orphans(files, options.directory, found, report));
  // What is found may be new, and its creator have died before this.
  BINBUS_RETURN_IF_ERROR(files.sync_directory(options.directory));
  BINBUS_RETURN_IF_ERROR(open_newest(newest_state, report));
  return remove_unused_schemas(files, options.directory, schemas);
}

Status Log::State::open_newest(const StateHeader& header, RecoveryReport& report) {
  const uint64_t committed = std::max(options.committed, header.first_index - 1);
  BINBUS_TRY(control, read_state_document(files, newest->paths().state));
  BINBUS_TRY(recovered, recover_segment(files, *newest, header,
                                        {.entry_bytes_max = options.entry_bytes_max,
                                         .verify_bytes = options.verify_bytes,
                                         .committed = committed,
                                         .shared = shared(control.members)},
                                        report));
  note(report, newest->name());
  sources = std::move(control.sources);
  schemas = std::move(control.schemas);
  cursors = std::move(control.cursors);
  members = {{header.first_index - 1, std::move(control.members)}};
  executed = std::move(control.executed);
  newest->visible = recovered.committed_end;
  BINBUS_RETURN_IF_ERROR(take_recovered(header, recovered));
  BINBUS_RETURN_IF_ERROR(take_applied(recovered.inlines));
  if (!segments.empty()) {
    prune(sources, segments.begin()->first);
    prune(schemas, segments.begin()->first);
  }
  if (recovered.segment) {
    BINBUS_TRY(loaded, load_executed(*recovered.segment, recovered.committed_end));
    index = std::make_unique<IndexWriter>(std::move(loaded));
    BINBUS_RETURN_IF_ERROR(take_ends(*recovered.segment));
  }
  writer = std::make_unique<SegmentWriter>(std::move(recovered.segment),
                                           std::move(recovered.entries), recovered.start);
  writer->share(shared(members.begin()->second) || !member_entries.empty());
  if (index) {
    if (const auto head = newest->head()) {
      head_known = (*head)->final;
      writer->set_checksummed(head_known && (*head)->checksummed());
    }
  }
  // The next segment begins with members who are to be told of first.
  if (barrier() != nullptr && !member_entries.empty()) commit_target = commit_index;
  return apply();
}

// The newest segment's entries: those in effect, and those that wait.
Status Log::State::take_recovered(const StateHeader& header, RecoveredSegment& recovered) {
  last_index = durable_index = recovered.last_index;
  last_term = recovered.last_term;
  records_end = recovered.records_end;
  commit_index = std::min(recovered.committed, last_index);
  commit_term = recovered.committed_term;
  commit_target = commit_index;
  if (recovered.barrier && recovered.barrier->entry.index <= commit_index) {
    commit_index = recovered.barrier->entry.index - 1;  // it may not have taken effect
    commit_term = commit_index < header.first_index ? header.term : recovered.barrier_before_term;
  }
  std::map<uint64_t, const EntryAt*> entries;
  for (const EntryAt& at : recovered.events) entries.emplace(at.entry.index, &at);
  for (const EntryAt& at : recovered.inlines) entries.emplace(at.entry.index, &at);
  for (const auto& [number, at] : entries) {
    const Entry& entry = at->entry;
    if (!recent.empty() && recent.back().entry.index + 1 != number) recent.clear();
    recent.push_back({entry, at->record});
    if (number > commit_index) {
      pending.push_back({entry, at->record, at->inline_payload});
      if (entry.ends_transaction()) last_end = entry.end();
    } else {
      if (entry.kind == EntryKind::kAbort) aborts.push_back(entry);
      if (number == commit_index) commit_term = entry.term;
    }
  }
  // Some that were read may have gone again, with ones behind them that the disk has torn.
  if (!recent.empty() && recent.back().entry.index != last_index) recent.clear();
  applied_end = recovered.start.bytes;
  const auto events = std::ranges::find(pending, EntryKind::kEvents,
                                        [](const PendingEntry& each) { return each.entry.kind; });
  if (events != pending.end()) applied_end = events->entry.offset;
  last_end = std::max(last_end, newest->visible.load());
  return ok();
}

// What the entries in effect told since the segment's start.
Status Log::State::take_applied(const std::vector<EntryAt>& inlines) {
  for (const EntryAt& at : inlines) {
    if (at.entry.kind == EntryKind::kMembers) member_entries.push_back(at.entry.index);
    if (at.entry.index > commit_index || at.entry.kind != EntryKind::kControl) continue;
    BINBUS_RETURN_IF_ERROR(apply_control({at.entry, at.record, at.inline_payload}));
  }
  return ok();
}

// The transactions behind the visible end.
Status Log::State::take_ends(const io::File& segment) {
  const uint64_t visible = newest->visible.load();
  const uint64_t end = bytes_end();
  if (end == visible) return ok();
  binlog::FormatDescription format;
  if (visible > binlog::kMagic.size()) {
    BINBUS_TRY(known, read_format(segment, visible));
    format = std::move(known);
  }
  auto entry = pending.begin();
  BINBUS_TRY(scanned, scan_segment(segment, visible, end, format, [&](const TransactionEnd& found) {
               if (found.offset <= visible) return;
               while (entry != pending.end() && (entry->entry.kind != EntryKind::kEvents ||
                                                 entry->entry.end() < found.offset))
                 ++entry;
               const bool waits = entry != pending.end() && entry->entry.offset < found.offset;
               (waits ? entry->ends : unseen).push_back(found);
             }));
  if (scanned.broken) return fail_in("segment " + newest->name(), *scanned.broken);
  return ok();
}

Status Log::State::begin_anew() {
  for (const auto& segment : all_segments()) segment->gone.store(true);
  // What was here is there to be asked until it is replaced, also when it never is.
  State fresh(files, clock, options);
  RecoveryReport unread;
  BINBUS_RETURN_IF_ERROR(fresh.open(unread));
  become(std::move(fresh));
  return ok();
}

void Log::State::become(State&& fresh) {
  {
    const std::lock_guard lock(mutex);
    segments = std::move(fresh.segments);
    executed = std::move(fresh.executed);
    last_commit_us = fresh.last_commit_us;
    sources = std::move(fresh.sources);
    schemas = std::move(fresh.schemas);
    cursors = std::move(fresh.cursors);
  }
  newest = std::move(fresh.newest);
  start = std::move(fresh.start);
  containers = std::move(fresh.containers);
  first_term = fresh.first_term;
  writer = std::move(fresh.writer);
  index = std::move(fresh.index);
  head_known = fresh.head_known;
  pending.clear();
  recent = std::move(fresh.recent);
  aborts.clear();
  member_entries.clear();
  last_index = fresh.last_index;
  last_term = fresh.last_term;
  durable_index = fresh.durable_index;
  commit_index = fresh.commit_index;
  commit_term = fresh.commit_term;
  commit_target = fresh.commit_target;
  records_end = fresh.records_end;
  applied_end = fresh.applied_end;
  last_end = fresh.last_end;
  unseen.clear();
  scanner.reset();
  looked_up.reset();
  members = std::move(fresh.members);
  wake.all();
}

Result<std::unique_ptr<Log::State>> Log::open_state(io::FileSystem& files, io::Clock& clock,
                                                    LogOptions options, RecoveryReport* report) {
  RecoveryReport unread;
  auto state = std::make_unique<State>(files, clock, std::move(options));
  BINBUS_RETURN_IF_ERROR(state->open(report != nullptr ? *report : unread));
  return state;
}

Result<std::unique_ptr<Log>> Log::open(io::FileSystem& files, io::Clock& clock, LogOptions options,
                                       RecoveryReport* report) {
  BINBUS_TRY(state, open_state(files, clock, std::move(options), report));
  return std::unique_ptr<Log>(new Log(std::move(state)));
}

Log::Log(std::unique_ptr<State> state) : state_(std::move(state)) {}
Log::~Log() = default;

}  // namespace binbus::store
