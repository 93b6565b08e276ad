#include "app/group_cursors.h"

#include <nlohmann/json.hpp>

#include "app/feed_cursors.h"
#include "base/log.h"
#include "io/durable_file.h"

namespace binbus::app {
namespace {

using Json = nlohmann::json;

class CursorCheckpoints final : public sink::Checkpoints {
 public:
  CursorCheckpoints(const std::string& sink, raft::GroupRunner& group, uint64_t term)
      : name_(cursor_name(sink)), group_(group), term_(term) {}
  Result<std::optional<sink::Checkpoint>> read() override {
    std::string kept = group_.log().cursor(name_);
    if (kept.empty()) return std::optional<sink::Checkpoint>();
    return std::optional(std::move(kept));
  }
  Status write(const sink::Checkpoint& checkpoint) override {
    return group_.put(term_, {name_, checkpoint});
  }
  Status forget() override { return group_.put(term_, {name_, std::nullopt}); }

 private:
  const std::string name_;
  raft::GroupRunner& group_;
  const uint64_t term_;
};

class CursorFilterStore final : public sink::FilterStore {
 public:
  CursorFilterStore(const std::string& sink, raft::GroupRunner& group, uint64_t term)
      : name_(filter_table_cursor(sink)), group_(group), term_(term) {}
  std::string name() const override { return "cursor " + name_ + " of the log"; }
  Result<std::optional<std::string>> read() override {
    std::string kept = group_.log().cursor(name_);
    if (kept.empty()) return std::optional<std::string>();
    return std::optional(std::move(kept));
  }
  Status write(const std::string& text) override { return group_.put(term_, {name_, text}); }
  Status forget() override {
    if (group_.log().cursor(name_).empty()) return ok();
    return group_.put(term_, {name_, std::nullopt});
  }
  Room room() const override { return sink::kSharedFilterRoom; }

 private:
  const std::string name_;
  raft::GroupRunner& group_;
  const uint64_t term_;
};

}  // namespace

std::string cursor_name(const std::string& sink) { return "sink/" + sink; }

std::string section_cursor(const std::string& sink) { return std::string(kSectionCursors) + sink; }
std::string paused_cursor(const std::string& sink) { return "sink_paused/" + sink; }

std::map<std::string, std::string> sink_sections(const store::Log& log) {
  std::map<std::string, std::string> sections;
  for (auto& [name, text] : log.cursors(std::string(kSectionCursors)))
    sections.emplace(name.substr(kSectionCursors.size()), text);
  return sections;
}

std::unique_ptr<sink::Checkpoints> cursor_checkpoints(const std::string& sink,
                                                      raft::GroupRunner& group, uint64_t term) {
  return std::make_unique<CursorCheckpoints>(sink, group, term);
}

std::string filter_table_cursor(const std::string& sink) { return "sink_filter_table/" + sink; }

std::unique_ptr<sink::FilterStore> cursor_filter_store(const std::string& sink,
                                                       raft::GroupRunner& group, uint64_t term) {
  return std::make_unique<CursorFilterStore>(sink, group, term);
}

Status take_over_files(io::FileSystem& files, const std::string& folder, raft::GroupRunner& group,
                       uint64_t term) {
  struct Kind {
    std::string folder, ending, cursors;
  };
  // In this order: who has a sink's place has what its filter table held there.
  const Kind kinds[] = {{folder + "/sinks", ".filter_table.json", filter_table_cursor("")},
                        {folder + "/sinks", ".checkpoint", cursor_name("")},
                        {folder + "/sinks", ".toml", section_cursor("")},
                        {folder + "/feed", ".cursor", std::string(kFeedCursors)}};
  for (const Kind& kind : kinds) {
    const auto entries = files.list(kind.folder);
    if (!entries && entries.error().code == Code::kNotFound) continue;
    if (!entries) return fail(entries.error());
    for (const io::DirectoryEntry& entry : *entries) {
      if (!entry.name.ends_with(kind.ending)) continue;
      const std::string path = kind.folder + "/" + entry.name;
      const std::string cursor =
          kind.cursors + entry.name.substr(0, entry.name.size() - kind.ending.size());
      BINBUS_TRY(text, io::read_if_there(files, path));
      if (text && !text->empty() && group.log().cursor(cursor).empty()) {
        const Status put = group.put(term, {cursor, *text});
        if (!put && put.error().code == Code::kLimit) {  // that sink's trouble alone
          log::warn("file_not_taken_over", {{"file", path}, {"error", put.error()}});
          continue;
        }
        BINBUS_RETURN_IF_ERROR(put);
      }
      BINBUS_RETURN_IF_ERROR(io::remove_if_there(files, path));
      log::info("file_taken_over", {{"file", path}, {"cursor", cursor}});
    }
  }
  return ok();
}

std::string encode_facts(const serve::SourceFacts& facts) {
  return Json{
      {"version", facts.version}, {"gtid_mode", facts.gtid_mode}, {"variables", facts.variables}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

serve::SourceFacts decode_facts(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return {};
  serve::SourceFacts facts;
  facts.version = json.value("version", "");
  facts.gtid_mode = json.value("gtid_mode", "");
  if (json.contains("variables") && json["variables"].is_object())
    facts.variables = json["variables"].get<std::map<std::string, std::string>>();
  return facts;
}

}  // namespace binbus::app
