// Which of a sink's table options count for a table.
//
// Thread: one; keeps the answers.
#pragma once

#include "format/table_cache.h"
#include "sink/name_cache.h"
#include "sink/options.h"
#include "sink/pattern.h"

namespace binbus::sink {

class Rules {
 public:
  // kInvalid for a pattern that is none.
  static Result<Rules> make(const SinkOptions& options);

  // The number, in all(), of the first [[sink.table]] that the table fits, else of [[sink]] itself. Null: the latter.
  size_t of(const schema::TablePtr& table);
  size_t of(std::string_view database, std::string_view table);
  // Each [[sink.table]] with what it leaves open filled from [[sink]], and last that itself.
  const std::vector<TableOptions>& all() const { return all_; }

 private:
  explicit Rules(PatternSet patterns) : patterns_(std::move(patterns)) {}
  std::vector<TableOptions> all_;
  PatternSet patterns_;
  NameCache<size_t> names_;
  format::TableCache<size_t> versions_;
};

}  // namespace binbus::sink
