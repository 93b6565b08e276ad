// Where a replica stands in the log, judged from sets alone: which stretches of the log it does not need.
#pragma once

#include <set>

#include "mysql/executed.h"

namespace binbus::store {

// Thread: one. Owner: borrows both sets.
//
// MySQL: a set that the replica contains is not needed. MariaDB: a replica names one GTID per domain, and sequence
// numbers need not ascend; so what counts is the log's order: a domain is passed up to where that GTID stands.
class GtidPlace {
 public:
  // `replica`: what it has; `log`: all that the log knows of.
  GtidPlace(const mysql::Executed& replica, const mysql::Executed& log)
      : replica_(replica), log_(log) {}

  // True when the replica has everything before a place at which `state` was executed.
  bool passed(const mysql::Executed& state) const;
  // What of `state` the replica lacks, as text for a message.
  std::string missing(const mysql::Executed& state) const;
  // Starts asking about stretches of the log from a place that was passed, at which `state` was executed.
  void start_at(const mysql::Executed& state);
  // True when the replica needs nothing of the log's next stretch, which added `added`. Ask in the log's order.
  bool skips(const mysql::Executed& added);

 private:
  bool passed(uint32_t domain, const mysql::MariadbGtidSet::Domain& state) const;
  bool skips(uint32_t domain, const mysql::MariadbGtidSet::Domain& added);
  bool in_log(uint32_t domain, const mysql::MariadbGtid& gtid) const;

  const mysql::Executed& replica_;
  const mysql::Executed& log_;
  std::set<uint32_t> reached_;  // MariaDB's domains whose GTID was passed by start_at() or skips()
};

}  // namespace binbus::store
