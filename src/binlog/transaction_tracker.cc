#include "binlog/transaction_tracker.h"

#include "binlog/control_events.h"
#include "binlog/gtid_events.h"
#include "binlog/statement.h"

namespace binbus::binlog {
namespace {

constexpr uint8_t kStandaloneFlag = 1;  // of a MariaDB Gtid event: one statement, no COMMIT

// The last rows event of its statement: bit 0 of the flags after the table id.
bool ends_statement(const EventHeader& header, Bytes prefix) {
  constexpr size_t kFlagsAt = kHeaderBytes + 6;
  return header.type != kTableMapEvent && prefix.size() > kFlagsAt && (prefix[kFlagsAt] & 1) != 0;
}

}  // namespace

void TransactionTracker::reset() {
  state_ = State::kOutside;
  current_ = {};
}

bool TransactionTracker::in_transaction() const { return state_ != State::kOutside; }

const mysql::AnyGtid& TransactionTracker::gtid() const {
  static const mysql::AnyGtid kNone;
  return in_transaction() ? current_.gtid : kNone;
}

Result<TransactionEnd*> TransactionTracker::on_event(const EventHeader& header, Bytes prefix) {
  const EventRole role = kEventRoles[header.type];
  if (!in_transaction() && role != EventRole::kGtid) current_ = {};  // on_gtid() sets it
  switch (role) {
    case EventRole::kRows:
      if (state_ == State::kBegun) return nullptr;
      state_ = State::kStandalone;
      if (ends_statement(header, prefix)) return end(header);
      return nullptr;
    case EventRole::kGtid:
      return on_gtid(header, prefix);
    case EventRole::kQuery:
      return on_query(header, prefix);
    case EventRole::kCommit:
      return end(header);
    case EventRole::kPrefix:
      if (!in_transaction() || state_ == State::kAfterGtid) state_ = State::kStandalone;
      return nullptr;
    case EventRole::kLoad:
      if (state_ != State::kBegun) state_ = State::kLoad;
      return nullptr;
    case EventRole::kLoadEnd:
      if (state_ == State::kBegun) return nullptr;
      return end(header);
    case EventRole::kIncident:
      return on_incident(header, prefix);
    case EventRole::kControl:
      if (in_transaction()) return stray(header);
      return &current_;
    case EventRole::kOther:
      break;
  }
  if (in_transaction()) return nullptr;
  return &current_;
}

// A Gtid event begins a transaction, whatever was open: one that its source never finished is carried along with the
// next, as the source itself would send it, and its GTID is not counted.
Result<TransactionEnd*> TransactionTracker::on_gtid(const EventHeader& header, Bytes prefix) {
  BINBUS_TRY(event, parse_gtid_event(header, prefix));
  current_.offset = 0;
  current_.gtid = std::move(event.gtid);
  current_.commit_us = event.immediate_commit_us;
  current_.transaction = false;
  if (header.type != kMariadbGtidEvent) {
    state_ = State::kAfterGtid;
  } else {
    state_ = (event.mariadb_flags & kStandaloneFlag) != 0 ? State::kStandalone : State::kBegun;
  }
  return nullptr;
}

Result<TransactionEnd*> TransactionTracker::on_query(const EventHeader& header, Bytes prefix) {
  BINBUS_TRY(query, parse_query(prefix));
  // A compressed statement is never one of these: servers do not compress what is this short.
  const StatementKind kind =
      header.type == kQueryEvent ? statement_kind(query.statement) : StatementKind::kOther;
  if (kind == StatementKind::kBegin) {
    state_ = State::kBegun;
    return nullptr;
  }
  if (state_ == State::kBegun && kind == StatementKind::kOther) return nullptr;
  return end(header);
}

// Lost_events, the only incident there is; with another number no server takes it.
Result<TransactionEnd*> TransactionTracker::on_incident(const EventHeader& header, Bytes prefix) {
  if (prefix.size() < kHeaderBytes + 2) return fail(Code::kTruncated, "incident event");
  const uint16_t incident = load_u16(&prefix[kHeaderBytes]);
  if (incident != 1) {
    return fail(Code::kCorrupt,
                "incident event with the unknown number " + std::to_string(incident));
  }
  if (state_ == State::kBegun) return nullptr;
  if (in_transaction()) return end(header);
  return &current_;
}

TransactionEnd* TransactionTracker::end(const EventHeader& header) {
  constexpr uint64_t kMicroseconds = 1'000'000;
  if (current_.commit_us == 0) current_.commit_us = header.timestamp * kMicroseconds;
  current_.transaction = true;
  state_ = State::kOutside;
  return &current_;
}

tl::unexpected<Error> TransactionTracker::stray(const EventHeader& header) const {
  const std::string gtid = mysql::to_string(current_.gtid);
  return fail(Code::kCorrupt,
              std::string(event_type_name(header.type)) + " event within the transaction " +
                  (gtid.empty() ? "that is open" : gtid) + ", which its source did not finish");
}

}  // namespace binbus::binlog
