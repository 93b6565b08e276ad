// MySQL's binary JSON as text.
#pragma once

#include <string>

#include "base/bytes.h"

namespace binbus::schema {

// Appends the document as the server prints it: `{"a": 1, "b": [true, null, 1.0]}`, keys in the document's order, opaque
// values as decimals, quoted dates and times, or "base64:type15:...". kCorrupt where it contradicts its format, kLimit when it is
// nested deeper than servers allow; nothing was appended then. The text is at most a few times as long as the document.
Status append_json(std::string& out, Bytes document);

// Appends a number of JSON that is a double: as append_double() has it, with a point or an exponent.
void append_json_double(std::string& out, double value);

// Appends a string of JSON with its quotes.
void append_json_string(std::string& out, Bytes text);

}  // namespace binbus::schema
