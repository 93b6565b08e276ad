#include "base/name_list.h"

#include <fmt/format.h>

#include <span>

namespace binbus {

std::string name_list(const std::vector<std::string>& names, size_t shown) {
  if (names.size() <= shown) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more", fmt::join(std::span(names).first(shown), ", "),
                     names.size() - shown);
}

}  // namespace binbus
