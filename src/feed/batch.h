// Changes as the protocol has them, with the tables and transactions that they are of.
//
// Thread: one.
#pragma once

#include <memory>

#include "feed/place.h"
#include "feed/selection.h"
#include "feed/wire.h"
#include "format/event_id.h"
#include "format/table_cache.h"

namespace binbus::feed {

// Of a v1::Batch the serialized fields, apart: a call is told each table once, and changes may go to many.
struct Batch {
  struct Named {
    uint32_t id = 0;
    std::shared_ptr<const std::string> definition;  // a v1::Table
  };
  std::vector<Named> tables;  // that its changes name; ids are unique in the process
  std::string body;           // all else
  std::string position;       // of its last change
};
// What a SubscribeResponse has before the body, with the definitions of some tables.
std::string head_of(const std::vector<Batch::Named>& tables, size_t body_bytes);

class BatchMaker {
 public:
  explicit BatchMaker(const Selection& selection);

  // `place`: all up to and with the change. kCorrupt for a value that contradicts its type.
  Status add(const schema::Change& change, const Place& place);
  // The same for a row of a snapshot, which is there so many times.
  Status add_row(const schema::Change& change, const Place& place, uint64_t copies,
                 std::string_view key);
  // The same for a commit, of a transaction of which so many changes are told; 0: that is not said.
  Status add_commit(const schema::Change& change, const Place& place, uint64_t count);
  // The last change that was added is the last before that place.
  void end_at(const Place& place);
  // Goes behind each place from now on, to make it a position.
  void set_suffix(std::string suffix) { suffix_ = std::move(suffix); }
  size_t bytes() const { return wire_.written().size(); }
  bool empty() const { return bytes() == 0; }
  // What was added since the last call.
  Batch take();

 private:
  struct Part {
    Batch::Named named;
    std::vector<uint32_t> columns;
    uint64_t named_in = 0;  // the newest batch
  };
  const Part& part(const schema::TablePtr& table);
  uint32_t transaction(const schema::Change& change);
  void move_to(const Place& place);
  Status write(const schema::Change& change);
  Status write_row(int field, std::span<const schema::Field> fields, const Part& part);
  void end_change();

  const Selection& selection_;
  WireWriter wire_;
  size_t change_ = 0;     // where the last change was opened; 0: there is none that is still open
  std::string position_;  // the last change's, written when it ends
  std::string suffix_;    // of positions
  std::string nulls_, absent_;
  format::TableCache<Part> parts_;
  uint64_t batches_ = 1;
  std::vector<Batch::Named> tables_;  // of the batch
  format::EventId event_id_;
  uint32_t transactions_ = 0;  // in the batch
  // Of the batch's last transaction.
  const schema::TransactionInfo* last_transaction_ = nullptr;
  binlog::Position last_begin_;
};

}  // namespace binbus::feed
