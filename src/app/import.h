// `binbus import`: stores binlog files in a stream's log, offline.
#pragma once

#include <functional>
#include <string>

#include "io/file.h"
#include "store/local_log.h"

namespace binbus::app {

struct Imported {
  std::string segment;
  uint64_t bytes = 0;         // of the file
  uint64_t bytes_before = 0;  // of them, stored by an import that was cut short
  uint64_t transactions = 0;  // in the file
};

// Checks the whole file at `path` first, then stores it as a segment of the file's own name,
// durably, byte for byte but for the mark of a file in use, which is cleared. After an error in the
// file nothing of it is stored. An import that was cut short (by a signal, a full disk) is gone on
// with when the file is given again.
//
// A log that holds something takes the file of the next number only, which must follow from what
// was executed in the log.
// Errors: kCorrupt, kTruncated, kUnsupported (encrypted, too old); kExists: all of it is there, or
//         the log is past its number; kInvalid: files before it are missing; kDiverged: its bytes
//         or its Previous_gtids contradict the log; the log's own. Messages name the file and the
//         offset or the GTIDs.
// `progress` is told how many bytes of the file were read; what is stored is read twice.
Result<Imported> import_file(io::FileSystem& files, const std::string& path, store::LocalLog& log,
                             const std::function<void(size_t bytes)>& progress = {});

}  // namespace binbus::app
