// Names in a message.
#pragma once

#include <string>
#include <vector>

namespace binbus {

// "a, b and 3 more": so many of them, and how many the others are.
std::string name_list(const std::vector<std::string>& names, size_t shown);

}  // namespace binbus
