#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

#include "cli/command_options.h"

namespace binbus::cli {
namespace {

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

Parsed answer(const CLI::App& app, const CLI::ParseError& error) {
  std::ostringstream out;
  std::ostringstream err;
  const int code = app.exit(error, out, err);
  return {std::nullopt, code == 0 ? out.str() : err.str(), code == 0 ? kOk : kUsage};
}

// False for a command that asks nobody. What is said after the command holds.
bool set_admin(Command& command, const std::string& admin) {
  return std::visit(
      [&](auto& chosen) {
        if constexpr (requires { chosen.admin; }) {
          if (chosen.admin.empty()) chosen.admin = admin;
          return true;
        } else {
          return false;
        }
      },
      command);
}

}  // namespace

void add_config(CLI::App* command, std::string& config) {
  command->add_option("-c,--config", config, "Configuration file")
      ->type_name("FILE")
      ->capture_default_str();
}

void add_admin(CLI::App* command, std::string& config, std::string& admin) {
  add_config(command, config);
  command
      ->add_option("--admin", admin,
                   "Where it answers; default: [admin] listen of the configuration")
      ->type_name("HOST:PORT");
}

void add_stream(CLI::App* command, std::string& stream) {
  command->add_option("stream", stream, "Stream; needed where there are several")
      ->type_name("STREAM");
}

void add_stream_option(CLI::App* command, std::string& stream) {
  command->add_option("--stream", stream, "Its stream; needed where there are several")
      ->type_name("STREAM");
}

void add_account(CLI::App* command, Account& account, CLI::Option* server) {
  command->add_option("--user", account.user, "Account at the server")
      ->type_name("NAME")
      ->needs(server);
  command
      ->add_option("--password", account.password,
                   "Its password; others can see it in the process list")
      ->type_name("TEXT")
      ->envname("BINBUS_PASSWORD");
  command
      ->add_option("--password-file", account.password_file,
                   "File whose first line is the password")
      ->type_name("FILE")
      ->needs(server);
  command
      ->add_option("--tls", account.tls,
                   "TLS to the server; default: verify_identity with --tls-ca, else preferred")
      ->check(CLI::IsMember({"disabled", "preferred", "required", "verify_ca", "verify_identity"}))
      ->needs(server);
  command->add_option("--tls-ca", account.tls_ca, "PEM file of the authorities to trust")
      ->type_name("FILE")
      ->needs(server);
}

void add_printing(CLI::App* command, const Printing& printing) {
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

Parsed parse_command_line(const std::vector<std::string>& arguments, const std::string& version) {
  Options options;
  std::optional<Command> chosen;
  CLI::App app(kAbout, "binbus");
  app.footer(kFooter);
  app.set_version_flag("--version", "binbus " + version);
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);
  std::string admin;
  app.add_option("--admin", admin, "Where the binbus to ask answers; the same after the command")
      ->type_name("HOST:PORT");
  add_serve(app, options, chosen);
  add_status(app, options, chosen);
  add_segments(app, options, chosen);
  add_locate(app, options, chosen);
  add_tail(app, options, chosen);
  add_get(app, options, chosen);
  add_snapshot(app, options, chosen);
  add_feed(app, options, chosen);
  add_sink(app, options, chosen);
  add_schema(app, options, chosen);
  add_handover(app, options, chosen);
  add_cluster(app, options, chosen);
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
  if (!admin.empty() && !set_admin(*chosen, admin))
    return {std::nullopt, "--admin: this command asks no running binbus\n", kUsage};
  return {std::move(chosen), "", kOk};
}

}  // namespace binbus::cli
