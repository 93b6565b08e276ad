// Rows as they are kept: the fields of a row image with the bytes and wire types that they came with, so that they print as the
// event's did, whatever becomes of the table.
//
// Pure. Bytes that contradict the form are kCorrupt or kTruncated.
#pragma once

#include "schema/field.h"

namespace binbus::state {

// kUnsupported when a field is kPartial: the whole document is needed.
Status store_row(ByteWriter& out, std::span<const schema::Field> row);
Result<ByteVector> stored_row(std::span<const schema::Field> row);

// Reads rows of one version of a table. Columns that a row has not are absent.
//
// Thread: one. Memory: a field per column, allocated once.
class StoredRowReader {
 public:
  explicit StoredRowReader(schema::TablePtr table);
  // One field per column of the table, in order; good until the next call, their bytes as long as `row`.
  Result<std::span<const schema::Field>> read(Bytes row);

 private:
  const schema::TablePtr table_;
  std::vector<schema::Field> fields_;
};

}  // namespace binbus::state
