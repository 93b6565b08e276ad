// What MariaDB compresses: parts of events (log_bin_compress) and values of COMPRESSED columns.
#pragma once

#include <string>

#include "base/bytes.h"

namespace binbus::schema {

// An event's part: one byte (0x80, algorithm, bytes of the length), the length, big-endian, a zlib stream. `out` is
// replaced. kLimit when it says to be longer than `bytes_max`, kUnsupported for another algorithm than zlib.
Status uncompress_event_part(Bytes part, uint64_t bytes_max, ByteVector& out);

// A COMPRESSED column's value, appended. Nothing is appended on an error.
Status append_uncompressed_value(std::string& out, Bytes value);

}  // namespace binbus::schema
