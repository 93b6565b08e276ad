// The commands that ask no running binbus.
#include <CLI/CLI.hpp>

#include "cli/command_options.h"

namespace binbus::cli {

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
  add_account(command, check.account, source);
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

namespace {

void add_verify_source(CLI::App* verify, Options& options, std::optional<Command>& chosen) {
  VerifySource& source = options.verified_source;
  source.config = kDefaultConfig;
  CLI::App* command = verify->add_subcommand(
      "source", "Compare the rows that are kept with the source's, row by row, while both change");
  add_admin(command, source.config, source.admin);
  add_stream(command, source.stream);
  command
      ->add_option("--tables", source.tables,
                   "Only tables like these: shop.orders, shop.*, /regular expression/")
      ->type_name("PATTERN");
  command->add_flag("--repair", source.repair, "Put right in the kept rows what differs");
  command->add_flag("--json", source.json, "Print JSON");
  command->footer(R"(
The running binbus reads the tables at the source in chunks, without a lock and with SELECT alone, no faster than [[state]] allows for
reading them. What is changed meanwhile is followed in the log, and not reported. --repair changes the rows that binbus keeps,
never the source. In a cluster it is about the rows of the node that is asked. It ends with this command (Ctrl-C).

Exit status 0: all rows of all tables are equal; 3: some were not, also when they have been repaired, or a table could not be compared.

Examples:
  binbus verify source
  binbus verify source shop --tables 'shop.order*' shop.customers
  binbus verify source shop --repair)");
  command->callback([&] { chosen = options.verified_source; });
}

}  // namespace

void add_verify(CLI::App& app, Options& options, std::optional<Command>& chosen) {
  CLI::App* command = app.add_subcommand(
      "verify", "Check a data folder offline, byte by byte; `source`: the kept rows' equality");
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

`binbus verify source` compares the rows that a running binbus keeps with the source's (a folder of that name is ./source).

Examples:
  binbus verify /var/lib/binbus
  binbus verify /backup/binbus/shop
  binbus verify source)");
  add_verify_source(command, options, chosen);
  command->callback([&, command] {
    if (command->get_subcommands().empty()) chosen = options.verify;
  });
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
  add_printing(command, {decode.format, decode.transactions, decode.no_ddl, decode.sql_text,
                         decode.schemas});
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

}  // namespace binbus::cli
