// How far a subscriber has come, as text that it gives back to go on behind it.
//
//   FILE:POS                        a place between transactions
//   FILE:POS/EVENT.ROW              in the transaction that begins there, behind that change
//   FILE:POS/EVENT.ROW/KEY/TABLE    while a snapshot is under way: the same, of the rows that were told already: those of tables
//                                   before TABLE, and of it up to KEY (hexadecimal); "" for EVENT.ROW between transactions
//
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace binbus::feed {

struct Place {
  struct Change {
    uint64_t event = 0;
    uint64_t row = 0;
    auto operator<=>(const Change&) const = default;
  };
  // The last row of a snapshot that was told.
  struct Row {
    std::string table;  // "database.table"
    std::string key;    // bytes, see state/row_key.h
    auto operator<=>(const Row&) const = default;
  };

  std::string at;  // FILE:POS
  std::optional<Change> within;
  std::optional<Row> row;  // set: a snapshot is under way

  // kInvalid for a text that is none.
  static Result<Place> parse(std::string_view text);
  std::string print() const;
  void append_to(std::string& out) const;  // the same text
  bool operator==(const Place&) const = default;
};

}  // namespace binbus::feed
