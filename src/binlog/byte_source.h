// A run of binlog files to read from: a stream's log, or files on disk.
#pragma once

#include <span>
#include <stop_token>
#include <string>

#include "base/bytes.h"
#include "binlog/position.h"

namespace binbus::binlog {

// Thread: one at a time.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Bytes at the reader's position, at most buffer.size(), never of two segments; moves on. Empty: at the end of what there
  // is, or of a segment that is complete (next_segment() tells).
  virtual Result<Bytes> read(std::span<uint8_t> buffer) = 0;
  // Moves to the next segment's first byte when this one is complete and read to its end; else false.
  virtual bool next_segment() = 0;
  virtual Position position() const = 0;
  virtual std::string segment_name() const = 0;
  virtual Status seek(Position position) = 0;
  // Blocks until read() or next_segment() would make progress: true; false at the deadline or when `stop` is asked.
  virtual bool wait(uint64_t timeout_ms, const std::stop_token& stop) = 0;
};

}  // namespace binbus::binlog
