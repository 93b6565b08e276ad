// Maps the log's positions to the source's coordinates and back, from recorded spans.
//
// Within a span's first segment offsets differ by a constant. In later segments, until the next span, file numbers differ
// by a constant and offsets are equal: a source's next file is the log's next segment.
#pragma once

#include <vector>

#include "store/log.h"

namespace binbus::store {

// `spans` ascend. The coordinates of `position`, as a span that starts there. kNotFound before the first span.
Result<SourceSpan> map_to_source(const std::vector<SourceSpan>& spans, Position position);

// Where `file`:`offset` of that server would be in the log, the newest first; more than one after a failover and back.
// The caller keeps those that the log has.
std::vector<Position> map_from_source(const std::vector<SourceSpan>& spans,
                                      const std::string& server_uuid, const std::string& file,
                                      uint64_t offset);

// Adds a span that begins at or after the last; one that begins where the last does replaces it.
void add_span(std::vector<SourceSpan>& spans, SourceSpan span);

// Drops spans that tell nothing about positions in or after `first_segment`.
void prune(std::vector<SourceSpan>& spans, uint64_t first_segment);

}  // namespace binbus::store
