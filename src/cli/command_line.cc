#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

namespace binbus::cli {
namespace {

constexpr const char* kDefaultConfig = "binbus.toml";

constexpr const char* kAbout =
    R"(binbus keeps a MySQL or MariaDB source's binary log and serves it on.

It connects to the source as one replica does, stores the binary log durably and byte for byte,
and lets any number of real replicas and binlog tools follow it as if it were the source.)";

constexpr const char* kFooter = R"(
First steps:
  binbus check-source --source db1:3306 --user repl     does the source fit? what must be mended?
  binbus serve -c binbus.toml                           runs until TERM or Ctrl-C
  binbus status                                         live: positions, lag, replicas
  CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=3307, ...;     at a replica

Exit status: 0 done; 1 could not; 2 wrong command line or configuration; 3 done, and something
is wrong with what was looked at (the source, the data); 4 no running binbus answers. Every
command has its own help: binbus COMMAND --help. All configuration keys: binbus config-keys.)";

void add_config(CLI::App* command, std::string& config) {
  command->add_option("-c,--config", config, "Configuration file")
      ->type_name("FILE")
      ->capture_default_str();
}

// For commands that ask a running binbus.
void add_admin(CLI::App* command, std::string& config, std::string& admin) {
  add_config(command, config);
  command
      ->add_option("--admin", admin,
                   "Where it answers; default: [admin] listen of the configuration")
      ->type_name("HOST:PORT");
}

// Holds every command's options while CLI11 fills them.
struct Options {
  Serve serve{kDefaultConfig};
  ShowStatus status{.config = kDefaultConfig, .admin = ""};
  ShowSegments segments{.config = kDefaultConfig, .admin = "", .stream = ""};
  Locate locate;
  Tail tail;
  ListSinks sinks{.config = kDefaultConfig, .admin = "", .stream = ""};
  CommandSink sink;
  ShowSink shown_sink;
  ChangeSink change;
  ShowTable table;
  RebuildSchema rebuild;
  CheckSource check;
  Verify verify;
  Import import;
  Decode decode;
};

void add_serve(CLI::App& app, Options& options, std::optional<Command>& chosen) {
  CLI::App* command =
      app.add_subcommand("serve", "Run: follow the sources, keep their logs, serve replicas");
  add_config(command, options.serve.config);
  command->footer(R"(
Runs in the foreground and logs to standard error. TERM or Ctrl-C stops it cleanly, a second one
at once. A wrong configuration is refused with the line; what goes wrong later in one stream
does not stop the others.

Examples:
  binbus serve                                ./binbus.toml
  binbus serve -c /etc/binbus/binbus.toml)");
  command->callback([&] { chosen = options.serve; });
}

void add_status(CLI::App& app, Options& options, std::optional<Command>& chosen) {
  CLI::App* command =
      app.add_subcommand("status", "Show streams, positions, lag and replicas of a running binbus");
  add_admin(command, options.status.config, options.status.admin);
  CLI::Option* json =
      command->add_flag("--json", options.status.json, "Print the endpoint's JSON, once");
  CLI::Option* once =
      command->add_flag("--once", options.status.once, "Print once, also in a terminal");
  command
      ->add_flag("--watch", options.status.watch, "Refresh every second, also outside a terminal")
      ->excludes(json)
      ->excludes(once);
  command->footer(R"(
In a terminal it refreshes every second until Ctrl-C; elsewhere it prints once. Lag is the age,
by the source's commit time, of what is not stored (or not yet sent to a replica); 0 when caught
up.

Examples:
  binbus status
  binbus status --admin 127.0.0.1:7070 --json | jq '.streams[].lag_ms')");
  command->callback([&] { chosen = options.status; });
}

void add_segments(CLI::App& app, Options& options, std::optional<Command>& chosen) {
  CLI::App* command =
      app.add_subcommand("segments", "List the stored binlog files of a running binbus");
  add_admin(command, options.segments.config, options.segments.admin);
  command->add_option("stream", options.segments.stream, "One stream only")->type_name("STREAM");
  command->add_flag("--json", options.segments.json, "Print the endpoint's JSON; of one stream");
  command->footer(R"(
A segment is one of the source's binlog files, byte for byte under its name. It lies in
DATA/STREAM/ and can be read there with mysqlbinlog.

Examples:
  binbus segments
  binbus segments shop --json)");
  command->callback([&] { chosen = options.segments; });
}

