// Walks the rows of rows events: Write, Update and Delete of every version, partial updates, MariaDB's compressed ones.
//
//   BINBUS_RETURN_IF_ERROR(reader.open(layout, head, event));
//   while (true) {
//     BINBUS_TRY(more, reader.next());
//     if (!more) break;
//     ... reader.before(), reader.after() ...
//   }
//
// Thread: one at a time. Memory: one set of fields per layout in use; no allocation per row. A compressed event's rows and
// a partly updated JSON document are held while they are looked at.
#pragma once

#include "binlog/event.h"
#include "schema/row_layout.h"

namespace binbus::schema {

enum class RowOperation : uint8_t { kInsert, kUpdate, kDelete };

// Whether an event of rows with this id is of no table: MariaDB and MySQL end some statements with one.
inline bool is_dummy_table(uint64_t table_id) {
  return table_id == 0xffffff || table_id == 0xffffffffffff;
}

struct RowsHead {
  uint64_t table_id = 0;
  uint32_t bytes = 0;  // of the event up to here
  uint16_t flags = 0;
  uint8_t type = 0;  // of the event
  RowOperation operation = RowOperation::kInsert;
  bool ends_statement() const { return (flags & 1) != 0; }
  bool is_dummy() const { return is_dummy_table(table_id); }
};
// `event` is whole but for its checksum. kUnsupported when its type is not one of rows that is known.
Result<RowsHead> parse_rows_head(Bytes event, const binlog::FormatDescription& format);
// Whether an event of this type has rows.
bool is_rows_event(uint8_t type);

class RowReader {
 public:
  struct Limits {
    uint64_t uncompressed_bytes_max = 1ULL << 30;  // of one compressed event's rows
  };
  explicit RowReader(Limits limits) : limits_(limits) {}
  RowReader() : RowReader(Limits{}) {}

  // Starts on an event, which is whole but for its checksum and outlives its rows' use; `head` is its own. `layout` is that
  // of its table map and is used until the next open().
  Status open(const RowLayout& layout, const RowsHead& head, Bytes event);
  // Moves to the next row; false after the last. kCorrupt or kTruncated name the table, the row and the column.
  Result<bool> next();

  // False when next() has come to the last row.
  bool has_more() const { return !rest_.empty(); }

  RowOperation operation() const { return head_.operation; }
  // The row's images, one field per column of the table; empty where the operation has no such image. Good until next().
  std::span<const Field> before() const {
    return before_used_ ? before_.fields : std::span<const Field>{};
  }
  std::span<const Field> after() const {
    return after_used_ ? after_.fields : std::span<const Field>{};
  }

 private:
  struct Image {
    std::vector<Field> fields;
    ByteVector
        bits;  // of the columns in it; what follows is made of them and mostly stays from event to event
    size_t columns = 0;
    std::vector<uint32_t> present;  // ordinals
    size_t null_bytes = 0;
  };
  void set_present(Image& image, Bytes bits) const;
  Status uncompress_rows();
  Status read_image(Image& image);
  Status read_partial_image();
  // Makes the whole document of column `ordinal`, the `document`th JSON column from 1, where the before image has it.
  Status apply_update(uint32_t ordinal, size_t document);
  tl::unexpected<Error> failed(Error error) const;
  tl::unexpected<Error> failed_in(uint32_t ordinal, const char* what) const;

  Limits limits_;
  const RowLayout* layout_ = nullptr;
  RowsHead head_;
  uint64_t row_ = 0;
  Bytes rest_;  // rows not yet walked
  bool before_used_ = false;
  bool after_used_ = false;
  Image before_;
  Image after_;
  ByteVector uncompressed_;
  std::vector<ByteVector> documents_;  // of the row's partly updated JSON columns
};

}  // namespace binbus::schema
