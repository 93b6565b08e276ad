// Walks a stretch of a stored segment with the event scanner.
#pragma once

#include <functional>
#include <optional>

#include "binlog/scanner.h"
#include "io/file.h"

namespace binbus::store {

struct Scanned {
  uint64_t last_end =
      0;  // the last place where the log may be cut; where the scan began when there was none
  uint64_t whole_end = 0;       // end of the last whole event
  std::optional<Error> broken;  // why the bytes at whole_end are no events
};

// Scans [from, to): `from` is 0 or a transaction end behind the segment's format description, `format`. An error is the
// disk's; what is wrong with the bytes is in the result. Checksums are verified, log_pos is not (imported relay logs).
Result<Scanned> scan_segment(const io::File& segment, uint64_t from, uint64_t to,
                             const binlog::FormatDescription& format,
                             const std::function<void(const binlog::TransactionEnd&)>& on_end);

}  // namespace binbus::store
