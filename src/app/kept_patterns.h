// Which tables of a stream are kept: what binbus.toml says, until somebody says otherwise while binbus runs. That is kept,
//
//   data/STREAM/state.tables    a pattern a line
//
// and stands in the file's place from then on, until it is taken back.
//
// Owner:  borrows the file system.
// Thread: any.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "io/file.h"
#include "sink/pattern.h"

namespace binbus::app {

class KeptPatterns {
 public:
  // `configured`: compiled before. kInvalid names the file that is wrong, and how to be rid of it.
  static Result<std::unique_ptr<KeptPatterns>> load(io::FileSystem& files, std::string path,
                                                    std::vector<std::string> configured);

  // Never one of the server's own.
  bool matches(std::string_view database, std::string_view table) const;
  std::vector<std::string> list() const;
  bool is_told() const;  // not what binbus.toml says
  // None: binbus.toml's again. Durable on return; kInvalid names the pattern that is none.
  Status tell(std::vector<std::string> patterns);

 private:
  struct Now {
    std::vector<std::string> patterns;
    sink::PatternSet set;
    bool told;
  };
  KeptPatterns(io::FileSystem& files, std::string path, std::vector<std::string> configured)
      : files_(files), path_(std::move(path)), configured_(std::move(configured)) {}
  static Result<std::shared_ptr<const Now>> compile(std::vector<std::string> patterns, bool told);
  std::shared_ptr<const Now> now() const;

  io::FileSystem& files_;
  const std::string path_;
  const std::vector<std::string> configured_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Now> now_;  // guarded by mutex_
};

}  // namespace binbus::app
