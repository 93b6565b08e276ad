// The folder that an export writes: a file per part, and manifest.json when all are there.
//
//   FILE            a part, whole and durable once it has that name; FILE.new before
//   export.json     what is to be written, until manifest.json is there
//   export.done     a line for each part that is there, until then
//   manifest.json   written last
//
// Owner:  borrows the file system; holds a lock on the folder.
// Thread: add_done() any; the rest one.
// Errors: kExists: something else is in the folder, or another export is at work in it.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "dump/plan.h"
#include "io/file.h"

namespace binbus::dump {

class ExportFolder {
 public:
  // Makes the folder when it is not there.
  static Result<std::unique_ptr<ExportFolder>> open(io::FileSystem& files, const std::string& path);
  ~ExportFolder();
  ExportFolder(const ExportFolder&) = delete;

  const std::string& path() const { return path_; }
  // Of an export that was broken off; none: the folder is empty.
  const std::optional<Plan>& plan() const { return plan_; }
  Status begin(Plan plan);
  bool is_done(const Part& part) const { return done_.contains(part.file); }
  const PartsDone& done() const { return done_; }
  // The part's file has its name. Durable on return.
  Status add_done(const Part& part, const PartDone& done);
  Status finish(const std::string& manifest);

 private:
  ExportFolder(io::FileSystem& files, std::string path, int descriptor)
      : files_(files), path_(std::move(path)), descriptor_(descriptor) {}
  Status load();
  Status load_done();

  io::FileSystem& files_;
  const std::string path_;
  const int descriptor_;
  std::optional<Plan> plan_;
  std::mutex mutex_;
  PartsDone done_;                       // guarded by mutex_ while parts are written
  std::unique_ptr<io::File> done_file_;  // the same
  uint64_t done_bytes_ = 0;              // the same
};

}  // namespace binbus::dump