void add_stream(CLI::App* command, std::string& stream) {
  command->add_option("stream", stream, "Stream; needed where there are several")
      ->type_name("STREAM");
}

void add_locate(CLI::App& app, Options& options, std::optional<Command>& chosen) {
  CLI::App* command =
      app.add_subcommand("locate", "Translate a place: ours, the source's, a GTID set, a time");
  Locate& locate = options.locate;
  locate.config = kDefaultConfig;
  add_admin(command, locate.config, locate.admin);
  add_stream(command, locate.stream);
  CLI::Option_group* place = command->add_option_group("Place", "One of");
  place->add_option("--file", locate.place, "A place in binbus")->type_name("FILE:POS");
  place->add_option("--source-file", locate.at_source, "A place at the source")
      ->type_name("FILE:POS");
  place->add_option("--gtid", locate.gtid, "Where one who has executed SET goes on")
      ->type_name("SET");
  place->add_option("--time", locate.time, "After everything committed before it, UTC")
      ->type_name("YYYY-MM-DDTHH:MM:SSZ");
  place->require_option(1);
  command->footer(R"(
Both servers' names for a place are the same until a failover; from then on this is how to move
a replica that follows by file and position between the new source and binbus.

Examples:
  binbus locate shop --file binlog.000007:4711
  binbus locate shop --source-file mysql-bin.000003:154
  binbus locate shop --time 2026-11-20T10:00:00Z)");
  command->callback([&] { chosen = options.locate; });
}

// What `decode` and `tail` have in common.
template <class Printing>
void add_printing(CLI::App* command, Printing& printing) {
  printing.format = "binbus";
  command->add_option("-f,--format", printing.format, "How a change is printed")
      ->check(CLI::IsMember({"binbus", "maxwell", "canal", "debezium", "sql"}))
      ->capture_default_str();
  command->add_flag("--transactions", printing.transactions, "Messages for BEGIN and COMMIT, too");
  command->add_flag("--no-ddl", printing.no_ddl, "No messages for statements that change tables");
  command->add_flag("--sql-text", printing.sql_text,
                    "With the original statement where it is logged");
  command->add_flag("--schemas", printing.schemas, "debezium: each message with its schema");
}

void add_tail(CLI::App& app, Options& options, std::optional<Command>& chosen) {
  CLI::App* command =
      app.add_subcommand("tail", "Show the row changes of a running binbus's stream as they come");
  Tail& tail = options.tail;
  tail.config = kDefaultConfig;
  tail.from = "latest";
  tail.color = "auto";
  add_admin(command, tail.config, tail.admin);
  add_stream(command, tail.stream);
  add_printing(command, tail);
  command
      ->add_option("--from", tail.from,
                   "Where to begin: latest, earliest, FILE:POS, gtid:SET (behind the set), "
                   "time:YYYY-MM-DDTHH:MM:SSZ")
      ->type_name("PLACE")
      ->capture_default_str();
  command
      ->add_option(
          "-t,--table", tail.tables,
          "Only tables like this: shop.orders, shop.*, /regular expression/; again for more")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  command->add_flag("--to-end", tail.to_end, "Stop at the log's end instead of waiting there");
  command->add_option("--color", tail.color, "Colour by operation; auto: in a terminal")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  command->footer(R"(
One message per line, until Ctrl-C. Watching costs the source nothing: it is read from the log.

Examples:
  binbus tail shop
  binbus tail shop --table 'shop.order*' --format sql
  binbus tail shop --from time:2026-11-20T10:00:00Z --to-end | jq 'select(.op == "delete")')");
  command->callback([&] { chosen = options.tail; });
}

