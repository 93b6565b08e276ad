// Follows a stream's changes: what they do to rows and tables is done to the kept ones.
//
// A table that is new to it begins empty where a statement made it, and else is to be filled. Where a statement may have changed rows
// in a way that the log does not tell (a column that was added, another type), the table is to be filled anew.
//
// Owner:  borrows the tables.
// Thread: the tables'.
// Errors: of take(): the tables', and those of values (kCorrupt, kUnsupported). A fault of one table is that table's alone (kFailed).
#pragma once

#include <unordered_map>

#include "changes/change_source.h"
#include "schema/change.h"
#include "state/tables.h"

namespace binbus::state {

class Applier {
 public:
  // How much may wait to be written: of a longer transaction a part is.
  static constexpr uint64_t kBatchBytes = 8 << 20;

  Applier(std::string stream, Tables& tables, changes::WantsTable wants)
      : stream_(std::move(stream)), tables_(tables), wants_(std::move(wants)) {}

  // Also the whole images of what comes, see Tables::keep_images().
  void keep_images() { keeps_images_ = true; }
  // In the order of the log, from the tables' place on.
  Status take(const schema::Change& change);
  // All up to there was taken.
  void reach(Position at, std::string text);
  // A table that is there at the tables' place, and wanted: it is to be filled when it is new.
  void find_or_add(const schema::TablePtr& table);
  // Somebody else has changed tables.
  void forget() { known_.clear(); }
  bool wants(const schema::TableVersion& table) const {
    return wants_(table.database, table.table);
  }

 private:
  bool is_done(const schema::Change& change);
  Status take_row(const schema::Change& change);
  Status apply_row(Tables::Table& table, const schema::Change& change);
  void take_ddl(const schema::Change& change);
  void change_table(Tables::Table& table, const schema::TablePtr& after,
                    std::string_view statement);
  void fill_anew(Tables::Table& table, std::string_view why);
  Tables::Table& table_of(const schema::TablePtr& version);

  const std::string stream_;
  Tables& tables_;
  const changes::WantsTable wants_;
  bool keeps_images_ = false;
  // What rows name: the versions that the reader gives.
  struct Known {
    schema::TablePtr version;
    Tables::Table* table;
  };
  std::unordered_map<const schema::TableVersion*, Known> known_;
};

}  // namespace binbus::state
