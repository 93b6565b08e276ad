// What the files command_line_*.cc share: every command's options, and who adds it.
//
// Owner:  options live as long as the App that fills them.
// Thread: one.
#pragma once

#include <optional>

#include "cli/command_line.h"

namespace CLI {
class App;
}

namespace binbus::cli {

inline constexpr const char* kDefaultConfig = "binbus.toml";

// Holds every command's options while CLI11 fills them.
struct Options {
  Serve serve{kDefaultConfig};
  ShowStatus status{.config = kDefaultConfig, .admin = ""};
  ShowSegments segments{.config = kDefaultConfig, .admin = "", .stream = ""};
  Locate locate;
  Tail tail;
  GetRows rows;
  ShowSnapshot shown_snapshot{.config = kDefaultConfig, .admin = "", .stream = ""};
  CommandSnapshot snapshot;
  KeepTables kept_tables{.config = kDefaultConfig, .admin = "", .stream = "", .patterns = {}};
  CreateSnapshot created{.config = kDefaultConfig, .admin = "", .stream = ""};
  ListSnapshots snapshots{.config = kDefaultConfig, .stream = ""};
  ExportSnapshot exported;
  RemoveSnapshot removed{.config = kDefaultConfig, .stream = "", .name = ""};
  ShowFeed feed{.config = kDefaultConfig, .admin = "", .stream = ""};
  ListCursors cursors{.config = kDefaultConfig, .admin = "", .stream = ""};
  DeleteCursor deleted_cursor{.config = kDefaultConfig, .admin = "", .stream = "", .cursor = ""};
  ListSinks sinks{.config = kDefaultConfig, .admin = "", .stream = ""};
  CommandSink sink;
  ShowSink shown_sink;
  ChangeSink change;
  ShowTable table;
  RebuildSchema rebuild;
  HandOver handover{.config = kDefaultConfig, .admin = "", .stream = ""};
  ShowCluster cluster{.config = kDefaultConfig, .admin = ""};
  CommandCluster cluster_command;
  BeginCluster begin{.config = kDefaultConfig};
  CheckSource check;
  Verify verify;
  VerifySource verified_source;
  Import import;
  Decode decode;
};

// Options that several commands have.
void add_config(CLI::App* command, std::string& config);
// For commands that ask a running binbus.
void add_admin(CLI::App* command, std::string& config, std::string& admin);
void add_stream(CLI::App* command, std::string& stream);         // the word STREAM
void add_stream_option(CLI::App* command, std::string& stream);  // --stream STREAM
// Who is asked at the server that `server` names.
void add_account(CLI::App* command, Account& account, CLI::Option* server);
struct Printing {
  std::string& format;
  bool& transactions;
  bool& no_ddl;
  bool& sql_text;
  bool& schemas;
};
// What `decode` and `tail` have in common.
void add_printing(CLI::App* command, const Printing& printing);

// Each adds a command, which sets `chosen` when it is given.
void add_status(CLI::App& app, Options& options, std::optional<Command>& chosen);
void add_segments(CLI::App& app, Options& options, std::optional<Command>& chosen);
void add_locate(CLI::App& app, Options& options, std::optional<Command>& chosen);
void add_tail(CLI::App& app, Options& options, std::optional<Command>& chosen);
void add_handover(CLI::App& app, Options& options, std::optional<Command>& chosen);
void add_cluster(CLI::App& app, Options& options, std::optional<Command>& chosen);
void add_get(CLI::App& app, Options& options, std::optional<Command>& chosen);
void add_snapshot(CLI::App& app, Options& options, std::optional<Command>& chosen);
void add_feed(CLI::App& app, Options& options, std::optional<Command>& chosen);
void add_sink(CLI::App& app, Options& options, std::optional<Command>& chosen);
void add_schema(CLI::App& app, Options& options, std::optional<Command>& chosen);
void add_serve(CLI::App& app, Options& options, std::optional<Command>& chosen);
void add_check_source(CLI::App& app, Options& options, std::optional<Command>& chosen);
void add_verify(CLI::App& app, Options& options, std::optional<Command>& chosen);
void add_import(CLI::App& app, Options& options, std::optional<Command>& chosen);
void add_decode(CLI::App& app, Options& options, std::optional<Command>& chosen);

}  // namespace binbus::cli
