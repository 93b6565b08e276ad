// What happened to a row, a table or a transaction, at one place of the log: what formats print and sinks deliver.
//
// A Change is a set of views that holds for the call it is given to: into the event's bytes, into the decoder's state.
#pragma once

#include <span>
#include <string_view>

#include "binlog/position.h"
#include "mysql/gtid.h"
#include "schema/field.h"

namespace binbus::schema {

enum class Operation : uint8_t {
  kInsert,
  kUpdate,
  kDelete,
  kDdl,       // a statement that changed tables or databases, see Change::statement
  kTruncate,  // TRUNCATE TABLE: all rows of `table` went; has a statement too
  kBegin,     // a transaction's bounds, around its changes
  kCommit,
  kRead,  // a row of a snapshot, `after` as of `position`
};

// Insert, update or delete of one.
inline bool is_row(Operation operation) {
  return operation == Operation::kInsert || operation == Operation::kUpdate ||
         operation == Operation::kDelete;
}

std::string_view operation_name(Operation operation);  // "insert", "begin", ...

// Of the transaction that a change is part of; the same object for all of them.
struct TransactionInfo {
  mysql::AnyGtid gtid;       // monostate: none
  binlog::Position begin;    // of its first event
  std::string_view segment;  // name of the binlog file that it is in
  uint64_t commit_us = 0;    // at the source, µs since the epoch; whole seconds on older servers
  uint64_t original_commit_us = 0;  // where it was first committed; 0: not told
  // Of its Xid event; 0: it has none, or it was not seen yet. At kCommit it is known.
  uint64_t xid = 0;
  uint32_t thread_id = 0;  // of the client at the source; 0: not told
  std::string_view xa;     // XA identifier, as X'..',X'..',1; "": no XA transaction
  uint64_t changes = 0;    // rows so far; at kCommit: all
};

struct Change {
  Operation operation = Operation::kInsert;
  const TransactionInfo* transaction = nullptr;
  binlog::Position position;  // of the event
  // Which of the transaction's rows events or statements, from 0, and which row of it, from 0: with the GTID or the
  // position of the transaction, a stable id, whatever else is read.
  uint64_t event = 0;
  uint32_t row = 0;
  uint64_t number = 0;  // of the transaction's changes that were read, from 0
  // Of the transaction's changes this is the last; only where the decoder has looked ahead to its end.
  bool last = false;
  // It may be the last all the same: its table keeps rows of the past, and what follows may be about these alone.
  bool may_be_last = false;
  uint32_t timestamp_s = 0;  // of the event's header
  uint32_t server_id = 0;    // where it was first written
  // Null for kBegin, kCommit and statements about no single table. Shared, so that who keeps something by table can keep
  // the table, too.
  TablePtr table;
  std::span<const Field> before;  // kUpdate, kDelete: one per column of `table`, in order
  std::span<const Field> after;   // kInsert, kUpdate, kRead
  // The original statement where the source logs it (Rows_query, Annotate_rows) and it is wanted, UTF-8; of a long one the
  // beginning and "...".
  std::string_view sql;
  // kDdl, kTruncate: UTF-8.
  std::string_view statement;
  std::string_view database;  // the session's default database
  // kDdl of one table: null when it is new; after: null when it is dropped.
  TablePtr table_before;
  TablePtr table_after;
};

}  // namespace binbus::schema
