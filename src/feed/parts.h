// A stream's keys in parts, which the workers of a shared cursor divide among them; and how far each part is.
//
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "schema/field.h"

namespace binbus::feed {

inline constexpr uint32_t kParts = 64;
using Parts = uint64_t;  // a set of them, a bit for each
inline constexpr Parts kAllParts = ~Parts{0};

// The part of a row's key: the same in every node, run and version, as cursors keep places by it. Rows of a table without a key are
// all of one part. `other` has what the row has not: of an update's row, the one before it. kNotFound names a column of the key
// that neither has.
Result<Parts> part_of(const schema::TableVersion& table, std::span<const schema::Field> row,
                      std::span<const schema::Field> other);

// How far parts are, as text:
//
//   PLACE@PARTS                   see feed/place.h; PARTS hexadecimal
//   PLACE@PARTS+PLACE@PARTS...    parts that are at several places
struct PartPlaces {
  struct At {
    std::string place;  // "": nowhere yet
    Parts parts = 0;
    bool operator==(const At&) const = default;
  };
  std::vector<At> all;  // no part twice

  // kInvalid for a text that is none.
  static Result<PartPlaces> parse(std::string_view text);
  std::string print() const;
  void add(std::string_view place, Parts parts);
  // "": it is not among them.
  std::string_view of(uint32_t part) const;
};

std::string print_parts(Parts parts);
bool parse_parts(std::string_view text, Parts& out);  // false: it is none

}  // namespace binbus::feed
