// Files of the operating system, behind io/file.h.

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "io/file.h"

namespace binbus::io {
namespace {

// What the last system call on `path` failed with.
tl::unexpected<Error> system_failure(const std::string& doing, const std::string& path) {
  const int reason = errno;
  Code code = Code::kIo;
  if (reason == ENOENT) code = Code::kNotFound;
  if (reason == EEXIST) code = Code::kExists;
  if (reason == ENOSPC || reason == EDQUOT) code = Code::kDiskFull;
  std::string mend;
  if (reason == EMFILE || reason == ENFILE) {
    code = Code::kLimit;  // nothing is wrong with the disk, and connections that end give some back
    mend = "; raise the limit of open files (ulimit -Hn, LimitNOFILE of the service)";
  }
  return fail(code, doing + " " + path + ": " + std::generic_category().message(reason) + mend);
}

class PosixFile final : public File {
 public:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~PosixFile() override { ::close(descriptor_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  Result<size_t> read_at(uint64_t offset, std::span<uint8_t> buffer) const override {
    size_t done = 0;
    while (done < buffer.size()) {
      const ssize_t count = ::pread(descriptor_, buffer.data() + done, buffer.size() - done,
                                    static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return system_failure("read", path_);
      if (count == 0) break;
      done += static_cast<size_t>(count);
    }
    return done;
  }

  Status write_at(uint64_t offset, Bytes bytes) override {
    while (!bytes.empty()) {
      const ssize_t count =
          ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return system_failure("write", path_);
      bytes = bytes.subspan(static_cast<size_t>(count));
      offset += static_cast<uint64_t>(count);
    }
    return ok();
  }

  Status sync() override {
    if (::fdatasync(descriptor_) == 0) return ok();
    // Even for want of space: pages may have been dropped, so the caller must not go on as after a full write_at().
    Error error = system_failure("sync", path_).value();
    error.code = Code::kIo;
    return fail(std::move(error));
  }

  void start_writeback(uint64_t offset, uint64_t length) override {
    ::sync_file_range(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(length),
                      SYNC_FILE_RANGE_WRITE);
  }

  Status truncate(uint64_t size) override {
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) {
      return system_failure("truncate", path_);
    }
    return ok();
  }

  Result<uint64_t> size() const override {
    struct stat info;
    if (::fstat(descriptor_, &info) != 0) return system_failure("stat", path_);
    return static_cast<uint64_t>(info.st_size);
  }

 private:
  const int descriptor_;
  const std::string path_;
};

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    int flags = O_CLOEXEC;
    switch (mode) {
      case OpenMode::kRead:
        flags |= O_RDONLY;
        break;
      case OpenMode::kWrite:
        flags |= O_RDWR;
        break;
      case OpenMode::kCreateNew:
        flags |= O_RDWR | O_CREAT | O_EXCL;
        break;
    }
    const int descriptor = ::open(path.c_str(), flags, 0640);
    if (descriptor < 0) return system_failure("open", path);
    return std::make_unique<PosixFile>(descriptor, path);
  }

  Result<std::vector<DirectoryEntry>> list(const std::string& directory) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> open_directory(::opendir(directory.c_str()),
                                                             &::closedir);
    if (!open_directory) return system_failure("list", directory);
    std::vector<DirectoryEntry> entries;
    for (errno = 0; const dirent* found = ::readdir(open_directory.get()); errno = 0) {
      const std::string name = found->d_name;
      if (name == "." || name == "..") continue;
      struct stat info;
      if (::fstatat(::dirfd(open_directory.get()), name.c_str(), &info, 0) != 0) {
        if (errno == ENOENT) continue;  // removed meanwhile
        return system_failure("stat", directory + "/" + name);
      }
      entries.push_back({name, static_cast<uint64_t>(info.st_size), S_ISDIR(info.st_mode)});
    }
    if (errno != 0) return system_failure("list", directory);
    return entries;
  }

  Status make_directories(const std::string& path) override {
    for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
      const std::string part = path.substr(0, slash);
      if (::mkdir(part.c_str(), 0750) != 0 && errno != EEXIST) {
        return system_failure("make directory", part);
      }
      if (slash == std::string::npos) return ok();
    }
  }

  Status remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return system_failure("remove", path);
    return ok();
  }

  Status rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return system_failure("rename", from);
    return ok();
  }

  Status sync_directory(const std::string& path) override {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return system_failure("open", path);
    const int result = ::fsync(descriptor);
    Status synced = ok();
    if (result != 0) synced = system_failure("sync directory", path);
    ::close(descriptor);
    return synced;
  }

  bool exists(const std::string& path) override { return ::access(path.c_str(), F_OK) == 0; }

  Result<uint64_t> free_bytes(const std::string& path) override {
    struct statvfs info;
    if (::statvfs(path.c_str(), &info) != 0) return system_failure("statvfs", path);
    return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
  }
};

}  // namespace

FileSystem& posix_file_system() {
  static PosixFileSystem files;
  return files;
}

}  // namespace binbus::io
