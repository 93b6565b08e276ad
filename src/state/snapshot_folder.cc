#include "state/snapshot_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/utc_time.h"
#include "io/address.h"
#include "io/durable_file.h"

namespace binbus::state {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::string_view kNew = ".new";
constexpr std::string_view kGone = ".gone";
constexpr const char* kInfoFile = "/snapshot.json";
constexpr const char* kRows = "/rows";
constexpr uint64_t kCacheBytes = 32 << 20;

bool is_remains(std::string_view name) { return name.ends_with(kNew) || name.ends_with(kGone); }

Status from(const std::error_code& error, const std::string& doing) {
  if (!error) return ok();
  const bool full = error == std::errc::no_space_on_device;
  return fail(full ? Code::kDiskFull : Code::kIo, doing + ": " + error.message());
}

std::string name_of(uint64_t time_us) {
  std::string name = utc_text(time_us);
  std::erase(name, '-');
  std::erase(name, ':');
  return name;
}

std::string to_json(const SnapshotInfo& info) {
  return Json{{"layout", 1},
              {"name", info.name},
              {"purpose", info.purpose},
              {"time_us", info.time_us},
              {"position", info.position},
              {"gtid_executed", info.gtid_executed},
              {"tables", info.tables},
              {"not_ready", info.not_ready}}
             .dump(1) +
         "\n";
}

Result<SnapshotInfo> from_json(const std::string& name, const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  try {
    if (json.at("layout") != 1)
      return fail(Code::kUnsupported, "snapshot " + name + " was made by a newer binbus");
    return SnapshotInfo{.name = name,
                        .purpose = json.at("purpose"),
                        .time_us = json.at("time_us"),
                        .position = json.at("position"),
                        .gtid_executed = json.at("gtid_executed"),
                        .tables = json.at("tables"),
                        .not_ready = json.at("not_ready")};
  } catch (const Json::exception& error) {
    return fail(Code::kCorrupt,
                fmt::format("snapshot {}: snapshot.json is damaged ({}); remove its folder", name,
                            error.what()));
  }
}

uint64_t bytes_in(const std::string& folder) {
  uint64_t bytes = 0;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    const uint64_t size = at->file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

// -1: somebody else has it. The file may have been removed before it was locked.
Result<int> lock_file(const std::string& path, int operation) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return fail(errno == ENOENT ? Code::kNotFound : Code::kIo,
                fmt::format("{}: {}", path, io::os_error(errno)));
  }
  if (::flock(descriptor, operation | LOCK_NB) != 0) {
    ::close(descriptor);
    return -1;
  }
  struct stat mine {
  }, there{};
  if (::fstat(descriptor, &mine) == 0 && ::stat(path.c_str(), &there) == 0 &&
      mine.st_ino == there.st_ino)
    return descriptor;
  ::close(descriptor);
  return fail(Code::kNotFound, path + ": was removed");
}

}  // namespace

OpenSnapshot::~OpenSnapshot() { ::close(descriptor_); }

Result<std::shared_ptr<const TablesView>> open_rows(const std::string& name,
                                                    const std::string& folder) {
  auto store = TableStore::open_read_only({.folder = folder, .cache_bytes = kCacheBytes});
  if (!store) return fail_in(name, store.error());
  auto tables = Tables::open(name, std::move(*store));
  if (!tables) return fail_in(name, tables.error());
  return (*tables)->view();
}

void fill_in_tables(SnapshotInfo& info, const std::vector<TableRecord>& records) {
  for (const TableRecord& record : records)
    (record.phase == Phase::kReady ? info.tables : info.not_ready).push_back(record.full_name());
  std::ranges::sort(info.tables);
  std::ranges::sort(info.not_ready);
}

Result<std::shared_ptr<const TablesView>> OpenSnapshot::view() const {
  return open_rows("snapshot " + info_.name, rows_folder_);
}

Result<SnapshotInfo> SnapshotFolder::read(const std::string& name) const {
  BINBUS_TRY(text, io::read_if_there(files_, path(name) + kInfoFile));
  if (!text) return fail(Code::kNotFound, "snapshot " + name + " is gone");
  return from_json(name, *text);
}

Result<std::vector<SnapshotInfo>> SnapshotFolder::list() const {
  std::vector<SnapshotInfo> out;
  if (!files_.exists(folder_)) return out;
  BINBUS_TRY(entries, files_.list(folder_));
  for (const io::DirectoryEntry& entry : entries) {
    if (!entry.is_directory || is_remains(entry.name)) continue;
    auto info = read(entry.name);
    if (!info && info.error().code == Code::kNotFound) continue;  // removed meanwhile
    if (!info) return fail(info.error());
    info->bytes = bytes_in(path(entry.name) + kRows);
    out.push_back(std::move(*info));
  }
  std::ranges::sort(out, {}, [](const SnapshotInfo& info) {
    return std::pair(info.time_us, std::pair(info.name.size(), info.name));
  });
  return out;
}

