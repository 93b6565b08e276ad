#include "changes/ddl_feed.h"

#include "schema/charset.h"
#include "schema/compressed.h"
#include "schema/ddl_parser.h"

namespace binbus::changes {
namespace {

constexpr uint64_t kPayloadEventBytesMax = DdlFeed::kStatementBytesMax;

// What ends and begins transactions, far the most of all statements.
bool is_boundary(std::string_view statement) {
  return statement == "BEGIN" || statement == "COMMIT" || statement.starts_with("SAVEPOINT") ||
         statement.starts_with("XA ");
}

}  // namespace

bool is_no_ddl(std::string_view first_words, const schema::StatementContext& facts) {
  const auto parsed = schema::parse_ddl(first_words, facts);
  return parsed && std::holds_alternative<schema::Irrelevant>(*parsed);
}

Result<DdlFeed> DdlFeed::open(store::Log& log, Position at, schema::StatementContext facts) {
  // The format that holds at `at` is told at the segment's start.
  BINBUS_TRY(feed, store::EventFeed::open(log, {at.segment, 0}));
  DdlFeed ddl(std::move(feed), std::move(facts));
  if (at.offset <= binlog::kMagic.size()) return ddl;
  BINBUS_TRY(more, ddl.feed_.next());
  if (!more || ddl.feed_.header().type != binlog::kFormatDescriptionEvent || !ddl.feed_.whole()) {
    return fail(Code::kCorrupt,
                ddl.feed_.segment_name() + " does not begin with its format description");
  }
  if (ddl.feed_.end_offset() <= at.offset) {
    BINBUS_TRY(restarted, ddl.learn_format());
    (void)restarted;
  }
  BINBUS_RETURN_IF_ERROR(ddl.feed_.seek(at.offset));
  return ddl;
}

// Whether the source has started with this file.
Result<bool> DdlFeed::learn_format() {
  BINBUS_RETURN_IF_ERROR(feed_.learn_format());
  BINBUS_TRY(format, binlog::parse_format_description(feed_.head()));
  facts_.server = schema::ServerVersion::parse(format.server_version);
  return format.created != 0;
}

Result<std::optional<DdlEvent>> DdlFeed::next(Position until) {
  while (true) {
    BINBUS_RETURN_IF_ERROR(feed_.skip());
    // Asked before the event is taken, so that a later call goes on with it.
    if (Position{feed_.segment(), feed_.end_offset()} >= until) return std::optional<DdlEvent>{};
    BINBUS_TRY(more, feed_.next());
    if (!more) {
      if (!feed_.next_segment()) return std::optional<DdlEvent>{};
      continue;
    }
    const binlog::EventHeader& header = feed_.header();
    at_ = {feed_.segment(), feed_.end_offset() - header.size};
    BINBUS_TRY(found, look());
    if (!found) continue;
    found->at = at_;
    found->timestamp_s = header.timestamp;
    return found;
  }
}

Result<std::optional<DdlEvent>> DdlFeed::look() {
  switch (feed_.header().type) {
    case binlog::kFormatDescriptionEvent: {
      BINBUS_TRY(restarted, learn_format());
      if (!restarted) return std::optional<DdlEvent>{};
      return std::optional<DdlEvent>{DdlEvent{.restart = true}};
    }
    case binlog::kQueryEvent:
    case binlog::kMariadbQueryCompressedEvent: {
      const bool compressed = feed_.header().type == binlog::kMariadbQueryCompressedEvent;
      if (feed_.whole()) return take_query(feed_.prefix(), compressed);
      if (!compressed) {  // long, and most likely no DDL: its first words tell
        BINBUS_TRY(query, binlog::parse_query(feed_.prefix()));
        if (is_no_ddl(query.statement, facts_)) return std::optional<DdlEvent>{};
      }
      BINBUS_TRY(event, whole_event());
      return take_query(event, compressed);
    }
    case binlog::kTransactionPayloadEvent:
      return take_payload();
    default:
      return std::optional<DdlEvent>{};
  }
}

// The event without its checksum, as far as kStatementBytesMax.
Result<Bytes> DdlFeed::whole_event() {
  const size_t checksum_bytes = feed_.checksummed() ? binlog::kChecksumBytes : 0;
  const size_t wanted = std::min<size_t>(feed_.header().size - checksum_bytes, kStatementBytesMax);
  event_.assign(feed_.head().begin(), feed_.head().end());
  while (event_.size() < wanted) {
    BINBUS_TRY(piece, feed_.more());
    if (piece.empty()) break;
    event_.insert(event_.end(), piece.begin(), piece.end());
  }
  event_.resize(std::min(event_.size(), wanted));
  return Bytes(event_);
}

Result<std::optional<DdlEvent>> DdlFeed::take_query(Bytes event, bool compressed) {
  BINBUS_TRY(query, binlog::parse_query(event));
  if (compressed) {
    const Status uncompressed =
        schema::uncompress_event_part(as_bytes(query.statement), kStatementBytesMax, body_);
    // No DDL is that long; the rest of it is not needed to see what it is no part of.
    if (!uncompressed && uncompressed.error().code == Code::kLimit)
      return std::optional<DdlEvent>{};
    BINBUS_RETURN_IF_ERROR(uncompressed);
    query.statement = as_text(body_);
  }
  if (is_boundary(query.statement)) return std::optional<DdlEvent>{};
  BINBUS_TRY(context, schema::query_context(query, facts_));
  if (!context.takes_effect) return std::optional<DdlEvent>{};
  statement_ = schema::utf8_text(query.statement, context.client_collation);
  return std::optional<DdlEvent>{
      DdlEvent{.statement = statement_, .context = std::move(context.statement)}};
}

// A payload holds rows; only the first event in it can be DDL: that of CREATE TABLE ... SELECT.
Result<std::optional<DdlEvent>> DdlFeed::take_payload() {
  BINBUS_TRY(head, schema::parse_transaction_payload(feed_.prefix()));
  schema::PayloadReader payload(head, kPayloadEventBytesMax);
  Bytes piece = feed_.prefix().subspan(head.payload_at);
  while (!piece.empty()) {
    payload.feed(piece);
    auto event = payload.next();
    if (!event && event.error().code == Code::kLimit) return std::optional<DdlEvent>{};
    BINBUS_RETURN_IF_ERROR(event);
    if (*event) {
      if (binlog::parse_header((*event)->data()).type != binlog::kQueryEvent)
        return std::optional<DdlEvent>{};
      return take_query(**event, false);
    }
    BINBUS_TRY(more, feed_.more());
    piece = more;
  }
  return std::optional<DdlEvent>{};
}

}  // namespace binbus::changes
