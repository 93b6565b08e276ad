// The commands of kept rows and of the feed.
#include <CLI/CLI.hpp>

#include "cli/command_options.h"

namespace binbus::cli {
namespace {

CLI::Option* add_at(CLI::App* command, std::string& at) {
  return command
      ->add_option("--at", at,
                   "As of a point: FILE:POS, 2026-11-20T10:00:00Z (committed before it), or a GTID "
                   "set (executed, and nothing else)")
      ->type_name("POINT");
}

void add_snapshots_on_disk(CLI::App* snapshot, Options& options, std::optional<Command>& chosen) {
  CLI::App* create = snapshot->add_subcommand(
      "create", "Keep the rows on disk as they are now, under the time as a name");
  add_admin(create, options.created.config, options.created.admin);
  add_stream_option(create, options.created.stream);
  add_at(create, options.created.at);
  create->callback([&] { chosen = options.created; });
  CLI::App* list = snapshot->add_subcommand(
      "list", "The snapshots on disk with time, place, size and tables; binbus may be stopped");
  add_config(list, options.snapshots.config);
  list->add_option("stream", options.snapshots.stream, "One stream only")->type_name("STREAM");
  list->add_flag("--json", options.snapshots.json, "Print JSON");
  list->callback([&] { chosen = options.snapshots; });
  CLI::App* remove = snapshot->add_subcommand("remove", "Remove a snapshot that nobody reads");
  add_config(remove, options.removed.config);
  remove->add_option("name", options.removed.name, "Its name")->type_name("NAME")->required();
  add_stream_option(remove, options.removed.stream);
  remove->callback([&] { chosen = options.removed; });
}

void add_export(CLI::App* snapshot, Options& options, std::optional<Command>& chosen) {
  ExportSnapshot& out = options.exported;
  out.config = kDefaultConfig;
  out.format = "sql";
  out.compress = "none";
  CLI::App* command = snapshot->add_subcommand(
      "export",
      "Write the rows of tables as files, or into a server, all as of one place of the log");
  add_admin(command, out.config, out.admin);
  command
      ->add_option("tables", out.tables,
                   "Only tables like these: shop.orders, shop.*, /regular expression/")
      ->type_name("TABLE");
  CLI::Option* to = command
                        ->add_option("--to", out.to,
                                     "Folder, or a server whose tables are there and empty; "
                                     "where an export was broken off, it goes on")
                        ->type_name("DIR|mysql://HOST:PORT")
                        ->required();
  add_account(command, out.account, to);
  command->add_option("-f,--format", out.format, "What the files are")
      ->check(CLI::IsMember({"sql", "csv", "jsonl"}))
      ->capture_default_str();
  command->add_option("--compress", out.compress, "How they are compressed")
      ->check(CLI::IsMember({"none", "gzip", "zstd"}))
      ->capture_default_str();
  command->add_option("--threads", out.threads, "How many parts are written at a time")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  CLI::Option* named =
      command
          ->add_option("--snapshot", out.snapshot, "Of this snapshot; without it a new one is made")
          ->type_name("NAME");
  add_at(command, out.at)->excludes(named);
  command
      ->add_option("--part-size", out.part_size,
                   "About how much of binbus's disk the rows of one file, or transaction, take; "
                   "default: 64 MiB, at a server 8 MiB")
      ->type_name("SIZE");
  add_stream_option(command, out.stream);
  command->footer(R"(
It reads the snapshot itself, so binbus and the source are not loaded, and it runs where the data folder is; binbus must run only to make
a new snapshot, which goes when the export is finished. One of a point is made of the newest that is kept at or before it, and the log. The same command goes on with an export that was broken off. DIR/manifest.json
is written last: stream, place, GTIDs, and of each file its rows, bytes and SHA-256. At a server each part is a transaction; the account
needs SELECT and INSERT on the tables, and all on `binbus_export`, a database that says how far it is until all is done.

Examples:
  binbus snapshot export --to /backup/shop --compress zstd --threads 4
  binbus snapshot export --to /backup/before --at 2026-11-20T10:00:00Z
  binbus snapshot export --to mysql://db2:3306 --user root --password-file db2.password --at 2026-11-20T10:00:00Z
  binbus snapshot export 'shop.order*' --to /tmp/orders --format csv --snapshot 20261128T100000Z
  cat /backup/shop/*.sql.zst | zstd -d | mysql             the tables must be there)");
  command->callback([&] { chosen = out; });
}

}  // namespace

void add_get(CLI::App& app, Options& options, std::optional<Command>& chosen) {
  GetRows& rows = options.rows;
  rows.config = kDefaultConfig;
  rows.format = "binbus";
  CLI::App* command =
      app.add_subcommand("get", "Print rows of a table that is kept, as of now or a point");
  add_admin(command, rows.config, rows.admin);
  command->add_option("table", rows.table, "Table")->type_name("DATABASE.TABLE")->required();
  command
      ->add_option("key", rows.key,
                   "The row's key as SELECT prints it, a value for each of its columns; without it "
                   "all rows")
      ->type_name("VALUE");
  command->add_option("-f,--format", rows.format, "How a row is printed")
      ->check(CLI::IsMember({"binbus", "maxwell", "canal", "debezium", "sql"}))
      ->capture_default_str();
  add_at(command, rows.at);
  add_stream_option(command, rows.stream);
  command->footer(R"(
The rows come from binbus, all as of one place of the log; the source is not asked. Those of a point are made of the newest
snapshot (`binbus snapshot list`) at or before it, and the log from there.

Examples:
  binbus get shop.orders 4711
  binbus get shop.orders 4711 --at 2026-11-20T10:00:00Z
  binbus get shop.orders --format sql > orders.sql)");
  command->callback([&] { chosen = options.rows; });
}

void add_snapshot(CLI::App& app, Options& options, std::optional<Command>& chosen) {
  CLI::App* snapshot = app.add_subcommand(
      "snapshot",
      "The tables whose rows are kept: how far each is, reading them, snapshots of them");
  snapshot->require_subcommand(1);
  ShowSnapshot& shown = options.shown_snapshot;
  CLI::App* status = snapshot->add_subcommand("status", "Each table with its state and progress");
  add_admin(status, shown.config, shown.admin);
  status->add_option("stream", shown.stream, "One stream only")->type_name("STREAM");
  status->add_flag("--json", shown.json, "Print JSON");
  status->callback([&] { chosen = options.shown_snapshot; });
  CommandSnapshot& snapshots = options.snapshot;
  snapshots.config = kDefaultConfig;
  const auto add_verb = [&](const char* verb, const char* help) {
    CLI::App* command = snapshot->add_subcommand(verb, help);
    add_admin(command, snapshots.config, snapshots.admin);
    command->add_option("table", snapshots.table, "One table only")->type_name("DATABASE.TABLE");
    add_stream_option(command, snapshots.stream);
    command->callback([&, verb] {
      snapshots.verb = verb;
      chosen = snapshots;
    });
  };
  add_verb("start", "Read a table's rows at the source again, or those of all tables");
  add_verb("pause",
           "Read nothing more at the source for a table; the log is followed all the same");
  add_verb("resume", "Go on after a pause");
  add_verb("cancel",
           "End the reading of a table that is under way, or of all; it is not kept until `start`");
  KeepTables& kept = options.kept_tables;
  CLI::App* tables = snapshot->add_subcommand(
      "tables", "Which tables are kept: show it, or say it anew while binbus runs");
  add_admin(tables, kept.config, kept.admin);
  CLI::Option* patterns =
      tables
          ->add_option("patterns", kept.patterns,
                       "All that are kept from now on: shop.orders, shop.*, /regular expression/")
          ->type_name("TABLE");
  tables->add_flag("--reset", kept.reset, "Those of the configuration again")->excludes(patterns);
  add_stream_option(tables, kept.stream);
  tables->footer(R"(
Only the rows of tables that are new to it are read at the source; those of tables that are not named any more are removed. It lasts across
restarts, until --reset. In a cluster each node keeps its own rows: say it to each.

Examples:
  binbus snapshot tables
  binbus snapshot tables 'shop.*' crm.customers
  binbus snapshot tables --reset)");
  tables->callback([&] { chosen = options.kept_tables; });
  add_snapshots_on_disk(snapshot, options, chosen);
  add_export(snapshot, options, chosen);
  snapshot->footer(R"(
`list` and `remove` look into the data folder themselves, so they run where it is, binbus running or not.

Examples:
  binbus snapshot status
  binbus snapshot start shop.orders
  binbus snapshot tables 'shop.*' crm.customers
  binbus snapshot create
  binbus snapshot list
  binbus snapshot remove 20261128T100000Z
  binbus snapshot export --to /backup/shop --compress zstd)");
}

void add_feed(CLI::App& app, Options& options, std::optional<Command>& chosen) {
  CLI::App* feed =
      app.add_subcommand("feed", "The clients of the feed, and the cursors that are kept for them");
  feed->require_subcommand(1);
  const auto add_list = [&](auto& list, const char* verb, const char* help) {
    CLI::App* command = feed->add_subcommand(verb, help);
    add_admin(command, list.config, list.admin);
    command->add_option("stream", list.stream, "One stream only")->type_name("STREAM");
    command->add_flag("--json", list.json, "Print JSON");
    command->callback([&] { chosen = list; });
  };
  add_list(options.feed, "status", "Each client that is served by this node, and how far it is");
  add_list(options.cursors, "cursors",
           "Each cursor: its position, who has it, how far behind it is");
  DeleteCursor& deleted = options.deleted_cursor;
  CLI::App* remove = feed->add_subcommand("delete", "Delete a cursor that nobody is served with");
  add_admin(remove, deleted.config, deleted.admin);
  remove->add_option("cursor", deleted.cursor, "Its name")->required()->type_name("CURSOR");
  remove->add_option("--stream", deleted.stream, "Its stream; needed where there are several")
      ->type_name("STREAM");
  remove->callback([&] { chosen = deleted; });
  feed->footer(R"(
Examples:
  binbus feed status
  binbus feed cursors shop
  binbus feed delete my-app)");
}

}  // namespace binbus::cli
