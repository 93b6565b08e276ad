// Brings the newest segment's files back to a state that the log can go on from, after a stop of any kind.
#pragma once

#include <deque>
#include <optional>

#include "store/segment.h"
#include "store/segment_writer.h"

namespace binbus::store {

struct RecoveredSegment {
  std::unique_ptr<io::File> segment;  // null of what comes before the first segment
  std::unique_ptr<io::File> entries;
  SegmentWriter::Start start;
  uint64_t last_index = 0;
  uint64_t last_term = 0;
  uint64_t committed = 0;       // entries up to here are: as told, and up to an abort in effect
  uint64_t committed_term = 0;  // of the last entry up to `committed`
  uint64_t records_end =
      0;  // where the segment ends by its entries: before start.bytes with an abort that waits
  uint64_t committed_end = 0;  // the last transaction end among the entries up to `committed`
  std::vector<EntryAt>
      inlines;  // the entries that are no events, in order; without the bytes of kPart
  std::deque<EntryAt> events;  // the newest ones that are, and all behind `committed`
  std::optional<EntryAt>
      barrier;  // the last entry but for Raft's own, not known to have taken effect
  uint64_t barrier_before_term = 0;  // of the entry before it
};

struct RecoveryOptions {
  uint64_t entry_bytes_max;
  uint64_t
      verify_bytes;  // of the segment's end, whose payloads are checked even though a later batch proves them
  uint64_t committed;   // entries up to here are
  bool shared = false;  // other nodes rely on the entries' numbers: none is made again
};

// `state` is the segment's own. Cuts the torn tail, makes entries for whole transactions that lost theirs, and leaves both
// files durable. Adds to `report`.
// kCorrupt: bytes that were durable have changed; nothing was written then.
Result<RecoveredSegment> recover_segment(io::FileSystem& files, const Segment& segment,
                                         const StateHeader& state, const RecoveryOptions& options,
                                         RecoveryReport& report);

}  // namespace binbus::store
