// Log's side towards Raft: entries written, made durable, dropped.

#include <algorithm>

#include "base/check.h"
#include "binlog/event.h"
#include "store/log_state.h"

namespace binbus::store {
namespace {

// How much is written, or how long it takes, between two looks at the disk's free space.
constexpr uint64_t kSpaceCheckBytes = 1024 * 1024;
constexpr uint64_t kSpaceCheckUs = 1'000'000;
// Entries of the newest segment that are known without a look at the disk.
constexpr size_t kRecentMax = 4096;

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
  space_checked_us = 0;
  if (error.code == Code::kDiskFull) {
    error.message +=
        "; make room on that disk, or let retention (retain_bytes, retain_hours) remove more: "
        "storing then goes on by itself";
  } else if (error.code != Code::kLimit) {
    error.message +=
        "; the newest bytes may not be durable, and nothing is stored on top of them: see to the "
        "disk, then restart "
        "binbus";
    error.code = Code::kIo;  // also when a file was not there: nothing else may go on from here
    dead = error;
  }
  return fail(std::move(error));
}

uint64_t Log::first_index() const { return state_->containers.begin()->first; }
uint64_t Log::last_index() const { return state_->last_index; }
uint64_t Log::durable_index() const { return state_->durable_index; }
uint64_t Log::commit_index() const { return state_->commit_index; }

Result<uint64_t> Log::term(uint64_t index) const {
  const State& log = *state_;
  if (index > log.last_index) {
    return fail(Code::kNotFound, "the last entry is " + std::to_string(log.last_index));
  }
  if (index == log.last_index) return log.last_term;
  if (index == log.commit_index) return log.commit_term;
  if (index + 1 == first_index()) return log.first_term;
  if (!log.recent.empty() && index >= log.recent.front().entry.index)
    return log.recent[index - log.recent.front().entry.index].entry.term;
  BINBUS_TRY(found, log.find_entry(index));
  return found.entry.term;
}

// Events that an abort has cut are no longer there to be given: an entry stands for them.
Result<std::vector<Entry>> Log::entries(uint64_t from, uint64_t to, size_t count_max) const {
  const State& log = *state_;
  to = std::min(to, log.last_index + 1);
  BINBUS_CHECK(from < to);
  if (log.recent.empty() || from < log.recent.front().entry.index)
    return log.old_entries(from, to, count_max);
  std::vector<Entry> found;
  for (uint64_t index = from; index < to && found.size() < count_max; ++index) {
    found.push_back(as_sent(log.recent[index - log.recent.front().entry.index].entry, log.aborts));
  }
  return found;
}

Result<Payload> Log::payload(const Entry& entry) const {
  const State& log = *state_;
  if (entry.index < first_index())
    return fail(Code::kPurged, "entry " + std::to_string(entry.index) + " is no longer there");
  if (entry.kind == EntryKind::kEvents) {
    BINBUS_TRY(file, log.container_of(entry.index)->file());
    return Payload{std::move(file), entry.offset, entry.length, entry.payload_crc};
  }
  BINBUS_TRY(found, log.find_entry(entry.index));
  BINBUS_TRY(file,
             log.files.open(log.container_of(entry.index)->paths().entries, io::OpenMode::kRead));
  return Payload{std::move(file), found.record + kEntryBytes, entry.length, entry.payload_crc};
}

Result<ByteVector> Payload::read() const {
  ByteVector bytes(length);
  BINBUS_TRY(count, file->read_at(offset, bytes));
  if (count < bytes.size() || binlog::crc32(0, bytes) != crc)
    return fail(Code::kCorrupt, "an entry's payload is no longer there");
  return bytes;
}

Result<ByteVector> Log::read_inline(uint64_t index) const {
  BINBUS_TRY(found, state_->find_entry(index));
  return std::move(found.inline_payload);
}

const PendingEntry* Log::State::barrier() const {
  for (auto entry = pending.rbegin(); entry != pending.rend(); ++entry) {
    if (is_barrier(entry->entry.kind)) return &*entry;
    if (!is_rafts_own(entry->entry.kind)) break;
  }
  return nullptr;
}

uint64_t Log::waiting_barrier() const {
  const PendingEntry* barrier = state_->barrier();
  return barrier == nullptr ? 0 : barrier->entry.index;
}

Status Log::stage(Bytes bytes) {
  State& log = *state_;
  BINBUS_RETURN_IF_ERROR(log.check_alive());
  if (log.newest->number() == 0) return fail(Code::kInvalid, "bytes before the first segment");
  BINBUS_RETURN_IF_ERROR(check_space(bytes.size()));
  if (auto written = log.writer->write(bytes); !written) return log.settle(written.error());
  return ok();
}

Status Log::unstage() {
  State& log = *state_;
  BINBUS_RETURN_IF_ERROR(log.check_alive());
  if (log.writer->end() == log.bytes_end()) return ok();
  if (auto cut = log.writer->unstage(log.bytes_end()); !cut) return log.settle(cut.error());
  return ok();
}

// Ends of transactions in bytes that others have checked; they follow on the last ones seen.
Status Log::State::find_ends(uint64_t offset, Bytes payload, std::vector<TransactionEnd>& ends) {
  const auto collect = [&](const TransactionEnd& end) {
    if (end.offset > offset) ends.push_back(end);
  };
  if (!scanner || scanner->offset() != offset) {
    binlog::EventScanner::Options from{.verify_checksums = false, .require_log_pos = false};
    BINBUS_TRY(file, newest->file());
    if (last_end > binlog::kMagic.size()) {
      from.offset = last_end;
      BINBUS_TRY(format, read_format(*file, last_end));
      from.format = std::move(format);
    }
    scanner.emplace(std::move(from));
    ByteVector block(static_cast<size_t>(std::min<uint64_t>(offset - scanner->offset(), 1 << 20)));
    while (scanner->offset() < offset) {
      const auto part = std::span(block).first(
          static_cast<size_t>(std::min<uint64_t>(block.size(), offset - scanner->offset())));
      BINBUS_TRY(count, file->read_at(scanner->offset(), part));
      if (count < part.size()) return fail(Code::kCorrupt, "segment cut short");
      BINBUS_RETURN_IF_ERROR(scanner->feed(part, collect));
    }
  }
  return scanner->feed(payload, collect);
}

// Events behind void ones are of the same transaction, whose abort comes, and this node lacks what they go on with: another
// leader, in whose log the abort is not in effect yet, sends them as they were.
bool Log::State::behind_void() const {
  for (auto before = recent.rbegin(); before != recent.rend(); ++before) {
    const EntryKind kind = before->entry.kind;
    if (kind == EntryKind::kVoid) return true;
    if (kind == EntryKind::kEvents || is_barrier(kind)) return false;
  }
  return false;
}

// All nodes' entries tell of the same places.
Status Log::State::check_offset(const Entry& entry) const {
  const uint64_t due = entry.kind == EntryKind::kAbort ? last_end : records_end;
  if (entry.offset == due) return ok();
  return fail(Code::kCorrupt, "entry " + std::to_string(entry.index) + " is for offset " +
                                  std::to_string(entry.offset) + " of " + newest->name() +
                                  ", where it should be " + std::to_string(due));
}

Status Log::State::write_events(const Entry& entry, Bytes payload,
                                std::optional<std::vector<TransactionEnd>>& ends) {
  if (newest->number() == 0) return fail(Code::kCorrupt, "events before the first segment");
  if (!payload.empty()) {
    if (writer->end() != records_end)
      BINBUS_RETURN_IF_ERROR(writer->truncate(records_end, writer->entries_end()));
    BINBUS_RETURN_IF_ERROR(check_space(payload.size()));
    BINBUS_RETURN_IF_ERROR(writer->write(payload));
  } else if (entry.end() > writer->end()) {
    return fail(Code::kInvalid, "an entry of bytes that were not staged");
  }
  if (ends) {
    scanner.reset();
    return ok();
  }
  ends.emplace();
  return find_ends(entry.offset, payload, *ends);
}

Status Log::write(Entry entry, Bytes payload, std::optional<std::vector<TransactionEnd>> ends) {
  State& log = *state_;
  BINBUS_RETURN_IF_ERROR(log.check_alive());
  BINBUS_CHECK(entry.index == log.last_index + 1 && entry.term >= log.last_term);
  if (!is_rafts_own(entry.kind) && log.barrier() != nullptr) {
    // What follows a barrier proves that it is committed, but not that Raft's own between them are.
    log.commit_target = std::max(log.commit_target, waiting_barrier());
    BINBUS_RETURN_IF_ERROR(sync());
  }
  if (entry.kind == EntryKind::kEvents && log.behind_void()) {
    entry = {.index = entry.index, .term = entry.term, .kind = EntryKind::kVoid};
    payload = {};
    ends.reset();
  }
  // A cursor may stand within what an abort has cut, and where it is cut already the end is another.
  if (is_rafts_own(entry.kind) || entry.kind == EntryKind::kVoid ||
      entry.kind == EntryKind::kControl)
    entry.offset = log.records_end;
  if (auto fits = log.check_offset(entry); !fits) return log.settle(fits.error());
  if (entry.kind == EntryKind::kEvents) {
    if (auto written = log.write_events(entry, payload, ends); !written)
      return log.settle(written.error());
  }
  entry.flags &= kEndsTransaction;
  const bool events = entry.kind == EntryKind::kEvents;
  const uint64_t record = log.writer->record(entry, events ? Bytes() : payload);
  const bool kept = !events && entry.kind != EntryKind::kPart;
  log.pending.push_back({entry, record, kept ? to_owned(payload) : ByteVector(),
                         std::move(ends).value_or(std::vector<TransactionEnd>())});
  log.recent.push_back({entry, record});
  if (log.recent.size() > kRecentMax) log.recent.pop_front();
  log.last_index = entry.index;
  log.last_term = entry.term;
  log.records_end = entry.end();
  if (entry.ends_transaction()) log.last_end = entry.end();
  return ok();
}

Status Log::sync() {
  State& log = *state_;
  BINBUS_RETURN_IF_ERROR(log.check_alive());
  if (auto synced = log.writer->sync(); !synced) return log.settle(synced.error());
  log.durable_index = log.last_index;
  return log.apply();
}

Status Log::commit(uint64_t index) {
  State& log = *state_;
  BINBUS_RETURN_IF_ERROR(log.check_alive());
  log.commit_target = std::max(log.commit_target, index);
  return log.apply();
}

Status Log::State::truncate(uint64_t from) {
  BINBUS_CHECK(from > commit_index);
  if (from > last_index) return ok();
  const uint64_t records = pending[from - commit_index - 1].record;
  while (!pending.empty() && pending.back().entry.index >= from) pending.pop_back();
  while (!recent.empty() && recent.back().entry.index >= from) recent.pop_back();
  last_index = from - 1;
  last_term = pending.empty() ? commit_term : pending.back().entry.term;
  commit_target = std::min(commit_target, last_index);
  last_end = newest->visible.load();
  for (const PendingEntry& entry : pending) {
    if (entry.entry.ends_transaction()) last_end = entry.entry.end();
  }
  records_end = pending.empty() ? applied_end : pending.back().entry.end();
  scanner.reset();
  looked_up.reset();
  return cut_to(bytes_end(), records);
}

uint64_t Log::State::bytes_end() const {
  uint64_t bytes = applied_end;
  for (const PendingEntry& entry : pending) {
    if (entry.entry.kind == EntryKind::kEvents) bytes = entry.entry.end();
  }
  return bytes;
}

Status Log::State::cut_to(uint64_t bytes, uint64_t records) {
  if (auto cut = writer->truncate(bytes, records); !cut) return settle(cut.error());
  durable_index = last_index;
  return ok();
}

Status Log::truncate(uint64_t index) {
  BINBUS_RETURN_IF_ERROR(state_->check_alive());
  return state_->truncate(index);
}

Status Log::roll_back() {
  State& log = *state_;
  BINBUS_RETURN_IF_ERROR(log.check_alive());
  if (log.last_index > log.durable_index) return log.truncate(log.durable_index + 1);
  // Also what a write that failed left behind its end.
  return log.cut_to(log.bytes_end(), log.writer->entries_end());
}

void Log::set_members(Members members, uint64_t index) {
  state_->writer->share(state_->shared(members));
  state_->members.insert_or_assign(index, std::move(members));
}

Members Log::members() const { return state_->members.rbegin()->second; }
std::vector<uint64_t> Log::member_entries() const { return state_->member_entries; }

Status Log::alive() const { return state_->check_alive(); }

Position Log::end() const {
  if (state_->newest->number() == 0) return {};
  return {state_->newest->number(), state_->writer->end()};
}

Position Log::entries_end() const { return {state_->newest->number(), state_->records_end}; }

Position Log::last_end() const {
  if (state_->newest->number() == 0) return {};
  return {state_->newest->number(), state_->last_end};
}

uint64_t Log::unsynced_bytes() const {
  return state_->writer->end() - state_->writer->synced_end();
}

Status Log::check_space(uint64_t bytes) {
  BINBUS_RETURN_IF_ERROR(state_->check_alive());
  if (auto space = state_->check_space(bytes); !space) return state_->settle(space.error());
  return ok();
}

const LogOptions& Log::options() const { return state_->options; }

}  // namespace binbus::store
