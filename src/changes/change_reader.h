// Reads binlog files as changes: whole transactions in order, rows decoded, DDL followed.
//
//   ChangeReader reader(options, start, catalog);
//   while (true) {
//     BINBUS_TRY(more, reader.read(emit));
//     if (!more) reader.wait(1000, stop);
//   }
//
// What is special:
// - Rows of an XA transaction come at its XA COMMIT, in that statement's place; the prepared events are read again then.
// - A transaction that ends with ROLLBACK (it also touched what cannot be rolled back) gives no changes.
// - MariaDB's versioned tables are told as SELECT shows them: rows of the past are left out, and where the log sets a row's end
//   that is a delete. As far as the table's definition is known.
// - Rows that were logged as statements are no changes: `losses` says whether they stop the reader or are passed over.
// - An event that may carry rows and cannot be decoded is an error, and place() stays before its transaction.
//
// Owner:  owns what it reads from and the catalog.
// Thread: one at a time. Memory: one event (at most event_bytes_max) and one block; a compressed transaction is never
//         held as a whole.
// Errors: each names file and offset. kUnsupported for what is not known, kDiverged when a table map is not of the table
//         version in use, kNotFound when there is none. After an error: begin again, at place().
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "binlog/gtid_events.h"
#include "binlog/transaction_tracker.h"
#include "changes/transaction_scan.h"
#include "schema/catalog.h"
#include "schema/change.h"
#include "schema/mapped_tables.h"
#include "schema/query_context.h"
#include "schema/row_reader.h"
#include "store/event_feed.h"

namespace binbus::changes {

using binlog::Position;
using schema::Change;

// What is to be done where the log does not have the rows: they were logged as statements, an Incident says that the source lost
// events, or they were prepared (XA) before the log's beginning.
enum class LossPolicy : uint8_t { kStop, kSkip };

struct ReaderOptions {
  // Another source of the same bytes, at that place.
  std::function<Result<std::unique_ptr<binlog::ByteSource>>(Position)> open;
  // Where the bytes begin: what was prepared before the start is looked for from there.
  std::function<Position()> oldest;
  // Whether a table's rows are wanted; not given: all are.
  std::function<bool(std::string_view database, std::string_view table)> wants;
  // What statements mean beside what their events say; the server's version is the files' own.
  schema::StatementContext facts;
  LossPolicy losses = LossPolicy::kStop;
  // Columns of tables that nothing is known of are named "@1", "@2", ..., as mysqlbinlog does; else that is an error.
  bool number_columns = false;
  // Why `catalog` has nothing yet, when more will be known soon: the error for such a table then says this.
  std::string catalog_to_come;
  bool sql_text = false;  // original statements are wanted, see Change::sql
  uint64_t event_bytes_max = 2ULL << 30;
};

struct ReaderCounts {
  uint64_t transactions = 0;
  uint64_t rows = 0;
  uint64_t rolled_back = 0;         // transactions that ended with ROLLBACK, or were never finished
  uint64_t statements_skipped = 0;  // rows that were logged as statements
  uint64_t incidents = 0;           // events that the source lost
  uint64_t xa_skipped = 0;          // transactions that were prepared before the oldest place
};

class ChangeReader {
 public:
  using Emit = std::function<Status(const Change&)>;
  static constexpr size_t kSqlBytesMax = 64 * 1024;  // of an original statement

  // `start` is a place between transactions, or {segment, 0}; `catalog` is that of this place.
  ChangeReader(ReaderOptions options, Position start, schema::Catalog catalog);
  ~ChangeReader();

  // Emits the next transaction, or passes over the next event outside any. False: at the end of what there is. What `emit`
  // fails with is returned.
  Result<bool> read(const Emit& emit);
  bool wait(uint64_t timeout_ms, const std::stop_token& stop);

  // Behind the last transaction that was read to its end.
  Position place() const { return place_; }
  const std::string& segment_name() const { return segment_name_; }
  const schema::Catalog& catalog() const { return catalog_; }
  const ReaderCounts& counts() const { return counts_; }

 private:
  Status open();
  Result<std::unique_ptr<store::EventFeed>> open_feed(Position at,
                                                      binlog::FormatDescription& format);
  Result<Bytes> whole_event(store::EventFeed& feed);
  Result<Bytes> needed_of(store::EventFeed& feed);
  Status take_data(store::EventFeed& feed, const binlog::EventHeader& header);
  Status on_event();
  Status on_format(Bytes event);
  Status begin_transaction(const binlog::EventHeader& header);
  // From behind the feed's event to the transaction's end.
  Status look_ahead(const store::EventFeed& feed);
  Status end_transaction(const binlog::EventHeader& header, const binlog::TransactionEnd& end);
  Status on_query(const binlog::EventHeader& header, Bytes event);
  Status on_ddl(const binlog::EventHeader& header, const binlog::QueryEvent& query);
  Status on_rows_as_statement(std::string_view statement);
  Status on_xa_not_here(const std::string& xa);
  Status replay(const std::string& xa);
  Status replay_events(store::EventFeed& feed);
  Result<std::optional<Position>> find_prepared(const std::string& xa);
  Status on_payload(store::EventFeed& feed);
  // Events with rows, or what goes before them; of a transaction's own bytes, a payload's or a replayed one's.
  Status on_data(const binlog::EventHeader& header, Bytes event);
  Status on_table_map(Bytes event);
  void take_sql(std::string_view text);
  Status on_rows(const binlog::EventHeader& header, Bytes event);
  Result<bool> take_row(const schema::RowLayout& layout, schema::Operation logged,
                        Change& change) const;
  Result<schema::TablePtr> resolve(const schema::TableMap& map);
  Change make_change(schema::Operation operation, const binlog::EventHeader& header) const;
  Status give(Change& change);

  ReaderOptions options_;
  Position place_;
  schema::Catalog catalog_;
  ReaderCounts counts_;
  std::string segment_name_;

  std::unique_ptr<store::EventFeed> feed_;
  binlog::FormatDescription format_;
  schema::StatementContext facts_;  // of the server that wrote the segment
  binlog::TransactionTracker tracker_;
  schema::MappedTables tables_;
  schema::RowReader rows_;
  ByteVector long_event_;
  const Emit* emit_ = nullptr;

  // The transaction under way.
  schema::TransactionInfo transaction_;
  TransactionAhead ahead_;
  bool begun_ = false;        // kBegin was given
  std::string xa_;            // its identifier, from XA START
  std::string sql_;           // the statement that the rows to come are of
  uint64_t event_ = 0;        // of its rows events and statements, the next one's number
  uint64_t rows_events_ = 0;  // so far
  Position position_;         // of the event

  std::unordered_map<std::string, Position>
      prepared_;  // XA transactions by identifier: where they begin
  // Why table versions that the log's DDL tells are not to be trusted since a statement that was not understood.
  std::string doubt_;
};

}  // namespace binbus::changes