Result<SnapshotInfo> SnapshotFolder::add(SnapshotInfo info, const Make& make) const {
  BINBUS_RETURN_IF_ERROR(files_.make_directories(folder_));
  const std::string of_time = name_of(info.time_us);
  info.name = of_time;
  std::error_code failed;
  // Another thread may be making one of the same time.
  for (int number = 2;
       !failed && (files_.exists(path(info.name)) ||
                   !fs::create_directory(path(info.name) + std::string(kNew), failed));
       ++number)
    info.name = fmt::format("{}-{}", of_time, number);
  BINBUS_RETURN_IF_ERROR(from(failed, "snapshot " + info.name));
  const std::string made = path(info.name) + std::string(kNew);
  const auto write = [&]() -> Status {
    BINBUS_RETURN_IF_ERROR(make(made + kRows, info));
    BINBUS_RETURN_IF_ERROR(io::write_durably(files_, made + kInfoFile, to_json(info)));
    BINBUS_RETURN_IF_ERROR(files_.sync_directory(made));
    BINBUS_RETURN_IF_ERROR(files_.rename(made, path(info.name)));
    return files_.sync_directory(folder_);
  };
  if (Status written = write(); !written) {
    std::error_code left;
    fs::remove_all(made, left);
    return fail_in("snapshot " + info.name, written.error());
  }
  info.bytes = bytes_in(path(info.name) + kRows);
  return info;
}

Status SnapshotFolder::refuse_unknown(const std::string& name) const {
  std::string names;
  BINBUS_TRY(there, list());
  for (const SnapshotInfo& info : there) names += (names.empty() ? "" : ", ") + info.name;
  return fail(Code::kNotFound,
              names.empty()
                  ? fmt::format("there is no snapshot \"{}\", and no other; "
                                "`binbus snapshot create` makes one",
                                name)
                  : fmt::format("there is no snapshot \"{}\"; there are: {}", name, names));
}

Result<std::unique_ptr<OpenSnapshot>> SnapshotFolder::open(const std::string& name) const {
  const bool is_name = !name.empty() && name.find('/') == std::string::npos && !is_remains(name);
  auto locked = is_name ? lock_file(path(name) + kInfoFile, LOCK_SH)
                        : Result<int>(fail(Code::kNotFound, "no name"));
  if (locked && *locked < 0) return fail(Code::kNotFound, "snapshot " + name + " is being removed");
  if (!locked && locked.error().code == Code::kNotFound) return fail(refuse_unknown(name).error());
  if (!locked) return fail(locked.error());
  auto info = read(name);
  if (!info) {
    ::close(*locked);
    return fail(info.error());
  }
  return std::unique_ptr<OpenSnapshot>(
      new OpenSnapshot(std::move(*info), path(name) + kRows, *locked));
}

Status SnapshotFolder::remove(const std::string& name) const {
  const bool is_name = !name.empty() && name.find('/') == std::string::npos && !is_remains(name);
  auto locked = is_name ? lock_file(path(name) + kInfoFile, LOCK_EX)
                        : Result<int>(fail(Code::kNotFound, "no name"));
  if (!locked && locked.error().code == Code::kNotFound) return refuse_unknown(name);
  if (!locked) return fail(locked.error());
  if (*locked < 0) {
    return fail(Code::kExists, "snapshot " + name +
                                   " is being read; end the export or wait for it, then remove it");
  }
  const std::string gone = path(name) + std::string(kGone);
  const Status renamed = files_.rename(path(name), gone);
  ::close(*locked);
  BINBUS_RETURN_IF_ERROR(renamed);
  std::error_code error;
  fs::remove_all(gone, error);
  return from(error, "remove " + gone);
}

Result<bool> SnapshotFolder::remove_old(std::string_view purpose, uint64_t kept) const {
  BINBUS_TRY(all, list());
  std::erase_if(all, [&](const SnapshotInfo& info) { return info.purpose != purpose; });
  bool left = false;
  for (size_t i = 0; i + kept < all.size(); ++i) {
    const Status removed = remove(all[i].name);
    if (removed || removed.error().code == Code::kNotFound) continue;  // by somebody else
    if (removed.error().code != Code::kExists) return fail(removed.error());
    left = true;
  }
  return left;
}

Result<std::string> SnapshotFolder::scratch() const {
  BINBUS_RETURN_IF_ERROR(files_.make_directories(folder_));
  std::error_code failed;
  std::string made;
  int number = 1;
  do {
    made = fmt::format("{}/scratch-{}{}", folder_, number++, kNew);
  } while (!failed && !fs::create_directory(made, failed));
  BINBUS_RETURN_IF_ERROR(from(failed, made));
  return made;
}

void remove_rows(const std::string& folder) {
  std::error_code left;
  fs::remove_all(folder, left);
}

void SnapshotFolder::remove_remains() const {
  if (!files_.exists(folder_)) return;
  const auto entries = files_.list(folder_);
  for (const io::DirectoryEntry& entry : entries.value_or(std::vector<io::DirectoryEntry>())) {
    std::error_code error;
    if (is_remains(entry.name)) fs::remove_all(path(entry.name), error);
  }
}

// The sorted files are never written again; of the others the database's next owner writes some.
Status copy_rows(const std::string& rows, const std::string& to) {
  std::error_code error;
  fs::create_directories(to, error);
  for (fs::directory_iterator at(rows, error), end; !error && at != end; at.increment(error)) {
    const fs::path target = to / at->path().filename();
    if (at->path().extension() == ".sst") {
      fs::create_hard_link(at->path(), target, error);
    } else {
      fs::copy_file(at->path(), target, error);
    }
    if (error) break;
  }
  return from(error, "copy of " + rows + " to " + to);
}

}  // namespace binbus::state
