// What a format keeps of a table, made once per table version.
//
// Owner:  holds the table of each part, so that its address stands for it as long as it is kept.
// Thread: one.
#pragma once

#include <unordered_map>

#include "schema/column.h"

namespace binbus::format {

// `Part` is made from a const schema::TableVersion&. Parts stay where they are until more than `kTablesMax` tables are
// asked for; all are forgotten then, so that memory is bounded and old versions of tables go.
template <class Part>
class TableCache {
 public:
  static constexpr size_t kTablesMax = 512;

  // Valid until the next call.
  template <class Make>
  Part& get(const schema::TablePtr& table, Make make) {
    if (table.get() == last_) return *last_part_;
    auto found = parts_.find(table.get());
    if (found == parts_.end()) {
      if (parts_.size() >= kTablesMax) parts_.clear();
      found = parts_.emplace(table.get(), Entry{table, make(*table)}).first;
    }
    last_ = table.get();
    last_part_ = &found->second.part;
    return *last_part_;
  }
  void clear() {
    parts_.clear();
    last_ = nullptr;
  }
  size_t size() const { return parts_.size(); }

 private:
  struct Entry {
    schema::TablePtr table;
    Part part;
  };
  std::unordered_map<const schema::TableVersion*, Entry> parts_;
  const schema::TableVersion* last_ = nullptr;
  Part* last_part_ = nullptr;
};

}  // namespace binbus::format
