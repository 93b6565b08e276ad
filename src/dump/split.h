// A table's rows in parts that can be read side by side.
#pragma once

#include <string>
#include <vector>

#include "state/tables.h"

namespace binbus::dump {

// Keys between which about `part_bytes` of the disk lie each: part i is from key i up to and without key i + 1; all rows lie
// between the first and the last. The same for the same snapshot, from a few look-ups a part.
std::vector<std::string> split(const state::StoreView& store, std::string from, std::string to,
                               uint64_t part_bytes);

}  // namespace binbus::dump
