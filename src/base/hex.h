// Bytes that are written in hexadecimal.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace binbus {

// Two digits a byte, of either case; none for a text that is something else.
std::optional<std::string> parse_hex(std::string_view text);
// In lower case.
void append_hex(std::string& out, std::string_view bytes);

}  // namespace binbus
