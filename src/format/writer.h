// Prints changes as one of the formats that consumers know.
//
// Owner:  borrows nothing between calls.
// Thread: one. Reads the Change's views, appends to the output given, allocates nothing else per change.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "schema/change.h"

namespace binbus::format {

struct WriterOptions {
  std::string stream;               // Debezium's server name, and part of event ids
  bool transaction_bounds = false;  // messages for BEGIN and COMMIT, with counts
  bool ddl = false;                 // messages for DDL
  bool schemas = false;             // Debezium: each message with its schema
  bool sql_text = false;            // the original statement, where there is one
  bool gtid = true;          // GTID and position of the change, and who made it: server and thread
  bool primary_key = false;  // Maxwell: the key's columns and values in each message, too
};

class Writer {
 public:
  virtual ~Writer() = default;
  // Appends the message of `change`. False: this format has none for it by its options, and `out` is unchanged.
  // kCorrupt when a value's bytes contradict its type; `out` is unchanged then, too.
  virtual Result<bool> write(std::string& out, const schema::Change& change) = 0;
  // `message` is what write() appended last, alone: makes it that of its transaction's last change after all, which only
  // became known when no other followed.
  virtual void mark_last(std::string& message) const { (void)message; }
  // Whether messages tell the last change of a transaction.
  virtual bool tells_last() const { return false; }
  // Appends what a message about a key would carry as its key, in this format's way (Maxwell's and Debezium's key JSON).
  virtual Result<bool> write_key(std::string& out, const schema::Change& change) = 0;
  // Of the message, between newlines or alone in a broker's record: "application/json", "application/sql".
  virtual std::string_view content_type() const = 0;
};

// "maxwell", "canal", "debezium", "binbus", "sql"; kInvalid names those that there are.
Result<std::unique_ptr<Writer>> make_writer(std::string_view format, const WriterOptions& options);

}  // namespace binbus::format
