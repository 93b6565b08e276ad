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
struct GetRows {
  std::string config;
  std::string admin;
  std::string stream;  // "": the only one
  std::string table;
  std::vector<std::string> key;  // none: all rows
  std::string format;
  std::string at = {};  // FILE:POS, time or GTID set; "": now
};
struct ShowSnapshot {
  std::string config;
  std::string admin;
  std::string stream;  // "": all
  bool json = false;
};
struct KeepTables {
  std::string config;
  std::string admin;
  std::string stream;                 // "": the only one
  std::vector<std::string> patterns;  // none: they are shown
  bool reset = false;                 // to those of the configuration
};
struct CommandSnapshot {
  std::string config;
  std::string admin;
  std::string verb;    // start, pause, resume, cancel
  std::string stream;  // "": the only one
  std::string table;   // "": all
};
struct CreateSnapshot {
  std::string config;
  std::string admin;
  std::string stream;   // "": the only one
  std::string at = {};  // FILE:POS, time or GTID set; "": now
};
// These two look into the data folder themselves.
struct ListSnapshots {
  std::string config;
  std::string stream;  // "": all
  bool json = false;
};
struct RemoveSnapshot {
  std::string config;
  std::string stream;  // "": the only one
  std::string name;
};
// At a server that is named beside it.
struct Account {
  std::string user;
  std::string password;
  std::string password_file;  // "": see password
  std::string tls;            // "": by whether there is a tls_ca, as in the configuration
  std::string tls_ca;
};
struct ExportSnapshot {
  std::string config;
  std::string admin;
  std::string stream;               // "": the only one
  std::vector<std::string> tables;  // patterns; none: all
  std::string to;                   // folder, or mysql://HOST:PORT
  Account account;                  // there
  std::string format;
  std::string compress;
  std::string snapshot;   // "": a new one
  std::string at;         // FILE:POS, time or GTID set; "": now
  std::string part_size;  // "": by where it goes
  uint64_t threads = 2;
};
// Of the running binbus, which asks the source.
struct VerifySource {
  std::string config;
  std::string admin;
  std::string stream;               // "": the only one
  std::vector<std::string> tables;  // patterns; none: all
  bool repair = false;
  bool json = false;
};
struct ShowFeed {
  std::string config;
  std::string admin;
  std::string stream;  // "": all
  bool json = false;
};
struct ListCursors {
  std::string config;
  std::string admin;
  std::string stream;  // "": the only one
  bool json = false;
};
struct DeleteCursor {
  std::string config;
  std::string admin;
  std::string stream;  // "": the only one
  std::string cursor;
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
struct HandOver {
  std::string config;
  std::string admin;
  std::string stream;  // "": the only one
};
struct ShowCluster {
  std::string config;
  std::string admin;
  bool json = false;
};
struct CommandCluster {
  std::string config;
  std::string admin;
  std::string verb;  // join, add, remove, transfer, drain, place
  std::string node;  // add: NAME@HOST:PORT
  std::string stream;
  bool end = false;
  std::vector<std::string> nodes = {};  // place
  bool all = false;                     // the same
};
struct BeginCluster {
  std::string config;
  std::string stream = {};  // of that one alone; "": the cluster
  bool yes = false;
};
struct CheckSource {
  std::string config;
  std::string source;  // with an account: instead of the configuration
  Account account;
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

using Command = std::variant<Serve, ShowStatus, ShowSegments, Locate, Tail, GetRows, ShowSnapshot,
                             CommandSnapshot, KeepTables, CreateSnapshot, ListSnapshots,
                             RemoveSnapshot, ExportSnapshot, ShowFeed, ListCursors, DeleteCursor,
                             ListSinks, CommandSink, ShowSink, ChangeSink, ShowTable, RebuildSchema,
                             HandOver, ShowCluster, CommandCluster, BeginCluster, CheckSource,
                             Verify, VerifySource, Import, Decode, ShowConfigKeys>;

struct Parsed {
  std::optional<Command> command;  // none: print `text` and end with `exit_code`
  std::string text;
  int exit_code = kOk;
};

// `version` is what --version prints. Never throws.
Parsed parse_command_line(const std::vector<std::string>& arguments, const std::string& version);

}  // namespace binbus::cli
