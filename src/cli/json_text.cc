#include "cli/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace binbus::cli {

Status read_json(std::string_view body, const std::function<void(const Json&)>& read) {
  try {
    read(Json::parse(body));
    return ok();
  } catch (const Json::exception& error) {
    return fail(
        Code::kCorrupt,
        fmt::format("the answer is not binbus's ({}); is another version running?", error.what()));
  }
}

std::string text(const Json& json, const char* key) { return json.at(key).get<std::string>(); }
uint64_t number(const Json& json, const char* key) { return json.at(key).get<uint64_t>(); }

std::string members_text(const Json& group) {
  std::string out;
  for (const Json& member : group.at("members")) {
    out += (out.empty() ? "" : ", ") + text(member, "name");
    if (!member.at("voter").get<bool>()) out += " (learner)";
    if (member.at("lag_entries").is_null()) {
      out += " (lag -)";
    } else if (const uint64_t behind = number(member, "lag_entries"); behind > 0) {
      out += fmt::format(" ({} entries behind)", behind);
    }
  }
  return out;
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

std::string table(const std::vector<std::vector<std::string>>& rows, std::string_view indent) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line(indent);
    for (size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace binbus::cli
