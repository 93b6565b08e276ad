// A line at the terminal about work that takes long: how far it is, how fast, and how long it still takes.
//
//   binlog.000007  [===========             ]  47%  212 MB/s  18 s left
//
// Nothing where standard error is no terminal, and nothing in the first second. The line is gone when this is.
// Thread: one.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/file.h"

namespace binbus::cli {

class Progress {
 public:
  // `total`: bytes in all. Nothing is shown unless `wanted`: where what is printed goes to the terminal, it tells enough.
  explicit Progress(uint64_t total, bool wanted = true);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  // Of what the next bytes are.
  void begin(std::string what) { what_ = std::move(what); }
  void add(uint64_t bytes) {
    done_ += bytes;
    if (done_ >= look_at_) look();
  }
  // Makes room for other lines; it comes again.
  void clear();

 private:
  void look();

  const uint64_t total_;
  std::string what_;
  uint64_t done_ = 0;
  uint64_t look_at_;  // the clock is looked at when so much is done
  bool shown_ = false;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point drawn_ = begun_;
};

// The line, of `columns` at most.
std::string progress_line(const std::string& what, uint64_t done, uint64_t total, uint64_t took_ms,
                          size_t columns);

// Of each file, in bytes.
Result<std::vector<uint64_t>> file_sizes(io::FileSystem& files,
                                         const std::vector<std::string>& paths);

}  // namespace binbus::cli
