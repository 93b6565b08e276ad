#include "dump/export_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "dump/part_file.h"
#include "io/address.h"
#include "io/durable_file.h"

namespace binbus::dump {
namespace {

constexpr const char* kPlan = "/export.json";
constexpr const char* kDone = "/export.done";
constexpr const char* kManifest = "/manifest.json";

}  // namespace

Result<std::unique_ptr<ExportFolder>> ExportFolder::open(io::FileSystem& files,
                                                         const std::string& path) {
  BINBUS_RETURN_IF_ERROR(files.make_directories(path));
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return fail(Code::kIo, fmt::format("{}: {}", path, io::os_error(errno)));
  std::unique_ptr<ExportFolder> folder(new ExportFolder(files, path, descriptor));
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0)
    return fail(Code::kExists, path +
                                   ": another export is at work there; wait for it, or name "
                                   "another folder");
  BINBUS_RETURN_IF_ERROR(folder->load());
  return folder;
}

ExportFolder::~ExportFolder() { ::close(descriptor_); }

Status ExportFolder::load() {
  BINBUS_TRY(text, io::read_if_there(files_, name_ + kPlan));
  if (!text) {
    if (files_.exists(name_ + kManifest))
      return fail(Code::kExists, name_ + " has a finished export; name another folder");
    BINBUS_TRY(entries, files_.list(name_));
    std::erase_if(entries, [](const auto& entry) { return entry.name == "export.json.new"; });
    if (entries.empty()) return ok();
    return fail(Code::kExists, fmt::format("{} is not empty ({}); name a new folder, or that of an "
                                           "export that was broken off",
                                           name_, entries.front().name));
  }
  auto plan = plan_from_json(*text);
  if (!plan) return fail_in(name_ + kPlan, plan.error());
  plan_ = std::move(*plan);
  return load_done();
}

// A file that is not as long as it was has been touched, and is written again.
Status ExportFolder::load_done() {
  const std::string name = name_ + kDone;
  BINBUS_TRY(lines, io::read_if_there(files_, name));
  size_t bytes = 0;
  done_ = done_from_lines(lines.value_or(""), bytes);
  done_bytes_ = bytes;
  BINBUS_TRY(file, files_.open(name, lines ? io::OpenMode::kWrite : io::OpenMode::kCreateNew));
  done_file_ = std::move(file);
  BINBUS_TRY(entries, files_.list(name_));
  std::erase_if(done_, [&](const auto& done) {
    const PartDone& part = done.second;
    return !part.file.empty() && std::ranges::none_of(entries, [&](const auto& entry) {
      return entry.name == part.file && entry.bytes == part.bytes;
    });
  });
  return ok();
}

Status ExportFolder::begin(Plan plan) {
  BINBUS_RETURN_IF_ERROR(io::write_durably(files_, name_ + kPlan, to_json(plan)));
  plan_ = std::move(plan);
  return load_done();
}

class ExportFolder::FilePart final : public PartSink {
 public:
  FilePart(ExportFolder& folder, Part part, std::unique_ptr<PartFile> file)
      : folder_(folder), part_(std::move(part)), file_(std::move(file)) {}
  Status write(std::string_view text) override { return file_->write(text); }
  Status done(uint64_t rows) override {
    BINBUS_TRY(written, file_->finish());
    return folder_.add_done(part_, {.file = written.bytes == 0 ? "" : part_.file,
                                    .rows = rows,
                                    .bytes = written.bytes,
                                    .sha256 = written.sha256});
  }

 private:
  ExportFolder& folder_;
  const Part part_;
  const std::unique_ptr<PartFile> file_;
};

Result<std::unique_ptr<PartSink>> ExportFolder::open_part(const Part& part) {
  BINBUS_TRY(file, PartFile::open(files_, name_ + "/" + part.file, plan_->compress));
  return std::make_unique<FilePart>(*this, part, std::move(file));
}

Status ExportFolder::add_done(const Part& part, const PartDone& done) {
  const std::string line = to_line(part.file, done);
  const std::lock_guard lock(mutex_);
  BINBUS_RETURN_IF_ERROR(files_.sync_directory(name_));
  BINBUS_RETURN_IF_ERROR(done_file_->write_at(done_bytes_, as_bytes(line)));
  BINBUS_RETURN_IF_ERROR(done_file_->sync());
  done_bytes_ += line.size();
  done_[part.file] = done;
  return ok();
}

Status ExportFolder::finish(const std::string& manifest) {
  BINBUS_RETURN_IF_ERROR(io::write_durably(files_, name_ + kManifest, manifest));
  done_file_.reset();
  BINBUS_RETURN_IF_ERROR(io::remove_if_there(files_, name_ + kDone));
  BINBUS_RETURN_IF_ERROR(io::remove_if_there(files_, name_ + kPlan));
  return files_.sync_directory(name_);
}

}  // namespace binbus::dump
