// Reading binbus's answers, and tables of what is in them.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace binbus::cli {

using Json = nlohmann::json;

// Reading a document throws when a member is missing or of another type: caught here, in one place. kCorrupt.
Status read_json(std::string_view body, const std::function<void(const Json&)>& read);

template <class T>
Result<T> reading(std::string_view body, const std::function<T(const Json&)>& read) {
  std::optional<T> out;
  BINBUS_RETURN_IF_ERROR(read_json(body, [&](const Json& json) { out = read(json); }));
  return std::move(*out);
}

std::string text(const Json& json, const char* key);
uint64_t number(const Json& json, const char* key);

// The nodes of a stream's group, with how far they are behind.
std::string members_text(const Json& group);

// A table whose columns are as wide as they must be.
std::string or_dash(const std::string& text);  // "-" for ""
std::string table(const std::vector<std::vector<std::string>>& rows, std::string_view indent);

}  // namespace binbus::cli
