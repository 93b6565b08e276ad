// Which tables a sink delivers, as the rows of a table of the source say:
//
//   CREATE TABLE ops.monitored (
//     db_name VARCHAR(64), tb_name VARCHAR(64), PRIMARY KEY (db_name, tb_name),
//     monitor_insert BIT(1), monitor_update BIT(1), monitor_delete BIT(1))
//
// What a row says holds for the changes behind it in the log. Further columns mean nothing; a flag may be any number.
//
// Thread: one.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "schema/change.h"

namespace binbus::sink {

struct FilterRow {
  std::string database, table;
  bool inserts = false, updates = false, deletes = false;
  bool operator==(const FilterRow&) const = default;
};

class FilterTable {
 public:
  // `name` is "database.table"; kInvalid for anything else.
  static Result<FilterTable> make(const std::string& name);

  bool is(std::string_view database, std::string_view table) const {
    return database == database_ && table == table_;
  }
  bool is(const schema::TablePtr& named) const {
    return named != nullptr && is(named->database, named->table);
  }
  std::string name() const { return database_ + "." + table_; }
  // A change of the filter table itself. kInvalid when it lacks columns or the row's image does.
  Status apply(const schema::Change& change);
  // Null for a table that is not listed. Valid until the next change.
  const FilterRow* find(std::string_view database, std::string_view table) const;

  std::vector<FilterRow> rows() const;
  void set_rows(std::vector<FilterRow> rows);
  // Something has changed since set_rows() or the last call.
  bool take_changed() { return std::exchange(changed_, false); }

 private:
  FilterTable(std::string database, std::string table)
      : database_(std::move(database)), table_(std::move(table)) {}
  struct Columns;
  static Result<Columns> columns_of(const schema::TableVersion& table);

  std::string database_, table_;
  std::map<std::pair<std::string, std::string>, FilterRow> rows_;
  bool changed_ = false;
};

}  // namespace binbus::sink
