// What a segment's own first events tell: its format and what was executed before it.
#pragma once

#include <optional>

#include "binlog/event.h"
#include "io/file.h"
#include "mysql/executed.h"

namespace binbus::store {

struct Head {
  binlog::FormatDescription format;
  uint32_t first_timestamp = 0;  // seconds; of the format description
  std::optional<mysql::Executed>
      previous;        // of Previous_gtids or Gtid_list; none: the segment has no such event
  uint64_t bytes = 0;  // where these events end
  bool final = false;  // more bytes of the segment cannot tell more

  bool checksummed() const { return format.checksum == binlog::Checksum::kCrc32; }
};

// The format description that a segment of `visible` bytes starts with; kTruncated: it is not whole yet.
Result<binlog::FormatDescription> read_format(const io::File& segment, uint64_t visible);

// Reads the head of a segment of which `visible` bytes may be read. kTruncated: no whole format description yet.
Result<Head> read_head(const io::File& segment, uint64_t visible);

}  // namespace binbus::store
