#include "io/durable_file.h"

namespace binbus::io {

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status write_new_file(FileSystem& files, const std::string& path, Bytes bytes) {
  BINBUS_RETURN_IF_ERROR(remove_if_there(files, path));
  BINBUS_TRY(file, files.open(path, OpenMode::kCreateNew));
  BINBUS_RETURN_IF_ERROR(file->write_at(0, bytes));
  return file->sync();
}

Status write_durably(FileSystem& files, const std::string& path, std::string_view text) {
  const std::string made = path + ".new";
  BINBUS_RETURN_IF_ERROR(write_new_file(files, made, as_bytes(text)));
  BINBUS_RETURN_IF_ERROR(files.rename(made, path));
  return files.sync_directory(folder_of(path));
}

Result<std::optional<std::string>> read_if_there(FileSystem& files, const std::string& path) {
  if (!files.exists(path)) return std::nullopt;
  BINBUS_TRY(file, files.open(path, OpenMode::kRead));
  BINBUS_TRY(size, file->size());
  std::string text(size, '\0');
  BINBUS_TRY(read, file->read_at(0, {reinterpret_cast<uint8_t*>(text.data()), text.size()}));
  text.resize(read);
  return std::optional<std::string>(std::move(text));
}

Status remove_if_there(FileSystem& files, const std::string& path) {
  return files.exists(path) ? files.remove(path) : ok();
}

}  // namespace binbus::io
