// Names of databases, tables and columns as statements have them.
//
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace binbus::schema {

// `name`, with what is in it doubled where it must be.
void append_identifier(std::string& out, std::string_view name);
std::string quoted_identifier(std::string_view name);

}  // namespace binbus::schema
