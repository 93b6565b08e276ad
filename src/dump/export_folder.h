// The folder that an export writes: a file per part, and manifest.json when all are there.
//
//   FILE            a part, whole and durable once it has that name; FILE.new before
//   export.json     what is to be written, until manifest.json is there
//   export.done     a line for each part that is there, until then
//   manifest.json   written last
//
// Owner:  borrows the file system; holds a lock on the folder.
// Errors: kExists: something else is in the folder, or another export is at work in it.
#pragma once

#include "dump/export_target.h"
#include "io/file.h"

namespace binbus::dump {

class ExportFolder final : public ExportTarget {
 public:
  // Makes the folder when it is not there.
  static Result<std::unique_ptr<ExportFolder>> open(io::FileSystem& files, const std::string& path);
  ~ExportFolder() override;

  Status begin(Plan plan) override;
  Result<std::unique_ptr<PartSink>> open_part(const Part& part) override;
  Status finish(const std::string& manifest) override;

 private:
  class FilePart;
  ExportFolder(io::FileSystem& files, std::string path, int descriptor)
      : ExportTarget(std::move(path)), files_(files), descriptor_(descriptor) {}
  Status load();
  Status load_done();
  // The part's file has its name. Durable on return.
  Status add_done(const Part& part, const PartDone& done);

  io::FileSystem& files_;
  const int descriptor_;
  std::unique_ptr<io::File> done_file_;  // guarded by mutex_ while parts are written
  uint64_t done_bytes_ = 0;              // the same
};

}  // namespace binbus::dump