void add_sink(CLI::App& app, Options& options, std::optional<Command>& chosen) {
  CLI::App* sink =
      app.add_subcommand("sink", "List, add, change, pause and rewind what delivers changes");
  sink->require_subcommand(1);
  CLI::App* list = sink->add_subcommand("list", "Each sink with state, position, lag and counts");
  add_admin(list, options.sinks.config, options.sinks.admin);
  list->add_option("stream", options.sinks.stream, "One stream only")->type_name("STREAM");
  list->add_flag("--json", options.sinks.json, "Print JSON");
  list->callback([&] { chosen = options.sinks; });
  options.sink.config = kDefaultConfig;
  const auto add_verb = [&](const char* verb, const char* help) {
    CLI::App* command = sink->add_subcommand(verb, help);
    add_admin(command, options.sink.config, options.sink.admin);
    command->add_option("sink", options.sink.sink, "Sink")->type_name("SINK")->required();
    command->callback([&options, &chosen, verb] {
      options.sink.verb = verb;
      chosen = options.sink;
    });
    return command;
  };
  add_verb("pause", "Stop delivering, at a transaction's end; nothing is lost");
  add_verb("resume", "Go on after a pause, or after a stop that was mended");
  add_verb("replay", "Send the dead letters again");
  add_verb("seek", "Go on from another place: back to deliver again, or ahead to leave out")
      ->add_option(
          "--to", options.sink.where,
          "earliest, latest, FILE:POS, gtid:SET (behind the set), time:YYYY-MM-DDTHH:MM:SSZ")
      ->type_name("PLACE")
      ->required();
  add_verb("rewind", "Deliver again what was committed within the last time delivered")
      ->add_option("time", options.sink.where, "30s, 10min, 2h, 7d")
      ->type_name("TIME")
      ->required();

  ShowSink& shown = options.shown_sink;
  shown.config = options.change.config = kDefaultConfig;
  CLI::App* show =
      sink->add_subcommand("show", "What a sink is told to do, as TOML without secrets");
  add_admin(show, shown.config, shown.admin);
  show->add_option("sink", shown.sink, "Sink")->type_name("SINK")->required();
  show->callback([&] { chosen = shown; });

  ChangeSink& change = options.change;
  const auto add_change = [&](const char* verb, const char* help) {
    CLI::App* command = sink->add_subcommand(verb, help);
    add_admin(command, change.config, change.admin);
    command->add_option("sink", change.sink, "Sink")->type_name("SINK")->required();
    command->callback([&, verb] {
      change.verb = verb;
      chosen = change;
    });
    return command;
  };
  const auto add_keys = [&](CLI::App* command) {
    command
        ->add_option("keys", change.assignments,
                     "Keys of [[sink]] (docs/configuration.md); a VALUE is text, or TOML when it "
                     "begins with a quote or a bracket")
        ->type_name("KEY=VALUE");
    command->add_option("--file", change.file, "More keys, in TOML; - is standard input")
        ->type_name("FILE");
  };
  add_keys(add_change("add", "Deliver to another place, from now until it is removed"));
  CLI::App* set = add_change("set", "Change tables, topics, keys, filters, ... while it runs");
  add_keys(set);
  set->add_option("--table", change.table, "The keys are of the [[sink.table]] that matches this")
      ->type_name("PATTERN");
  set->add_option("--unset", change.unset, "Back to the default; may be given several times")
      ->type_name("KEY")
      ->allow_extra_args(false);
  set->add_option("--unset-table", change.unset_table,
                  "Without the [[sink.table]] that matches this")
      ->type_name("PATTERN");
  add_change("reset", "Do again what the configuration file says");
  add_change("remove", "End a sink that was added, and forget how far it came");
  sink->footer(R"(
What `set` and `add` say holds from the end of a transaction on, in the place of the sink's section
in the configuration file, also after a restart.

Examples:
  binbus sink list
  binbus sink set orders 'tables=["shop.*", "mall.goods"]'
  binbus sink set orders --table mall.package topic=mytopic key=usr_id
  binbus sink add audit stream=shop type=file path=audit.jsonl format=debezium tables=shop.*
  binbus sink pause orders
  binbus sink rewind orders 10min
  binbus sink seek orders --to time:2026-11-20T10:00:00Z)");
}

