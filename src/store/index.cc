#include "store/index.h"

#include <algorithm>

#include "binlog/event.h"

namespace binbus::store {
namespace {

constexpr std::string_view kMagic = "binbusIX";
constexpr uint32_t kVersion = 1;
constexpr size_t kHeaderBytes = 16;
constexpr size_t kMarkHeadBytes = 40;
constexpr size_t kMarkSummedBytes = 36;
constexpr uint64_t kSetShare = 16;  // marks take at most this part of the segment

enum class SetKind : uint8_t { kNone = 0, kMysql = 1, kMariadb = 2 };

ByteVector header() {
  ByteWriter out;
  out.text(kMagic).u32(kVersion);
  out.u32(binlog::crc32(0, out.view()));
  return out.take();
}

bool read_exactly(const io::File& file, uint64_t offset, std::span<uint8_t> buffer) {
  const auto count = file.read_at(offset, buffer);
  return count && *count == buffer.size();
}

uint32_t mark_crc(Bytes head, Bytes set) {
  return binlog::crc32(binlog::crc32(0, head.first(kMarkSummedBytes)), set);
}

ByteVector encode(const Mark& mark) {
  ByteVector set;
  SetKind kind = SetKind::kNone;
  if (!mark.added.empty()) {
    kind = mark.added.mysql() != nullptr ? SetKind::kMysql : SetKind::kMariadb;
    set = kind == SetKind::kMysql ? mark.added.mysql()->encode() : mark.added.mariadb()->encode();
  }
  ByteWriter out;
  out.u64(mark.from).u64(mark.offset).u64(mark.newest_commit_us);
  out.u32(set.size()).u8(static_cast<uint8_t>(kind)).zeros(7);
  out.u32(mark_crc(out.view(), set)).bytes(set).zeros((8 - set.size() % 8) % 8);
  return out.take();
}

Result<mysql::Executed> decode_set(uint8_t kind, Bytes bytes) {
  switch (static_cast<SetKind>(kind)) {
    case SetKind::kNone:
      return mysql::Executed();
    case SetKind::kMysql: {
      BINBUS_TRY(set, mysql::GtidSet::decode(bytes));
      return mysql::Executed(std::move(set));
    }
    case SetKind::kMariadb: {
      BINBUS_TRY(set, mysql::MariadbGtidSet::decode(bytes));
      return mysql::Executed(std::move(set));
    }
  }
  return fail(Code::kCorrupt, "mark with an unknown kind of set");
}

}  // namespace

MarkReader MarkReader::open(io::FileSystem& files, const std::string& path) {
  auto file = files.open(path, io::OpenMode::kRead);
  return MarkReader(file ? std::shared_ptr<const io::File>(std::move(*file)) : nullptr);
}

MarkReader::MarkReader(std::shared_ptr<const io::File> file) : file_(std::move(file)) {
  uint8_t found[kHeaderBytes];
  if (file_ && read_exactly(*file_, 0, found) && std::ranges::equal(found, header()))
    position_ = kHeaderBytes;
}

std::optional<Mark> MarkReader::next() {
  uint8_t head[kMarkHeadBytes];
  if (position_ == 0 || !read_exactly(*file_, position_, head)) return std::nullopt;
  const uint32_t set_bytes = load_u32(head + 24);
  const auto file_bytes = file_->size();
  if (!file_bytes || set_bytes > *file_bytes) return std::nullopt;
  ByteVector set(set_bytes);
  if (!read_exactly(*file_, position_ + sizeof head, set)) return std::nullopt;
  if (load_u32(head + kMarkSummedBytes) != mark_crc(head, set)) return std::nullopt;
  auto added = decode_set(head[28], set);
  if (!added) return std::nullopt;
  Mark mark{load_u64(head), load_u64(head + 8), load_u64(head + 16), std::move(*added)};
  // After a crash, sound marks of two times can stand side by side.
  if (mark.from != offset_ || mark.offset <= offset_) return std::nullopt;
  offset_ = mark.offset;
  position_ += sizeof head + (set_bytes + 7) / 8 * 8;
  return mark;
}

IndexWriter IndexWriter::create(io::FileSystem& files, const std::string& path,
                                uint64_t mark_bytes) {
  if (files.exists(path) && !files.remove(path)) return IndexWriter(nullptr, mark_bytes);
  auto file = files.open(path, io::OpenMode::kCreateNew);
  if (!file || !(*file)->write_at(0, header())) return IndexWriter(nullptr, mark_bytes);
  IndexWriter writer(std::move(*file), mark_bytes);
  writer.position_ = kHeaderBytes;
  return writer;
}

IndexWriter IndexWriter::open(io::FileSystem& files, const std::string& path, uint64_t end,
                              uint64_t mark_bytes,
                              const std::function<void(const Mark&)>& on_mark) {
  auto file = files.open(path, io::OpenMode::kWrite);
  if (!file) return create(files, path, mark_bytes);
  const std::shared_ptr<io::File> shared = std::move(*file);
  MarkReader marks(shared);
  if (marks.position() == 0) return create(files, path, mark_bytes);
  IndexWriter writer(shared, mark_bytes);
  writer.position_ = marks.position();
  for (auto mark = marks.next(); mark && mark->offset <= end; mark = marks.next()) {
    on_mark(*mark);
    writer.marked_ = mark->offset;
    writer.position_ = marks.position();
  }
  if (!shared->truncate(writer.position_)) writer.file_ = nullptr;
  return writer;
}

void IndexWriter::add(const binlog::TransactionEnd& end) {
  stretch_.offset = end.offset;
  stretch_.newest_commit_us =
      std::max(stretch_.newest_commit_us, end.transaction ? end.commit_us : 0);
  stretch_.added.add(end.gtid);
  if (end.offset - marked_ >= std::max(mark_bytes_, kSetShare * last_mark_bytes_)) finish();
}

void IndexWriter::finish() {
  if (stretch_.offset <= marked_) return;
  stretch_.from = marked_;
  write(stretch_);
  marked_ = stretch_.offset;
  stretch_ = Mark();
}

void IndexWriter::write(const Mark& mark) {
  const ByteVector bytes = encode(mark);
  if (file_ && !file_->write_at(position_, bytes)) file_ = nullptr;
  position_ += bytes.size();
  last_mark_bytes_ = bytes.size();
}

}  // namespace binbus::store
