// One segment as readers and look-ups share it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "store/control.h"
#include "store/head.h"
#include "store/index.h"

namespace binbus::store {

// What comes before the first segment has its entries and state in files of this name.
inline constexpr std::string_view kStartName = "start";

// The names of a segment's files.
struct SegmentPaths {
  SegmentPaths(const std::string& directory, const std::string& name)
      : segment(directory + "/" + name),
        entries(segment + ".entries"),
        state(segment + ".state"),
        index(segment + ".index") {}
  std::string segment;
  std::string entries;
  std::string state;
  std::string index;
};

// Owner:  borrows the FileSystem.
// Thread: any; `visible`, `newest_commit_us` and `sealed` are stored by the log's writer.
class Segment {
 public:
  Segment(io::FileSystem& files, const std::string& directory, std::string name, uint64_t number)
      : name_(std::move(name)), number_(number), paths_(directory, name_), files_(files) {}

  const std::string& name() const { return name_; }
  uint64_t number() const { return number_; }
  const SegmentPaths& paths() const { return paths_; }

  std::atomic<uint64_t> visible{0};  // bytes that readers may see, all of them durable
  std::atomic<uint64_t> newest_commit_us{0};
  std::atomic<bool> sealed{false};  // a later segment exists, and `visible` is final
  std::atomic<bool> gone{false};    // the log has begun anew without it

  // Shared by all who read at the same time; closed when the last of them lets go.
  Result<std::shared_ptr<const io::File>> file();
  // Of the visible bytes; kTruncated while there is no whole format description.
  Result<std::shared_ptr<const Head>> head();
  // What was executed before the first transaction: by the segment's head, else by its `.state`.
  Result<mysql::Executed> previous();
  // Its marks in order. Those of a sealed segment are made first when they are missing or fall short.
  Result<MarkReader> marks(uint64_t mark_bytes);

 private:
  const std::string name_;
  const uint64_t number_;
  const SegmentPaths paths_;
  io::FileSystem& files_;
  std::mutex mutex_;  // guards file_ and head_
  std::weak_ptr<const io::File> file_;
  std::shared_ptr<const Head> head_;
  std::mutex index_mutex_;  // held while one thread makes the marks that the others wait for
  bool index_complete_ = false;
};

}  // namespace binbus::store
