// FLOAT and DOUBLE as servers print them.
#pragma once

#include <string>

#include "base/bytes.h"

namespace binbus::schema {

// The shortest text that reads back as the same number: "0.1", "-1.5e20"; with an exponent below 1e-15, and from
// 1e15 up where nothing comes after the point.
void append_double(std::string& out, double value);
// The same, of at most six digits.
void append_float(std::string& out, float value);
// With so many digits after the point: DOUBLE(M,D) and FLOAT(M,D).
void append_fixed(std::string& out, double value, uint32_t decimals);

}  // namespace binbus::schema
