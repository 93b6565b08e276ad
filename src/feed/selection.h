// What of a stream a subscriber wants: by table, operation, row and column.
//
// Thread: one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "schema/change.h"
#include "sink/filter.h"

namespace binbus::feed::v1 {
class Filter;
}

namespace binbus::feed {

class Selection {
 public:
  // kInvalid for what is no pattern, operation or condition.
  static Result<std::unique_ptr<Selection>> make(const v1::Filter& filter);
  bool may_pass(std::string_view database, std::string_view table) {
    return filter_->may_pass(database, table);
  }
  Result<bool> passes(const schema::Change& change) { return filter_->passes(change); }
  // Ordinals of the columns that are told.
  std::vector<uint32_t> columns(const schema::TableVersion& table) const;

 private:
  Selection() = default;
  std::vector<std::string> columns_;  // empty: all
  std::unique_ptr<sink::Rules> rules_;
  std::unique_ptr<sink::Filter> filter_;
};

}  // namespace binbus::feed
