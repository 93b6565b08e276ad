// A change's images, whole, as they are kept for who reads a log whose events have a part of them.
//
// Pure. Bytes that contradict the form are kCorrupt or kTruncated.
#pragma once

#include <map>

#include "schema/change.h"
#include "state/row_codec.h"

namespace binbus::state {

// Whether the event left columns out, or has but a step of a JSON document.
bool lacks_values(std::span<const schema::Field> row);

// `before` and `after` as schema::Change has them.
Status store_images(ByteWriter& out, std::span<const schema::Field> before,
                    std::span<const schema::Field> after);

// Thread: one.
class ImageReader {
 public:
  // Puts into `change` what its images lack. Good until the next call, and as long as `images`.
  Status fill(schema::Change& change, Bytes images);

 private:
  static constexpr size_t kTablesMax = 1000;  // forgotten then
  struct Readers {
    schema::TablePtr table;
    StoredRowReader before, after;
  };
  std::map<const schema::TableVersion*, Readers> readers_;
};

}  // namespace binbus::state
