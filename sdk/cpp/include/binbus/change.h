// What a feed tells, one by one.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "binbus/value.h"

namespace binbus::feed::v1 {
class Change;
class Row;
class Transaction;
}  // namespace binbus::feed::v1

namespace binbus {

namespace detail {
struct Batch;
}

enum class Op {
  kRead,  // a row of the snapshot
  kInsert,
  kUpdate,
  kDelete,
  kDdl,     // a statement that changed tables or databases
  kBegin,   // of a transaction: with SubscribeOptions::transactions
  kCommit,  // the same
  kReset,   // the snapshot could not be gone on with: what came of it is void, all rows come again
  kSnapshotEnd,  // all rows came: with SubscribeOptions::snapshot_end
};
// "read", "insert", ..., "snapshot_end".
std::string_view name(Op op);
std::ostream& operator<<(std::ostream& out, Op op);

// The values of a row, or none: of an insert, before() is none.
//
// Owner: shares the change's data; may outlive the Change.
class Row {
 public:
  Row() = default;
  explicit operator bool() const { return row_ != nullptr; }
  size_t size() const;  // columns; 0 of none
  const Table& table() const { return *table_; }
  // Throw Error(kConversion) where there is no row or no such column. Names are taken as they are spelt at the source.
  Value operator[](size_t column) const;
  Value operator[](std::string_view column) const;

 private:
  friend class Change;
  Row(std::shared_ptr<const detail::Batch> batch, const feed::v1::Row* row, const Table* table)
      : batch_(std::move(batch)), row_(row), table_(table) {}

  std::shared_ptr<const detail::Batch> batch_;
  const feed::v1::Row* row_ = nullptr;
  const Table* table_ = nullptr;
};

// What a DDL statement did. Views are good as long as the Change.
struct Ddl {
  std::string_view statement;
  std::string_view database;  // the session's default
  const Table* before =
      nullptr;  // the table as it was; nullptr: it is new, or the statement is about no table that is read
  const Table* after = nullptr;  // as it is now; nullptr: it was dropped
  bool truncate = false;         // all its rows went
  // create_table, alter_table, rename_table, drop_table, truncate_table, create_index, drop_index, create_database, alter_database,
  // drop_database; other.
  std::string_view action;
};

// Owner:  copies share the data, and are cheap. Views and pointers that it gives are good as long as one of them lives.
// Thread: any number may read; it stays good when the feed is gone.
class Change {
 public:
  using Moment = std::chrono::sys_time<std::chrono::microseconds>;

  Op op() const { return op_; }
  const std::string& database() const;  // "" where the change is about no single table
  const std::string& table() const;     // the same
  const Table* definition() const;      // nullptr there
  Row before() const;                   // of update and delete
  Row after() const;                    // of read, insert and update
  // The key's values: the new ones of an update, those of before() where they were not logged again. Empty: the table has none.
  std::vector<Value> key() const;

  const std::string& gtid() const;  // "": it has none (rows of a snapshot, sources without GTIDs)
  // FILE:POS at the source, where the transaction begins; "" of a read.
  const std::string& transaction_position() const;
  Moment commit_time() const;           // at the source; 1970 of a read
  Moment original_commit_time() const;  // where it was committed first; 1970: not told
  uint32_t thread_id() const;           // of the client at the source; 0: not told
  const std::string& xa() const;        // the identifier of an XA transaction
  // Which of the transaction's events, and which of the event's rows: an id, together with gtid() or transaction_position(), that is
  // the same whenever and wherever the change is read.
  uint32_t event() const;
  uint32_t row() const;
  // DDL: the statement. Of rows what the source logged of it, with SubscribeOptions::sql; of a long one the beginning.
  const std::string& statement() const;
  Ddl ddl() const;
  // Of a commit: how many changes came between begin and here, all of the transaction that fit; 0: not told, as of shared cursors.
  uint64_t count() const;

  // All up to and with this change: what SubscribeOptions::position takes. Not for comparing or taking apart. "" of a reset, and of
  // a row that a table without a key has more than once, but for its last time: nothing can be gone on with from there.
  const std::string& position() const;
  // Everything up to and with this change is done: a later run with the cursor begins behind it. Returns at once; it is durable
  // when Feed::flush() says so, and sent again after a break. Thread: any. Throws Error(kInvalid) when the subscription has no cursor;
  // does nothing once the feed is gone, and where position() is "".
  void commit() const;

 private:
  friend class Inbox;
  Change(Op op, std::shared_ptr<const detail::Batch> batch, int index, bool whole = true)
      : op_(op), whole_(whole), index_(index), batch_(std::move(batch)) {}
  const feed::v1::Change& raw() const;
  const feed::v1::Transaction& of() const;

  Op op_;
  bool whole_;  // not one of several times that the row comes
  int index_;   // in the batch
  std::shared_ptr<const detail::Batch> batch_;
};

// What Feed::next_transaction() gives: a transaction's changes without its begin and commit.
struct Transaction {
  std::vector<Change> changes;  // empty where `last` is of no transaction
  Change last;  // the commit; or the one change that is of none, as a snapshot's row
  const std::string& gtid() const { return last.gtid(); }
  void commit() const { last.commit(); }
};

}  // namespace binbus
