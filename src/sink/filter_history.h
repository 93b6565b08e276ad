// What a sink's filter table held from which place on, so that a sink that begins anew knows it there: after a crash, or after a
// seek back.
//
//   {"table": "ops.monitored", "contents": [{"from": "binlog.000001:4", "rows": [["shop", "orders", true, true, false]]}]}
//
// Owner:  borrows the file system.
// Thread: one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/file.h"
#include "sink/filter_table.h"
#include "sink/target.h"

namespace binbus::sink {

class FilterHistory {
 public:
  FilterHistory(io::FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}

  // Whether one place lies before another.
  using Before = std::function<bool(const Checkpoint&, const Checkpoint&)>;
  // What `table` held at a place: of the newest content from there or before, else of the oldest; none when nothing is known
  // of it. kCorrupt for a file that is none.
  Result<std::optional<std::vector<FilterRow>>> at(const std::string& table,
                                                   const Checkpoint& place, const Before& before);
  // Durable on return. What was kept of another table is forgotten.
  Status add(const std::string& table, const Checkpoint& from, const std::vector<FilterRow>& rows,
             const Before& before);
  Status forget();

 private:
  struct Content {
    Checkpoint from;
    std::vector<FilterRow> rows;
  };
  Status load();
  Status store() const;

  io::FileSystem& files_;
  const std::string path_;
  bool loaded_ = false;
  std::string table_;
  std::vector<Content> contents_;  // in the order of their places
};

}  // namespace binbus::sink
