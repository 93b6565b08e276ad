// JSON text from outside: MariaDB stores JSON columns as they were written, and with its checks off anything at all.
//
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace binbus::format {

// Appends the document without the blanks between its parts, which may be newlines. False, and nothing is appended, when
// the text is no JSON document or nested deeper than 200 levels. `text` is valid UTF-8.
bool append_json_document(std::string& out, std::string_view text);

}  // namespace binbus::format
