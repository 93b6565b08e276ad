// MariaDB's positions: per replication domain, the last GTID of each server that wrote in it (gtid_binlog_state), of
// which the newest is the domain's place (gtid_slave_pos, gtid_current_pos).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mysql/gtid.h"

namespace binbus::mysql {

class MariadbGtidSet {
 public:
  struct Domain {
    std::map<uint32_t, uint64_t> last_by_server;  // server id -> highest sequence
    uint32_t newest_server = 0;                   // whose GTID came last in the binlog
    bool operator==(const Domain&) const = default;
  };

  // "0-1-100,1-2-5", also a binlog state with several servers of a domain, whose last listed is the newest; "" is empty.
  static Result<MariadbGtidSet> parse(std::string_view text);
  // Body of Gtid_list_log_event (the count's upper 4 bits are flags and ignored here).
  static Result<MariadbGtidSet> decode(Bytes body);
  ByteVector encode() const;  // the body again, in the order of state_string()

  // One GTID per domain, the newest: what @slave_connect_state and gtid_slave_pos take.
  std::string to_string() const;
  // All of them, a domain's newest last: what gtid_binlog_state takes.
  std::string state_string() const;

  // Moves the domain to this GTID, whatever its sequence (MariaDB's numbers may go back without gtid_strict_mode).
  void add(const MariadbGtid& gtid);
  // Per domain and server the higher sequence; a domain's newest is the one with the higher sequence.
  void add(const MariadbGtidSet& other);
  // Removes what `other` has reached: per domain and server, sequences at or below other's.
  void subtract(const MariadbGtidSet& other);
  // True when this position has passed `gtid`: its domain's place has at least that sequence.
  bool contains(const MariadbGtid& gtid) const;
  bool contains(const MariadbGtidSet& other) const;
  bool empty() const { return domains_.empty(); }
  const std::map<uint32_t, Domain>& domains() const { return domains_; }
  // The domain's newest GTID; sequence 0 when the domain is not there.
  MariadbGtid newest(uint32_t domain) const;

  bool operator==(const MariadbGtidSet&) const = default;

 private:
  std::map<uint32_t, Domain> domains_;
};

}  // namespace binbus::mysql
