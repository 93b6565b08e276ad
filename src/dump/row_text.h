// Kept rows as the text of a file: SQL that loads them, CSV, or JSON lines. For users: docs/snapshots.md.
//
// Thread: one. Memory: of the longest row, and one statement.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "schema/field.h"
#include "state/records.h"

namespace binbus::dump {

class RowText {
 public:
  virtual ~RowText() = default;
  // What a file begins with.
  virtual void begin(std::string& out) = 0;
  // The row, as often as it is there. kUnsupported, kCorrupt: the column is named where one is at fault.
  virtual Status add(std::string& out, std::span<const schema::Field> row, uint64_t count) = 0;
  virtual void end(std::string& out) = 0;
};

struct RowTextOptions {
  std::string stream;
  state::Place place;
  schema::TablePtr table;
};

// "sql", "csv", "jsonl"; else kInvalid, which names those that there are.
Result<std::unique_ptr<RowText>> make_row_text(std::string_view format,
                                               const RowTextOptions& options);

std::unique_ptr<RowText> make_sql_text(const RowTextOptions& options);
std::unique_ptr<RowText> make_csv_text(const RowTextOptions& options);

}  // namespace binbus::dump
