#include "app/snapshot_commands.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/data_folder.h"
#include "base/name_list.h"
#include "cli/json_text.h"
#include "cli/units.h"

namespace binbus::app {
namespace {

using cli::ExitCode;
using cli::Json;

constexpr size_t kTablesShown = 3;

int failed(const Error& error, int exit_code = ExitCode::kFailed) {
  fmt::print(stderr, "binbus: {}\n", error.message);
  return exit_code;
}

Json to_json(const state::SnapshotInfo& info) {
  return Json{{"name", info.name},
              {"time_us", info.time_us},
              {"purpose", info.purpose},
              {"position", info.position},
              {"gtid_executed", info.gtid_executed},
              {"bytes", info.bytes},
              {"tables", info.tables}};
}

}  // namespace

Result<StreamSnapshots> snapshots_of(const Config& config, const std::string& stream) {
  std::vector<std::string> names;
  for (const StreamConfig& each : config.streams) {
    if (each.state && (stream.empty() || each.name == stream)) names.push_back(each.name);
  }
  if (names.empty()) {
    return fail(Code::kInvalid,
                stream.empty()
                    ? fmt::format("{} has no [[state]]: no rows are kept", config.path)
                    : fmt::format("{} has no [[state]] of stream \"{}\"", config.path, stream));
  }
  if (names.size() > 1) {
    return fail(Code::kInvalid,
                fmt::format("there are several streams; name one of: {}", fmt::join(names, ", ")));
  }
  return StreamSnapshots{
      names.front(),
      {io::posix_file_system(), snapshots_folder(config.data + "/" + names.front())}};
}

int list_snapshots(const cli::ListSnapshots& command) {
  const auto config = load_config(command.config, Secrets::kLeave);
  if (!config) return failed(config.error(), ExitCode::kUsage);
  if (!command.stream.empty()) {
    if (const auto known = snapshots_of(*config, command.stream); !known)
      return failed(known.error(), ExitCode::kUsage);
  }
  std::vector<std::vector<std::string>> rows = {
      {"STREAM", "SNAPSHOT", "TIME", "MADE FOR", "POSITION", "BYTES", "TABLES"}};
  Json json{{"streams", Json::array()}};
  for (const StreamConfig& stream : config->streams) {
    if (!stream.state || (!command.stream.empty() && stream.name != command.stream)) continue;
    const auto of = snapshots_of(*config, stream.name);
    const auto there = of->folder.list();
    if (!there) return failed(there.error());
    Json& its = json["streams"].emplace_back(Json{{"name", stream.name}});
    its["snapshots"] = Json::array();
    for (const state::SnapshotInfo& info : *there) {
      its["snapshots"].push_back(to_json(info));
      rows.push_back({stream.name, info.name, cli::time_text(info.time_us), info.purpose,
                      info.position, cli::bytes_text(info.bytes),
                      name_list(info.tables, kTablesShown)});
    }
  }
  if (command.json) {
    fmt::print("{}\n", json.dump(1));
  } else {
    fmt::print("{}", rows.size() == 1 ? "no snapshots\n" : cli::table(rows, ""));
  }
  return ExitCode::kOk;
}

int remove_snapshot(const cli::RemoveSnapshot& command) {
  const auto config = load_config(command.config, Secrets::kLeave);
  if (!config) return failed(config.error(), ExitCode::kUsage);
  const auto of = snapshots_of(*config, command.stream);
  if (!of) return failed(of.error(), ExitCode::kUsage);
  const Status removed = of->folder.remove(command.name);
  return removed ? ExitCode::kOk : failed(removed.error());
}

}  // namespace binbus::app