void add_schema(CLI::App& app, Options& options, std::optional<Command>& chosen) {
  CLI::App* schema =
      app.add_subcommand("schema", "Show a table as it was at a place of the log; read all again");
  schema->require_subcommand(1);
  ShowTable& table = options.table;
  table.config = options.rebuild.config = kDefaultConfig;
  table.at = "latest";
  CLI::App* show = schema->add_subcommand("show", "CREATE TABLE at a place");
  add_admin(show, table.config, table.admin);
  show->add_option("table", table.table, "Table")->type_name("DATABASE.TABLE")->required();
  show->add_option("--at", table.at,
                   "latest, earliest, FILE:POS, gtid:SET, time:YYYY-MM-DDTHH:MM:SSZ")
      ->type_name("PLACE")
      ->capture_default_str();
  show->add_option("--stream", table.stream, "Its stream; needed where there are several")
      ->type_name("STREAM");
  show->callback([&] { chosen = options.table; });
  CLI::App* rebuild =
      schema->add_subcommand("rebuild", "Read all tables at the source again, for what follows");
  add_admin(rebuild, options.rebuild.config, options.rebuild.admin);
  add_stream(rebuild, options.rebuild.stream);
  rebuild->callback([&] { chosen = options.rebuild; });
  schema->footer(R"(
The history is kept for streams with a sink: read at the source once, and every statement of the
log since.

Examples:
  binbus schema show shop.orders --at binlog.000007:4711
  binbus schema rebuild shop)");
}

void add_check_source(CLI::App& app, Options& options, std::optional<Command>& chosen) {
  CLI::App* command = app.add_subcommand(
      "check-source", "Say everything that is wrong at a source, and the statement that mends it");
  CheckSource& check = options.check;
  check.config = kDefaultConfig;
  CLI::Option* config = command->add_option("-c,--config", check.config, "Configuration file")
                            ->type_name("FILE")
                            ->capture_default_str();
  CLI::Option* stream =
      command->add_option("--stream", check.stream, "One stream of the configuration only")
          ->type_name("STREAM");
  CLI::Option* source =
      command->add_option("--source", check.source, "Server to check, instead of -c")
          ->type_name("HOST:PORT")
          ->excludes(config)
          ->excludes(stream);
  command->add_option("--user", check.user, "Account at the source")
      ->type_name("NAME")
      ->needs(source);
  command
      ->add_option("--password", check.password,
                   "Its password; others can see it in the process list")
      ->type_name("TEXT")
      ->envname("BINBUS_PASSWORD");
  command
      ->add_option("--password-file", check.password_file, "File whose first line is the password")
      ->type_name("FILE")
      ->needs(source);
  command
      ->add_option("--tls", check.tls,
                   "TLS to the source; default: verify_identity with --tls-ca, else preferred")
      ->check(CLI::IsMember({"disabled", "preferred", "required", "verify_ca", "verify_identity"}))
      ->needs(source);
  command->add_option("--tls-ca", check.tls_ca, "PEM file of the authorities to trust")
      ->type_name("FILE")
      ->needs(source);
  command->footer(R"(
Reads only, and needs what binbus itself needs: an account with REPLICATION SLAVE and
REPLICATION CLIENT. Looks at the source alone, as for an empty log: whether it still has what a
stream that runs needs next is in that stream's status. Exit status 3 when something must be
mended.

Examples:
  binbus check-source -c binbus.toml
  BINBUS_PASSWORD=secret binbus check-source --source db1:3306 --user repl)");
  command->callback([&] { chosen = options.check; });
}

void add_verify(CLI::App& app, Options& options, std::optional<Command>& chosen) {
  CLI::App* command = app.add_subcommand("verify", "Check a data folder offline, byte by byte");
  CLI::Option* folder =
      command->add_option("folder", options.verify.folder, "Data folder, or one stream's in it")
          ->type_name("DATA_FOLDER");
  options.verify.config = kDefaultConfig;
  command->add_option("-c,--config", options.verify.config, "Take the configuration's data folder")
      ->type_name("FILE")
      ->capture_default_str()
      ->excludes(folder);
  command->footer(R"(
Walks every event of every segment: framing, checksums, positions, transaction ends, and the
index beside it. Changes nothing. A torn tail of the newest segment is reported and is no
damage: the next start cuts it. Exit status 3 when something is damaged.

Examples:
  binbus verify /var/lib/binbus
  binbus verify /backup/binbus/shop)");
  command->callback([&] { chosen = options.verify; });
}

