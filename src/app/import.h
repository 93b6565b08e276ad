// `binbus import`: stores binlog files in a stream's log, offline.
#pragma once

#include <string>

#include "io/file.h"
#include "store/log.h"

namespace binbus::app {

struct Imported {
  std::string segment;
  uint64_t bytes = 0;
  uint64_t transactions = 0;
};

// Checks the whole file at `path` first, then stores it as a segment of the file's own name,
// durably, byte for byte but for the mark of a file in use, which is cleared. After an error in the
// file nothing of it is stored.
// Errors: kCorrupt, kTruncated, kUnsupported (encrypted, too old), kExists when its number is not
//         after the log's newest;
//         the log's own. Messages name the file and the offset.
Result<Imported> import_file(io::FileSystem& files, const std::string& path, store::Log& log);

}  // namespace binbus::app
