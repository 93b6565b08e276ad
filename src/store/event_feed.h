// The log's events one by one, each whole as long as it fits into a block, longer ones in pieces.
//
// Owner:  owns the reader and one block.
// Thread: one.
#pragma once

#include <algorithm>
#include <memory>

#include "binlog/event.h"
#include "store/log.h"

namespace binbus::store {

class EventFeed {
 public:
  static constexpr size_t kBlockBytes = 256 * 1024;

  // From `at` on, which is the start of an event or of a segment, whose magic is skipped.
  static Result<EventFeed> open(Log& log, binlog::Position at);
  // The same from what `source` is at.
  explicit EventFeed(std::unique_ptr<binlog::ByteSource> source);
  EventFeed(EventFeed&&) = default;

  // Goes on to the next event; false at the visible end or the segment's end. The rest of a long event before it
  // must have been taken by more().
  Result<bool> next() {
    begin_ += head_bytes_;
    head_bytes_ = 0;
    if (end_ - begin_ >= binlog::kHeaderBytes) {
      header_ = binlog::parse_header(block_.get() + begin_);
      if (header_.size >= binlog::kHeaderBytes && header_.size <= end_ - begin_) {
        take(header_.size);
        return true;
      }
    }
    return fill();
  }
  // Of the current event.
  const binlog::EventHeader& header() const { return header_; }
  // The event, or the part of it that is in the block: at least min(size, kBlockBytes - 4) bytes. A view until the next
  // call; may be written to.
  std::span<uint8_t> head() { return {block_.get() + begin_, head_bytes_}; }
  bool whole() const { return head_bytes_ == header_.size; }
  // head() without the checksum, as events' parsers take it.
  Bytes prefix() const {
    const size_t checksum_bytes = whole() && checksummed_ ? binlog::kChecksumBytes : 0;
    return {block_.get() + begin_, head_bytes_ - std::min(checksum_bytes, head_bytes_)};
  }
  // The next bytes of a long event, after head(); empty when it is complete.
  Result<Bytes> more();
  // Passes over what more() would return.
  Status skip();

  // Whether events of this segment end with a checksum: told by learn_format() at its format description.
  bool checksummed() const { return checksummed_; }
  void set_checksummed(bool checksummed) { checksummed_ = checksummed; }
  Status learn_format();

  // What the block holds after the current event, whose pieces have not been taken by more().
  Bytes ahead() const { return {block_.get() + begin_ + head_bytes_, end_ - begin_ - head_bytes_}; }

  // Just after the current event, with all its pieces; 0 before a segment's magic was there.
  uint64_t end_offset() const { return end_offset_; }
  // True when the block holds nothing after the current event.
  bool drained() const { return begin_ + head_bytes_ == end_; }

  // To the next segment, when this one is sealed and read to its end; else false.
  bool next_segment();
  Status seek(uint64_t offset);  // within the segment, to the start of an event
  uint64_t segment() const { return reader_->position().segment; }
  std::string segment_name() const { return reader_->segment_name(); }
  bool wait(uint64_t timeout_ms, const std::stop_token& stop) {
    return reader_->wait(timeout_ms, stop);
  }

 private:
  Result<bool> fill();
  void take(size_t head_bytes) {
    head_bytes_ = head_bytes;
    left_ = header_.size - head_bytes;
    end_offset_ += header_.size;
  }

  std::unique_ptr<binlog::ByteSource> reader_;
  std::unique_ptr<uint8_t[]> block_;
  size_t begin_ = 0;       // of the current event, or of what follows it
  size_t head_bytes_ = 0;  // of the current event, in the block
  size_t end_ = 0;         // of what was read
  uint64_t left_ = 0;      // of the current event, not yet read
  uint64_t end_offset_ = 0;
  bool checksummed_ = false;
  binlog::EventHeader header_;
};

}  // namespace binbus::store
