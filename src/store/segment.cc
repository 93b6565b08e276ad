#include "store/segment.h"

#include "store/scan.h"

namespace binbus::store {
namespace {

// Heads with longer sets are read again each time: a thousand of them would take too much memory.
constexpr uint64_t kCachedHeadBytesMax = 64 * 1024;

// Adds the marks that a sealed segment's index lacks.
Result<Scanned> extend_index(IndexWriter index, const io::File& segment, uint64_t bytes,
                             const binlog::FormatDescription& format) {
  auto scanned = scan_segment(segment, index.marked(), bytes, format,
                              [&index](const binlog::TransactionEnd& end) { index.add(end); });
  if (scanned && !scanned->broken) index.finish();
  return scanned;
}

Status complete_index(io::FileSystem& files, const std::string& path, const io::File& segment,
                      uint64_t bytes, const binlog::FormatDescription& format,
                      uint64_t mark_bytes) {
  IndexWriter index = IndexWriter::open(files, path, bytes, mark_bytes, [](const Mark&) {});
  if (index.marked() == bytes) return ok();
  BINBUS_TRY(scanned, extend_index(std::move(index), segment, bytes, format));
  if (!scanned.broken) return ok();
  // Not of this segment, perhaps: once more without it.
  BINBUS_TRY(again,
             extend_index(IndexWriter::create(files, path, mark_bytes), segment, bytes, format));
  if (again.broken) return fail(*again.broken);
  return ok();
}

}  // namespace

Result<std::shared_ptr<const io::File>> Segment::file() {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const io::File> file = file_.lock();
  if (!file) {
    BINBUS_TRY(opened, files_.open(paths_.segment, io::OpenMode::kRead));
    file = std::move(opened);
    file_ = file;
  }
  return file;
}

Result<std::shared_ptr<const Head>> Segment::head() {
  {
    const std::lock_guard lock(mutex_);
    if (head_) return head_;
  }
  BINBUS_TRY(segment, file());
  auto head = read_head(*segment, visible.load());
  if (!head) return fail_in("segment " + name_, std::move(head).error());
  auto shared = std::make_shared<const Head>(std::move(*head));
  if (shared->final && shared->bytes <= kCachedHeadBytesMax) {
    const std::lock_guard lock(mutex_);
    head_ = shared;
  }
  return shared;
}

Result<mysql::Executed> Segment::previous() {
  const auto own = head();
  if (!own && own.error().code != Code::kTruncated) return fail(own.error());
  if (own && (*own)->previous) return *(*own)->previous;
  BINBUS_TRY(state, read_state_document(files_, paths_.state));
  return std::move(state.executed);
}

Result<MarkReader> Segment::marks(uint64_t mark_bytes) {
  if (sealed.load() && visible.load() > 0) {
    BINBUS_TRY(segment, file());
    BINBUS_TRY(own, head());
    const std::lock_guard lock(index_mutex_);
    if (!index_complete_) {
      auto completed =
          complete_index(files_, paths_.index, *segment, visible.load(), own->format, mark_bytes);
      if (!completed) return fail_in("segment " + name_, std::move(completed).error());
      index_complete_ = true;
    }
  }
  return MarkReader::open(files_, paths_.index);
}

}  // namespace binbus::store
