// The tables that Table_map events have named, by id, each with the layout of its rows.
//
// A log repeats a table's map before each statement; one with the same bytes costs a comparison.
// Thread: one at a time. Memory: at most `tables_max` maps, but for those of one statement.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "schema/row_layout.h"

namespace binbus::schema {

class MappedTables {
 public:
  // Finds the version in use of a map's table; null for one whose rows are of no interest.
  using Resolve = std::function<Result<TablePtr>(const TableMap& map)>;

  explicit MappedTables(Resolve resolve, size_t tables_max = 4096)
      : resolve_(std::move(resolve)), tables_max_(tables_max) {}

  // Takes a Table_map event, whole but for its checksum. What resolve and RowLayout::make() say against it is returned, and the id
  // is then of no table.
  Status take(Bytes event, const binlog::FormatDescription& format);
  // Whether a map named this id.
  bool knows(uint64_t table_id) const { return table(table_id) != nullptr; }
  // Null: no map named this id, or a table of no interest. Good until the next take() or clear().
  const RowLayout* find(uint64_t table_id) const;
  // To be told at the end of a statement (RowsHead::ends_statement): its maps need no longer be kept.
  void end_statement() { ++statement_; }
  // Forgets all: at a file's start, and when a table version changes.
  void clear();

 private:
  struct Table {
    ByteVector body;  // of the event, from the flags after its id on
    std::optional<RowLayout> layout;
    uint64_t statement = 0;  // that named it last
  };
  Table* table(uint64_t id) const;  // null: none
  void make_room();

  Resolve resolve_;
  size_t tables_max_;
  uint64_t statement_ = 0;
  std::unordered_map<uint64_t, std::unique_ptr<Table>> tables_;
  std::pair<uint64_t, Table*> last_ = {};  // that take() saw: its rows follow
};

}  // namespace binbus::schema
