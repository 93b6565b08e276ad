// Pieces of JSON, appended to text.
//
// Pure; any thread. Texts given are valid UTF-8.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/digits.h"

namespace binbus::format {

// "text" in quotes, with what JSON wants escaped; all that is not ASCII stays as it is.
void append_json_string(std::string& out, std::string_view text);
// The same without quotes.
void append_json_escaped(std::string& out, std::string_view text);
// Each byte as the character of its number (ISO 8859-1), in quotes: how Canal prints binary values.
void append_json_latin1(std::string& out, Bytes bytes);

// How many bytes in front may stand in a JSON string as they are: neither controls, quotes nor backslashes.
size_t json_plain_length(std::string_view text);
// Of these, how many are ASCII besides.
size_t json_plain_ascii_length(std::string_view text);

void append_base64(std::string& out, Bytes bytes);
void append_hex(std::string& out, Bytes bytes);  // upper case

template <std::integral T>
void append_number(std::string& out, T value) {
  append_digits(out, value);
}

// ,"name":  as it stands between two values.
std::string json_member(std::string_view name);

}  // namespace binbus::format
