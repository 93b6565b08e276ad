// What was returned last, so that what a node tells again is dropped: changes of the transaction that was broken off, rows of the
// snapshot. The rest is the node's part: it begins behind the position that it is given.
#pragma once

#include <binbus/feed/v1/feed.pb.h>

#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "binbus/table.h"

namespace binbus {

class Delivered {
 public:
  // `shared`: changes of keys that come from another worker are older than what was returned; of these the node alone knows.
  explicit Delivered(bool shared) : shared_(shared) {}
  // Whether the change was returned; `table` is nullptr where it is of none. `copy`: a row comes for the so-manieth time.
  bool has(const feed::v1::Change& change, const feed::v1::Transaction& transaction,
           const Table* table, uint64_t copy) const;
  void add(const feed::v1::Change& change, const feed::v1::Transaction& transaction,
           const Table* table, uint64_t copy);
  // All rows of the snapshot come again.
  void forget_rows() { last_row_.reset(); }

 private:
  const bool shared_;
  std::string transaction_;                    // its GTID, else its position
  bool committed_ = false;                     // all of it was returned
  bool any_ = false;                           // a change of it, and not just its begin
  std::pair<uint32_t, uint32_t> last_change_;  // event, row
  using Place = std::tuple<std::string, std::string, uint64_t>;
  static Place place_of(const feed::v1::Change& row, const Table& table, uint64_t copy);
  std::optional<Place> last_row_;  // "database.table", row_key, copy
};

}  // namespace binbus
