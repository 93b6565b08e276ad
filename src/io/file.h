// Files as the store sees them: a small interface, so that tests can run on a simulated disk that loses unsynced bytes,
// tears writes, fills up and fails (io/simulated_disk.h).
//
// Thread: a File may be read by many threads while one writes; everything else one thread at a time.
// Errors: kNotFound, kExists, kDiskFull, kIo, kLimit (too many open files: later there may be fewer); messages name the path and the operating system's reason.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace binbus::io {

class File {
 public:
  virtual ~File() = default;
  // Reads up to buffer.size() bytes at `offset`; fewer only at the file's end, 0 at or past it.
  virtual Result<size_t> read_at(uint64_t offset, std::span<uint8_t> buffer) const = 0;
  // Writes all bytes at `offset`, growing the file. After an error any part of them may be there.
  virtual Status write_at(uint64_t offset, Bytes bytes) = 0;
  // Durable on return (fdatasync). After an error nothing written since the last success may be trusted: never retry.
  virtual Status sync() = 0;
  // Asks the disk to start writing [offset, offset + length) without waiting; a hint.
  virtual void start_writeback(uint64_t offset, uint64_t length) = 0;
  virtual Status truncate(uint64_t size) = 0;
  virtual Result<uint64_t> size() const = 0;
};

enum class OpenMode : uint8_t {
  kRead,      // must exist
  kWrite,     // read and write, must exist
  kCreateNew  // read and write, must not exist
};

struct DirectoryEntry {
  std::string name;
  uint64_t bytes;
  bool is_directory;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  // In no particular order; without "." and "..".
  virtual Result<std::vector<DirectoryEntry>> list(const std::string& directory) = 0;
  virtual Status make_directories(const std::string& path) = 0;
  virtual Status remove(const std::string& path) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  // Makes creations, removals and renames in the directory durable.
  virtual Status sync_directory(const std::string& path) = 0;
  virtual bool exists(const std::string& path) = 0;
  virtual Result<uint64_t> free_bytes(const std::string& path) = 0;
};

// The operating system's files; lives as long as the program.
FileSystem& posix_file_system();

}  // namespace binbus::io
