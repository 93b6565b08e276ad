#include "app/export_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "app/config_keys.h"
#include "app/snapshot_commands.h"
#include "cli/json_text.h"
#include "cli/progress.h"
#include "cli/remote_commands.h"
#include "cli/units.h"
#include "dump/export.h"

namespace binbus::app {
namespace {

// What differs between the export that was broken off and the one that is asked for; "": nothing.
std::string difference(const dump::Plan& plan, const dump::Plan& asked) {
  const auto differs = [](const char* what, const std::string& is, const std::string& now) {
    return is == now ? "" : fmt::format("{} {}, not {}", what, is, now);
  };
  const auto tables = [](const std::vector<std::string>& of) {
    return of.empty() ? "all tables" : fmt::format("{}", fmt::join(of, " "));
  };
  for (std::string each :
       {differs("stream", plan.stream, asked.stream),
        differs("--format", plan.format, asked.format),
        differs("--compress", plan.compress, asked.compress),
        differs("of", tables(plan.tables), tables(asked.tables)),
        differs("--at", plan.at, asked.at),
        asked.snapshot.empty() ? "" : differs("--snapshot", plan.snapshot, asked.snapshot)}) {
    if (!each.empty()) return each;
  }
  return "";
}

std::string near_name(const std::string& word, const std::vector<std::string>& names) {
  const std::vector<std::string_view> views(names.begin(), names.end());
  return std::string(nearest(word, views));
}

// A new one, made by the binbus that runs; its name.
Result<std::string> make_snapshot(const cli::ExportSnapshot& command, const Config& config,
                                  const std::string& stream) {
  const std::string address = command.admin.empty() ? config.admin.listen : command.admin;
  if (address.empty()) {
    return fail(Code::kInvalid,
                config.path +
                    " has no [admin] listen, so a running binbus cannot be asked for a "
                    "snapshot; add it, or name one with --snapshot");
  }
  auto answer = cli::ask_for_snapshot(address, stream, command.at, "export");
  if (!answer && answer.error().code == Code::kNetwork)
    answer.error().message += "; while none runs, name a snapshot that there is with --snapshot";
  if (!answer) return fail(answer.error());
  return cli::reading<std::string>(*answer,
                                   [](const cli::Json& made) { return cli::text(made, "name"); });
}

class Export {
 public:
  Export(const cli::ExportSnapshot& command, const Config& config)
      : command_(command), config_(config) {}

  Status run() {
    BINBUS_TRY(of, snapshots_of(config_, command_.stream));
    BINBUS_TRY(part_bytes, parse_bytes(command_.part_size));
    dump::Plan asked{.stream = of.stream,
                     .snapshot = command_.snapshot,
                     .at = command_.at,
                     .tables = command_.tables,
                     .format = command_.format,
                     .compress = command_.compress,
                     .parts = {}};
    BINBUS_TRY(folder, dump::ExportFolder::open(files_, command_.to));
    if (!folder->plan()) {
      BINBUS_RETURN_IF_ERROR(begin(*folder, of, std::move(asked), part_bytes));
    } else if (const std::string other = difference(*folder->plan(), asked); !other.empty()) {
      return fail(Code::kExists,
                  fmt::format("{} has an export that was broken off, {}; give the same to go on "
                              "with it, or name another folder",
                              command_.to, other));
    }
    return go_on(*folder, of.folder);
  }

 private:
  Status begin(dump::ExportFolder& folder, const StreamSnapshots& of, dump::Plan plan,
               uint64_t part_bytes) const {
    if (plan.snapshot.empty()) {
      BINBUS_TRY(made, make_snapshot(command_, config_, of.stream));
      plan.snapshot = made;
      plan.snapshot_is_own = true;
    }
    const std::string snapshot = plan.snapshot;
    const bool is_own = plan.snapshot_is_own;
    const auto plan_parts = [&]() -> Status {
      BINBUS_TRY(open, of.folder.open(plan.snapshot));
      BINBUS_TRY(view, open->view());
      BINBUS_RETURN_IF_ERROR(dump::make_parts(
          plan, *view, {.part_bytes = std::max<uint64_t>(1, part_bytes)}, near_name));
      return folder.begin(std::move(plan));
    };
    Status planned = plan_parts();
    if (!planned && is_own) static_cast<void>(of.folder.remove(snapshot));
    return planned;
  }

  Status go_on(dump::ExportFolder& folder, const state::SnapshotFolder& snapshots) {
    const dump::Plan& plan = *folder.plan();
    auto open = snapshots.open(plan.snapshot);
    if (!open) {
      return fail_in(fmt::format("{} was begun from a snapshot that is gone; empty the folder and "
                                 "begin again",
                                 folder.path()),
                     open.error());
    }
    BINBUS_TRY(view, (*open)->view());
    if (Status written = write(folder, *view); !written) {
      return fail(written.error().code,
                  written.error().message +
                      "; once that is mended, the same command goes on where this one ended");
    }
    BINBUS_RETURN_IF_ERROR(
        folder.finish(dump::make_manifest(plan, (*open)->info(), folder.done())));
    report(folder, (*open)->info());
    for (const std::string& table : (*open)->info().not_ready)
      fmt::print(stderr, "binbus: without {}: its rows are not known there\n", table);
    view.reset();
    open->reset();
    return plan.snapshot_is_own ? snapshots.remove(plan.snapshot) : ok();
  }

  Status write(dump::ExportFolder& folder, const state::TablesView& view) {
    uint64_t total = 0;
    for (const dump::Part& part : folder.plan()->parts) total += part.disk_bytes;
    cli::Progress progress(total);
    for (const dump::Part& part : folder.plan()->parts) {
      if (folder.is_done(part)) progress.add(part.disk_bytes);
    }
    return dump::write_parts(files_, folder, view, command_.threads, [&](const dump::Part& part) {
      progress.begin(part.table);
      progress.add(part.disk_bytes);
    });
  }

  static void report(const dump::ExportFolder& folder, const state::SnapshotInfo& snapshot) {
    std::set<std::string> tables;
    uint64_t rows = 0, bytes = 0, files = 0;
    for (const dump::Part& part : folder.plan()->parts) tables.insert(part.table);
    for (const auto& [part, done] : folder.done()) {
      rows += done.rows;
      bytes += done.bytes;
      files += done.file.empty() ? 0 : 1;
    }
    fmt::print("{}: {} tables, {} rows, {} in {} files, as of {}\n", folder.path(), tables.size(),
               cli::count_text(rows), cli::bytes_text(bytes), files, snapshot.position);
  }

  const cli::ExportSnapshot& command_;
  const Config& config_;
  io::FileSystem& files_ = io::posix_file_system();
};

}  // namespace

int export_snapshot(const cli::ExportSnapshot& command) {
  const auto config = load_config(command.config, Secrets::kLeave);
  const Status done = config ? Export(command, *config).run() : fail(config.error());
  if (done) return cli::ExitCode::kOk;
  fmt::print(stderr, "binbus: {}\n", done.error().message);
  switch (done.error().code) {
    case Code::kInvalid:
      return cli::ExitCode::kUsage;
    case Code::kNetwork:
      return cli::ExitCode::kNotRunning;
    default:
      return cli::ExitCode::kFailed;
  }
}

}  // namespace binbus::app
