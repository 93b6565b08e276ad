#include "cli/sink_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>

namespace binbus::cli {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < ' ') {
      out += fmt::format("\\u{:04x}", c);
    } else {
      out += c;
    }
  }
  return out + '"';
}

// {database} is a template, { a = "b" } a map.
bool is_toml(std::string_view value) {
  if (value == "true" || value == "false") return true;
  if (value.empty() || value.front() == '[' || value.front() == '"' || value.front() == '\'')
    return !value.empty();
  if (value.front() == '{') return value.find('=') != std::string_view::npos;
  return std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
}

// NAME, or MAP.NAME where the name may have dots itself.
std::string key_text(std::string_view key) {
  const size_t dot = key.find('.');
  if (dot == std::string_view::npos) return quoted(key);
  return quoted(key.substr(0, dot)) + "." + quoted(key.substr(dot + 1));
}

Result<std::string> read_all(const std::string& file) {
  if (file == "-") return std::string(std::istreambuf_iterator(std::cin), {});
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(Code::kNotFound, file + ": no such file, or not readable");
  return std::string(std::istreambuf_iterator(in), {});
}

}  // namespace

Result<SinkChangeRequest> sink_change_request(const ChangeSink& command) {
  SinkChangeRequest request;
  request.method = command.verb == "add"      ? "PUT"
                   : command.verb == "set"    ? "PATCH"
                   : command.verb == "remove" ? "DELETE"
                                              : "POST";
  if (request.method == "POST") request.verb = "/" + command.verb;
  const std::string rule = command.table.empty() ? "" : "table[" + command.table + "].";
  for (const std::string& key : command.unset) request.parameters.emplace_back("unset", rule + key);
  if (!command.unset_table.empty())
    request.parameters.emplace_back("unset", "table[" + command.unset_table + "]");
  if (!command.file.empty()) {
    if (!command.assignments.empty())
      return fail(Code::kInvalid, "give the keys in --file or as KEY=VALUE, not both");
    BINBUS_TRY(keys, read_all(command.file));
    request.keys = keys;
  }
  const bool of_rule = !command.table.empty() && !command.assignments.empty();
  if (of_rule) request.keys += fmt::format("[[table]]\nmatch = {}\n", quoted(command.table));
  for (const std::string& assignment : command.assignments) {
    const size_t equals = assignment.find('=');
    if (equals == 0 || equals == std::string::npos)
      return fail(Code::kInvalid, fmt::format("{}: must be KEY=VALUE", assignment));
    const std::string value = assignment.substr(equals + 1);
    if (assignment.starts_with("stream=")) request.stream = value;
    request.keys += fmt::format("{} = {}\n", key_text(assignment.substr(0, equals)),
                                is_toml(value) ? value : quoted(value));
  }
  if (command.verb == "set" && request.keys.empty() && request.parameters.empty())
    return fail(Code::kInvalid, "nothing to set: give KEY=VALUE, --unset, --unset-table or --file");
  return request;
}

}  // namespace binbus::cli
