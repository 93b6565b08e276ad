// The commands of sinks and of what is known of tables.
#include <CLI/CLI.hpp>

#include "cli/command_options.h"

namespace binbus::cli {

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

}  // namespace binbus::cli
