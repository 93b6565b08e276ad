// What a sink's filter table held from which place on, so that a sink that begins anew knows it there: after a crash, after a
// seek back, at another node.
//
//   {"table": "ops.monitored", "contents": [{"from": "binlog.000001:4", "rows": [["shop", "orders", true, true, false]]}]}
//
// Thread: one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/file.h"
#include "sink/filter_table.h"
#include "sink/target.h"

namespace binbus::sink {

// Whether one place lies before another.
using Before = std::function<bool(const Checkpoint&, const Checkpoint&)>;

// Where it is kept: where the checkpoint is, so that whoever goes on from the one has the other.
class FilterStore {
 public:
  virtual ~FilterStore() = default;
  virtual std::string name() const = 0;
  // None: nothing is kept.
  virtual Result<std::optional<std::string>> read() = 0;
  // The same of what this node has kept by itself until now; its places are the log's.
  virtual Result<std::optional<std::string>> read_own() { return std::nullopt; }
  // Durable on return.
  virtual Status write(const std::string& text) = 0;
  virtual Status forget() = 0;

  // A place as it is told there, to nodes whose logs may name it otherwise.
  virtual Result<std::string> tell(const Checkpoint& place) { return place; }
  // Of places so told.
  virtual bool before(const std::string& one, const std::string& other,
                      const Before& in_log) const {
    return in_log(one, other);
  }

  struct Room {
    size_t past_bytes = SIZE_MAX;  // what there may be of the past
    size_t bytes = SIZE_MAX;       // what there may be at all
  };
  virtual Room room() const { return {}; }
};

// Of what goes from node to node, in entries of a log or values at a coordinator.
inline constexpr FilterStore::Room kSharedFilterRoom{.past_bytes = 64 << 10, .bytes = 900'000};

// In a file of its own.
std::unique_ptr<FilterStore> file_filter_store(io::FileSystem& files, std::string path);

class FilterHistory {
 public:
  FilterHistory(std::shared_ptr<FilterStore> store, Before before)
      : store_(std::move(store)), before_(std::move(before)) {}

  // What `table` held at a place: of the newest content from there or before, else of the oldest; none when nothing is known
  // of it. kCorrupt for what is none.
  Result<std::optional<std::vector<FilterRow>>> at(const std::string& table,
                                                   const Checkpoint& place);
  // Durable on return. What was kept of another table is forgotten; and when there is too much, the oldest, but never what holds
  // at `committed`. kInvalid when these two alone are too much.
  Status add(const std::string& table, const Checkpoint& from, const std::vector<FilterRow>& rows,
             const Checkpoint& committed);
  Status forget();

 private:
  struct Content {
    std::string from;  // as the store tells it
    std::vector<FilterRow> rows;
  };
  Status load();
  Status parse(const std::string& text);
  std::string print() const;
  // After an error nothing is known but what is kept, whatever that is.
  Status store(const std::string& added, const Checkpoint& committed);
  Status store_what_fits(const std::string& added, const Checkpoint& committed);
  // The first that begins behind it.
  std::vector<Content>::iterator behind(const std::string& place);
  const Content& content_at(const std::string& place);

  const std::shared_ptr<FilterStore> store_;
  const Before before_;
  bool loaded_ = false;
  bool own_ = false;  // not in the store yet
  std::string table_;
  std::vector<Content> contents_;  // in the order of their places
};

}  // namespace binbus::sink
