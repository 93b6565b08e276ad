// How each event type takes part in transactions.
#pragma once

#include "binlog/event.h"

namespace binbus::binlog {

enum class EventRole : uint8_t {
  // A transaction that is open between BEGIN and COMMIT carries these along and is not moved by them.
  kOther,    // and all types that are not known; outside transactions, a place of its own
  kPrefix,   // goes before its statement: Intvar, Rand, User_var, Rows_query, Annotate_rows
  kRows,     // with Table_map; without a BEGIN only in MySQL 5.1, for non-transactional tables
  kLoad,     // a part of the file that LOAD DATA reads
  kLoadEnd,  // LOAD DATA itself, or its file's removal
  // These move it.
  kGtid,
  kQuery,
  kCommit,  // ends a transaction, whatever else
  kIncident,
  kControl,  // of the file or the connection; never within a transaction
};

inline constexpr std::array<EventRole, 256> kEventRoles = [] {
  std::array<EventRole, 256> roles{};
  const auto set = [&roles](EventRole role, auto... types) { ((roles[types] = role), ...); };
  const auto set_range = [&roles](EventRole role, size_t first, size_t last) {
    for (size_t type = first; type <= last; ++type) roles[type] = role;
  };
  set(EventRole::kPrefix, kIntvarEvent, kRandEvent, kUserVarEvent, kRowsQueryEvent,
      kMariadbAnnotateRowsEvent);
  set(EventRole::kRows, kTableMapEvent, kPartialUpdateRowsEvent);
  set_range(EventRole::kRows, kWriteRowsEventOld, kDeleteRowsEventV1);
  set_range(EventRole::kRows, kWriteRowsEvent, kDeleteRowsEvent);
  set_range(EventRole::kRows, kMariadbWriteRowsCompressedEventV1,
            kMariadbDeleteRowsCompressedEvent);
  set(EventRole::kLoad, kBeginLoadQueryEvent, kAppendBlockEvent);
  set(EventRole::kLoadEnd, kExecuteLoadQueryEvent, kDeleteFileEvent);
  set(EventRole::kGtid, kGtidEvent, kAnonymousGtidEvent, kGtidTaggedEvent, kMariadbGtidEvent);
  set(EventRole::kQuery, kQueryEvent, kMariadbQueryCompressedEvent);
  set(EventRole::kCommit, kXidEvent, kXaPrepareEvent, kTransactionPayloadEvent);
  set(EventRole::kIncident, kIncidentEvent);
  set(EventRole::kControl, kStartEventV3, kStopEvent, kRotateEvent, kFormatDescriptionEvent,
      kHeartbeatEvent, kHeartbeatEventV2, kPreviousGtidsEvent, kMariadbBinlogCheckpointEvent,
      kMariadbGtidListEvent, kMariadbStartEncryptionEvent);
  return roles;
}();

}  // namespace binbus::binlog
