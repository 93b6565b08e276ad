// Paths into JSON documents as partial updates have them: $.name."any \"name\""[3][last-1]
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace binbus::schema {

struct JsonPathLeg {
  bool member = false;
  std::string name;        // of an object's member
  size_t index = 0;        // of an array's element, or
  bool from_last = false;  // before its last one
  // What is not an array is its own first and last element.
  bool is_first() const { return !member && index == 0; }
};

Result<std::vector<JsonPathLeg>> parse_json_path(std::string_view path);

}  // namespace binbus::schema
