#include "changes/transaction_scan.h"

#include <algorithm>

#include "binlog/control_events.h"
#include "binlog/event_role.h"
#include "binlog/statement.h"
#include "schema/row_reader.h"
#include "schema/table_map.h"

namespace binbus::changes {
namespace {

using namespace binlog;

constexpr size_t kMapPrefixBytes = 600;     // header, id, flags, two names of up to 255 bytes
constexpr size_t kQueryPrefixBytes = 4096;  // status variables and the first words of a statement
constexpr size_t kRowsPrefixBytes = kHeaderBytes + 8;

}  // namespace

size_t TransactionScan::prefix_bytes(const EventHeader& header) {
  if (header.type == kTableMapEvent) return kMapPrefixBytes;
  if (header.type == kQueryEvent) return kQueryPrefixBytes;
  return kRowsPrefixBytes;
}

Result<bool> TransactionScan::take(const EventHeader& header, Bytes prefix) {
  switch (header.type) {
    case kTableMapEvent:
      if (wants_) BINBUS_RETURN_IF_ERROR(take_map(prefix));
      return false;
    case kXidEvent:
      if (prefix.size() < kHeaderBytes + 8) return fail(Code::kTruncated, "Xid event");
      ahead_.xid = load_u64(&prefix[kHeaderBytes]);
      return true;
    case kXaPrepareEvent:
      if (prefix.size() < kHeaderBytes + 1) return fail(Code::kTruncated, "XA_prepare event");
      ahead_.prepared = prefix[kHeaderBytes] == 0;  // else XA COMMIT ... ONE PHASE
      return true;
    case kQueryEvent:
      return take_query(prefix);
    default:
      break;
  }
  if (kEventRoles[header.type] == EventRole::kGtid ||
      kEventRoles[header.type] == EventRole::kControl) {
    give_up();
    return true;
  }
  if (!schema::is_rows_event(header.type)) return false;
  BINBUS_TRY(id, schema::parse_table_id(prefix, format_));
  if (schema::is_dummy_table(id)) return false;
  ++rows_events_;
  const auto table = std::ranges::find(tables_, id, [](const auto& entry) { return entry.first; });
  if (table == tables_.end() || table->second) ahead_.rows_events = rows_events_;
  return false;
}

Status TransactionScan::take_map(Bytes prefix) {
  BINBUS_TRY(id, schema::parse_table_id(prefix, format_));
  BINBUS_TRY(names, schema::parse_table_names(prefix, format_));
  const bool is_wanted = wants_(names.first, names.second);
  const auto known = std::ranges::find(tables_, id, [](const auto& entry) { return entry.first; });
  if (known != tables_.end()) {
    known->second = is_wanted;
  } else {
    tables_.emplace_back(id, is_wanted);
  }
  return ok();
}

bool TransactionScan::take_query(Bytes prefix) {
  const auto query = parse_query(prefix);
  if (!query || statement_kind(query->statement) != StatementKind::kEnd) return false;
  // COMMIT, ROLLBACK; XA's own end by an event.
  ahead_.rolled_back = query->statement.starts_with('R') || query->statement.starts_with('r');
  return true;
}

Result<Bytes> BytesAhead::read(uint64_t offset, size_t count) {
  constexpr size_t kReadBytes = 16 * 1024;
  if (source_ == nullptr) {
    BINBUS_TRY(source, open_({at_.segment, offset}));
    source_ = std::move(source);
    buffer_.resize(kReadBytes);
  } else if (source_->position().offset != offset) {
    BINBUS_RETURN_IF_ERROR(source_->seek({at_.segment, offset}));
  }
  at_.offset = offset;
  size_t have = 0;
  while (have < count) {
    BINBUS_TRY(read, source_->read(std::span(buffer_).subspan(have)));
    if (read.empty()) break;
    have += read.size();
  }
  bytes_ = Bytes(buffer_).first(have);
  return bytes_.first(std::min(have, count));
}

}  // namespace binbus::changes
