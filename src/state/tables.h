// A stream's tables as they are kept: the rows of each, what is known of them, and the place of the log that all of it is of.
//
// Everything is written in batches; what a batch holds is there as a whole or not at all.
//
// Owner:  owns the store.
// Thread: one; what view() gives is for any.
// Errors: of the store; kNotFound from a row image that lacks a value of the table's key.
#pragma once

#include <list>
#include <set>

#include "state/images.h"
#include "state/rows.h"
#include "state/table_store.h"

namespace binbus::state {

// All tables at one place. Thread: any.
struct TablesView {
  Place place;
  std::shared_ptr<const StoreView> store;
  TableRecords tables;  // that are ready
  // Null: it is not there, or not ready.
  const TableRecord* find(std::string_view database, std::string_view table) const;
  RowReader reader(const TableRecord& table) const;
  // Its rows, or those whose keys are behind one; each under row_prefix() and its key.
  std::unique_ptr<StoreView::Iterator> rows(const TableRecord& table,
                                            std::string_view behind = "") const;
};

class Tables {
 public:
  // Reads what is in the store.
  static Result<std::unique_ptr<Tables>> open(std::string stream,
                                              std::unique_ptr<TableStore> store);

  struct Table {
    TableRecord record;
    std::vector<uint32_t> key;  // ordinals of columns; empty: rows are told apart by all they have
    std::unique_ptr<RowReader> reader;
    uint64_t incomplete = 0;  // rows of which values are to be read at the source
    // Keys of the rows that are as the source has them at fill.until, others being of the place; none: any may be.
    std::optional<std::set<std::string>> looked_up = {};
    bool has_key() const { return !key.empty(); }
  };
  // Stable addresses, until one is dropped.
  std::list<Table>& all() { return tables_; }
  Table* find(std::string_view database, std::string_view table);

  // None before the first commit() with one.
  const std::optional<Place>& place() const { return place_; }
  void set_place(Place place);

  Table& add(schema::TablePtr table, Phase phase);
  void drop(Table& table);
  // Begins anew: its rows go, and are read at the source (kFilling), or there are none (kReady). Paused stays paused.
  Table& empty(Table& table, Phase phase);
  // Its rows stay, see keeps_rows().
  Table& alter(Table& table, schema::TablePtr after);
  void keep(const Table& table);                 // what was changed in its record
  void give_up(Table& table, const Error& why);  // kFailed, and the log says so

  // Of the change that comes next: its images are kept, whole, when its event has a part of them and its table's rows are right.
  void keep_images(const Place::Change& change) { change_ = change; }
  // Those of segments before it, as of the last commit().
  Status forget_images(uint64_t segment);

  // Whether images may lack generated columns whose values have changed, as MariaDB's.
  void set_leaves_out_generated(bool leaves_out) { leaves_out_generated_ = leaves_out; }
  // Of row images; insert() also of a row that was read at the source, and puts it in place of what is there. A row that is not
  // whole after that is incomplete: it has values that are at the source only. kDiverged: a row that should be there is not.
  Status insert(Table& table, std::span<const schema::Field> row);
  Status update(Table& table, std::span<const schema::Field> before,
                std::span<const schema::Field> after);
  Status remove(Table& table, std::span<const schema::Field> row);
  // In place of an incomplete row: as the source has it later.
  Status complete(Table& table, std::span<const schema::Field> row);
  // Rows of a table with a key that is not ready, as they were read at the source, in place of what is there. Made and written by any
  // thread, nobody changing the table meanwhile.
  class Rows {
   public:
    explicit Rows(const Table& table);
    Status add(std::span<const schema::Field> row);
    // Behind the last row: what the table's record says now is written with them.
    void end();
    uint64_t count() const { return count_; }
    uint64_t bytes() const { return bulk_.bytes(); }
    void clear();  // the memory stays

   private:
    friend class Tables;
    const Table& table_;
    TableStore::Bulk bulk_;
    uint64_t count_ = 0;
    std::string key_;
  };
  Status write(Rows& rows) { return store_->write(rows.bulk_); }
  // How many rows are incomplete after that.
  Status count_incomplete(Table& table);
  // So often the row is there from now on, 0 for not at all; more than once in tables without a key only. It is no change of the log.
  Status set_count(Table& table, std::span<const schema::Field> row, uint64_t count);
  // The row's key in the store: row_prefix() and the key.
  Result<std::string> key_of(const Table& table, std::span<const schema::Field> row);
  // The row under such a key as it is kept, as the batch under way will leave it.
  Result<std::optional<std::string>> kept(const std::string& key) { return store_->get(key); }
  // For rows of the table as it is now; borrows the tables.
  std::unique_ptr<RowReader> make_reader(const Table& table) const;
  // Called for every row that is put (the row as it is kept) or erased (none), but for Rows; empty: nobody is.
  using OnWrite = std::function<void(const std::string& key, std::optional<std::string_view> kept)>;
  void on_write(OnWrite on_write) { on_write_ = std::move(on_write); }
  // Incomplete rows as they are kept, as of the last commit().
  Result<std::vector<std::string>> incomplete_rows(const Table& table, size_t count_max);

  bool batch_is_empty() const { return store_->batch_is_empty(); }
  uint64_t batch_bytes() const { return store_->batch_bytes(); }
  Status commit();
  // Everything is as of the last commit(), also what is known of tables.
  Status roll_back();
  Status sync();
  // Of all tables; the same object until one changes.
  TableRecords records() const;
  // As of the last commit(), which was at a transaction's end.
  std::shared_ptr<const TablesView> view() const;
  // All that was committed.
  std::shared_ptr<const StoreView> store_view() const { return store_->view(); }
  // What was committed, as a store of its own; see TableStore.
  Status checkpoint(const std::string& folder) { return store_->checkpoint(folder); }
  uint64_t disk_bytes() const { return store_->disk_bytes(); }
  bool damaged() const { return store_->damaged(); }

 private:
  Tables(std::string stream, std::unique_ptr<TableStore> store)
      : stream_(std::move(stream)), store_(std::move(store)) {}
  Status load();
  Status load_table(TableRecord record);
  Table& attach(TableRecord record);
  Status make_key(const Table& table, std::span<const schema::Field> row);
  Status put(Table& table, std::span<const schema::Field> row, uint64_t count);
  Status erase(Table& table);
  Status mark(Table& table, bool incomplete);
  Status count(Table& table, std::span<const schema::Field> row, int64_t by);
  using Row = std::span<const schema::Field>;
  Result<Row> merge(std::vector<schema::Field>& into, std::initializer_list<Row> rows, bool of_now);
  Result<Row> kept_row(Table& table, std::optional<std::string>& bytes);
  bool is_of_now(const Table& table) const;
  Status put_images(Row before, Row after);

  const std::string stream_;
  const std::unique_ptr<TableStore> store_;
  std::list<Table> tables_;
  std::optional<Place> place_;
  bool place_changed_ = false;  // since the last commit()
  bool unsynced_ = false;
  // Made when they are asked for.
  mutable TableRecords records_, ready_;
  uint32_t next_id_ = 1;
  std::vector<uint32_t> dropped_;  // whose rows are to be removed
  std::string key_;                // of the row at hand, with its prefix
  std::vector<schema::Field> merged_, merged_before_;
  std::list<ByteVector> documents_;      // that merge() has made, of the change at hand
  std::optional<Place::Change> change_;  // whose images are to be kept
  bool leaves_out_generated_ = false;
  OnWrite on_write_;
};

}  // namespace binbus::state
