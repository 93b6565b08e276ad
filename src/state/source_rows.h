// A table's rows at the source, as those ask for them who keep them, and who compare what is kept.
//
// Thread: one; interrupt() from any.
// Errors: of SourceReader.
#pragma once

#include "state/source_reader.h"
#include "state/tables.h"

namespace binbus::state {

class SourceRows {
 public:
  using Take = SourceReader::Take;
  virtual ~SourceRows() = default;
  // A reading, as SourceReader has it.
  virtual Status begin(Position at, bool exact, const std::stop_token& stop) = 0;
  virtual Position exact_place() const = 0;
  virtual Result<Position> end(const std::stop_token& stop) = 0;
  // The rows behind `last` in the order of the table's key, from the first on when that is empty; all, when it has no key.
  virtual Status read_chunk(const Tables::Table& table, std::span<const schema::Field> last,
                            uint64_t rows_max, const Take& take) = 0;
  // The rows that the source has under the keys of these, each as store_row() has it, in any order.
  virtual Status read_rows(const Tables::Table& table, std::span<const ByteVector> keys,
                           const Take& take) = 0;
  virtual Result<uint64_t> guess_rows(const schema::TableVersion& table) = 0;
  virtual Result<uint64_t> threads_running() = 0;
  virtual void disconnect() = 0;  // after an error
  virtual void interrupt() = 0;   // what is under way ends soon, with an error
};

// Borrows all.
std::unique_ptr<SourceRows> rows_of_source(store::Log& log, const SourceAccess& source,
                                           io::Clock& clock);

}  // namespace binbus::state
