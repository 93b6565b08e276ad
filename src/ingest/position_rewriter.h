// Gives an event another place: rewrites its end position and its checksum, in place, as its bytes pass by.
//
// The checksum that it came with is verified on the way. Memory: none, whatever the size of the event.
#pragma once

#include <span>

#include "binlog/event.h"

namespace binbus::ingest {

class PositionRewriter {
 public:
  void begin(const binlog::EventHeader& header, uint32_t log_pos, bool checksummed);
  // The event's next bytes, of which the first hold its whole header. kCorrupt with the last ones when the event's
  // own checksum did not match.
  Status apply(std::span<uint8_t> piece);

 private:
  uint64_t summed_ = 0;  // bytes that the checksum covers
  uint32_t log_pos_ = 0;
  bool checksummed_ = false;
  uint64_t done_ = 0;  // bytes seen
  uint32_t crc_before_ = 0;
  uint32_t crc_after_ = 0;
  uint32_t stored_ = 0;  // the checksum that the event came with
};

}  // namespace binbus::ingest
