// Brings the newest segment's files back to a state that the log can go on from, after a stop of any kind.
#pragma once

#include "store/segment.h"
#include "store/segment_writer.h"

namespace binbus::store {

struct RecoveredSegment {
  std::unique_ptr<io::File> segment;
  std::unique_ptr<io::File> entries;
  SegmentWriter::Start start;
  std::vector<SourceSpan> sources;    // recorded in this segment
  std::vector<SchemaRecord> schemas;  // as well
};

struct RecoveryOptions {
  uint64_t entry_bytes_max;
  uint64_t
      verify_bytes;  // of the segment's end, whose payloads are checked even though a later batch proves them
};

// `state` is the segment's own. Cuts the torn tail and the unfinished transaction, makes entries for events that lost
// theirs, and leaves both files durable. Adds to `report`.
// kCorrupt: bytes that were durable have changed; nothing was written then.
Result<RecoveredSegment> recover_segment(io::FileSystem& files, const Segment& segment,
                                         const StateHeader& state, const RecoveryOptions& options,
                                         RecoveryReport& report);

}  // namespace binbus::store
