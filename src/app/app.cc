#include "app/app.h"

#include <fmt/format.h>

#include <csignal>

#include "app/begin_cluster_command.h"
#include "app/check_source_command.h"
#include "app/config.h"
#include "app/config_keys.h"
#include "app/export_command.h"
#include "app/import_command.h"
#include "app/serve_command.h"
#include "app/snapshot_commands.h"
#include "cli/command_line.h"
#include "cli/decode.h"
#include "cli/remote_commands.h"
#include "cli/tail.h"
#include "cli/verify.h"
#include "cli/verify_source.h"

namespace binbus::app {
namespace {

using cli::ExitCode;

int failed(const Error& error, int exit_code) {
  fmt::print(stderr, "binbus: {}\n", error.message);
  return exit_code;
}

// The endpoint of a running binbus: as named, or by the configuration.
Result<std::string> admin_address(const std::string& named, const std::string& config_path) {
  if (!named.empty()) return named;
  BINBUS_TRY(config, load_config(config_path, Secrets::kLeave));
  if (!config.admin.listen.empty()) return config.admin.listen;
  return fail(Code::kInvalid, fmt::format("{} has no [admin] listen, so a running binbus cannot be "
                                          "asked; add it, or name an address with --admin",
                                          config_path));
}

struct Runner {
  int operator()(const cli::Serve& command) const { return serve(command.config); }
  int operator()(const cli::ShowStatus& command) const {
    return ask(command,
               [&](const std::string& address) { return cli::show_status(command, address); });
  }
  int operator()(const cli::ShowSegments& command) const {
    return ask(command,
               [&](const std::string& address) { return cli::show_segments(command, address); });
  }
  int operator()(const cli::Locate& command) const {
    return ask(command, [&](const std::string& address) { return cli::locate(command, address); });
  }
  int operator()(const cli::Tail& command) const {
    return ask(command, [&](const std::string& address) { return cli::tail(command, address); });
  }
  int operator()(const cli::GetRows& command) const {
    return ask(command,
               [&](const std::string& address) { return cli::get_rows(command, address); });
  }
  int operator()(const cli::ShowSnapshot& command) const {
    return ask(command,
               [&](const std::string& address) { return cli::show_snapshot(command, address); });
  }
  int operator()(const cli::CommandSnapshot& command) const {
    return ask(command,
               [&](const std::string& address) { return cli::command_snapshot(command, address); });
  }
  int operator()(const cli::KeepTables& command) const {
    return ask(command,
               [&](const std::string& address) { return cli::keep_tables(command, address); });
  }
  int operator()(const cli::CreateSnapshot& command) const {
    return ask(command,
               [&](const std::string& address) { return cli::create_snapshot(command, address); });
  }
  int operator()(const cli::ListSnapshots& command) const { return list_snapshots(command); }
  int operator()(const cli::ExportSnapshot& command) const { return export_snapshot(command); }
  int operator()(const cli::RemoveSnapshot& command) const { return remove_snapshot(command); }
  int operator()(const cli::ShowFeed& command) const {
    return ask(command,
               [&](const std::string& address) { return cli::show_feed(command, address); });
  }
  int operator()(const cli::ListCursors& command) const {
    return ask(command,
               [&](const std::string& address) { return cli::list_cursors(command, address); });
  }
  int operator()(const cli::DeleteCursor& command) const {
    return ask(command,
               [&](const std::string& address) { return cli::delete_cursor(command, address); });
  }
  int operator()(const cli::ListSinks& command) const {
    return ask(command,
               [&](const std::string& address) { return cli::list_sinks(command, address); });
  }
  int operator()(const cli::CommandSink& command) const {
    return ask(command,
               [&](const std::string& address) { return cli::command_sink(command, address); });
  }
  int operator()(const cli::ShowSink& command) const {
    return ask(command,
               [&](const std::string& address) { return cli::show_sink(command, address); });
  }
  int operator()(const cli::ChangeSink& command) const {
    return ask(command,
               [&](const std::string& address) { return cli::change_sink(command, address); });
  }
  int operator()(const cli::ShowTable& command) const {
    return ask(command,
               [&](const std::string& address) { return cli::show_table(command, address); });
  }
  int operator()(const cli::RebuildSchema& command) const {
    return ask(command,
               [&](const std::string& address) { return cli::rebuild_schema(command, address); });
  }
  int operator()(const cli::HandOver& command) const {
    return ask(command,
               [&](const std::string& address) { return cli::hand_over(command, address); });
  }
  int operator()(const cli::ShowCluster& command) const {
    return ask(command,
               [&](const std::string& address) { return cli::show_cluster(command, address); });
  }
  int operator()(const cli::CommandCluster& command) const {
    return ask(command,
               [&](const std::string& address) { return cli::command_cluster(command, address); });
  }
  int operator()(const cli::BeginCluster& command) const { return begin_cluster(command); }
  int operator()(const cli::CheckSource& command) const { return check_source(command); }
  int operator()(const cli::Import& command) const { return import_files(command); }
  int operator()(const cli::Decode& command) const { return cli::decode(command); }
  int operator()(const cli::Verify& command) const {
    if (!command.folder.empty()) return cli::verify(command.folder);
    const auto config = load_config(command.config, Secrets::kLeave);
    return config ? cli::verify(config->data) : failed(config.error(), ExitCode::kUsage);
  }
  int operator()(const cli::VerifySource& command) const {
    return ask(command,
               [&](const std::string& address) { return cli::verify_source(command, address); });
  }
  int operator()(const cli::ShowConfigKeys&) const {
    fmt::print("{}", keys_markdown());
    return ExitCode::kOk;
  }

  template <class Command, class Do>
  static int ask(const Command& command, const Do& with_address) {
    const auto address = admin_address(command.admin, command.config);
    return address ? with_address(*address) : failed(address.error(), ExitCode::kUsage);
  }
};

}  // namespace

int run(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL and libmariadb write to sockets without MSG_NOSIGNAL
  const cli::Parsed parsed = cli::parse_command_line({argv + 1, argv + argc}, BINBUS_VERSION);
  if (parsed.command) return std::visit(Runner{}, *parsed.command);
  fmt::print(parsed.exit_code == ExitCode::kOk ? stdout : stderr, "{}", parsed.text);
  return parsed.exit_code;
}

}  // namespace binbus::app
