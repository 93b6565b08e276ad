// The checksums of neighbouring events, verified together: one CRC over all of them instead of one that begins anew at
// each, which for events of 164 bytes takes half as long again.
#pragma once

#include "binlog/event.h"

namespace binbus::binlog {

inline constexpr size_t kRunBytesMax =
    4096;  // a page: what is read to be summed is read again to be followed

// True when each event of `run` ends with its right checksum. Wrong ones are missed as those of single events are: one
// damage in 2^32, none of up to 32 bits in a row.
//
// `ends`: where the events end within the run, ascending; the last is the run's own end, at most kRunBytesMax.
bool run_checksums_match(Bytes run, std::span<const uint16_t> ends);

}  // namespace binbus::binlog
