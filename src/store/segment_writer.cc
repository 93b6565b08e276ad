#include "store/segment_writer.h"

#include <algorithm>

namespace binbus::store {
namespace {

// Bytes of a segment whose entries may be lost with the power and are then made again from the events: at most this, so
// that recovery stays short.
constexpr uint64_t kEntriesSyncBytes = 64 * 1024 * 1024;
// Bytes after which the disk is asked to start writing, so that the next sync() waits for little.
constexpr uint64_t kWritebackBytes = 4 * 1024 * 1024;

}  // namespace

SegmentWriter::SegmentWriter(std::unique_ptr<io::File> segment, std::unique_ptr<io::File> entries,
                             const Start& start)
    : segment_(std::move(segment)),
      entries_(std::move(entries)),
      now_{start.bytes, start.entries_bytes},
      synced_(now_),
      entries_synced_at_(start.bytes),
      written_back_(start.bytes) {}

Status SegmentWriter::write(Bytes bytes) {
  if (auto written = segment_->write_at(now_.bytes, bytes); !written) {
    // A part of them may be there, and what is written instead may be shorter.
    BINBUS_RETURN_IF_ERROR(segment_->truncate(now_.bytes));
    return written;
  }
  now_.bytes += bytes.size();
  if (now_.bytes - written_back_ >= kWritebackBytes) {
    segment_->start_writeback(written_back_, now_.bytes - written_back_);
    written_back_ = now_.bytes;
  }
  return ok();
}

uint64_t SegmentWriter::record(Entry entry, Bytes inline_payload) {
  if (entry.kind != EntryKind::kEvents) must_sync_entries_ = true;
  share(entry.kind == EntryKind::kMembers);
  if (!batch_started_) entry.flags |= kStartsBatch;
  batch_started_ = true;
  const uint64_t at = now_.entries_bytes;
  const size_t before = records_.size();
  store_entry(records_, entry, inline_payload);
  now_.entries_bytes += records_.size() - before;
  return at;
}

Status SegmentWriter::write_records() {
  const uint64_t at = now_.entries_bytes - records_.size();
  BINBUS_RETURN_IF_ERROR(entries_->write_at(at, records_.view()));
  records_ = ByteWriter();
  return ok();
}

Status SegmentWriter::sync_entries() {
  BINBUS_RETURN_IF_ERROR(entries_->sync());
  entries_synced_at_ = now_.bytes;
  return ok();
}

Status SegmentWriter::sync() {
  if (!batch_started_ && now_.bytes == synced_.bytes) return ok();
  const bool both = must_sync_entries_ || shared_ || !checksummed_ ||
                    now_.bytes - entries_synced_at_ >= kEntriesSyncBytes;
  const uint64_t records_bytes = records_.size();
  BINBUS_RETURN_IF_ERROR(write_records());
  // On its way while the segment is synced, so that the second sync has little to wait for.
  if (both) entries_->start_writeback(now_.entries_bytes - records_bytes, records_bytes);
  if (segment_) BINBUS_RETURN_IF_ERROR(segment_->sync());
  if (both) {
    BINBUS_RETURN_IF_ERROR(sync_entries());
    must_sync_entries_ = false;
  }
  synced_ = now_;
  batch_started_ = false;
  return ok();
}

Status SegmentWriter::seal() {
  BINBUS_RETURN_IF_ERROR(sync());
  return sync_entries();
}

// Synced, so that no byte of before can show up behind what is written next. The next entry, durable with what it
// describes, tells that the cut was made.
Status SegmentWriter::cut(uint64_t bytes) {
  BINBUS_RETURN_IF_ERROR(seal());
  return truncate(bytes, now_.entries_bytes);
}

Status SegmentWriter::unstage(uint64_t bytes) {
  BINBUS_RETURN_IF_ERROR(segment_->truncate(bytes));
  now_.bytes = bytes;
  synced_.bytes = std::min(synced_.bytes, bytes);
  written_back_ = std::min(written_back_, bytes);
  return segment_->sync();
}

// A batch at a time, the last one first: where one begins, what is before it was durable, and recovery takes its absence for
// damage.
Status SegmentWriter::cut_entries(uint64_t to, uint64_t end) {
  std::vector<uint64_t> cuts = {to};
  for (uint64_t at = to; at < end;) {
    const auto found = read_entry(*entries_, at);
    if (!found) break;
    if (at > to && found->entry.starts_batch()) cuts.push_back(at);
    at = found->record_end();
  }
  for (; !cuts.empty(); cuts.pop_back()) {
    BINBUS_RETURN_IF_ERROR(entries_->truncate(cuts.back()));
    BINBUS_RETURN_IF_ERROR(entries_->sync());
  }
  return ok();
}

Status SegmentWriter::truncate(uint64_t bytes, uint64_t entries_bytes) {
  if (entries_bytes > now_.entries_bytes - records_.size()) BINBUS_RETURN_IF_ERROR(write_records());
  const uint64_t entries_end = now_.entries_bytes - records_.size();
  records_ = ByteWriter();
  batch_started_ = false;
  // In this order no entry ever tells of bytes that are gone.
  BINBUS_RETURN_IF_ERROR(cut_entries(entries_bytes, entries_end));
  if (segment_) {
    BINBUS_RETURN_IF_ERROR(segment_->truncate(bytes));
    BINBUS_RETURN_IF_ERROR(segment_->sync());
  }
  now_ = synced_ = {bytes, entries_bytes};
  entries_synced_at_ = bytes;
  written_back_ = std::min(written_back_, bytes);
  must_sync_entries_ = true;
  return ok();
}

}  // namespace binbus::store
