// DECIMAL(precision, scale) of rows and JSON: groups of nine digits in big-endian integers, the sign in the first bit.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace binbus::schema {

// Appends "-123.4500". `bytes` are exactly a number's; kCorrupt when they are no decimal. Nothing is appended then.
Status append_decimal(std::string& out, Bytes bytes, uint32_t precision, uint32_t scale);

// The way back: writes decimal_bytes(precision, scale) bytes at `out`. kCorrupt when the text is no number, or one of more digits;
// what is written then has no meaning.
Status store_decimal(uint8_t* out, std::string_view text, uint32_t precision, uint32_t scale);

}  // namespace binbus::schema
