#include "store/gtid_place.h"

namespace binbus::store {
namespace {

using mysql::MariadbGtid;
using mysql::MariadbGtidSet;
using Domain = MariadbGtidSet::Domain;

const MariadbGtidSet& mariadb_or_empty(const mysql::Executed& executed) {
  static const MariadbGtidSet kEmpty;
  return executed.mariadb() != nullptr ? *executed.mariadb() : kEmpty;
}

const mysql::GtidSet& mysql_or_empty(const mysql::Executed& executed) {
  static const mysql::GtidSet kEmpty;
  return executed.mysql() != nullptr ? *executed.mysql() : kEmpty;
}

// The last sequence of that server; 0: none.
uint64_t last_of(const Domain& domain, uint32_t server_id) {
  const auto found = domain.last_by_server.find(server_id);
  return found == domain.last_by_server.end() ? 0 : found->second;
}

uint64_t newest_sequence(const Domain& domain) { return last_of(domain, domain.newest_server); }

}  // namespace

bool GtidPlace::in_log(uint32_t domain, const MariadbGtid& gtid) const {
  const auto& domains = mariadb_or_empty(log_).domains();
  const auto found = domains.find(domain);
  return found != domains.end() && last_of(found->second, gtid.server_id) >= gtid.sequence;
}

bool GtidPlace::passed(uint32_t domain, const Domain& state) const {
  const MariadbGtid at = mariadb_or_empty(replica_).newest(domain);
  if (at.sequence == 0) return false;
  const uint64_t last = last_of(state, at.server_id);
  if (last == 0) {
    // That server had not written by then. If it does later in the log, that is where the replica stands.
    return in_log(domain, at) || at.sequence >= newest_sequence(state);
  }
  return at.sequence > last || (at.sequence == last && state.newest_server == at.server_id);
}

bool GtidPlace::passed(const mysql::Executed& state) const {
  if (state.mariadb() == nullptr) return replica_.contains(state);
  for (const auto& [domain, members] : state.mariadb()->domains()) {
    if (!passed(domain, members)) return false;
  }
  return true;
}

std::string GtidPlace::missing(const mysql::Executed& state) const {
  if (state.mariadb() == nullptr) {
    return difference(mysql_or_empty(state), mysql_or_empty(replica_)).to_string();
  }
  MariadbGtidSet lacking;
  for (const auto& [domain, members] : state.mariadb()->domains()) {
    if (!passed(domain, members)) lacking.add(state.mariadb()->newest(domain));
  }
  return lacking.to_string();
}

bool GtidPlace::skips(uint32_t domain, const Domain& added) {
  const MariadbGtid at = mariadb_or_empty(replica_).newest(domain);
  if (at.sequence == 0 || reached_.contains(domain)) return false;
  const uint64_t last = last_of(added, at.server_id);
  if (last < at.sequence) return in_log(domain, at) || at.sequence >= newest_sequence(added);
  reached_.insert(domain);
  return last == at.sequence && added.newest_server == at.server_id;
}

void GtidPlace::start_at(const mysql::Executed& state) {
  reached_.clear();
  for (const auto& [domain, members] : mariadb_or_empty(state).domains()) {
    const MariadbGtid at = mariadb_or_empty(replica_).newest(domain);
    if (at.sequence != 0 && last_of(members, at.server_id) >= at.sequence) reached_.insert(domain);
  }
}

bool GtidPlace::skips(const mysql::Executed& added) {
  if (added.mariadb() == nullptr) return replica_.contains(added);
  bool all = true;
  for (const auto& [domain, members] : added.mariadb()->domains()) {
    all = skips(domain, members) && all;
  }
  return all;
}

}  // namespace binbus::store
