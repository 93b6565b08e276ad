// Log's writing side.

#include <algorithm>

#include "base/check.h"
#include "store/log_state.h"
#include "store/source_map.h"

namespace binbus::store {
namespace {

// How much is appended, or how long it takes, between two looks at the disk's free space.
constexpr uint64_t kSpaceCheckBytes = 1024 * 1024;
constexpr uint64_t kSpaceCheckUs = 1'000'000;

Status write_new_file(io::FileSystem& files, const std::string& path, Bytes bytes) {
  if (files.exists(path)) BINBUS_RETURN_IF_ERROR(files.remove(path));
  BINBUS_TRY(file, files.open(path, io::OpenMode::kCreateNew));
  BINBUS_RETURN_IF_ERROR(file->write_at(0, bytes));
  return file->sync();
}

}  // namespace

Status Log::State::check_alive() const {
  if (dead) return fail_in("the log takes no more writes until binbus is restarted", *dead);
  return ok();
}

Status Log::State::check_space(uint64_t bytes) {
  unchecked_bytes += bytes;
  const uint64_t now_us = clock.monotonic_us();
  const bool due = space_checked_us == 0 || unchecked_bytes >= kSpaceCheckBytes ||
                   now_us - space_checked_us >= kSpaceCheckUs;
  if (options.keep_free_bytes == 0 || !due) return ok();
  BINBUS_TRY(free_now, files.free_bytes(options.directory));
  if (free_now < options.keep_free_bytes || free_now - options.keep_free_bytes < bytes) {
    return fail(Code::kDiskFull, options.directory + ": " + std::to_string(free_now) +
                                     " bytes are free on the disk, and keep_free is " +
                                     std::to_string(options.keep_free_bytes));
  }
  space_checked_us = now_us;
  unchecked_bytes = 0;
  return ok();
}

Status Log::State::settle(Error error) {
  pending.clear();
  space_checked_us = 0;
  if (error.code == Code::kDiskFull || error.code == Code::kLimit) {
    if (error.code == Code::kDiskFull) {
      error.message +=
          "; make room on that disk, or let retention (retain_bytes, retain_hours) remove more: "
          "storing then goes on by itself";
    }
    const Status rolled_back = writer ? writer->roll_back() : ok();
    if (!rolled_back) dead = rolled_back.error();
  } else {
    error.message +=
        "; the newest bytes may not be durable, and nothing is stored on top of them: see to the "
        "disk, then restart "
        "binbus";
    error.code = Code::kIo;  // also when a file was not there: nothing else may go on from here
    dead = error;
  }
  return fail(std::move(error));
}

Status Log::State::sync() {
  if (auto synced = writer->sync(); !synced) return settle(synced.error());
  publish();
  return ok();
}

// What was made durable becomes visible, up to the last transaction end.
void Log::State::publish() {
  if (!head_known) learn_head();
  for (const TransactionEnd& end : pending) index->add(end);
  {
    const std::lock_guard lock(mutex);
    for (const TransactionEnd& end : pending) {
      executed.add(end.gtid);
      if (!end.transaction) continue;
      last_commit_us = end.commit_us;
      newest->newest_commit_us.store(std::max(newest->newest_commit_us.load(), end.commit_us));
    }
    newest->visible.store(writer->last_end());
  }
  if (!pending.empty()) wake.all();
  pending.clear();
}

// The head tells whether events prove themselves, and what its server had executed: the truth for what follows.
void Log::State::learn_head() {
  auto segment = newest->file();
  if (!segment) return;
  auto head = read_head(**segment, writer->last_end());
  head_known = head ? head->final : head.error().code != Code::kTruncated;
  if (!head || !head_known) return;
  writer->set_checksummed(head->checksummed());
  if (!head->previous) return;
  const std::lock_guard lock(mutex);
  executed = std::move(*head->previous);
  add_seeded_locked(executed, {newest->number(), 0});
}

// Companions first: a segment's file exists only with all of them.
Result<std::shared_ptr<Segment>> Log::State::create_segment(const std::string& name,
                                                            uint64_t number,
                                                            std::vector<SourceSpan> spans) {
  auto segment = std::make_shared<Segment>(files, options.directory, name, number);
  const SegmentPaths& paths = segment->paths();
  StateHeader header;
  ControlState control;
  {
    const std::lock_guard lock(mutex);
    control = {std::move(spans), executed, schemas};
    if (newest) {
      prune(control.sources, segments.begin()->first);
      prune(control.schemas, segments.begin()->first);
      header = {writer->next_index(), writer->term(), newest->number(), newest->visible,
                newest->newest_commit_us};
    }
  }
  BINBUS_RETURN_IF_ERROR(write_new_file(files, paths.state_new, encode_state(header, control)));
  BINBUS_RETURN_IF_ERROR(files.rename(paths.state_new, paths.state));
  ByteWriter entries_header;
  store_entries_header(entries_header, header.first_index);
  BINBUS_RETURN_IF_ERROR(write_new_file(files, paths.entries, entries_header.view()));
  BINBUS_RETURN_IF_ERROR(files.sync_directory(options.directory));
  BINBUS_RETURN_IF_ERROR(write_new_file(files, paths.segment, {}));
  BINBUS_RETURN_IF_ERROR(files.sync_directory(options.directory));
  return segment;
}

Status Log::begin_segment(const std::string& name, std::optional<SourceSpan> source) {
  State& log = *state_;
  BINBUS_RETURN_IF_ERROR(log.check_alive());
  BINBUS_TRY(parsed, binlog::SegmentName::parse(name));
  if (log.newest) {
    if (name == log.newest->name() && log.writer->end() == 0)
      return source ? record_source(std::move(*source)) : ok();
    if (parsed.number <= log.newest->number()) {
      return fail(Code::kInvalid, "segment " + name + " cannot follow " + log.newest->name());
    }
    if (log.writer->end() != log.writer->last_end()) {
      return fail(Code::kInvalid, "segment " + name + " cannot begin within a transaction of " +
                                      log.newest->name());
    }
    if (auto sealed = log.writer->seal(); !sealed) return log.settle(sealed.error());
    log.publish();
  }
  if (auto space = log.check_space(0); !space) return log.settle(space.error());
  std::vector<SourceSpan> spans = sources();
  if (source) {
    source->from = {parsed.number, 0};
    const auto known = map_to_source(spans, source->from);
    if (!known || *known != *source) add_span(spans, std::move(*source));
  }
  auto segment = log.create_segment(name, parsed.number, spans);
  if (!segment) return log.settle(segment.error());
  BINBUS_TRY(bytes, log.files.open((*segment)->paths().segment, io::OpenMode::kWrite));
  BINBUS_TRY(entries, log.files.open((*segment)->paths().entries, io::OpenMode::kWrite));
  SegmentWriter::Start start;
  if (log.newest) {
    start.next_index = log.writer->next_index();
    start.term = log.writer->term();
    log.index->finish();
  }
  log.writer = std::make_unique<SegmentWriter>(std::move(bytes), std::move(entries), start,
                                               log.options.entry_bytes_max);
  log.index = std::make_unique<IndexWriter>(
      IndexWriter::create(log.files, (*segment)->paths().index, log.options.index_bytes));
  log.head_known = false;
  {
    const std::lock_guard lock(log.mutex);
    log.sources = std::move(spans);
    log.segments.emplace(parsed.number, *segment);
  }
  if (log.newest) log.newest->sealed.store(true);
  log.newest = std::move(*segment);
  log.wake.all();
  return ok();
}

Status Log::append(Bytes bytes, std::span<const TransactionEnd> ends) {
  State& log = *state_;
  BINBUS_RETURN_IF_ERROR(log.check_alive());
  if (!log.newest) return fail(Code::kInvalid, "append before the first segment");
  if (auto space = log.check_space(bytes.size()); !space) return log.settle(space.error());
  const uint64_t base = log.writer->end();
  const uint64_t whole = ends.empty() ? 0 : ends.back().offset;
  BINBUS_CHECK(whole <= bytes.size());
  if (auto appended = log.writer->append(bytes, whole); !appended)
    return log.settle(appended.error());
  for (const TransactionEnd& end : ends) {
    log.pending.push_back(end);
    log.pending.back().offset += base;
  }
  return ok();
}

Status Log::sync() {
  BINBUS_RETURN_IF_ERROR(state_->check_alive());
  if (!state_->newest) return ok();
  return state_->sync();
}

uint64_t Log::unsynced_bytes() const {
  return state_->writer ? state_->writer->unsynced_bytes() : 0;
}

Status Log::abort_transaction() {
  State& log = *state_;
  BINBUS_RETURN_IF_ERROR(log.check_alive());
  if (!log.newest || log.writer->end() == log.writer->last_end()) return ok();
  BINBUS_RETURN_IF_ERROR(log.sync());
  if (auto aborted = log.writer->abort(); !aborted) return log.settle(aborted.error());
  return ok();
}

Status Log::record_source(SourceSpan span) {
  State& log = *state_;
  BINBUS_RETURN_IF_ERROR(log.check_alive());
  if (!log.newest || log.writer->end() != log.writer->last_end()) {
    return fail(Code::kInvalid,
                "a source is recorded where no transaction is under way, in a segment");
  }
  span.from = end();
  {
    const std::lock_guard lock(log.mutex);
    const auto known = map_to_source(log.sources, span.from);
    if (known && *known == span) return ok();
  }
  log.writer->control(encode_source(span));
  BINBUS_RETURN_IF_ERROR(log.sync());
  const std::lock_guard lock(log.mutex);
  if (!span.seeded.empty()) log.executed.add(span.seeded);
  add_span(log.sources, std::move(span));
  return ok();
}

Status Log::State::check_schema(const SchemaPlace& place) const {
  BINBUS_RETURN_IF_ERROR(check_alive());
  if (!newest || writer->end() != writer->last_end() ||
      place.at > Position{newest->number(), writer->end()} || place.origin > place.at) {
    return fail(
        Code::kInvalid,
        "a schema baseline is recorded where no transaction is under way, in a segment, and "
        "for a place before its end");
  }
  return ok();
}

Status Log::State::record(SchemaRecord schema) {
  writer->control(encode_schema(schema));
  BINBUS_RETURN_IF_ERROR(sync());
  const std::lock_guard lock(mutex);
  add_schema(schemas, std::move(schema));
  return ok();
}

// The bytes first: a record names only what is there.
Status Log::record_schema(SchemaPlace place, Bytes baseline) {
  State& log = *state_;
  BINBUS_RETURN_IF_ERROR(log.check_schema(place));
  if (auto space = log.check_space(baseline.size()); !space) return log.settle(space.error());
  auto record =
      write_schema(log.files, log.options.directory, log.newest->paths().schema, place, baseline);
  if (!record) return log.settle(record.error());
  return log.record(std::move(*record));
}

Status Log::record_same_schema(SchemaPlace place, Position same) {
  State& log = *state_;
  BINBUS_RETURN_IF_ERROR(log.check_schema(place));
  BINBUS_TRY(record, log.schema_at(same));
  record.place = place;
  return log.record(std::move(record));
}

Position Log::end() const {
  return state_->newest ? Position{state_->newest->number(), state_->writer->end()} : Position{};
}

}  // namespace binbus::store
