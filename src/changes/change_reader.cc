#include "changes/change_reader.h"

#include <algorithm>

#include "base/hex.h"
#include "base/log.h"
#include "binlog/control_events.h"
#include "binlog/event_role.h"
#include "binlog/readable.h"
#include "binlog/statement.h"
#include "changes/ddl_feed.h"
#include "schema/charset.h"
#include "schema/compressed.h"
#include "schema/row_history.h"
#include "schema/table_map.h"
#include "schema/transaction_payload.h"
#include "schema/utf8.h"

namespace binbus::changes {
namespace {

using namespace binlog;
using schema::Operation;
using schema::TablePtr;

constexpr size_t kKeptBytes = 1 << 20;  // what a long event needed more is given back
constexpr uint8_t kStandaloneFlag = 1;  // of a MariaDB GTID: no COMMIT follows
constexpr std::string_view kXaStart = "XA START ";
constexpr std::string_view kXaCommit = "XA COMMIT ";
constexpr std::string_view kXaRollback = "XA ROLLBACK ";

// Of an XA_prepare event, as XA COMMIT names it: X'..',X'..',1.
Result<std::string> xa_identifier(Bytes event) {
  ByteReader in(event);
  BINBUS_RETURN_IF_ERROR(in.skip(kHeaderBytes + 1, "XA_prepare event"));
  BINBUS_TRY(format, in.u32("XA_prepare event"));
  BINBUS_TRY(global_bytes, in.u32("XA_prepare event"));
  BINBUS_TRY(branch_bytes, in.u32("XA_prepare event"));
  std::string out;
  for (const uint32_t bytes : {global_bytes, branch_bytes}) {
    BINBUS_TRY(part, in.bytes(bytes, "XA_prepare event's identifier"));
    out += "X'";
    append_hex(out, as_text(part));
    out += "',";
  }
  return out + std::to_string(format);
}

// Server's own spelling.
bool is_rollback_to(std::string_view statement) {
  return statement.starts_with("ROLLBACK TO") || statement.starts_with("ROLLBACK WORK TO");
}

// Whether a statement changes rows: what a server in row format does not log.
bool changes_rows(std::string_view statement) {
  static constexpr std::string_view kVerbs[] = {"INSERT",  "UPDATE", "DELETE",
                                                "REPLACE", "LOAD",   "WITH"};
  while (!statement.empty() && (statement.front() <= ' ' || statement.starts_with("/*"))) {
    if (statement.front() <= ' ') {
      statement.remove_prefix(1);
      continue;
    }
    const size_t end = statement.find("*/", 2);
    if (end == std::string_view::npos) return false;
    statement.remove_prefix(end + 2);
  }
  return std::ranges::any_of(kVerbs, [&](std::string_view verb) {
    return statement.size() > verb.size() &&
           std::ranges::equal(statement.substr(0, verb.size()), verb, {},
                              [](char c) { return c & ~0x20; });
  });
}

// Events of a server's bookkeeping, and what stands beside rows without being any.
bool passed_over(const EventHeader& header) {
  switch (header.type) {
    case kStopEvent:
    case kRotateEvent:
    case kIntvarEvent:
    case kRandEvent:
    case kUserVarEvent:
    case kXidEvent:
    case kHeartbeatEvent:
    case kHeartbeatEventV2:
    case kIgnorableEvent:
    case kPreviousGtidsEvent:
    case kMariadbBinlogCheckpointEvent:
    case kMariadbGtidListEvent:
      return true;
    default:
      return (header.flags & kFlagIgnorable) != 0;
  }
}

bool is_statement_text(uint8_t type) {
  return type == kRowsQueryEvent || type == kMariadbAnnotateRowsEvent;
}

bool is_data(uint8_t type) {
  return kEventRoles[type] == EventRole::kRows || is_statement_text(type);
}

// Of events whose bodies can be read.
Result<FormatDescription> format_of(Bytes event) {
  BINBUS_TRY(format, parse_format_description(event));
  if (format.header_bytes == kHeaderBytes) return format;
  return fail(Code::kUnsupported, "written by " + format.server_version +
                                      ", whose events have headers of " +
                                      std::to_string(format.header_bytes) + " bytes");
}

size_t trailer_bytes(const FormatDescription& format) {
  return format.checksum == Checksum::kCrc32 ? kChecksumBytes : 0;
}

}  // namespace

ChangeReader::ChangeReader(ReaderOptions options, Position start, schema::Catalog catalog)
    : options_(std::move(options)),
      place_(start),
      catalog_(std::move(catalog)),
      facts_(options_.facts),
      tables_([this](const schema::TableMap& map) { return resolve(map); }) {}

ChangeReader::~ChangeReader() = default;

bool ChangeReader::wait(uint64_t timeout_ms, const std::stop_token& stop) {
  return feed_ == nullptr || feed_->wait(timeout_ms, stop);
}

// A feed that stands before the event at `at`, whose segment's format description was read.
Result<std::unique_ptr<store::EventFeed>> ChangeReader::open_feed(Position at,
                                                                  FormatDescription& format) {
  BINBUS_TRY(source, options_.open({at.segment, 0}));
  auto feed = std::make_unique<store::EventFeed>(std::move(source));
  if (at.offset <= kMagic.size()) return feed;
  BINBUS_TRY(more, feed->next());
  if (!more || feed->header().type != kFormatDescriptionEvent) {
    return fail(Code::kCorrupt, feed->segment_name() + " has no format description");
  }
  BINBUS_TRY(parsed, format_of(feed->head()));
  format = std::move(parsed);
  feed->set_checksummed(format.checksum == Checksum::kCrc32);
  if (at.offset > feed->end_offset()) BINBUS_RETURN_IF_ERROR(feed->seek(at.offset));
  return feed;
}

Status ChangeReader::open() {
  FormatDescription format;
  BINBUS_TRY(feed, open_feed(place_, format));
  feed_ = std::move(feed);
  segment_name_ = feed_->segment_name();
  if (format.post_header_bytes.empty()) return ok();
  format_ = std::move(format);
  facts_.server = schema::ServerVersion::parse(format_.server_version);
  return ok();
}

Result<bool> ChangeReader::read(const Emit& emit) {
  if (feed_ == nullptr) BINBUS_RETURN_IF_ERROR(open());
  emit_ = &emit;
  while (true) {
    BINBUS_TRY(more, feed_->next());
    if (!more) {
      if (!feed_->next_segment()) return false;
      segment_name_ = feed_->segment_name();
      continue;
    }
    const uint64_t at = feed_->end_offset() - feed_->header().size;
    const auto located = [&](Error error) {
      const std::string gtid = mysql::to_string(transaction_.gtid);
      return fail_in(segment_name_ + ":" + std::to_string(at) +
                         (gtid.empty() ? "" : " (transaction " + gtid + ")"),
                     std::move(error));
    };
    position_ = {feed_->segment(), at};
    if (!tracker_.in_transaction()) {
      transaction_ = {};
      transaction_.begin = position_;
      transaction_.segment = segment_name_;
      event_ = 0;
    }
    if (Status taken = on_event(); !taken) return located(std::move(taken).error());
    if (long_event_.capacity() > kKeptBytes) ByteVector().swap(long_event_);
    if (!tracker_.in_transaction()) {
      place_ = {feed_->segment(), feed_->end_offset()};
      return true;
    }
  }
}

// The event in one piece, without its checksum.
Result<Bytes> ChangeReader::whole_event(store::EventFeed& feed) {
  if (feed.whole()) return feed.prefix();
  const EventHeader header = feed.header();
  if (header.size > options_.event_bytes_max) {
    return fail(Code::kLimit, std::string(event_type_name(header.type)) + " event of " +
                                  std::to_string(header.size) + " bytes, more than " +
                                  std::to_string(options_.event_bytes_max));
  }
  long_event_.clear();
  long_event_.reserve(header.size);
  long_event_.insert(long_event_.end(), feed.head().begin(), feed.head().end());
  while (true) {
    BINBUS_TRY(piece, feed.more());
    if (piece.empty()) break;
    long_event_.insert(long_event_.end(), piece.begin(), piece.end());
  }
  return Bytes(long_event_).first(long_event_.size() - (feed.checksummed() ? kChecksumBytes : 0));
}

// The event, but of a long statement that is no DDL its beginning alone.
Result<Bytes> ChangeReader::needed_of(store::EventFeed& feed) {
  if (feed.header().type == kQueryEvent && !feed.whole()) {
    BINBUS_TRY(query, parse_query(feed.prefix()));
    if (is_no_ddl(query.statement, facts_)) return feed.prefix();
  }
  return whole_event(feed);
}

// An event of data, told as one of `header`; of a statement's text the end is never kept.
Status ChangeReader::take_data(store::EventFeed& feed, const EventHeader& header) {
  if (is_statement_text(header.type)) {
    BINBUS_RETURN_IF_ERROR(on_data(header, feed.prefix()));
    return feed.skip();
  }
  BINBUS_TRY(event, whole_event(feed));
  return on_data(header, event);
}

Status ChangeReader::on_event() {
  const EventHeader header = feed_->header();
  if (header.type == kFormatDescriptionEvent) BINBUS_RETURN_IF_ERROR(on_format(feed_->head()));
  if (tracker_.carries(header.type) && (ahead_.prepared || ahead_.rolled_back)) {
    return feed_->skip();
  }
  if (tracker_.carries(header.type) && is_data(header.type)) {  // most events
    return take_data(*feed_, header);
  }
  if (header.type == kTransactionPayloadEvent) {
    BINBUS_TRY(end, tracker_.on_event(header, feed_->prefix()));
    BINBUS_RETURN_IF_ERROR(on_payload(*feed_));
    return end ? end_transaction(header, *end) : ok();
  }
  BINBUS_TRY(event, needed_of(*feed_));
  const bool was_in = tracker_.in_transaction();
  const TransactionEnd* end = nullptr;
  if (!tracker_.carries(header.type)) {
    BINBUS_TRY(ended, tracker_.on_event(header, event));
    end = ended;
  }
  if (kEventRoles[header.type] == EventRole::kGtid) {
    if (was_in && begun_) ++counts_.rolled_back;  // its source did not finish it
    BINBUS_TRY(gtid, parse_gtid_event(header, event));
    transaction_ = {};
    transaction_.gtid = gtid.gtid;
    transaction_.begin = position_;
    transaction_.segment = segment_name_;
    transaction_.commit_us = gtid.immediate_commit_us;
    transaction_.original_commit_us = gtid.original_commit_us;
    begun_ = false;
    event_ = 0;
    if (header.type == kMariadbGtidEvent && (gtid.mariadb_flags & kStandaloneFlag) == 0) {
      BINBUS_RETURN_IF_ERROR(begin_transaction(header));
    }
    return ok();
  }
  switch (header.type) {
    case kQueryEvent:
      BINBUS_RETURN_IF_ERROR(on_query(header, event));
      BINBUS_RETURN_IF_ERROR(feed_->skip());
      break;
    case kMariadbQueryCompressedEvent: {
      BINBUS_TRY(query, parse_query(event));
      // A statement's own text begins where the parsed one does, and what is short is never compressed.
      ByteVector text;
      BINBUS_RETURN_IF_ERROR(
          schema::uncompress_event_part(as_bytes(query.statement), options_.event_bytes_max, text));
      query.statement = as_text(text);
      BINBUS_RETURN_IF_ERROR(on_ddl(header, query));
      break;
    }
    case kXaPrepareEvent: {
      BINBUS_TRY(xa, xa_identifier(event));
      xa_ = std::move(xa);
      break;
    }
    case kBeginLoadQueryEvent:
    case kAppendBlockEvent:
    case kDeleteFileEvent:
      break;
    case kExecuteLoadQueryEvent:
      BINBUS_RETURN_IF_ERROR(on_rows_as_statement("LOAD DATA"));
      break;
    case kIncidentEvent:
      ++counts_.incidents;
      if (options_.losses == LossPolicy::kSkip) break;
      return fail(
          Code::kUnsupported,
          "the source lost events here (Incident event), so changes are missing: compare what "
          "you deliver to with the source, then seek behind this place");
    default:
      if (is_data(header.type)) {
        BINBUS_RETURN_IF_ERROR(on_data(header, event));
      } else if (header.type != kFormatDescriptionEvent && !passed_over(header)) {
        if (is_unreadable(header.type)) return fail(why_unreadable(header.type));
        return fail(Code::kUnsupported, "event type " + std::to_string(header.type) +
                                            ", which may carry rows and is not known");
      }
  }
  return end ? end_transaction(header, *end) : ok();
}

Status ChangeReader::on_format(Bytes event) {
  BINBUS_TRY(format, format_of(event));
  format_ = std::move(format);
  feed_->set_checksummed(format_.checksum == Checksum::kCrc32);
  facts_.server = schema::ServerVersion::parse(format_.server_version);
  tracker_.reset();
  tables_.clear();
  ahead_ = {};
  begun_ = false;
  if (format_.created != 0) catalog_.forget_sessions();  // the server has started
  return ok();
}

// After the event that begins it.
Status ChangeReader::begin_transaction(const EventHeader& header) {
  BINBUS_RETURN_IF_ERROR(look_ahead(*feed_));
  sql_.clear();
  if (ahead_.prepared || ahead_.rolled_back) return ok();
  transaction_.xid = ahead_.xid;
  begun_ = true;
  Change change = make_change(Operation::kBegin, header);
  return give(change);
}

Status ChangeReader::look_ahead(const store::EventFeed& feed) {
  TransactionScan scan(format_, options_.wants);
  BytesAhead bytes(feed.ahead(), {feed.segment(), feed.end_offset()}, options_.open);
  const size_t trailer = trailer_bytes(format_);
  for (uint64_t at = feed.end_offset();;) {
    BINBUS_TRY(head, bytes.get(at, kHeaderBytes));
    if (head.size() < kHeaderBytes) {
      scan.give_up();
      break;
    }
    const EventHeader header = parse_header(head.data());
    if (header.size < kHeaderBytes + trailer) return fail(Code::kCorrupt, "no event ahead");
    const size_t wanted =
        std::min<size_t>(header.size - trailer, TransactionScan::prefix_bytes(header));
    BINBUS_TRY(prefix, bytes.get(at, wanted));
    BINBUS_TRY(ended, scan.take(header, prefix));
    if (ended) break;
    at += header.size;
  }
  ahead_ = scan.ahead();
  rows_events_ = 0;
  return ok();
}

Status ChangeReader::end_transaction(const EventHeader& header, const TransactionEnd& end) {
  if (!end.transaction) return ok();
  ++counts_.transactions;
  if (ahead_.prepared) prepared_[xa_] = transaction_.begin;
  if (ahead_.rolled_back) ++counts_.rolled_back;
  const bool told = std::exchange(begun_, false);
  ahead_ = {};
  xa_.clear();
  sql_.clear();
  if (!told) return ok();
  if (transaction_.commit_us == 0) transaction_.commit_us = end.commit_us;
  Change change = make_change(Operation::kCommit, header);
  transaction_.xa = {};
  return give(change);
}

Status ChangeReader::on_query(const EventHeader& header, Bytes event) {
  BINBUS_TRY(query, parse_query(event));
  switch (statement_kind(query.statement)) {
    case StatementKind::kBegin:
      transaction_.thread_id = query.thread_id;
      if (query.statement.starts_with(kXaStart)) xa_ = query.statement.substr(kXaStart.size());
      transaction_.xa = xa_;
      return begun_ ? ok() : begin_transaction(header);
    case StatementKind::kEnd:
      if (query.statement.starts_with(kXaRollback)) {
        prepared_.erase(std::string(query.statement.substr(kXaRollback.size())));
      } else if (query.statement.starts_with(kXaCommit)) {
        transaction_.thread_id = query.thread_id;
        return replay(std::string(query.statement.substr(kXaCommit.size())));
      }
      return ok();
    case StatementKind::kOther:
      // Logged only where the transaction also changed what cannot be rolled back.
      if (begun_ && transaction_.changes > 0 && is_rollback_to(query.statement)) {
        return on_rows_as_statement(query.statement);
      }
      return on_ddl(header, query);
  }
  return ok();
}

Status ChangeReader::on_ddl(const EventHeader& header, const QueryEvent& query) {
  transaction_.thread_id = query.thread_id;
  if (changes_rows(query.statement)) return on_rows_as_statement(query.statement);
  BINBUS_TRY(context, schema::query_context(query, facts_));
  if (!context.takes_effect) return ok();
  const std::string statement = schema::utf8_text(query.statement, context.client_collation);
  auto effect = catalog_.apply(statement, context.statement);
  if (!effect) {
    // FULL metadata of tables to come tells their columns all the same.
    if (doubt_.empty()) {
      doubt_ = "since " + segment_name_ + ":" + std::to_string(position_.offset) +
               ", where a statement was not understood (" + effect.error().message + ")";
      log::warn("ddl_not_understood", {{"segment", segment_name_},
                                       {"offset", position_.offset},
                                       {"error", effect.error().message}});
    }
    tables_.clear();
    return ok();
  }
  if (!effect->relevant) return ok();
  if (!effect->unclear.empty()) {
    log::warn(
        "ddl_not_understood",
        {{"segment", segment_name_}, {"offset", position_.offset}, {"error", effect->unclear}});
  }
  tables_.clear();
  Change change = make_change(effect->truncated ? Operation::kTruncate : Operation::kDdl, header);
  change.event = event_++;
  change.statement = statement;
  change.database = context.statement.database;
  if (effect->changes.empty()) {
    change.table = effect->truncated;
    return give(change);
  }
  for (const schema::TableChange& table : effect->changes) {
    change.table = table.after != nullptr ? table.after : table.before;
    change.table_before = table.before;
    change.table_after = table.after;
    BINBUS_RETURN_IF_ERROR(give(change));
    ++change.row;
  }
  return ok();
}

Status ChangeReader::on_rows_as_statement(std::string_view statement) {
  ++event_;
  if (options_.losses == LossPolicy::kSkip) {
    ++counts_.statements_skipped;
    return ok();
  }
  constexpr size_t kShown = 60;
  return fail(
      Code::kUnsupported,
      "rows were logged as a statement (" + std::string(statement.substr(0, kShown)) +
          (statement.size() > kShown ? "..." : "") +
          "): on the source, SET GLOBAL binlog_format = ROW; then seek behind this place, or pass "
          "over such statements with on_loss = \"skip\"");
}

// The rows of a prepared XA transaction, in the place of its COMMIT.
Status ChangeReader::replay(const std::string& xa) {
  Position begin;
  if (const auto known = prepared_.find(xa); known != prepared_.end()) {
    begin = known->second;
    prepared_.erase(known);
  } else {
    BINBUS_TRY(found, find_prepared(xa));
    if (!found) return on_xa_not_here(xa);
    begin = *found;
  }
  FormatDescription format = format_;
  BINBUS_TRY(feed, open_feed(begin, format));
  xa_ = xa;
  transaction_.xa = xa_;
  std::swap(format, format_);
  tables_.clear();
  Status replayed = replay_events(*feed);
  std::swap(format, format_);
  tables_.clear();
  if (!replayed) return fail_in("XA transaction " + xa, std::move(replayed).error());
  return ok();
}

Status ChangeReader::replay_events(store::EventFeed& feed) {
  const EventHeader commit = feed_->header();
  TransactionTracker tracker;
  while (true) {
    BINBUS_TRY(more, feed.next());
    if (!more) return fail(Code::kCorrupt, "the prepared transaction has no end");
    const EventHeader header = feed.header();
    if (header.type == kTransactionPayloadEvent) return on_payload(feed);
    BINBUS_TRY(end, tracker.on_event(header, feed.prefix()));
    if (end) return ok();
    if (!begun_) {  // at its first event
      BINBUS_RETURN_IF_ERROR(look_ahead(feed));
      ahead_.prepared = false;
      begun_ = true;
      Change change = make_change(Operation::kBegin, commit);
      BINBUS_RETURN_IF_ERROR(give(change));
    }
    if (!is_data(header.type)) {
      BINBUS_RETURN_IF_ERROR(feed.skip());
      continue;
    }
    EventHeader as_committed = commit;
    as_committed.type = header.type;
    BINBUS_RETURN_IF_ERROR(take_data(feed, as_committed));
  }
}

Result<std::optional<Position>> ChangeReader::find_prepared(const std::string& xa) {
  std::optional<Position> found;
  FormatDescription format;
  BINBUS_TRY(feed, open_feed({options_.oldest().segment, 0}, format));
  TransactionTracker tracker;
  Position begin;
  while (true) {
    BINBUS_TRY(more, feed->next());
    if (!more) {
      if (!feed->next_segment()) break;
      tracker.reset();
      continue;
    }
    const EventHeader header = feed->header();
    const Position at{feed->segment(), feed->end_offset() - header.size};
    if (at >= position_) break;
    if (header.type == kFormatDescriptionEvent) BINBUS_RETURN_IF_ERROR(feed->learn_format());
    if (!tracker.in_transaction()) begin = at;
    if (header.type == kXaPrepareEvent) {
      BINBUS_TRY(prepared, xa_identifier(feed->prefix()));
      if (prepared == xa) found = begin;
    }
    if (!tracker.carries(header.type)) {
      BINBUS_RETURN_IF_ERROR(tracker.on_event(header, feed->prefix()));
    }
    BINBUS_RETURN_IF_ERROR(feed->skip());
  }
  return found;
}

Status ChangeReader::on_xa_not_here(const std::string& xa) {
  if (options_.losses == LossPolicy::kSkip) {
    ++counts_.xa_skipped;
    return ok();
  }
  return fail(Code::kPurged,
              "XA transaction " + xa +
                  " was prepared before the oldest segment that is still here: its rows are lost "
                  "to changes; seek behind this place, or pass over it with on_loss = \"skip\"");
}

// Passes over it twice: first for what must be known before its rows are told.
Status ChangeReader::on_payload(store::EventFeed& feed) {
  const EventHeader outer = feed.header();
  const Position begin{feed.segment(), feed.end_offset() - outer.size};
  const auto each_event = [&](store::EventFeed& from, const auto& take) -> Status {
    BINBUS_TRY(head, schema::parse_transaction_payload(from.prefix()));
    schema::PayloadReader payload(head, options_.event_bytes_max);
    uint64_t left = head.payload_bytes;
    Bytes piece = from.head().subspan(head.payload_at);
    while (!piece.empty()) {
      piece = piece.first(static_cast<size_t>(std::min<uint64_t>(piece.size(), left)));
      left -= piece.size();
      payload.feed(piece);
      while (true) {
        BINBUS_TRY(event, payload.next());
        if (!event) break;
        BINBUS_RETURN_IF_ERROR(take(parse_header(event->data()), *event));
      }
      if (left == 0) break;
      BINBUS_TRY(next, from.more());
      piece = next;
    }
    BINBUS_RETURN_IF_ERROR(payload.check_ended());
    return from.skip();
  };

  TransactionScan scan(format_, options_.wants);
  FormatDescription format;
  BINBUS_TRY(ahead, open_feed(begin, format));
  BINBUS_TRY(there, ahead->next());
  if (!there) return fail(Code::kCorrupt, "the event is gone");
  const auto scan_event = [&](const EventHeader& header, Bytes event) -> Status {
    BINBUS_TRY(ended, scan.take(header, event));
    (void)ended;
    return ok();
  };
  BINBUS_RETURN_IF_ERROR(each_event(*ahead, scan_event));
  const bool replayed = !transaction_.xa.empty() && feed_.get() != &feed;
  ahead_ = scan.ahead();
  rows_events_ = 0;
  if (replayed) ahead_.prepared = false;
  transaction_.xid = ahead_.xid;
  if (ahead_.rolled_back) return feed.skip();

  return each_event(feed, [&](EventHeader header, Bytes event) -> Status {
    if (header.type == kQueryEvent) {
      BINBUS_TRY(query, parse_query(event));
      if (statement_kind(query.statement) != StatementKind::kBegin) return ok();
      if (query.statement.starts_with(kXaStart)) xa_ = query.statement.substr(kXaStart.size());
      transaction_.thread_id = query.thread_id;
      if (ahead_.prepared || begun_) return ok();
      begun_ = true;
      Change change = make_change(Operation::kBegin, header);
      return give(change);
    }
    return is_data(header.type) && !ahead_.prepared ? on_data(header, event) : ok();
  });
}

Status ChangeReader::on_data(const EventHeader& header, Bytes event) {
  switch (header.type) {
    case kTableMapEvent:
      return on_table_map(event);
    case kRowsQueryEvent:
      // One byte of length, which says nothing of longer ones, then the text.
      if (event.size() <= kHeaderBytes) return fail(Code::kTruncated, "Rows_query event");
      take_sql(as_text(event.subspan(kHeaderBytes + 1)));
      return ok();
    case kMariadbAnnotateRowsEvent:
      take_sql(as_text(event.subspan(kHeaderBytes)));
      return ok();
    default:
      return on_rows(header, event);
  }
}

Status ChangeReader::on_table_map(Bytes event) {
  Status taken = tables_.take(event, format_);
  if (taken) return ok();
  Error error = std::move(taken).error();
  const bool mended_by_itself = error.code == Code::kNotFound && !options_.catalog_to_come.empty();
  if (!mended_by_itself && (error.code == Code::kDiverged || error.code == Code::kNotFound)) {
    error.message +=
        "; have the tables read at the source (`binbus schema rebuild`) and resume; where that "
        "says the same, `binbus sink seek --to` the place that the log's line schema_baseline "
        "names. "
        "SET GLOBAL binlog_row_metadata = FULL on the source keeps this from happening";
  }
  return fail(std::move(error));
}

// A longer statement's beginning, and "..." behind it.
void ChangeReader::take_sql(std::string_view text) {
  if (!options_.sql_text) return;
  const std::string_view kept = schema::beginning_of(text, kSqlBytesMax);
  sql_ = schema::utf8_text(kept, 0);
  if (kept.size() < text.size()) sql_ += "...";
}

Status ChangeReader::on_rows(const EventHeader& header, Bytes event) {
  BINBUS_TRY(head, schema::parse_rows_head(event, format_));
  if (!head.is_dummy()) {
    const uint64_t number = event_++;
    ++rows_events_;
    const schema::RowLayout* layout = tables_.find(head.table_id);
    if (layout == nullptr && !tables_.knows(head.table_id)) {
      return fail(Code::kCorrupt, "rows of table id " + std::to_string(head.table_id) +
                                      ", which no table map before them names");
    }
    if (layout != nullptr) {
      constexpr Operation kOperations[] = {Operation::kInsert, Operation::kUpdate,
                                           Operation::kDelete};
      const Operation logged = kOperations[static_cast<size_t>(head.operation)];
      Change change = make_change(logged, header);
      change.event = number;
      change.table = layout->table();
      change.sql = sql_;
      const bool last_event = ahead_.rows_events == rows_events_;
      BINBUS_RETURN_IF_ERROR(rows_.open(*layout, head, event));
      while (true) {
        BINBUS_TRY(more, rows_.next());
        if (!more) break;
        BINBUS_TRY(is_told, take_row(*layout, logged, change));
        if (is_told) {
          change.number = transaction_.changes++;
          change.last = last_event && !rows_.has_more();
          change.may_be_last = !change.last && layout->row_end();
          ++counts_.rows;
          BINBUS_RETURN_IF_ERROR((*emit_)(change));
        }
        ++change.row;
      }
    }
  }
  if (head.ends_statement()) tables_.end_statement();
  return ok();
}

// The row that rows_ has; false for one of the past.
Result<bool> ChangeReader::take_row(const schema::RowLayout& layout, Operation logged,
                                    Change& change) const {
  change.before = rows_.before();
  change.after = rows_.after();
  if (!layout.row_end()) return true;
  BINBUS_TRY(current, schema::current_rows_operation(logged, *layout.row_end(), change.before,
                                                     change.after));
  if (!current) return false;
  change.operation = *current;
  if (change.operation == Operation::kDelete) change.after = {};
  if (change.operation == Operation::kInsert) change.before = {};
  return true;
}

Result<TablePtr> ChangeReader::resolve(const schema::TableMap& map) {
  if (options_.wants && !options_.wants(map.database, map.table)) return TablePtr();
  const std::string name = map.database + "." + map.table;
  const schema::TableState known = catalog_.table(map.database, map.table);
  if (!map.metadata.names.empty()) {
    BINBUS_TRY(described, schema::describe(map));
    // The history knows more than metadata does, as long as it tells of the same columns.
    if (known.version != nullptr && known.reread.empty() && doubt_.empty() &&
        std::ranges::equal(known.version->columns, described.columns, {}, &schema::Column::name,
                           &schema::Column::name) &&
        schema::RowLayout::make(map, known.version)) {
      return known.version;
    }
    return std::make_shared<const schema::TableVersion>(std::move(described));
  }
  const bool certain = known.reread.empty() && doubt_.empty();
  if (known.version != nullptr && certain) return known.version;
  if (!options_.number_columns) {
    if (!known.reread.empty()) {
      return fail(Code::kDiverged, "the columns of " + name + " are not known: " + known.reread);
    }
    if (known.version != nullptr) {
      return fail(Code::kDiverged, "the columns of " + name + " are not certain " + doubt_);
    }
    return fail(Code::kNotFound, "the columns of " + name + " are not known: " +
                                     (options_.catalog_to_come.empty()
                                          ? "the log has neither its definition nor full row "
                                            "metadata"
                                          : options_.catalog_to_come));
  }
  BINBUS_TRY(described, schema::describe(map));
  for (size_t i = 0; i < described.columns.size(); ++i) {
    described.columns[i].name = "@" + std::to_string(i + 1);
  }
  return std::make_shared<const schema::TableVersion>(std::move(described));
}

Change ChangeReader::make_change(Operation operation, const EventHeader& header) const {
  Change change;
  change.operation = operation;
  change.transaction = &transaction_;
  change.position = position_;
  change.timestamp_s = header.timestamp;
  change.server_id = header.server_id;
  return change;
}

Status ChangeReader::give(Change& change) {
  if (change.operation == Operation::kDdl || change.operation == Operation::kTruncate) {
    change.number = transaction_.changes;
  }
  return (*emit_)(change);
}

}  // namespace binbus::changes
