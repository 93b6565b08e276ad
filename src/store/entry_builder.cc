#include "store/entry_builder.h"

#include <algorithm>

#include "binlog/event.h"

namespace binbus::store {

EntryBuilder::EntryBuilder(Start start, uint64_t entry_bytes_max)
    : entry_bytes_max_(std::clamp<uint64_t>(entry_bytes_max, 1, UINT32_MAX)),
      term_(start.term),
      next_index_(start.next_index) {
  open_.offset = start.offset;
}

// Extends the open entry, or closes it and opens the next. The last transaction end is always an entry's end, so that a
// cut there cuts between entries.
void EntryBuilder::events(Bytes bytes, bool whole) {
  while (!bytes.empty()) {
    const auto count =
        static_cast<size_t>(std::min<uint64_t>(bytes.size(), entry_bytes_max_ - open_.length));
    const bool ends = whole && count == bytes.size();
    if (count == 0 || (open_.ends_transaction() && !ends)) {
      close_entry();
      continue;
    }
    open_.payload_crc = binlog::crc32(open_.payload_crc, bytes.first(count));
    open_.length += static_cast<uint32_t>(count);
    if (ends) open_.flags |= kEndsTransaction;
    bytes = bytes.subspan(count);
  }
}

void EntryBuilder::control(Bytes document) {
  close_entry();
  Entry entry;
  entry.kind = EntryKind::kControl;
  entry.offset = open_.offset;
  entry.length = static_cast<uint32_t>(document.size());
  entry.payload_crc = binlog::crc32(0, document);
  add_record(entry, document);
}

void EntryBuilder::abort(uint64_t offset) {
  close_entry();
  Entry entry;
  entry.kind = EntryKind::kAbort;
  entry.offset = offset;
  add_record(entry, {});
  open_.offset = offset;
}

Bytes EntryBuilder::records() {
  close_entry();
  return records_.view();
}

void EntryBuilder::start_batch() {
  records_ = ByteWriter();
  batch_started_ = false;
}

void EntryBuilder::close_entry() {
  if (open_.length == 0) return;
  add_record(open_, {});
  const uint64_t next = open_.end();
  open_ = Entry();
  open_.offset = next;
}

void EntryBuilder::add_record(Entry entry, Bytes inline_payload) {
  entry.index = next_index_++;
  entry.term = term_;
  if (!batch_started_) entry.flags |= kStartsBatch;
  batch_started_ = true;
  store_entry(records_, entry, inline_payload);
}

}  // namespace binbus::store
