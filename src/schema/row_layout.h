// How the values of one table's rows lie in rows events: a table map checked against the table version in use.
//
// Immutable once made; may be used from any thread.
#pragma once

#include "schema/table_map.h"

namespace binbus::schema {

class Charset;

class RowLayout {
 public:
  struct Step {
    uint32_t fixed = 0;  // bytes of a value, or
    uint8_t prefix = 0;  // of the length before it
    bool json = false;   // of those whose updates may be partial
  };

  // kDiverged, naming the column, when the map's columns are not those of the version: another number, type, size, sign or
  // charset. kUnsupported when a column's values cannot be told apart from what follows them.
  static Result<RowLayout> make(const TableMap& map, TablePtr table);

  size_t columns() const { return steps_.size(); }
  const std::vector<Step>& steps() const { return steps_; }
  const TablePtr& table() const { return table_; }
  uint64_t table_id() const { return table_id_; }
  // The column that tells until when a row was current, in tables that keep the rows of the past, too.
  std::optional<uint32_t> row_end() const { return row_end_; }
  // Fields of all columns, absent.
  const std::vector<Field>& fields() const { return fields_; }

 private:
  uint64_t table_id_ = 0;
  TablePtr table_;
  std::vector<Step> steps_;
  std::vector<Field> fields_;
  std::optional<uint32_t> row_end_;
};

}  // namespace binbus::schema
