#include "coordinate/records.h"

#include <nlohmann/json.hpp>

namespace binbus::coordinate {
namespace {

using Json = nlohmann::ordered_json;

std::string text_in(const Json& json, const char* key) {
  if (!json.is_object() || !json.contains(key) || !json[key].is_string()) return "";
  return json[key].get<std::string>();
}

std::set<std::string> texts_in(const Json& json, const char* key) {
  std::set<std::string> out;
  if (!json.is_object() || !json.contains(key) || !json[key].is_array()) return out;
  for (const Json& each : json[key]) {
    if (each.is_string()) out.insert(each.get<std::string>());
  }
  return out;
}

}  // namespace

NodeRecord NodeRecord::parse(const std::string& name, std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  return {.node = {.name = name,
                   .streams = texts_in(json, "streams"),
                   .yields = texts_in(json, "yields")},
          .instance = text_in(json, "instance")};
}

std::string NodeRecord::print() const {
  return Json{{"streams", node.streams}, {"yields", node.yields}, {"instance", instance}}.dump();
}

OwnerRecord OwnerRecord::parse(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  OwnerRecord owner{.node = text_in(json, "node"), .instance = text_in(json, "instance")};
  if (json.is_object() && json.contains("epoch") && json["epoch"].is_number_unsigned())
    owner.epoch = json["epoch"].get<uint64_t>();
  return owner;
}

std::string OwnerRecord::print() const {
  return Json{{"node", node}, {"epoch", epoch}, {"instance", instance}}.dump();
}

}  // namespace binbus::coordinate
