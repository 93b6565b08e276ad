#include "store/segment_writer.h"

namespace binbus::store {
namespace {

// Bytes of a segment whose entries may be lost with the power and are then made again from the events: at most this, so
// that recovery stays short.
constexpr uint64_t kEntriesSyncBytes = 64 * 1024 * 1024;
// Bytes after which the disk is asked to start writing, so that the next sync() waits for little.
constexpr uint64_t kWritebackBytes = 4 * 1024 * 1024;

}  // namespace

SegmentWriter::SegmentWriter(std::unique_ptr<io::File> segment, std::unique_ptr<io::File> entries,
                             const Start& start, uint64_t entry_bytes_max)
    : segment_(std::move(segment)),
      entries_(std::move(entries)),
      entry_bytes_max_(entry_bytes_max),
      term_(start.term),
      now_{start.bytes, start.bytes, start.entries_bytes, start.next_index},
      synced_(now_),
      builder_(builder_at(now_)),
      entries_synced_at_(start.bytes),
      written_back_(start.bytes) {}

EntryBuilder SegmentWriter::builder_at(const Place& place) const {
  return EntryBuilder({place.end, place.next_index, term_}, entry_bytes_max_);
}

Status SegmentWriter::append(Bytes bytes, uint64_t whole) {
  BINBUS_RETURN_IF_ERROR(segment_->write_at(now_.end, bytes));
  builder_.events(bytes.first(static_cast<size_t>(whole)), true);
  builder_.events(bytes.subspan(static_cast<size_t>(whole)), false);
  if (whole > 0) now_.last_end = now_.end + whole;
  now_.end += bytes.size();
  if (now_.end - written_back_ >= kWritebackBytes) {
    segment_->start_writeback(written_back_, now_.end - written_back_);
    written_back_ = now_.end;
  }
  return ok();
}

void SegmentWriter::control(Bytes document) {
  builder_.control(document);
  must_sync_entries_ = true;
}

Status SegmentWriter::write_records() {
  const Bytes records = builder_.records();
  BINBUS_RETURN_IF_ERROR(entries_->write_at(now_.entries_end, records));
  now_.entries_end += records.size();
  now_.next_index = builder_.next_index();
  return ok();
}

Status SegmentWriter::sync_entries() {
  BINBUS_RETURN_IF_ERROR(entries_->sync());
  must_sync_entries_ = false;
  entries_synced_at_ = now_.end;
  return ok();
}

// Everything up to now is durable.
void SegmentWriter::synced() {
  synced_ = now_;
  builder_.start_batch();
}

Status SegmentWriter::sync() {
  if (builder_.empty()) return ok();
  BINBUS_RETURN_IF_ERROR(write_records());
  BINBUS_RETURN_IF_ERROR(segment_->sync());
  if (must_sync_entries_ || !checksummed_ || now_.end - entries_synced_at_ >= kEntriesSyncBytes) {
    BINBUS_RETURN_IF_ERROR(sync_entries());
  }
  synced();
  return ok();
}

Status SegmentWriter::seal() {
  BINBUS_RETURN_IF_ERROR(sync());
  return sync_entries();
}

Status SegmentWriter::abort() {
  BINBUS_RETURN_IF_ERROR(sync());
  if (now_.end == now_.last_end) return ok();
  builder_.abort(now_.last_end);
  BINBUS_RETURN_IF_ERROR(write_records());
  BINBUS_RETURN_IF_ERROR(sync_entries());
  // Synced, so that no byte of before can show up behind what is appended next.
  BINBUS_RETURN_IF_ERROR(segment_->truncate(now_.last_end));
  BINBUS_RETURN_IF_ERROR(segment_->sync());
  now_.end = entries_synced_at_ = written_back_ = now_.last_end;
  synced();
  return ok();
}

Status SegmentWriter::roll_back() {
  BINBUS_RETURN_IF_ERROR(segment_->truncate(synced_.end));
  BINBUS_RETURN_IF_ERROR(segment_->sync());
  BINBUS_RETURN_IF_ERROR(entries_->truncate(synced_.entries_end));
  now_ = synced_;
  builder_ = builder_at(now_);
  written_back_ = now_.end;
  return sync_entries();
}

}  // namespace binbus::store
