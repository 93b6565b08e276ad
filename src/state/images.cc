#include "state/images.h"

#include <algorithm>

#include "state/rows.h"

namespace binbus::state {

using schema::Field;

bool lacks_values(std::span<const Field> row) {
  return std::ranges::any_of(row, [](const Field& field) {
    return field.state == Field::State::kPartial ||
           (field.state == Field::State::kAbsent && is_in_full_images(*field.column));
  });
}

Status store_images(ByteWriter& out, std::span<const Field> before, std::span<const Field> after) {
  ByteWriter image;
  BINBUS_RETURN_IF_ERROR(store_row(image, before));
  out.lenenc_text(as_text(image.view()));
  return store_row(out, after);
}

Status ImageReader::fill(schema::Change& change, Bytes images) {
  if (readers_.size() > kTablesMax) readers_.clear();
  const auto [at, added] = readers_.try_emplace(
      change.table.get(),
      Readers{change.table, StoredRowReader(change.table), StoredRowReader(change.table)});
  ByteReader in(images);
  BINBUS_TRY(before, in.lenenc_bytes("images: before"));
  const auto read = [](StoredRowReader& reader, Bytes row, std::span<const Field>& into) -> Status {
    if (into.empty()) return ok();
    BINBUS_TRY(fields, reader.read(row));
    into = fields;
    return ok();
  };
  BINBUS_RETURN_IF_ERROR(read(at->second.before, before, change.before));
  return read(at->second.after, in.rest(), change.after);
}

}  // namespace binbus::state
