// The command line: what was asked for, and the help that teaches it.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace binbus::cli {

// What the program's exit status tells; the same for all commands.
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,      // could not do it; the message says why
  kUsage = 2,       // command line or configuration file is wrong
  kFound = 3,       // did it, and found something wrong: a source that does not fit, a damaged log
  kNotRunning = 4,  // no binbus answers
};

struct Serve {
  std::string config;
};
struct ShowStatus {
  std::string config;
  std::string admin;  // "": from the configuration
  bool json = false;
  bool once = false;
  bool watch = false;
};
struct ShowSegments {
  std::string config;
  std::string admin;
  std::string stream;  // "": all
  bool json = false;
};
struct Locate {
  std::string config;
  std::string admin;
  std::string stream;     // "": the only one
  std::string place;      // "FILE:POS" of ours
  std::string at_source;  // "FILE:POS" of the source's
  std::string gtid;
  std::string time;  // "2026-11-20T10:00:00Z"
};
struct Tail {
  std::string config;
  std::string admin;
  std::string stream;  // "": the only one
  std::string format;
  std::string from;
  std::vector<std::string> tables;
  std::string color;  // auto, always, never
  bool to_end = false;
  bool no_ddl = false;
  bool transactions = false;
  bool sql_text = false;
  bool schemas = false;
};
struct ListSinks {
  std::string config;
  std::string admin;
  std::string stream;  // "": all
  bool json = false;
};
struct CommandSink {
  std::string config;
  std::string admin;
  std::string verb;  // pause, resume, seek, rewind, replay
  std::string sink;
  std::string where;  // seek: PLACE; rewind: duration
};
struct ShowSink {
  std::string config;
  std::string admin;
  std::string sink;
};
struct ChangeSink {
  std::string config;
  std::string admin;
  std::string verb;  // add, set, reset, remove
  std::string sink;
  std::vector<std::string> assignments;  // KEY=VALUE
  std::string table;  // the [[sink.table]] that they and `unset` are of; "": [[sink]] itself
  std::vector<std::string> unset;  // KEY
  std::string unset_table;         // pattern
  std::string file;                // more keys, in TOML; "-": standard input
};
struct ShowTable {
  std::string config;
  std::string admin;
  std::string stream;  // "": the only one
  std::string table;
  std::string at;
};
struct RebuildSchema {
  std::string config;
  std::string admin;
  std::string stream;  // "": the only one
};
struct CheckSource {
  std::string config;
  std::string source;  // with user and the rest: instead of the configuration
  std::string user;
  std::string password;
  std::string password_file;
  std::string tls;  // "": by whether there is a tls_ca, as in the configuration
  std::string tls_ca;
  std::string stream;  // of the configuration; "": all
};
struct Verify {
  std::string folder;  // "": the configuration's
  std::string config;
};
struct Import {
  std::string config;
  std::string data;  // folder, instead of the configuration's
  std::string stream;
  std::vector<std::string> files;
};
struct Decode {
  std::vector<std::string> files;
  std::string format;
  std::string schema;  // file of definitions; "": row metadata alone
  std::string stream;  // the name in messages and ids
  std::string from;    // [FILE:]POS; "": all
  std::string until;
  bool transactions = false;
  bool no_ddl = false;
  bool schemas = false;
  bool sql_text = false;
  bool stop_at_losses = false;
};
struct ShowConfigKeys {};

using Command = std::variant<Serve, ShowStatus, ShowSegments, Locate, Tail, ListSinks, CommandSink,
                             ShowSink, ChangeSink, ShowTable, RebuildSchema, CheckSource, Verify,
                             Import, Decode, ShowConfigKeys>;

struct Parsed {
  std::optional<Command> command;  // none: print `text` and end with `exit_code`
  std::string text;
  int exit_code = kOk;
};

// `version` is what --version prints. Never throws.
Parsed parse_command_line(const std::vector<std::string>& arguments, const std::string& version);

}  // namespace binbus::cli
