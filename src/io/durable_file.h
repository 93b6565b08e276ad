// Small files that are there as a whole or not at all, across any crash.
//
// Thread: any, one at a time per path.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "io/file.h"

namespace binbus::io {

// Durable on return; `path` + ".new" is used on the way. After an error or a crash the file is what it was, or `text`.
Status write_durably(FileSystem& files, const std::string& path, std::string_view text);
// A file that counts once another does, in place of what may have been left of it: its bytes are durable on return, its name
// is when the folder is synced.
Status write_new_file(FileSystem& files, const std::string& path, Bytes bytes);
// None when there is no such file.
Result<std::optional<std::string>> read_if_there(FileSystem& files, const std::string& path);
Status remove_if_there(FileSystem& files, const std::string& path);
// Of the path: ".", when it names none.
std::string folder_of(const std::string& path);

}  // namespace binbus::io
