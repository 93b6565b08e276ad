#include "coordinate/group_copy.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "coordinate/names.h"

namespace binbus::coordinate {

using Json = nlohmann::ordered_json;

namespace {

constexpr uint64_t kEpochMax = uint64_t{1} << 62;  // what somebody has written by hand may be more

}  // namespace

Result<GroupCopy> GroupCopy::parse(std::string_view text) {
  GroupCopy copy;
  if (text.empty()) return copy;
  const Json json = Json::parse(text, nullptr, false);
  const auto wrong = [] { return fail(Code::kCorrupt, "is no copy of a coordinator's data"); };
  if (!json.is_object()) return wrong();
  for (const auto& [key, value] : json.items()) {
    if (key == "group_id" || key == "instance") {
      if (!value.is_string()) return wrong();
      (key == "group_id" ? copy.group_id : copy.instance) = value.get<std::string>();
      continue;
    }
    if (!value.is_object()) return wrong();
    for (const auto& [name, each] : value.items()) {
      if (!each.is_string()) return wrong();
      copy.folders[key][name] = each.get<std::string>();
    }
  }
  return copy;
}

std::string GroupCopy::print() const {
  Json json{{"group_id", group_id}, {"instance", instance}};
  for (const auto& [folder, entries] : folders) json[folder] = entries;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

void GroupCopy::set(const std::string& folder, const std::vector<Entry>& entries) {
  auto& copied = folders[folder];
  copied.clear();
  for (const Entry& entry : entries) copied[entry.name] = entry.value;
}

uint64_t GroupCopy::epoch(const std::string& stream) const {
  const auto folder = folders.find(names::kEpochs);
  if (folder == folders.end()) return 0;
  const auto found = folder->second.find(stream);
  if (found == folder->second.end()) return 0;
  return epoch_of(found->second);
}

void GroupCopy::saw_epoch(const std::string& stream, uint64_t epoch) {
  if (epoch > this->epoch(stream) && epoch < kEpochMax)
    folders[names::kEpochs][stream] = std::to_string(epoch);
}

uint64_t epoch_of(std::string_view text) {
  uint64_t epoch = 0;
  std::from_chars(text.data(), text.data() + text.size(), epoch);
  return epoch < kEpochMax ? epoch : 0;
}

std::vector<std::string> copied_folders() {
  return {names::kCheckpoints, names::kEpochs, names::kPositions, names::kSinks,
          names::kFilterTables};
}

}  // namespace binbus::coordinate
