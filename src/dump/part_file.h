// A file that is written aside, compressed, and has its name when it is whole and durable.
//
// Owner:  borrows the file system. A file that was not finished is removed.
// Thread: one.
#pragma once

#include <memory>
#include <string>

#include "io/file.h"

namespace binbus::dump {

class PartFile {
 public:
  // `compress`: "none", "gzip", "zstd".
  static Result<std::unique_ptr<PartFile>> open(io::FileSystem& files, const std::string& path,
                                                const std::string& compress);
  ~PartFile();
  Status write(std::string_view text);
  struct Written {
    uint64_t bytes = 0;  // 0: nothing was written, and there is no file
    std::string sha256;  // of them, in hex
  };
  // Its name is durable when the folder is synced.
  Result<Written> finish();

 private:
  struct State;
  explicit PartFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace binbus::dump
