#include "app/export_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "app/account.h"
#include "app/config_keys.h"
#include "app/snapshot_commands.h"
#include "cli/json_text.h"
#include "cli/progress.h"
#include "cli/remote_commands.h"
#include "cli/units.h"
#include "dump/export.h"
#include "dump/export_folder.h"
#include "dump/export_server.h"

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

constexpr std::string_view kServer = "mysql://";
// A statement of a server's, which may wait for locks or a slow disk.
constexpr uint32_t kStatementMs = 600'000;

class Export {
 public:
  Export(const cli::ExportSnapshot& command, const Config& config)
      : command_(command), config_(config) {}

  Status run() {
    BINBUS_TRY(of, snapshots_of(config_, command_.stream));
    dump::Plan asked{.stream = of.stream,
                     .snapshot = command_.snapshot,
                     .at = command_.at,
                     .tables = command_.tables,
                     .format = command_.format,
                     .compress = command_.compress,
                     .parts = {}};
    if (!command_.to.starts_with(kServer)) {
      BINBUS_TRY(folder, dump::ExportFolder::open(io::posix_file_system(), command_.to));
      return run(*folder, of, std::move(asked), "64 MiB");
    }
    if (command_.format != "sql" || command_.compress != "none")
      return fail(Code::kInvalid, "--format and --compress are of files; leave them out");
    BINBUS_TRY(connect, connect_options(command_.to.substr(kServer.size()), command_.account));
    connect.timeout_ms = kStatementMs;
    BINBUS_TRY(server, dump::ExportServer::open(connect));
    Status done = run(*server, of, std::move(asked), "8 MiB");
    if (const std::string warnings = server->warnings(); !warnings.empty())
      fmt::print(stderr, "binbus: {}: compare the tables\n", warnings);
    return done;
  }

 private:
  Status run(dump::ExportTarget& target, const StreamSnapshots& of, dump::Plan asked,
             const char* part_size) {
    BINBUS_TRY(part_bytes,
               parse_bytes(command_.part_size.empty() ? part_size : command_.part_size));
    if (!target.plan()) {
      BINBUS_RETURN_IF_ERROR(begin(target, of, std::move(asked), part_bytes));
    } else if (const std::string other = difference(*target.plan(), asked); !other.empty()) {
      return fail(Code::kExists,
                  fmt::format("{} has an export that was broken off, {}; give the same to go on "
                              "with it, or {}",
                              command_.to, other, instead()));
    }
    return go_on(target, of.folder);
  }

  const char* instead() const {
    return command_.to.starts_with(kServer)
               ? "begin anew: DROP DATABASE binbus_export, and TRUNCATE the tables"
               : "name another folder";
  }

  Status begin(dump::ExportTarget& target, const StreamSnapshots& of, dump::Plan plan,
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
      return target.begin(std::move(plan));
    };
    Status planned = plan_parts();
    if (!planned && is_own) static_cast<void>(of.folder.remove(snapshot));
    return planned;
  }

  Status go_on(dump::ExportTarget& target, const state::SnapshotFolder& snapshots) {
    const dump::Plan& plan = *target.plan();
    auto open = snapshots.open(plan.snapshot);
    if (!open) {
      return fail_in(fmt::format("the export to {} was begun from a snapshot that is gone; {}",
                                 target.name(), instead()),
                     open.error());
    }
    BINBUS_TRY(view, (*open)->view());
    if (Status written = write(target, *view); !written) {
      return fail(written.error().code,
                  written.error().message +
                      "; once that is mended, the same command goes on where this one ended");
    }
    BINBUS_RETURN_IF_ERROR(
        target.finish(dump::make_manifest(plan, (*open)->info(), target.done())));
    report(target, (*open)->info());
    for (const std::string& table : (*open)->info().not_ready)
      fmt::print(stderr, "binbus: without {}: its rows are not known there\n", table);
    view.reset();
    open->reset();
    return plan.snapshot_is_own ? snapshots.remove(plan.snapshot) : ok();
  }

  Status write(dump::ExportTarget& target, const state::TablesView& view) const {
    uint64_t total = 0;
    for (const dump::Part& part : target.plan()->parts) total += part.disk_bytes;
    cli::Progress progress(total);
    for (const dump::Part& part : target.plan()->parts) {
      if (target.is_done(part)) progress.add(part.disk_bytes);
    }
    return dump::write_parts(target, view, command_.threads, [&](const dump::Part& part) {
      progress.begin(part.table);
      progress.add(part.disk_bytes);
    });
  }

  void report(const dump::ExportTarget& target, const state::SnapshotInfo& snapshot) const {
    std::set<std::string> tables;
    uint64_t rows = 0, bytes = 0, parts = 0;
    for (const dump::Part& part : target.plan()->parts) tables.insert(part.table);
    for (const auto& [part, done] : target.done()) {
      rows += done.rows;
      bytes += done.bytes;
      parts += done.file.empty() ? 0 : 1;
    }
    const bool is_server = command_.to.starts_with(kServer);
    fmt::print("{}: {} tables, {} rows, {} in {} {}, as of {}\n", target.name(), tables.size(),
               cli::count_text(rows), cli::bytes_text(bytes), parts,
               is_server ? "transactions" : "files", snapshot.position);
    if (is_server && !snapshot.gtid_executed.empty())
      fmt::print("executed there: {}\n", snapshot.gtid_executed);
  }

  const cli::ExportSnapshot& command_;
  const Config& config_;
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
