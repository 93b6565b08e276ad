// Knows where transactions begin and end, from the events' headers and first bytes; holds for every dialect: GTIDs of
// both flavours, tagged and anonymous, none at all; DDL, XA, non-transactional tables, LOAD DATA, compressed payloads.
//
// Pure and single-threaded; a few hundred bytes of state.
#pragma once

#include <cstdint>

#include "binlog/event_role.h"
#include "mysql/gtid.h"

namespace binbus::binlog {

// A place between events where a reader may stop: the end of a transaction, or of an event outside any.
// `offset` counts within whatever run of bytes it is reported with.
struct TransactionEnd {
  uint64_t offset = 0;
  mysql::AnyGtid gtid;  // monostate: an event outside transactions, or a transaction without a GTID
  // When it committed at the source: the immediate commit timestamp, else the header's second.
  uint64_t commit_us = 0;
  bool transaction = false;  // false: format description, rotate, ...
};

class TransactionTracker {
 public:
  // How much of an event's start (header included) on_event() needs to see: status variables, database, statement's head.
  static constexpr size_t kPrefixBytes = 68 * 1024;

  // Forgets an open transaction: call at a format description's file start and after an abort.
  void reset();
  // Follows one event. `prefix` is the event's first min(size, kPrefixBytes) bytes without checksum. Returns the
  // transaction end when the log may be cut right after this event, else nullptr; it is the tracker's, and good until
  // the next event (offset is 0: the caller's to set).
  // kCorrupt: an event that cannot stand here; kTruncated: its prefix is shorter than its format.
  Result<TransactionEnd*> on_event(const EventHeader& header, Bytes prefix);
  // True when on_event() would do nothing: the open transaction only carries an event of this type along. Most events are
  // such, so who follows many asks first.
  bool carries(uint8_t type) const {
    return state_ == State::kBegun && kEventRoles[type] < EventRole::kGtid;
  }
  // True between a transaction's first event and its last.
  bool in_transaction() const;
  // The open transaction's GTID.
  const mysql::AnyGtid& gtid() const;

 private:
  enum class State : uint8_t {
    kOutside,     // between transactions
    kAfterGtid,   // a GTID event came; its first event decides
    kStandalone,  // one statement with what goes before it (Intvar, Rand, User_var, Annotate, ...)
    kBegun,       // BEGIN or XA START came; ends at Xid, COMMIT, ROLLBACK, XA PREPARE
    kLoad         // Begin_load_query without BEGIN; ends at its Execute_load_query
  };
  Result<TransactionEnd*> on_gtid(const EventHeader& header, Bytes prefix);
  Result<TransactionEnd*> on_query(const EventHeader& header, Bytes prefix);
  Result<TransactionEnd*> on_incident(const EventHeader& header, Bytes prefix);
  // Closes the open transaction with this event.
  TransactionEnd* end(const EventHeader& header);
  tl::unexpected<Error> stray(const EventHeader& header) const;

  State state_ = State::kOutside;
  TransactionEnd current_;  // as far as the open transaction has told
};

}  // namespace binbus::binlog
