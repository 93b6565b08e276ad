// What is in a stream's table store, and under which keys: docs/formats/state.md.
//
// Pure. Bytes that contradict the form are kCorrupt or kTruncated.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "binlog/position.h"
#include "schema/column.h"
#include "state/row_key.h"

namespace binbus::state {

using binlog::Position;

// The place of the log that the rows are of.
struct Place {
  Position at;       // between transactions
  std::string text;  // the same, "FILE:POS"
  // Of the transaction that begins at or behind it: the last change that is in the rows, too.
  struct Change {
    Position transaction;
    uint64_t event = 0;
    uint32_t row = 0;
    auto operator<=>(const Change&) const = default;
  };
  std::optional<Change> within;
  uint32_t next_id = 1;  // of tables
  bool operator==(const Place&) const = default;
};

enum class Phase : uint8_t {
  kFilling,    // rows are being read at the source
  kReady,      // all rows are there, as of the place
  kFailed,     // they are not, and somebody must mend something: see error
  kCancelled,  // they are not, as somebody wanted it, until he wants it otherwise
};
std::string_view phase_name(Phase phase);  // "filling", ...

// How far the reading of a table at the source is.
struct FillProgress {
  ByteVector
      last;  // the last row that was read, its key alone, as store_row() has it; empty: none was
  bool read_all = false;  // nothing is left to be read
  Position until;         // what was read holds once the log was followed to here
  uint64_t rows = 0;
  uint64_t bytes = 0;
  uint64_t chunks = 0;
  uint64_t rows_expected = 0;  // the source's own guess
  uint64_t since_us = 0;
  bool paused = false;
};

struct TableRecord {
  uint32_t id = 0;         // of its rows; one that was used is never used again
  uint32_t version = 0;    // the newest, among the table's
  schema::TablePtr table;  // that version
  Phase phase = Phase::kFilling;
  std::string error;
  FillProgress fill;
  std::string full_name() const { return table->database + "." + table->table; }
};

using TableRecords = std::shared_ptr<const std::vector<TableRecord>>;

// Keys.
std::string place_key();
std::string table_key(uint32_t id);
std::string version_key(uint32_t id, uint32_t version);
std::string row_prefix(uint32_t id);  // and behind it the row's key
std::string incomplete_prefix(
    uint32_t id);  // the same, of rows of which values are still to be read at the source
std::string dropped_key(uint32_t id);  // of a table whose rows are to be removed
// The images of a change that its event has a part of; those of a segment lie side by side.
std::string images_key(const Place::Change& change);
std::string images_prefix(uint64_t segment);
// The first key behind all that begin with `prefix`.
std::string end_of(std::string prefix);
Result<uint32_t> read_id(std::string_view key);

std::string encode_place(const Place& place);
Result<Place> decode_place(std::string_view bytes);
std::string encode_record(const TableRecord& record);
// Without its table.
Result<TableRecord> decode_record(std::string_view bytes);

// A row under its key: which version of the table it is of, and, of tables without a key, how often it is there.
struct RowHead {
  uint64_t version = 0;
  uint64_t count = 1;
};
void write_row_head(ByteWriter& out, const RowHead& head, bool with_count);
Result<RowHead> read_row_head(ByteReader& in, bool with_count);

}  // namespace binbus::state
