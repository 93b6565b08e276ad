// Whether an event starts at a place that a reader names: what is sent from anywhere else would be garbage.
#pragma once

#include "store/log.h"

namespace binbus::serve {

// Good for the start of an event, and for the segment's visible end. kNotFound for any other place.
//
// Events tell where they end, which settles most places at once. Where they do not (MariaDB since 11.7 within
// transactions, relay logs, cut files) the segment is walked from its start: that reads it up to the place.
Status check_event_start(store::Log& log, const store::SegmentInfo& segment, uint64_t offset);

}  // namespace binbus::serve
