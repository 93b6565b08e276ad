#include "app/data_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "io/address.h"
#include "io/durable_file.h"
#include "mysql/gtid.h"

namespace binbus::app {
namespace {

constexpr size_t kUuidChars = 36;

std::string read_text(int descriptor) {
  char text[32];
  const ssize_t count = ::pread(descriptor, text, sizeof(text), 0);
  std::string out(text, count > 0 ? static_cast<size_t>(count) : 0);
  return out.substr(0, out.find('\n'));
}

Result<mysql::Uuid> draw_uuid() {
  mysql::Uuid uuid;
  if (::getrandom(uuid.bytes.data(), uuid.bytes.size(), 0) !=
      static_cast<ssize_t>(uuid.bytes.size())) {
    return fail(Code::kIo, "cannot draw a random UUID: " + io::os_error(errno));
  }
  uuid.bytes[6] = static_cast<uint8_t>((uuid.bytes[6] & 0x0f) | 0x40);  // version 4: random
  uuid.bytes[8] = static_cast<uint8_t>((uuid.bytes[8] & 0x3f) | 0x80);
  return uuid;
}

Result<std::string> read_uuid(io::FileSystem& files, const std::string& path) {
  BINBUS_TRY(file, files.open(path, io::OpenMode::kRead));
  ByteVector text(kUuidChars);
  BINBUS_TRY(count, file->read_at(0, text));
  const auto uuid = mysql::Uuid::parse(as_text(Bytes(text).first(count)));
  if (!uuid) {
    return fail(
        Code::kCorrupt,
        fmt::format(
            "{} holds no UUID; remove it to have a new one made (replicas then see another source)",
            path));
  }
  return uuid->to_string();
}

}  // namespace

Result<DataFolder> DataFolder::lock(const std::string& path) {
  BINBUS_RETURN_IF_ERROR(io::posix_file_system().make_directories(path));
  const std::string name = path + "/binbus.lock";
  const int descriptor = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return fail(Code::kIo, fmt::format("{}: {}", name, io::os_error(errno)));
  DataFolder folder(path, descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::kExists, fmt::format("data folder {} is in use by binbus, process {}; stop "
                                           "that one first, or give this one another `data`",
                                           path, read_text(descriptor)));
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(descriptor, 0) != 0 || ::pwrite(descriptor, pid.data(), pid.size(), 0) < 0) {
    return fail(Code::kIo, fmt::format("{}: {}", name, io::os_error(errno)));
  }
  return folder;
}

DataFolder::DataFolder(DataFolder&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

DataFolder::~DataFolder() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::string> DataFolder::server_uuid(io::FileSystem& files,
                                            const std::string& stream) const {
  const std::string folder = stream_folder(stream);
  const std::string path = folder + "/server_uuid";
  if (files.exists(path)) return read_uuid(files, path);

  BINBUS_RETURN_IF_ERROR(files.make_directories(folder));
  BINBUS_TRY(uuid, draw_uuid());
  const std::string text = uuid.to_string();
  BINBUS_RETURN_IF_ERROR(io::write_durably(files, path, text + "\n"));
  return text;
}

Result<std::string> DataFolder::set_aside(io::FileSystem& files, const std::string& stream) const {
  const std::string folder = stream_folder(stream);
  std::string aside;
  for (int number = 1; aside.empty() || files.exists(aside); ++number)
    aside = fmt::format("{}.aside.{}", folder, number);
  BINBUS_RETURN_IF_ERROR(files.rename(folder, aside));
  BINBUS_RETURN_IF_ERROR(files.make_directories(folder + "/sinks"));
  if (files.exists(aside + "/server_uuid"))
    BINBUS_RETURN_IF_ERROR(files.rename(aside + "/server_uuid", folder + "/server_uuid"));
  const auto sinks = files.list(aside + "/sinks");
  for (const io::DirectoryEntry& file : sinks.value_or(std::vector<io::DirectoryEntry>())) {
    if (!file.name.ends_with(".dead_letters.jsonl")) continue;
    BINBUS_RETURN_IF_ERROR(
        files.rename(aside + "/sinks/" + file.name, folder + "/sinks/" + file.name));
  }
  for (const std::string& changed : {folder + "/sinks", folder, path_})
    BINBUS_RETURN_IF_ERROR(files.sync_directory(changed));
  return aside;
}

uint32_t server_id_of(const std::string& server_uuid) {
  uint32_t hash = 2166136261;  // FNV-1a
  for (const char c : server_uuid) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619;
  return hash == 0 ? 1 : hash;
}

}  // namespace binbus::app
