// A disk in memory for tests, as unkind as a real one may be: until a sync, anything can happen to what was written.
//
// crash() keeps, loses, zeroes or tears what was written in each unsynced sector on its own, leaves a file's size anywhere
// between the synced and the current one, and keeps or loses each unsynced creation, removal and rename on its own. Synced
// bytes stay, also in a sector that was being written again with them unchanged: disks promise that much. Files are
// sparse: offsets past 4 GiB cost nothing.
//
// Owner:  open Files share their contents with the disk; those of before a crash must not be used after it.
// Thread: any.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "io/file.h"

namespace binbus::io {

class SimulatedDisk final : public FileSystem {
 public:
  static constexpr uint64_t kSectorBytes = 512;

  SimulatedDisk();
  ~SimulatedDisk() override;

  // The power fails and comes back. The same seed on the same disk gives the same outcome.
  void crash(uint64_t seed);
  // Bytes of all files together, beyond which writes stop part-way with kDiskFull.
  void set_capacity(uint64_t bytes);
  // The k-th File::sync() from now fails (1: the next), and what it should have written is lost at a crash.
  void fail_sync(uint64_t kth);
  // Is called within each sync, of a file or a directory, before it has done anything: others may go on meanwhile, as long as
  // a slow disk takes. What it fails with, the sync does, and all stays unsynced: the process ended there.
  void on_sync(std::function<Status()> call);
  // Ignores every File::sync() while still answering "done": what tests must notice.
  void lie_about_syncs(bool lie);
  uint64_t syncs() const;       // File::sync() calls so far
  uint64_t bytes_read() const;  // from all files so far

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& directory) override;
  Status make_directories(const std::string& path) override;
  Status remove(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status sync_directory(const std::string& path) override;
  bool exists(const std::string& path) override;
  Result<uint64_t> free_bytes(const std::string& path) override;

 private:
  struct Node;        // a file's synced and current contents
  struct NameChange;  // one unsynced creation, removal or rename
  class OpenFile;
  using Names = std::map<std::string, std::shared_ptr<Node>>;

  Status take_time();
  Status sync(Node& node);
  Status write(Node& node, uint64_t offset, Bytes bytes);
  void change_names(NameChange change);

  mutable std::mutex mutex_;
  Names names_;
  Names synced_names_;
  std::vector<NameChange> unsynced_;
  uint64_t capacity_ = UINT64_MAX;
  uint64_t used_ = 0;
  uint64_t syncs_ = 0;
  uint64_t bytes_read_ = 0;
  uint64_t syncs_until_failure_ = 0;  // 0: none fails
  bool lie_ = false;
  std::function<Status()> on_sync_;
};

}  // namespace binbus::io
