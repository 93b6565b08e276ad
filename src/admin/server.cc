#include "admin/server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <httplib.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <thread>

#include "admin/metrics.h"
#include "admin/status_json.h"
#include "base/error_table.h"
#include "io/address.h"

namespace binbus::admin {
namespace {

constexpr const char* kJson = "application/json";
constexpr const char* kPrometheus = "text/plain; version=0.0.4; charset=utf-8";
constexpr size_t kTailsMax = 16;  // each holds a thread
constexpr size_t kThreads = kTailsMax + 4;
constexpr uint64_t kTailWaitMs = 500;  // so soon a tail sees that nobody reads it any more
constexpr time_t kTimeoutSeconds = 5;
constexpr auto kPagerMax =
    std::chrono::minutes(10);              // who pages through changes reads on after a while
constexpr size_t kPieceBytes = 16 * 1024;  // what a socket that takes anything takes
constexpr size_t kBodyBytesMax = 1 << 20;  // a sink with ten thousand patterns
constexpr time_t kKeepAliveSeconds = 1;    // stop() waits for idle connections this long

void answer(httplib::Response& response, const Error& error) {
  response.status = error_row(error.code).http_status;
  response.set_content(to_json(error), kJson);
}

void answer(httplib::Response& response, const Status& done) {
  if (!done) return answer(response, done.error());
  response.set_content("{\"ok\": true}\n", kJson);
}

template <class T>
void answer(httplib::Response& response, const Result<T>& result) {
  if (!result) return answer(response, result.error());
  response.set_content(to_json(*result), kJson);
}

void answer(httplib::Response& response, const Health& health) {
  response.status = health.ok ? 200 : 503;
  response.set_content(to_json(health), kJson);
}

Result<uint64_t> number(const httplib::Request& request, const char* name) {
  const std::string text = request.get_param_value(name);
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  return fail(Code::kInvalid, fmt::format("{}={}: must be a number", name, text));
}

Result<Place> place(const httplib::Request& request, const char* file, const char* offset) {
  BINBUS_TRY(at, number(request, offset));
  return Place{request.get_param_value(file), at};
}

Result<LocateQuery> locate_query(const httplib::Request& request) {
  const auto has = [&](const char* name) { return request.has_param(name) ? 1 : 0; };
  if (has("file") + has("source_file") + has("gtid") + has("time_us") != 1) {
    return fail(Code::kInvalid,
                "locate wants one of file=..&pos=.., "
                "source_file=..&source_pos=..[&server_uuid=..], gtid=SET, time_us=..");
  }
  LocateQuery query;
  if (has("file")) {
    BINBUS_TRY(at, place(request, "file", "pos"));
    query.ours = at;
  } else if (has("source_file")) {
    BINBUS_TRY(at, place(request, "source_file", "source_pos"));
    query.theirs = at;
    query.server_uuid = request.get_param_value("server_uuid");
  } else if (has("gtid")) {
    query.gtid_set = request.get_param_value("gtid");
  } else {
    BINBUS_TRY(at, number(request, "time_us"));
    query.time_us = at;
  }
  return query;
}

Result<bool> flag(const httplib::Request& request, const char* name, bool fallback) {
  if (!request.has_param(name)) return fallback;
  const std::string text = request.get_param_value(name);
  if (text == "1" || text == "true") return true;
  if (text == "0" || text == "false") return false;
  return fail(Code::kInvalid, fmt::format("{}={}: must be 0 or 1", name, text));
}

Result<TailQuery> tail_query(const httplib::Request& request) {
  TailQuery query;
  if (request.has_param("format")) query.format = request.get_param_value("format");
  if (request.has_param("from")) query.from = request.get_param_value("from");
  for (size_t i = 0; i < request.get_param_value_count("table"); ++i) {
    query.tables.push_back(request.get_param_value("table", i));
  }
  const std::pair<const char*, bool*> flags[] = {{"ddl", &query.ddl},
                                                 {"transactions", &query.transactions},
                                                 {"sql_text", &query.sql_text},
                                                 {"schemas", &query.schemas},
                                                 {"follow", &query.follow}};
  for (const auto& [name, value] : flags) {
    BINBUS_TRY(given, flag(request, name, *value));
    *value = given;
  }
  return query;
}

std::string error_line(const Error& error) {
  std::string json = to_json(error);
  std::erase(json, '\n');  // texts have none: it is escaped there
  return "{\"binbus_error\":" + json + "}\n";
}

// False: nobody is there any more, or has taken anything for long.
bool wait_for_reader(httplib::DataSink& sink, const std::stop_token& stop) {
  using std::chrono::steady_clock;
  const auto until = steady_clock::now() + kPagerMax;
  while (!stop.stop_requested() && steady_clock::now() < until) {
    const auto before = steady_clock::now();
    if (sink.is_writable()) return true;
    // It waits that long for who is there.
    if (steady_clock::now() - before < std::chrono::seconds(kTimeoutSeconds) / 2) return false;
  }
  return false;
}

// Lines as they come. What goes wrong after the first is a last line {"binbus_error": {...}}.
void answer_tail(httplib::Response& response,
                 const std::function<Result<std::unique_ptr<Tail>>()>& open,
                 std::atomic<size_t>& tails, const std::stop_token& stop) {
  auto opened = open();
  if (!opened) return answer(response, opened.error());
  if (tails.fetch_add(1) >= kTailsMax) {
    tails.fetch_sub(1);
    return answer(response, Error{Code::kLimit,
                                  fmt::format("{} others are watching changes here already; end "
                                              "one of them",
                                              kTailsMax)});
  }
  const std::shared_ptr<Tail> tail = std::move(*opened);
  response.set_chunked_content_provider(
      "text/plain; charset=utf-8",
      [tail, stop](size_t, httplib::DataSink& sink) {
        if (!wait_for_reader(sink, stop)) return false;
        const auto give = [&](std::string_view text) -> Status {
          for (; !text.empty(); text.remove_prefix(std::min(text.size(), kPieceBytes))) {
            const std::string_view piece = text.substr(0, kPieceBytes);
            if (!wait_for_reader(sink, stop) || !sink.write(piece.data(), piece.size()))
              return fail(Code::kStopped, "nobody reads any more");
          }
          return ok();
        };
        const Result<bool> more = tail->next(give, kTailWaitMs, stop);
        if (!more && more.error().code == Code::kStopped) return false;
        if (!more && !give(error_line(more.error()))) return false;
        if (!more || !*more) sink.done();
        return true;
      },
      [&tails](bool) { tails.fetch_sub(1); });
}

Result<SinkCommand> sink_command(const httplib::Request& request) {
  using Kind = SinkCommand::Kind;
  const std::string verb = request.matches[3];
  if (verb == "pause") return SinkCommand{.kind = Kind::kPause, .where = ""};
  if (verb == "resume") return SinkCommand{.kind = Kind::kResume, .where = ""};
  if (verb == "replay") return SinkCommand{.kind = Kind::kReplay, .where = ""};
  if (verb == "rewind") {
    const std::string by = request.get_param_value("by");
    if (!by.empty()) return SinkCommand{.kind = Kind::kRewind, .where = by};
    return fail(Code::kInvalid, "rewind wants by=30s, 10min, 2h or 7d");
  }
  const std::string where = request.get_param_value("to");
  if (!where.empty()) return SinkCommand{.kind = Kind::kSeek, .where = where};
  return fail(Code::kInvalid, "seek wants to=earliest, latest, gtid:SET, time:... or FILE:POS");
}

Result<ClusterCommand> place_command(const httplib::Request& request) {
  ClusterCommand command{.kind = ClusterCommand::Kind::kPlace,
                         .node = "",
                         .stream = request.get_param_value("stream")};
  if (command.stream.empty()) return fail(Code::kInvalid, "place wants stream=NAME");
  for (size_t i = 0; i < request.get_param_value_count("node"); ++i)
    command.nodes.push_back(request.get_param_value("node", i));
  BINBUS_TRY(all, flag(request, "all", false));
  if (all == command.nodes.empty()) return command;
  return fail(Code::kInvalid, "place wants the nodes, node=NAME for each, or all=1");
}

Result<ClusterCommand> cluster_command(const httplib::Request& request) {
  using Kind = ClusterCommand::Kind;
  const std::string verb = request.matches[1];
  if (verb == "place") return place_command(request);
  ClusterCommand command{.kind = verb == "join"       ? Kind::kJoin
                                 : verb == "add"      ? Kind::kAdd
                                 : verb == "remove"   ? Kind::kRemove
                                 : verb == "transfer" ? Kind::kTransfer
                                                      : Kind::kDrain,
                         .node = request.get_param_value("node"),
                         .stream = request.get_param_value("stream")};
  BINBUS_TRY(end, flag(request, "end", false));
  command.end = end;
  if (command.node.empty() && command.kind != Kind::kJoin)
    return fail(Code::kInvalid, verb + " wants node=NAME");
  if (command.stream.empty() && command.kind == Kind::kTransfer)
    return fail(Code::kInvalid, "transfer wants stream=NAME");
  return command;
}

// A page that a browser on this machine shows may send requests here, and, when its name suddenly means this machine, read
// the answers too. It can leave out neither its Origin nor the Host that it was got from.
bool from_foreign_page(const httplib::Request& request) {
  const std::string host = request.get_header_value("Host");
  const std::string origin = request.get_header_value("Origin");
  if (!origin.empty() && origin != "http://" + host) return true;
  if (request.local_addr != "127.0.0.1" && request.local_addr != "::1") return false;
  const std::string name =
      host.starts_with('[') ? host.substr(0, host.find(']') + 1) : host.substr(0, host.find(':'));
  in_addr address{};
  return !name.empty() && name != "localhost" && name != "[::1]" &&
         ::inet_pton(AF_INET, name.c_str(), &address) != 1;
}

void add_routes(httplib::Server& http, const Observed& observed, HealthLimits limits,
                std::atomic<size_t>& tails, const std::stop_token& stop) {
  using Request = httplib::Request;
  using Response = httplib::Response;
  http.set_pre_routing_handler([](const Request& request, Response& response) {
    if (!from_foreign_page(request)) return httplib::Server::HandlerResponse::Unhandled;
    answer(response, Error{Code::kAuth,
                           "a page of another origin, or a name that is not this "
                           "machine's own: ask as localhost or 127.0.0.1"});
    return httplib::Server::HandlerResponse::Handled;
  });
  http.Get("/status", [&observed](const Request&, Response& response) {
    response.set_content(to_json(observed.snapshot()), kJson);
  });
  http.Get("/metrics", [&observed](const Request&, Response& response) {
    response.set_content(to_prometheus(observed.snapshot()), kPrometheus);
  });
  http.Get("/live", [&observed, limits](const Request&, Response& response) {
    answer(response, live(observed.snapshot(), limits));
  });
  http.Get("/ready", [&observed, limits](const Request&, Response& response) {
    answer(response, ready(observed.snapshot(), limits));
  });
  http.Get(R"(/streams/([A-Za-z0-9_-]+)/segments)",
           [&observed](const Request& request, Response& response) {
             answer(response, observed.segments(request.matches[1]));
           });
  http.Get(R"(/streams/([A-Za-z0-9_-]+)/locate)",
           [&observed](const Request& request, Response& response) {
             const auto query = locate_query(request);
             if (!query) return answer(response, query.error());
             answer(response, observed.locate(request.matches[1], *query));
           });
  http.Get(R"(/streams/([A-Za-z0-9_-]+)/changes)",
           [&observed, &tails, stop](const Request& request, Response& response) {
             const auto open = [&]() -> Result<std::unique_ptr<Tail>> {
               BINBUS_TRY(query, tail_query(request));
               return observed.tail(request.matches[1], query);
             };
             answer_tail(response, open, tails, stop);
           });
  http.Get(R"(/streams/([A-Za-z0-9_-]+)/rows)",
           [&observed, &tails, stop](const Request& request, Response& response) {
             RowsQuery query;
             query.table = request.get_param_value("table");
             query.at = request.get_param_value("at");
             if (request.has_param("format")) query.format = request.get_param_value("format");
             for (size_t i = 0; i < request.get_param_value_count("key"); ++i)
               query.key.push_back(request.get_param_value("key", i));
             answer_tail(
                 response, [&] { return observed.rows(request.matches[1], query); }, tails, stop);
           });
  http.Post(R"(/streams/([A-Za-z0-9_-]+)/verify)",
            [&observed, &tails, stop](const Request& request, Response& response) {
              const auto open = [&]() -> Result<std::unique_ptr<Tail>> {
                VerifyQuery query;
                for (size_t i = 0; i < request.get_param_value_count("table"); ++i)
                  query.tables.push_back(request.get_param_value("table", i));
                BINBUS_TRY(repair, flag(request, "repair", false));
                query.repair = repair;
                return observed.verify(request.matches[1], query);
              };
              answer_tail(response, open, tails, stop);
            });
  http.Post(R"(/streams/([A-Za-z0-9_-]+)/snapshot/(start|pause|resume|cancel))",
            [&observed](const Request& request, Response& response) {
              using Kind = SnapshotCommand::Kind;
              const std::string verb = request.matches[2];
              const SnapshotCommand command{.kind = verb == "start"    ? Kind::kStart
                                                    : verb == "pause"  ? Kind::kPause
                                                    : verb == "resume" ? Kind::kResume
                                                                       : Kind::kCancel,
                                            .table = request.get_param_value("table")};
              const Status done = observed.command_snapshot(request.matches[1], command);
              answer(response, done);
            });
  http.Post(R"(/streams/([A-Za-z0-9_-]+)/snapshot/tables)",
            [&observed](const Request& request, Response& response) {
              std::vector<std::string> patterns;
              for (size_t i = 0; i < request.get_param_value_count("pattern"); ++i)
                patterns.push_back(request.get_param_value("pattern", i));
              const Status done = observed.keep_tables(request.matches[1], patterns);
              answer(response, done);
            });
  http.Post(R"(/streams/([A-Za-z0-9_-]+)/snapshots)",
            [&observed](const Request& request, Response& response) {
              const std::string purpose =
                  request.has_param("purpose") ? request.get_param_value("purpose") : "command";
              answer(response, observed.make_snapshot(request.matches[1], purpose,
                                                      request.get_param_value("at")));
            });
  http.Get(R"(/streams/([A-Za-z0-9_-]+)/cursors)",
           [&observed](const Request& request, Response& response) {
             answer(response, observed.cursors(request.matches[1]));
           });
  http.Delete(R"(/streams/([A-Za-z0-9_-]+)/cursors/([A-Za-z0-9_.-]+))",
              [&observed](const Request& request, Response& response) {
                const Status done = observed.remove_cursor(request.matches[1], request.matches[2]);
                answer(response, done);
              });
  http.Get(R"(/streams/([A-Za-z0-9_-]+)/schema)", [&observed](const Request& request,
                                                              Response& response) {
    const std::string at = request.has_param("at") ? request.get_param_value("at") : "latest";
    const auto shown =
        observed.show_table(request.matches[1], request.get_param_value("table"), at);
    if (!shown) return answer(response, shown.error());
    response.set_content(*shown, "text/plain; charset=utf-8");
  });
  http.Get("/cluster", [&observed](const Request&, Response& response) {
    answer(response, observed.cluster());
  });
  http.Post("/cluster/(join|add|remove|transfer|drain|place)",
            [&observed](const Request& request, Response& response) {
              const auto command = cluster_command(request);
              if (!command) return answer(response, command.error());
              const Status done = observed.command_cluster(*command);
              answer(response, done);
            });
  http.Post(R"(/streams/([A-Za-z0-9_-]+)/handover)",
            [&observed](const Request& request, Response& response) {
              const Status done = observed.hand_over(request.matches[1]);
              answer(response, done);
            });
  http.Post(R"(/streams/([A-Za-z0-9_-]+)/schema/rebuild)",
            [&observed](const Request& request, Response& response) {
              const Status done = observed.rebuild_schema(request.matches[1]);
              answer(response, done);
            });
  http.Post(R"(/streams/([A-Za-z0-9_-]+)/sinks/([A-Za-z0-9_-]+)/(pause|resume|seek|rewind|replay))",
            [&observed](const Request& request, Response& response) {
              const auto command = sink_command(request);
              if (!command) return answer(response, command.error());
              const Status done =
                  observed.command_sink(request.matches[1], request.matches[2], *command);
              answer(response, done);
            });
  using Kind = SinkChange::Kind;
  const auto change_sink = [&observed](Kind kind) {
    return [&observed, kind](const Request& request, Response& response) {
      SinkChange change{.kind = kind, .keys = request.body, .unset = {}};
      for (size_t i = 0; i < request.get_param_value_count("unset"); ++i) {
        change.unset.push_back(request.get_param_value("unset", i));
      }
      const auto revision = observed.change_sink(request.matches[1], request.matches[2], change);
      if (!revision) return answer(response, revision.error());
      response.set_content(fmt::format("{{\"ok\": true, \"revision\": {}}}\n", *revision), kJson);
    };
  };
  const std::string sink = R"(/streams/([A-Za-z0-9_-]+)/sinks/([A-Za-z0-9_-]+))";
  http.Get(sink, [&observed](const Request& request, Response& response) {
    const auto shown = observed.show_sink(request.matches[1], request.matches[2]);
    if (!shown) return answer(response, shown.error());
    response.set_content(*shown, "application/toml");
  });
  http.Put(sink, change_sink(Kind::kAdd));
  http.Patch(sink, change_sink(Kind::kSet));
  http.Delete(sink, change_sink(Kind::kRemove));
  http.Post(sink + "/reset", change_sink(Kind::kReset));
  http.set_error_handler([](const Request& request, Response& response) {
    if (!response.body.empty()) return;
    answer(
        response,
        Error{Code::kNotFound,
              fmt::format("{} {}: there are GET /status, /metrics, /live, /ready, /cluster, "
                          "/streams/NAME/segments, /streams/NAME/locate, /streams/NAME/changes, "
                          "/streams/NAME/schema, /streams/NAME/rows, /streams/NAME/cursors; DELETE "
                          "/streams/NAME/cursors/CURSOR; POST /streams/NAME/schema/rebuild, "
                          "/streams/NAME/snapshot/start, pause, resume, cancel, tables, "
                          "/streams/NAME/snapshots, "
                          "/streams/NAME/verify, /streams/NAME/handover, "
                          "/cluster/join, add, remove, transfer, drain, place, "
                          "/streams/NAME/sinks/SINK/pause, resume, seek, rewind, replay, "
                          "reset; GET, PUT, PATCH, DELETE /streams/NAME/sinks/SINK",
                          request.method, request.path)});
  });
}

}  // namespace

struct Server::State {
  std::atomic<size_t> tails{0};
  std::stop_source stop;  // of the tails
  httplib::Server http;
  uint16_t port = 0;
  std::jthread thread;
};

Result<std::unique_ptr<Server>> Server::open(const std::string& address, const Observed& observed,
                                             HealthLimits limits) {
  BINBUS_TRY(parts, io::HostPort::parse(address));
  auto state = std::make_unique<State>();
  httplib::Server& http = state->http;
  http.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  http.set_keep_alive_timeout(kKeepAliveSeconds)
      .set_read_timeout(kTimeoutSeconds)
      .set_write_timeout(kTimeoutSeconds);
  http.set_payload_max_length(kBodyBytesMax);
  http.set_socket_options(
      [](socket_t socket) {  // the library's default would share a port with another process
        const int on = 1;
        ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
      });
  add_routes(http, observed, limits, state->tails, state->stop.get_token());

  const std::string host = parts.host.empty() ? "0.0.0.0" : parts.host;
  const int wanted = std::stoi(parts.port);
  const int bound = wanted == 0                       ? http.bind_to_any_port(host)
                    : http.bind_to_port(host, wanted) ? wanted
                                                      : -1;
  if (bound < 0) {
    return fail(Code::kNetwork,
                fmt::format("cannot listen on {}: {}; is another program using the port?", address,
                            io::os_error(errno)));
  }
  state->port = static_cast<uint16_t>(bound);
  state->thread = std::jthread([&http] { http.listen_after_bind(); });
  while (!http.is_running()) std::this_thread::yield();  // before that its stop() does nothing
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::~Server() { stop(); }

void Server::stop() {
  if (!state_->thread.joinable()) return;
  state_->stop.request_stop();
  state_->http.stop();
  state_->thread.join();
}

size_t Server::tails() const { return state_->tails; }
uint16_t Server::port() const { return state_->port; }

}  // namespace binbus::admin
