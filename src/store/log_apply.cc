// Log's committed entries, taking effect.

#include <algorithm>

#include "base/check.h"
#include "store/log_state.h"
#include "store/source_map.h"

namespace binbus::store {

// The ends of many entries become visible together.
Status Log::State::apply() {
  uint64_t visible = newest->visible.load();
  Status done = ok();
  while (done && !pending.empty() &&
         pending.front().entry.index <= std::min(commit_target, durable_index)) {
    PendingEntry entry = std::move(pending.front());
    pending.pop_front();
    const Entry& what = entry.entry;
    if (what.kind == EntryKind::kEvents) {
      unseen.insert(unseen.end(), entry.ends.begin(), entry.ends.end());
      if (what.ends_transaction()) visible = what.end();
      applied_end = what.end();
    } else if (what.kind == EntryKind::kControl || is_barrier(what.kind)) {
      publish(visible);
      done = what.kind == EntryKind::kControl ? apply_control(entry)
             : what.kind == EntryKind::kAbort ? apply_abort(what)
                                              : apply_begin(entry);
      visible = newest->visible.load();
    }
    if (!done) {
      pending.push_front(std::move(entry));
      break;
    }
    commit_index = what.index;
    commit_term = what.term;
  }
  publish(visible);
  if (!done) return settle(done.error());
  return ok();
}

// A transaction may end within an entry that goes on: it counts once an entry ends with one.
void Log::State::publish(uint64_t visible) {
  if (newest->number() == 0 || newest->visible.load() == visible) return;
  if (!head_known) learn_head(visible);
  for (const TransactionEnd& end : unseen) {
    if (end.offset <= visible) index->add(end);
  }
  {
    const std::lock_guard lock(mutex);
    for (const TransactionEnd& end : unseen) {
      if (end.offset > visible) continue;
      executed.add(end.gtid);
      if (!end.transaction) continue;
      last_commit_us = end.commit_us;
      newest->newest_commit_us.store(std::max(newest->newest_commit_us.load(), end.commit_us));
    }
    newest->visible.store(visible);
  }
  std::erase_if(unseen, [visible](const TransactionEnd& end) { return end.offset <= visible; });
  wake.all();
}

// The head tells whether events prove themselves, and what its server had executed: the truth for what follows.
void Log::State::learn_head(uint64_t visible) {
  auto segment = newest->file();
  if (!segment) return;
  auto head = read_head(**segment, visible);
  head_known = head ? head->final : head.error().code != Code::kTruncated;
  if (!head || !head_known) return;
  writer->set_checksummed(head->checksummed());
  if (!head->previous) return;
  const std::lock_guard lock(mutex);
  executed = std::move(*head->previous);
  add_seeded_locked(executed, {newest->number(), 0});
}

Status Log::State::apply_control(const PendingEntry& entry) {
  BINBUS_TRY(record, decode_control(entry.payload, {newest->number(), entry.entry.offset}));
  if (record.schema) BINBUS_RETURN_IF_ERROR(apply_schema(entry, record));
  const std::lock_guard lock(mutex);
  if (record.source) {
    if (!record.source->seeded.empty()) executed.add(record.source->seeded);
    add_span(sources, std::move(*record.source));
  }
  if (record.cursor && record.cursor->value) {
    cursors[record.cursor->name] = std::move(*record.cursor->value);
  } else if (record.cursor) {
    cursors.erase(record.cursor->name);
  }
  return ok();
}

// Its bytes come before it, in entries of their own, unless they are those of a baseline that is there.
Status Log::State::apply_schema(const PendingEntry& entry, ControlRecord& record) {
  SchemaRecord& schema = *record.schema;
  schema.file = schema_file(newest->name(), entry.entry.index);
  if (record.same) {
    const auto known = schema_at(*record.same);
    if (!known) return ok();  // of a place that retention has taken
    schema.file = known->file;
  } else if (!has_schema(files, options.directory, schema)) {
    BINBUS_TRY(bytes, read_parts(entry.entry.index, schema.bytes));
    BINBUS_RETURN_IF_ERROR(write_schema(files, options.directory, schema, bytes));
  }
  const std::lock_guard lock(mutex);
  add_schema(schemas, std::move(schema));
  // After a restart the one that it takes the place of may be known again, without its file.
  if (!segments.empty()) prune(schemas, segments.begin()->first);
  return ok();
}

Result<ByteVector> Log::State::read_parts(uint64_t before, uint64_t bytes) const {
  std::vector<ByteVector> parts;
  uint64_t found = 0;
  for (uint64_t at = before; found < bytes;) {
    BINBUS_TRY(entry, find_entry(--at));
    if (is_rafts_own(entry.entry.kind)) continue;
    if (entry.entry.kind != EntryKind::kPart)
      return fail(Code::kCorrupt, "a schema baseline's bytes are not before its record");
    found += entry.inline_payload.size();
    parts.push_back(std::move(entry.inline_payload));
  }
  ByteVector all;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part)
    all.insert(all.end(), part->begin(), part->end());
  return all;
}

