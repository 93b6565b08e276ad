#include "sink/durable_file.h"

namespace binbus::sink {

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status write_durably(io::FileSystem& files, const std::string& path, std::string_view text) {
  const std::string made = path + ".new";
  if (files.exists(made)) BINBUS_RETURN_IF_ERROR(files.remove(made));
  {
    BINBUS_TRY(file, files.open(made, io::OpenMode::kCreateNew));
    BINBUS_RETURN_IF_ERROR(file->write_at(0, as_bytes(text)));
    BINBUS_RETURN_IF_ERROR(file->sync());
  }
  BINBUS_RETURN_IF_ERROR(files.rename(made, path));
  return files.sync_directory(folder_of(path));
}

Result<std::optional<std::string>> read_if_there(io::FileSystem& files, const std::string& path) {
  if (!files.exists(path)) return std::nullopt;
  BINBUS_TRY(file, files.open(path, io::OpenMode::kRead));
  BINBUS_TRY(size, file->size());
  std::string text(size, '\0');
  BINBUS_TRY(read, file->read_at(0, {reinterpret_cast<uint8_t*>(text.data()), text.size()}));
  text.resize(read);
  return std::optional<std::string>(std::move(text));
}

Status remove_if_there(io::FileSystem& files, const std::string& path) {
  return files.exists(path) ? files.remove(path) : ok();
}

}  // namespace binbus::sink
