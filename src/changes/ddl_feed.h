// The statements of a log that may be DDL, one by one; rows are passed over.
//
// Owner:  borrows the log, which must outlive it.
// Thread: one.
#pragma once

#include <optional>

#include "schema/query_context.h"
#include "schema/transaction_payload.h"
#include "store/event_feed.h"

namespace binbus::changes {

using binlog::Position;

struct DdlEvent {
  Position at = {};          // where its event begins (that of the payload it is in)
  uint32_t timestamp_s = 0;  // of its header
  // The source has restarted here: temporary tables are gone. There is no statement.
  bool restart = false;
  // UTF-8. As far as it was read: no DDL when it was longer than kStatementBytesMax.
  std::string_view statement = {};
  schema::StatementContext context = {};
};

// Whether a statement is no DDL, by its first words.
bool is_no_ddl(std::string_view first_words, const schema::StatementContext& facts);

class DdlFeed {
 public:
  static constexpr size_t kStatementBytesMax = 64 * 1024 * 1024;

  // From `at` on, which is the start of an event or segment. `facts` as query_context() takes them.
  static Result<DdlFeed> open(store::Log& log, Position at, schema::StatementContext facts);

  // The next one that begins before `until`; none when there is no more before `until` or the visible end. Good until the
  // next call.
  Result<std::optional<DdlEvent>> next(Position until);

 private:
  DdlFeed(store::EventFeed feed, schema::StatementContext facts)
      : feed_(std::move(feed)), facts_(std::move(facts)) {}

  Result<bool> learn_format();
  Result<std::optional<DdlEvent>> look();
  Result<std::optional<DdlEvent>> take_query(Bytes event, bool compressed);
  Result<Bytes> whole_event();
  Result<std::optional<DdlEvent>> take_payload();

  store::EventFeed feed_;
  schema::StatementContext facts_;
  Position at_;  // of the current event
  ByteVector event_;
  ByteVector body_;
  std::string statement_;
};

}  // namespace binbus::changes