Status Log::State::apply_abort(const Entry& entry) {
  BINBUS_RETURN_IF_ERROR(writer->cut(entry.offset));
  applied_end = last_end = entry.offset;
  scanner.reset();
  unseen.clear();
  aborts.push_back(entry);
  looked_up.reset();  // it may have been made before this was in effect
  return ok();
}

Status Log::State::apply_begin(const PendingEntry& entry) {
  BINBUS_TRY(record, decode_control(entry.payload, {}));
  BINBUS_TRY(name, binlog::SegmentName::parse(record.begin));
  BINBUS_RETURN_IF_ERROR(writer->seal());
  ControlState control;
  StateHeader header{.first_index = entry.entry.index + 1, .term = entry.entry.term};
  const auto members_now = std::prev(members.upper_bound(entry.entry.index));
  {
    const std::lock_guard lock(mutex);
    control = {sources, executed, schemas, cursors, members_now->second};
    if (record.source) add_span(control.sources, std::move(*record.source));
    if (newest->number() != 0) {
      prune(control.sources, segments.begin()->first);
      prune(control.schemas, segments.begin()->first);
      header.previous_number = newest->number();
      header.previous_bytes = newest->visible;
      header.previous_newest_commit_us = newest->newest_commit_us;
    }
  }
  // Raft's own entries that came behind it are the new segment's; `pending` has nothing else.
  ByteWriter trailing;
  std::deque<RecordAt> records;
  bool changing = false;
  for (PendingEntry& each : pending) {
    each.entry.offset = 0;
    records.push_back({each.entry, kEntriesHeaderBytes + trailing.size()});
    changing = changing || each.entry.kind == EntryKind::kMembers;
    store_entry(trailing, each.entry, each.payload);
  }
  BINBUS_TRY(segment, create_segment(record.begin, name.number, encode_state(header, control),
                                     trailing.view()));
  BINBUS_TRY(bytes, files.open(segment->paths().segment, io::OpenMode::kWrite));
  BINBUS_TRY(entries, files.open(segment->paths().entries, io::OpenMode::kWrite));
  for (size_t i = 0; i < pending.size(); ++i) pending[i].record = records[i].record;
  if (index) index->finish();
  writer = std::make_unique<SegmentWriter>(
      std::move(bytes), std::move(entries),
      SegmentWriter::Start{0, kEntriesHeaderBytes + trailing.size()});
  writer->share(shared(members.rbegin()->second) || changing);
  members.erase(members.begin(), members_now);
  index = std::make_unique<IndexWriter>(
      IndexWriter::create(files, segment->paths().index, options.index_bytes));
  head_known = false;
  recent = std::move(records);
  aborts.clear();
  scanner.reset();
  looked_up.reset();
  records_end = applied_end = last_end = 0;
  unseen.clear();
  containers.emplace(header.first_index, segment);
  {
    const std::lock_guard lock(mutex);
    sources = std::move(control.sources);
    segments.emplace(name.number, segment);
  }
  newest->sealed.store(true);
  newest = std::move(segment);
  wake.all();
  return ok();
}

}  // namespace binbus::store
