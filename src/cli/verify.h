// `binbus verify`: checks the segments of a data folder, offline, without changing anything.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/progress.h"
#include "io/file.h"

namespace binbus::cli {

struct SegmentReport {
  std::string name;
  uint64_t bytes = 0;
  uint64_t transactions = 0;
  std::vector<std::string> damage;  // one line each, with the offset and the mend
  std::vector<std::string>
      notes;  // a torn tail: the next start cuts it, and the source sends it again
};

// The segments of one stream's folder, oldest first. An error is the disk's, or there is no log in
// the folder.
// `progress` is told every byte of a segment twice; null: nobody is.
Result<std::vector<SegmentReport>> verify_stream(io::FileSystem& files, const std::string& folder,
                                                 Progress* progress = nullptr);

// Checks a data folder or one stream's folder, prints what was found, returns the exit status.
int verify(const std::string& folder);

}  // namespace binbus::cli
