#include "store/event_feed.h"

#include "binlog/readable.h"

namespace binbus::store {

EventFeed::EventFeed(std::unique_ptr<binlog::ByteSource> source)
    : reader_(std::move(source)),
      block_(std::make_unique_for_overwrite<uint8_t[]>(kBlockBytes)),
      end_offset_(reader_->position().offset) {}

Result<EventFeed> EventFeed::open(Log& log, binlog::Position at) {
  BINBUS_TRY(reader, log.reader(at));
  return EventFeed(std::move(reader));
}

Status EventFeed::seek(uint64_t offset) {
  begin_ = end_ = head_bytes_ = 0;
  left_ = 0;
  end_offset_ = offset;
  return reader_->seek({segment(), offset});
}

bool EventFeed::next_segment() {
  if (!drained() || !reader_->next_segment()) return false;
  begin_ = end_ = head_bytes_ = 0;
  end_offset_ = 0;
  return true;
}

Result<bool> EventFeed::fill() {
  for (;;) {
    if (end_offset_ == 0 && end_ - begin_ >= binlog::kMagic.size()) {
      auto magic = binlog::check_magic({block_.get() + begin_, binlog::kMagic.size()});
      if (!magic) return fail_in(segment_name(), std::move(magic).error());
      begin_ += binlog::kMagic.size();
      end_offset_ = binlog::kMagic.size();
    }
    const size_t have = end_ - begin_;
    if (have >= binlog::kHeaderBytes) {
      header_ = binlog::parse_header(block_.get() + begin_);
      if (header_.size < binlog::kHeaderBytes) {
        return fail(Code::kCorrupt,
                    segment_name() + ": no event at " + std::to_string(end_offset_));
      }
      if (have >= std::min<size_t>(header_.size, kBlockBytes)) break;
    }
    std::memmove(block_.get(), block_.get() + begin_, have);
    begin_ = 0;
    end_ = have;
    BINBUS_TRY(bytes, reader_->read({block_.get() + end_, kBlockBytes - end_}));
    if (bytes.empty()) {
      if (have == 0) return false;
      return fail(Code::kCorrupt,
                  segment_name() + ": half an event at " + std::to_string(end_offset_));
    }
    end_ += bytes.size();
  }
  take(std::min<size_t>(header_.size, end_ - begin_));
  return true;
}

Status EventFeed::learn_format() {
  BINBUS_TRY(format, binlog::parse_format_description(head()));
  checksummed_ = format.checksum == binlog::Checksum::kCrc32;
  return ok();
}

Status EventFeed::skip() {
  for (;;) {
    BINBUS_TRY(piece, more());
    if (piece.empty()) return ok();
  }
}

Result<Bytes> EventFeed::more() {
  if (left_ == 0) return Bytes();
  begin_ = end_ = head_bytes_ = 0;
  BINBUS_TRY(bytes, reader_->read({block_.get(),
                                   static_cast<size_t>(std::min<uint64_t>(left_, kBlockBytes))}));
  if (bytes.empty()) return fail(Code::kCorrupt, segment_name() + ": half an event at its end");
  left_ -= bytes.size();
  return Bytes(bytes);
}

}  // namespace binbus::store
