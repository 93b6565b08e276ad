// Events in the clothes of older ones, for readers that do not know MariaDB's own: same size, same place in the file, no
// effect. As MariaDB's dump thread does it, byte for byte.
#pragma once

#include <span>

#include "base/result.h"

namespace binbus::serve {

// What readers announce in @mariadb_slave_capability.
enum MariadbCapability : int {
  kKnowsAnnotate = 1,
  kToleratesHoles = 2,
  kKnowsCheckpoint = 3,
  kKnowsGtid = 4
};

// A Query event that is a comment, or a User_var event where that does not fit. kUnsupported when neither does.
Status make_dummy(std::span<uint8_t> event, bool checksummed);
// MariaDB's GTID event becomes BEGIN.
Status make_begin(std::span<uint8_t> event, bool checksummed);

}  // namespace binbus::serve
