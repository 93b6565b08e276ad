// Where entries are found: a container is a segment's files, or those of what came before the first segment.

#include <algorithm>

#include "base/check.h"
#include "io/durable_file.h"
#include "store/log_state.h"

namespace binbus::store {
namespace {

// `.state` and `.entries`: they exist before what they belong to.
Status write_companions(io::FileSystem& files, const SegmentPaths& paths, Bytes state_file,
                        uint64_t first_index, Bytes records) {
  BINBUS_RETURN_IF_ERROR(io::write_durably(files, paths.state, as_text(state_file)));
  ByteWriter entries;
  store_entries_header(entries, first_index);
  entries.bytes(records);
  return io::write_new_file(files, paths.entries, entries.view());
}

}  // namespace

Status Log::State::create_start(Bytes state_file) {
  BINBUS_TRY(state, decode_state(state_file));
  start = std::make_shared<Segment>(files, options.directory, std::string(kStartName), 0);
  const SegmentPaths& paths = start->paths();
  // It exists with its `.state`, which therefore comes last.
  ByteWriter entries;
  store_entries_header(entries, state.header.first_index);
  BINBUS_RETURN_IF_ERROR(io::write_new_file(files, paths.entries, entries.view()));
  BINBUS_RETURN_IF_ERROR(files.sync_directory(options.directory));
  return io::write_durably(files, paths.state, as_text(state_file));
}

Result<std::shared_ptr<Segment>> Log::State::create_segment(const std::string& name,
                                                            uint64_t number, Bytes state_file,
                                                            Bytes trailing) {
  BINBUS_TRY(state, decode_state(state_file));
  auto segment = std::make_shared<Segment>(files, options.directory, name, number);
  const SegmentPaths& paths = segment->paths();
  BINBUS_RETURN_IF_ERROR(
      write_companions(files, paths, state_file, state.header.first_index, trailing));
  BINBUS_RETURN_IF_ERROR(files.sync_directory(options.directory));
  BINBUS_RETURN_IF_ERROR(io::write_new_file(files, paths.segment, {}));
  BINBUS_RETURN_IF_ERROR(files.sync_directory(options.directory));
  return segment;
}

const std::string& Log::State::made_by(const Segment& container) {
  return container.number() == 0 ? container.paths().state : container.paths().segment;
}

// What it exists with goes before its other files, durably: a crash in between leaves a log with no gap. Some may have gone
// already, when that could not be made durable.
Status Log::State::remove_container(const Segment& segment) {
  const SegmentPaths& paths = segment.paths();
  BINBUS_RETURN_IF_ERROR(io::remove_if_there(files, made_by(segment)));
  BINBUS_RETURN_IF_ERROR(files.sync_directory(options.directory));
  for (const std::string& path : {paths.state, paths.entries, paths.index})
    BINBUS_RETURN_IF_ERROR(io::remove_if_there(files, path));
  return files.sync_directory(options.directory);
}

std::shared_ptr<Segment> Log::State::container_of(uint64_t entry) const {
  const auto after = containers.upper_bound(entry);
  BINBUS_CHECK(after != containers.begin());
  return std::prev(after)->second;
}

uint64_t Log::segment_of(uint64_t index) const { return state_->container_of(index)->number(); }

// Walks the container's entries file, once for many look-ups. Entries of a sealed one end where the next begins: what was
// written behind has been written again there.
Status Log::State::look_up(uint64_t entry) const {
  if (looked_up && looked_up->first <= entry && entry < looked_up->end) return ok();
  const auto after = containers.upper_bound(entry);
  const auto own = std::prev(after);
  ContainerIndex found{.container = own->second, .first = own->first, .end = own->first};
  BINBUS_TRY(file, files.open(own->second->paths().entries, io::OpenMode::kRead));
  found.file = std::move(file);
  const uint64_t limit = after == containers.end() ? last_index + 1 : after->first;
  auto reader = EntriesReader::open(*found.file);
  if (!reader) return fail_in(own->second->paths().entries, reader.error());
  while (found.end < limit) {
    auto at = reader->next();
    if (!at) break;  // of the newest, the last may not be written yet
    at->inline_payload.clear();
    if (at->entry.kind == EntryKind::kAbort && at->entry.index <= commit_index)
      found.aborts.push_back(at->entry);
    if ((found.end - found.first) % ContainerIndex::kEvery == 0) found.marks.push_back(*at);
    found.end = at->entry.index + 1;
  }
  looked_up = std::move(found);
  if (entry >= looked_up->end) {
    return fail(Code::kCorrupt, own->second->paths().entries + ": entry " + std::to_string(entry) +
                                    " is missing or damaged");
  }
  return ok();
}

Result<EntryAt> Log::State::find_entry(uint64_t entry) const {
  if (entry < containers.begin()->first) {
    return fail(Code::kPurged,
                "the oldest entry here is " + std::to_string(containers.begin()->first));
  }
  if (entry > last_index) {
    return fail(Code::kNotFound, "the last entry here is " + std::to_string(last_index) +
                                     ": what followed has given way");
  }
  if (!recent.empty() && entry >= recent.front().entry.index) {
    BINBUS_TRY(file, files.open(newest->paths().entries, io::OpenMode::kRead));
    return read_entry(*file, recent[entry - recent.front().entry.index].record);
  }
  BINBUS_RETURN_IF_ERROR(look_up(entry));
  const size_t mark = (entry - looked_up->first) / ContainerIndex::kEvery;
  EntryAt at = looked_up->marks[mark];
  if (at.entry.index == entry) return read_entry(*looked_up->file, at.record);
  EntriesReader reader = EntriesReader::at(*looked_up->file, at);
  while (at.entry.index < entry) {
    BINBUS_TRY(next, reader.next());
    at = std::move(next);
  }
  return at;
}

Result<std::vector<Entry>> Log::State::old_entries(uint64_t from, uint64_t to,
                                                   size_t count_max) const {
  BINBUS_TRY(first, find_entry(from));
  BINBUS_RETURN_IF_ERROR(look_up(from));
  std::vector<Entry> found = {as_sent(first.entry, looked_up->aborts)};
  EntriesReader reader = EntriesReader::at(*looked_up->file, first);
  while (found.size() < count_max && from + found.size() < std::min(to, looked_up->end)) {
    BINBUS_TRY(next, reader.next());
    found.push_back(as_sent(next.entry, looked_up->aborts));
  }
  return found;
}

Status Log::found(const Members& members) {
  State& log = *state_;
  BINBUS_RETURN_IF_ERROR(log.check_alive());
  const auto write_members = [&](const Segment& container) -> Status {
    const SegmentPaths& paths = container.paths();
    BINBUS_TRY(header, read_state_header(log.files, paths.state));
    BINBUS_TRY(control, read_state_document(log.files, paths.state));
    control.members = members;
    return io::write_durably(log.files, paths.state, as_text(encode_state(header, control)));
  };
  for (const auto& [first, container] : log.containers) {
    if (auto written = write_members(*container); !written) return log.settle(written.error());
  }
  set_members(members, commit_index());
  return ok();
}

LogSnapshot Log::snapshot() const {
  const auto& [first, container] = *state_->containers.begin();
  LogSnapshot snapshot{.index = first - 1, .term = state_->first_term, .members = {}};
  const auto control = read_state_document(state_->files, container->paths().state);
  if (control) snapshot.members = control->members;
  return snapshot;
}

Result<ByteVector> Log::encode_snapshot() const {
  const State& log = *state_;
  const Segment& oldest = *log.containers.begin()->second;
  BINBUS_TRY(header, read_state_header(log.files, oldest.paths().state));
  BINBUS_TRY(control, read_state_document(log.files, oldest.paths().state));
  // Baselines of before that are gone: retention took what they are of, or a later entry replaced them.
  {
    const std::lock_guard lock(log.mutex);
    std::erase_if(control.schemas, [&](const SchemaRecord& schema) {
      return std::ranges::count(log.schemas, schema.file, &SchemaRecord::file) == 0;
    });
  }
  ByteWriter out;
  out.lenenc_text(oldest.name()).lenenc_text(as_text(encode_state(header, control)));
  for (const SchemaRecord& schema : control.schemas) {
    BINBUS_TRY(bytes, store::read_schema(log.files, log.options.directory, schema));
    out.lenenc_text(schema.file).lenenc_text(as_text(bytes));
  }
  return out.take();
}

namespace {

struct SnapshotFiles {
  std::string name;
  ByteVector state_file;
  StateFile state;
  std::vector<std::pair<std::string, Bytes>> schemas;
};

Result<SnapshotFiles> parse_snapshot(Bytes snapshot) {
  ByteReader in(snapshot);
  SnapshotFiles files;
  const auto text = [&in](const char* what) -> Result<Bytes> {
    BINBUS_TRY(length, in.lenenc(what));
    return in.bytes(length, what);
  };
  BINBUS_TRY(name, text("snapshot: name"));
  files.name = as_text(name);
  if (files.name != kStartName && !binlog::SegmentName::parse(files.name))
    return fail(Code::kCorrupt, "snapshot: \"" + files.name + "\" is no segment's name");
  BINBUS_TRY(state_file, text("snapshot: state"));
  files.state_file = to_owned(state_file);
  BINBUS_TRY(state, decode_state(files.state_file));
  files.state = std::move(state);
  while (in.remaining() > 0) {
    BINBUS_TRY(file, text("snapshot: file"));
    BINBUS_TRY(bytes, text("snapshot: bytes"));
    files.schemas.emplace_back(as_text(file), bytes);
  }
  for (const SchemaRecord& schema : files.state.control.schemas) {
    if (std::ranges::count(files.schemas, schema.file,
                           [](const auto& each) { return each.first; }) == 0)
      return fail(Code::kCorrupt, "snapshot: " + schema.file + " is missing");
  }
  return files;
}

}  // namespace

Result<LogSnapshot> Log::read_snapshot(Bytes snapshot) {
  BINBUS_TRY(files, parse_snapshot(snapshot));
  return LogSnapshot{files.state.header.first_index - 1, files.state.header.term,
                     files.state.control.members};
}

// What was acknowledged must not be lost before what takes its place is durable: the snapshot is, first, in a file of its own.
Status Log::restore(Bytes snapshot) {
  State& log = *state_;
  BINBUS_RETURN_IF_ERROR(log.check_alive());
  if (auto good = parse_snapshot(snapshot); !good) return fail(good.error());
  const std::string path = log.options.directory + "/" + std::string(kRestoringName);
  if (auto kept = io::write_durably(log.files, path, as_text(snapshot)); !kept)
    return log.settle(kept.error());
  // Also on a full disk: what was here is going, and the next start puts the new in its place.
  if (auto begun = log.begin_anew(); !begun) return log.settle({Code::kIo, begun.error().message});
  return ok();
}

Status Log::State::take_restoring() {
  const std::string path = options.directory + "/" + std::string(kRestoringName);
  BINBUS_TRY(snapshot, io::read_if_there(files, path));
  if (!snapshot) return ok();
  BINBUS_TRY(from, parse_snapshot(as_bytes(*snapshot)));
  BINBUS_RETURN_IF_ERROR(remove_all());
  for (const SchemaRecord& schema : from.state.control.schemas) {
    const auto kept =
        std::ranges::find(from.schemas, schema.file, [](const auto& each) { return each.first; });
    BINBUS_RETURN_IF_ERROR(write_schema(files, options.directory, schema, kept->second));
  }
  if (from.name == kStartName) {
    BINBUS_RETURN_IF_ERROR(create_start(from.state_file));
  } else {
    BINBUS_TRY(name, binlog::SegmentName::parse(from.name));
    BINBUS_TRY(created, create_segment(from.name, name.number, from.state_file, {}));
    static_cast<void>(created);
  }
  BINBUS_RETURN_IF_ERROR(files.remove(path));
  return files.sync_directory(options.directory);
}

}  // namespace binbus::store
