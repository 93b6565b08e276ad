// A table's rows under their keys: written from row images, read as fields of the table's newest version.
//
// Owner:  borrows the store's bytes for the call only.
// Thread: one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "state/records.h"
#include "state/row_codec.h"

namespace binbus::state {

// Gives the versions of a table, for rows of before its newest.
using VersionOf = std::function<Result<schema::TablePtr>(uint32_t version)>;

class RowReader {
 public:
  RowReader(schema::TablePtr table, uint32_t version, bool with_count, VersionOf version_of);
  struct Row {
    std::span<const schema::Field> fields;  // one per column of the table
    uint64_t count = 1;                     // how often it is there
  };
  // Good until the next call, and as long as `value`.
  Result<Row> read(std::string_view value);

 private:
  // Rows of one version, as those of the newest.
  struct Version {
    StoredRowReader reader;
    std::vector<std::optional<size_t>> column_of;  // of each column of the newest; empty: the same
  };
  Result<Version*> version(uint32_t number);

  const schema::TablePtr table_;
  const uint32_t newest_;
  const bool with_count_;
  const VersionOf version_of_;
  std::map<uint32_t, Version> versions_;
  std::vector<schema::Field> fields_;  // of the newest
};

// Whether rows that were written as `before` read rightly as `after`, made of it by `statement`: columns went, were moved, or hold
// more; else the source may have given them values that its log does not tell.
bool keeps_rows(const schema::TableVersion& before, const schema::TableVersion& after,
                std::string_view statement);

// A column that a full row image of every server has: hidden ones are not told, and MariaDB 11 leaves out generated ones of updates.
bool is_in_full_images(const schema::Column& column);

}  // namespace binbus::state
