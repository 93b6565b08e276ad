#include "cli/remote_commands.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/utc_time.h"
#include "cli/admin_client.h"
#include "cli/cluster_view.h"
#include "cli/json_text.h"
#include "cli/sink_change.h"
#include "cli/status_view.h"

namespace binbus::cli {
namespace {

constexpr auto kRefresh = std::chrono::seconds(1);
constexpr auto kClusterWait = std::chrono::seconds(30);
constexpr auto kRevisionWait = std::chrono::seconds(10);
constexpr int kSnapshotWaitS = 24 * 3600;  // of a point far from a snapshot

int failed(const Error& error) {
  fmt::print(stderr, "binbus: {}\n", error.message);
  return error.code == Code::kNetwork ? kNotRunning : kFailed;
}

int print(const Result<std::string>& text) {
  if (!text) return failed(text.error());
  fmt::print("{}", *text);
  return kOk;
}

// Draws over what was drawn before, without flicker: each line is cleared to its end.
void redraw(std::string_view text) {
  winsize size{.ws_row = 50, .ws_col = 200, .ws_xpixel = 0, .ws_ypixel = 0};
  winsize told{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &told) == 0 && told.ws_col > 0 && told.ws_row > 1)
    size = told;
  std::string out = "\x1b[H";
  // The cursor needs a row below: else the terminal scrolls, and the first line is lost.
  for (const char c : fitted(text, size.ws_col, size.ws_row - 1U)) {
    if (c == '\n') out += "\x1b[K";
    out += c;
  }
  fmt::print("{}\x1b[J", out);
  std::fflush(stdout);
}

Result<std::string> sink_path(const std::string& address, const std::string& sink) {
  BINBUS_TRY(status, admin_get(address, "/status"));
  BINBUS_TRY(stream, stream_of_sink(status, sink));
  return fmt::format("/streams/{}/sinks/{}", stream, sink);
}

Result<std::string> new_sink_path(const std::string& address, const SinkChangeRequest& request,
                                  const std::string& sink) {
  BINBUS_TRY(stream, ask_stream(address, request.stream));
  return fmt::format("/streams/{}/sinks/{}", stream, sink);
}

// Says from where on the change holds, which is when the transaction that is under way has ended.
int wait_for_revision(const std::string& sink, const std::string& answer,
                      const std::string& address) {
  const auto until = std::chrono::steady_clock::now() + kRevisionWait;
  while (std::chrono::steady_clock::now() < until) {
    const auto status = admin_get(address, "/status");
    if (!status) return failed(status.error());
    const auto place = revision_place(*status, answer, sink);
    if (!place) return failed(place.error());
    if (*place && (*place)->empty()) break;  // another node of the cluster delivers
    if (*place) {
      fmt::print("{}: from {} on\n", sink, **place);
      return kOk;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  fmt::print("{}: kept; it holds from the end of the transaction on that is under way\n", sink);
  return kOk;
}

// Until Ctrl-C; a binbus that stops answering is said and waited for.
int watch(const std::string& address) {
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  if (terminal) fmt::print("\x1b[2J");
  std::string before;
  while (true) {
    const auto body = admin_get(address, "/status");
    if (!body && before.empty()) return failed(body.error());
    std::string shown = body ? "" : body.error().message + "\n";
    if (body) {
      const auto view = status_text(*body, before);
      if (!view) return failed(view.error());
      shown = *view;
      before = *body;
    }
    terminal ? redraw(shown) : fmt::print("{}\n", shown);
    std::fflush(stdout);
    std::this_thread::sleep_for(kRefresh);
  }
}

// "FILE:POS" of the command line as the endpoint's two parameters.
Result<Parameters> place_parameters(const std::string& place, const std::string& file,
                                    const std::string& position) {
  const size_t colon = place.rfind(':');
  if (colon == std::string::npos)
    return fail(Code::kInvalid, fmt::format("\"{}\" is not FILE:POS", place));
  return Parameters{{file, place.substr(0, colon)}, {position, place.substr(colon + 1)}};
}

Result<Parameters> locate_parameters(const Locate& command) {
  if (!command.place.empty()) return place_parameters(command.place, "file", "pos");
  if (!command.at_source.empty())
    return place_parameters(command.at_source, "source_file", "source_pos");
  if (!command.gtid.empty()) return Parameters{{"gtid", command.gtid}};
  if (const auto time_us = parse_utc_us(command.time)) {
    return Parameters{{"time_us", std::to_string(*time_us)}};
  }
  return fail(Code::kInvalid,
              fmt::format("\"{}\" is not a UTC time such as 2026-11-20T10:00:00Z", command.time));
}

}  // namespace

int show_status(const ShowStatus& command, const std::string& address) {
  if (command.json) return print(admin_get(address, "/status"));
  if (command.watch || (!command.once && ::isatty(STDOUT_FILENO) == 1)) return watch(address);
  const auto body = admin_get(address, "/status");
  return body ? print(status_text(*body, "")) : failed(body.error());
}

int show_segments(const ShowSegments& command, const std::string& address) {
  std::vector<std::string> streams = {command.stream};
  if (command.stream.empty()) {
    const auto status = admin_get(address, "/status");
    if (!status) return failed(status.error());
    auto names = stream_names(*status);
    if (!names) return failed(names.error());
    if (command.json && names->size() > 1) {
      fmt::print(stderr,
                 "binbus: --json prints one document, and there are several streams; name one of: "
                 "{}\n",
                 fmt::join(*names, ", "));
      return kUsage;
    }
    streams = std::move(*names);
  }
  for (const std::string& stream : streams) {
    const auto body = admin_get(address, "/streams/" + stream + "/segments");
    if (!body) return failed(body.error());
    if (const int shown = print(command.json ? body : segments_text(stream, *body)); shown != kOk)
      return shown;
  }
  return kOk;
}

int locate(const Locate& command, const std::string& address) {
  const auto parameters = locate_parameters(command);
  if (!parameters) {
    fmt::print(stderr, "binbus: {}\n", parameters.error().message);
    return kUsage;
  }
  const auto stream = ask_stream(address, command.stream);
  if (!stream) return failed(stream.error());
  const auto body = admin_get(address, "/streams/" + *stream + "/locate", *parameters);
  return body ? print(location_text(*body)) : failed(body.error());
}

int show_snapshot(const ShowSnapshot& command, const std::string& address) {
  const auto body = admin_get(address, "/status");
  return body ? print(snapshot_text(*body, command.stream, command.json)) : failed(body.error());
}

int keep_tables(const KeepTables& command, const std::string& address) {
  if (command.patterns.empty() && !command.reset) {
    const auto body = admin_get(address, "/status");
    return body ? print(kept_patterns_text(*body, command.stream)) : failed(body.error());
  }
  const auto stream = ask_stream(address, command.stream);
  if (!stream) return failed(stream.error());
  Parameters parameters;
  for (const std::string& pattern : command.patterns) parameters.emplace_back("pattern", pattern);
  const auto done = admin_post(address, "/streams/" + *stream + "/snapshot/tables", parameters);
  return done ? kOk : failed(done.error());
}

int command_snapshot(const CommandSnapshot& command, const std::string& address) {
  const auto stream = ask_stream(address, command.stream);
  if (!stream) return failed(stream.error());
  const auto done = admin_post(address, "/streams/" + *stream + "/snapshot/" + command.verb,
                               {{"table", command.table}});
  return done ? kOk : failed(done.error());
}

Result<std::string> ask_for_snapshot(const std::string& address, const std::string& stream,
                                     const std::string& at, const std::string& purpose) {
  Parameters parameters{{"purpose", purpose}};
  if (!at.empty()) parameters.emplace_back("at", at);
  return admin_post(address, "/streams/" + stream + "/snapshots", parameters, kSnapshotWaitS);
}

int create_snapshot(const CreateSnapshot& command, const std::string& address) {
  const auto stream = ask_stream(address, command.stream);
  if (!stream) return failed(stream.error());
  const auto answer = ask_for_snapshot(address, *stream, command.at, "command");
  if (!answer) return failed(answer.error());
  return print(reading<std::string>(*answer, [](const Json& made) {
    std::string not_ready;
    for (const Json& table : made.at("not_ready"))
      not_ready +=
          fmt::format("  without {}: its rows are not known there\n", table.get<std::string>());
    return fmt::format("{} as of {}\n{}", text(made, "name"), text(made, "position"), not_ready);
  }));
}

int show_feed(const ShowFeed& command, const std::string& address) {
  const auto body = admin_get(address, "/status");
  return print(body ? feed_text(*body, command.stream, command.json) : body);
}

int list_cursors(const ListCursors& command, const std::string& address) {
  const auto stream = ask_stream(address, command.stream);
  if (!stream) return failed(stream.error());
  const auto body = admin_get(address, "/streams/" + *stream + "/cursors");
  return print(body && !command.json ? cursors_text(*body) : body);
}

int delete_cursor(const DeleteCursor& command, const std::string& address) {
  const auto stream = ask_stream(address, command.stream);
  if (!stream) return failed(stream.error());
  const auto done = admin_change(address, "DELETE",
                                 "/streams/" + *stream + "/cursors/" + command.cursor, {}, "", "");
  return done ? kOk : failed(done.error());
}

int list_sinks(const ListSinks& command, const std::string& address) {
  const auto body = admin_get(address, "/status");
  return print(body ? sinks_text(*body, command.stream, command.json) : body);
}

int command_sink(const CommandSink& command, const std::string& address) {
  const auto path = sink_path(address, command.sink);
  if (!path) return failed(path.error());
  Parameters parameters;
  if (!command.where.empty())
    parameters.emplace_back(command.verb == "rewind" ? "by" : "to", command.where);
  const auto done = admin_post(address, *path + "/" + command.verb, parameters);
  return done ? kOk : failed(done.error());
}

int show_sink(const ShowSink& command, const std::string& address) {
  const auto path = sink_path(address, command.sink);
  return path ? print(admin_get(address, *path)) : failed(path.error());
}

int change_sink(const ChangeSink& command, const std::string& address) {
  auto request = sink_change_request(command);
  if (!request) {
    fmt::print(stderr, "binbus: {}\n", request.error().message);
    return kUsage;
  }
  const bool adds = command.verb == "add";
  const auto path =
      adds ? new_sink_path(address, *request, command.sink) : sink_path(address, command.sink);
  if (!path) return failed(path.error());
  const auto done = admin_change(address, request->method, *path + request->verb,
                                 request->parameters, request->keys, "application/toml");
  if (!done) return failed(done.error());
  if (adds || command.verb == "remove") return kOk;
  return wait_for_revision(command.sink, *done, address);
}

int show_table(const ShowTable& command, const std::string& address) {
  const auto stream = ask_stream(address, command.stream);
  if (!stream) return failed(stream.error());
  return print(admin_get(address, "/streams/" + *stream + "/schema",
                         {{"table", command.table}, {"at", command.at}}));
}

int show_cluster(const ShowCluster& command, const std::string& address) {
  const auto body = admin_get(address, "/cluster");
  if (!body) return failed(body.error());
  return print(command.json ? body : cluster_text(*body));
}

int command_cluster(const CommandCluster& command, const std::string& address) {
  Parameters parameters;
  if (!command.node.empty()) parameters.emplace_back("node", command.node);
  if (!command.stream.empty()) parameters.emplace_back("stream", command.stream);
  if (command.end) parameters.emplace_back("end", "1");
  for (const std::string& node : command.nodes) parameters.emplace_back("node", node);
  if (command.all) parameters.emplace_back("all", "1");
  const auto done = admin_post(address, "/cluster/" + command.verb, parameters);
  if (!done) return failed(done.error());
  std::string missing;
  for (const auto until = std::chrono::steady_clock::now() + kClusterWait;
       std::chrono::steady_clock::now() < until;
       std::this_thread::sleep_for(std::chrono::milliseconds(100))) {
    const auto body = admin_get(address, "/cluster");
    if (!body) return failed(body.error());
    const auto left = cluster_change_left(*body, command);
    if (!left) return failed(left.error());
    missing = *left;
    if (missing.empty()) return kOk;
  }
  fmt::print("decided, and goes on by itself: {}\n", missing);
  return kOk;
}

int hand_over(const HandOver& command, const std::string& address) {
  const auto stream = ask_stream(address, command.stream);
  if (!stream) return failed(stream.error());
  const auto done = admin_post(address, "/streams/" + *stream + "/handover");
  return done ? kOk : failed(done.error());
}

int rebuild_schema(const RebuildSchema& command, const std::string& address) {
  const auto stream = ask_stream(address, command.stream);
  if (!stream) return failed(stream.error());
  const auto done = admin_post(address, "/streams/" + *stream + "/schema/rebuild");
  return done ? kOk : failed(done.error());
}

}  // namespace binbus::cli
