// MariaDB's GTID positions of places in the log.
#pragma once

#include <string>
#include <vector>

#include "mysql/mariadb_gtid_set.h"
#include "store/log.h"

namespace binbus::serve {

// What was executed just before `offset` of a segment: what BINLOG_GTID_POS(file, offset) returns. Reads the segment up
// to there. kNotFound: no such segment, or no event starts there.
Result<mysql::MariadbGtidSet> mariadb_state_at(store::Log& log, const std::string& segment,
                                               uint64_t offset);

// The one of this name among a log's segments; kNotFound. "" is the oldest one.
Result<store::SegmentInfo> find_segment(const std::vector<store::SegmentInfo>& segments,
                                        const std::string& name);

}  // namespace binbus::serve
