// Small files that are there as a whole or not at all, across any crash.
//
// Thread: any, one at a time per path.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "io/file.h"

namespace binbus::sink {

// Durable on return; `path` + ".new" is used on the way. After an error or a crash the file is what it was, or `text`.
Status write_durably(io::FileSystem& files, const std::string& path, std::string_view text);
// None when there is no such file.
Result<std::optional<std::string>> read_if_there(io::FileSystem& files, const std::string& path);
Status remove_if_there(io::FileSystem& files, const std::string& path);
// Of the path: ".", when it names none.
std::string folder_of(const std::string& path);

}  // namespace binbus::sink
