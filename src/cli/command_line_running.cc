// The commands that ask a running binbus of its streams.
#include <CLI/CLI.hpp>

#include "cli/command_options.h"

namespace binbus::cli {

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

void add_tail(CLI::App& app, Options& options, std::optional<Command>& chosen) {
  CLI::App* command =
      app.add_subcommand("tail", "Show the row changes of a running binbus's stream as they come");
  Tail& tail = options.tail;
  tail.config = kDefaultConfig;
  tail.from = "latest";
  tail.color = "auto";
  add_admin(command, tail.config, tail.admin);
  add_stream(command, tail.stream);
  add_printing(command, {tail.format, tail.transactions, tail.no_ddl, tail.sql_text, tail.schemas});
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

void add_handover(CLI::App& app, Options& options, std::optional<Command>& chosen) {
  CLI::App* command = app.add_subcommand(
      "handover", "Let another node take a stream from this one, beside a coordinator");
  add_admin(command, options.handover.config, options.handover.admin);
  add_stream(command, options.handover.stream);
  command->footer(R"(
What is under way is finished first. It stays there: this node takes it back when the other one
goes, or is told the same.

Examples:
  binbus handover shop)");
  command->callback([&] { chosen = options.handover; });
}

void add_cluster(CLI::App& app, Options& options, std::optional<Command>& chosen) {
  CLI::App* cluster =
      app.add_subcommand("cluster", "Show a cluster's nodes; add, remove and drain them");
  cluster->require_subcommand(1);
  CLI::App* status = cluster->add_subcommand(
      "status", "The nodes, and who leads each stream, with how far the others are behind");
  add_admin(status, options.cluster.config, options.cluster.admin);
  status->add_flag("--json", options.cluster.json, "Print JSON");
  status->callback([&] { chosen = options.cluster; });

  CommandCluster& command = options.cluster_command;
  command.config = kDefaultConfig;
  const auto add_verb = [&](const char* verb, const char* help) {
    CLI::App* added = cluster->add_subcommand(verb, help);
    add_admin(added, command.config, command.admin);
    added->callback([&, verb] {
      command.verb = verb;
      chosen = command;
    });
    return added;
  };
  const auto add_node = [&](CLI::App* to, const char* type = "NODE") {
    to->add_option("node", command.node, "Node")->type_name(type)->required();
  };
  add_verb("join", "Have the asked node taken in by the cluster of its [node] peers");
  add_node(add_verb("add", "Take in a node that runs and is in no cluster"), "NAME@HOST:PORT");
  add_node(add_verb("remove", "Take a node out of the cluster for good"));
  CLI::App* transfer = add_verb("transfer", "Have a stream led by another node from now on");
  transfer->add_option("stream", command.stream, "Stream")->type_name("STREAM")->required();
  add_node(transfer);
  CLI::App* drain = add_verb("drain", "Have a node lead nothing, before it is stopped");
  add_node(drain);
  drain->add_flag("--end", command.end, "It may lead again");
  CLI::App* place = add_verb("place", "Have a stream kept by some of the nodes, or by all");
  place->add_option("stream", command.stream, "Stream")->type_name("STREAM")->required();
  CLI::Option* nodes = place->add_option("nodes", command.nodes, "Nodes, of those that vote");
  nodes->type_name("NODE");
  place->add_flag("--all", command.all, "All that vote, and those that come")->excludes(nodes);

  CLI::App* init = cluster->add_subcommand(
      "init", "Begin the cluster anew with this node alone, offline: after a lost majority");
  add_config(init, options.begin.config);
  init->add_option("--stream", options.begin.stream,
                   "Only that stream's group, at the nodes that keep it; the cluster is as it was")
      ->type_name("STREAM");
  init->add_flag("--yes", options.begin.yes, "Do it: what only the lost nodes had is given up");
  init->callback([&] { chosen = options.begin; });
  cluster->footer(R"(
All but `join` and `init` may be asked of any node. A change that would leave the cluster without a
majority that answers is refused.

Examples:
  binbus cluster status --admin 10.0.0.2:7070
  binbus cluster add n4@10.0.0.4:7171         n4 runs, with the others as its [node] peers
  binbus cluster remove n2
  binbus cluster drain n1; systemctl restart binbus; binbus cluster drain n1 --end
  binbus cluster transfer shop n3
  binbus cluster place shop n1 n2 n4          n4 gets it, whoever else had it drops it)");
}

}  // namespace binbus::cli