void add_import(CLI::App& app, Options& options, std::optional<Command>& chosen) {
  CLI::App* command = app.add_subcommand("import", "Store binlog files in a stream's log, offline");
  Import& import = options.import;
  import.config = kDefaultConfig;
  CLI::Option* config = command->add_option("-c,--config", import.config, "Configuration file")
                            ->type_name("FILE")
                            ->capture_default_str();
  command->add_option("--data", import.data, "Data folder, instead of -c")
      ->type_name("DIR")
      ->excludes(config);
  command->add_option("--stream", import.stream, "Stream that gets them")
      ->type_name("STREAM")
      ->required();
  command->add_option("files", import.files, "Binlog files, oldest first")
      ->type_name("FILE")
      ->required();
  command->footer(R"(
Each file becomes a segment of its name, byte for byte, after what is there already; a stream
then goes on from its source after the last one. A damaged or encrypted file is refused and
leaves the log as it was before that file, and so is one that does not follow what is there: the
next number, and no GTIDs before it that the log has not executed. An import that was cut short
is gone on with when the same files are given again from that one on. binbus must not be running
on the data folder.

Examples:
  binbus import -c binbus.toml --stream shop /var/lib/mysql/binlog.0000*
  binbus import --data data --stream shop binlog.000001 binlog.000002)");
  command->callback([&] { chosen = options.import; });
}

void add_decode(CLI::App& app, Options& options, std::optional<Command>& chosen) {
  CLI::App* command =
      app.add_subcommand("decode", "Print the row changes of binlog files, offline");
  Decode& decode = options.decode;
  decode.stream = "decode";
  command->add_option("files", decode.files, "Binlog files, oldest first")
      ->type_name("FILE")
      ->required();
  add_printing(command, decode);
  command
      ->add_option("--schema", decode.schema,
                   "The tables as they were at the first file's beginning: mysqldump --no-data")
      ->type_name("FILE");
  command->add_option("--stream", decode.stream, "Name in messages and ids")
      ->type_name("NAME")
      ->capture_default_str();
  command->add_option("--from", decode.from, "Print from this place on")->type_name("[FILE:]POS");
  command->add_option("--until", decode.until, "Stop before what ends after this place")
      ->type_name("[FILE:]POS");
  command->add_flag("--stop-at-losses", decode.stop_at_losses,
                    "Stop where the log lacks rows (logged as statements, Incident, XA prepared "
                    "before); else that is "
                    "counted");
  command->footer(R"(
One message per line. Names of columns, signs, character sets and labels come from the files where
the source wrote them (binlog_row_metadata=FULL), else from --schema and the CREATE and ALTER
statements in the files; what neither tells is named @1, @2, ... and printed as mysqlbinlog -v
would. An event that cannot be decoded ends it with the file and offset; all before it is printed.

Examples:
  binbus decode binlog.000042 | jq 'select(.table == "goods")'
  mysqldump --no-data shop > shop.sql; binbus decode --schema shop.sql -f sql binlog.0000*)");
  command->callback([&] { chosen = options.decode; });
}

Parsed answer(const CLI::App& app, const CLI::ParseError& error) {
  std::ostringstream out;
  std::ostringstream err;
  const int code = app.exit(error, out, err);
  return {std::nullopt, code == 0 ? out.str() : err.str(), code == 0 ? kOk : kUsage};
}

}  // namespace

Parsed parse_command_line(const std::vector<std::string>& arguments, const std::string& version) {
  Options options;
  std::optional<Command> chosen;
  CLI::App app(kAbout, "binbus");
  app.footer(kFooter);
  app.set_version_flag("--version", "binbus " + version);
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);
  add_serve(app, options, chosen);
  add_status(app, options, chosen);
  add_segments(app, options, chosen);
  add_locate(app, options, chosen);
  add_tail(app, options, chosen);
  add_sink(app, options, chosen);
  add_schema(app, options, chosen);
  add_check_source(app, options, chosen);
  add_verify(app, options, chosen);
  add_import(app, options, chosen);
  add_decode(app, options, chosen);
  app.add_subcommand("config-keys", "Print every configuration key with type, default and meaning")
      ->callback([&] { chosen = ShowConfigKeys{}; });

  const auto is_named = [&](const CLI::App* command) { return command->check_name(arguments[0]); };
  if (!arguments.empty() && !arguments[0].starts_with('-') &&
      app.get_subcommands(is_named).empty()) {
    return {std::nullopt,
            "there is no command \"" + arguments[0] + "\"\nRun with --help for those there are.\n",
            kUsage};
  }
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return answer(app, error);
  }
  return {std::move(chosen), "", kOk};
}

}  // namespace binbus::cli
