#include "serve/server.h"

#include <algorithm>
#include <condition_variable>
#include <system_error>

#include "base/log.h"
#include "serve/catalog.h"
#include "serve/session.h"

namespace binbus::serve {
namespace {

constexpr auto kAcceptPause =
    std::chrono::milliseconds(100);  // when the process is out of descriptors
// For replicas to take the rest of the transaction that they are in, when the server stops.
constexpr auto kFinishWithin = std::chrono::seconds(2);

bool same_reader(const ReplicaStatus& other, const ReplicaStatus& reader) {
  if (other.mode.empty()) return false;
  if (!reader.server_uuid.empty()) return other.server_uuid == reader.server_uuid;
  // Readers that do not wait (mysqlbinlog) say 0: any number of them may read.
  return reader.server_id != 0 && other.server_id == reader.server_id && other.server_uuid.empty();
}

}  // namespace

struct Server::State final : SessionHost {
  State(ServerOptions given, store::Log& log, io::Clock& time, std::function<SourceFacts()> facts)
      : options(std::move(given)), clock(time), catalog(options, log, std::move(facts)) {}

  // --- a connection's life ---------------------------------------------------------------------------------------

  void accept_all() {
    for (;;) {
      auto stream = listener->accept();
      if (stream) {
        admit(std::move(*stream));
      } else if (stream.error().code == Code::kStopped) {
        return;
      } else {
        log::error("accept_failed", {{"stream", options.stream}, {"error", stream.error()}});
        std::unique_lock lock(mutex);
        changed.wait_for(lock, kAcceptPause, [this] { return stopping; });
      }
    }
  }

  void admit(std::unique_ptr<io::Stream> stream) {
    const std::lock_guard lock(mutex);
    if (stopping) return;
    const uint32_t id = next_id++;
    auto connection = std::make_unique<Connection>(id, std::move(stream), clock.wall_us());
    Connection& added = *connection;
    const bool full = connections.size() >= options.connections_max;
    try {
      std::thread thread([this, &added, full] { run(added, full); });
      connections.emplace(id, Entry{std::move(connection), std::move(thread)});
    } catch (const std::system_error& error) {
      log::error("accept_failed", {{"stream", options.stream}, {"error", error.what()}});
    }
  }

  void run(Connection& connection, bool full) {
    const Status result =
        full ? refuse(connection) : run_session(connection, {catalog, *this, *tls, rsa, clock});
    const ReplicaStatus status = connection.status();
    if (!result) {
      const bool told = result.error().code == Code::kAuth || !status.mode.empty();
      log::write(told ? log::Level::kInfo : log::Level::kDebug, "connection_ended",
                 {{"stream", options.stream},
                  {"peer", status.peer},
                  {"user", status.user},
                  {"reason", result.error()}});
    }
    leave(connection.id());
  }

  Status refuse(Connection& connection) {
    connection.channel().stream().set_write_timeout(1000);
    BINBUS_RETURN_IF_ERROR(mysql::write_error(
        connection.channel(), {mysql::kErrorTooManyConnections, "08004", "Too many connections"}));
    BINBUS_RETURN_IF_ERROR(connection.channel().flush());
    return fail(Code::kLimit,
                "more than " + std::to_string(options.connections_max) + " connections");
  }

  // A thread cannot join itself: each joins those that ended before it.
  void leave(uint32_t id) {
    std::vector<std::thread> before;
    std::unique_ptr<Connection> connection;
    {
      const std::lock_guard lock(mutex);
      const auto found = connections.find(id);
      connection = std::move(found->second.connection);
      before = std::move(ended);
      ended.clear();
      ended.push_back(std::move(found->second.thread));
      connections.erase(found);
      changed.notify_all();
    }
    for (std::thread& thread : before) thread.join();
  }

  void stop() {
    listener->stop();
    if (acceptor.joinable()) acceptor.join();
    std::vector<std::thread> last;
    {
      std::unique_lock lock(mutex);
      stopping = true;
      changed.notify_all();
      const auto all_ended = [this] { return connections.empty(); };
      for (auto& [id, entry] : connections) entry.connection->end(EndReason::kStopped);
      changed.wait_for(lock, kFinishWithin, all_ended);
      for (auto& [id, entry] : connections) entry.connection->cut();
      changed.wait(lock, all_ended);
      last = std::move(ended);
      ended.clear();
    }
    for (std::thread& thread : last) thread.join();
  }

  // --- what sessions ask for -------------------------------------------------------------------------------------

  std::vector<ReplicaStatus> replicas() const override {
    std::vector<ReplicaStatus> result;
    const binlog::Position end = catalog.log().visible_end();
    const std::lock_guard lock(mutex);
    for (const auto& [id, entry] : connections) {
      ReplicaStatus status = entry.connection->status();
      if (status.user.empty()) continue;
      if (!status.mode.empty())
        status.lag_bytes = catalog.log().bytes_between(status.position, end);
      result.push_back(std::move(status));
    }
    return result;
  }

  bool kill(uint32_t id, const std::string& user) override {
    const std::lock_guard lock(mutex);
    const auto found = connections.find(id);
    if (found == connections.end() || found->second.connection->status().user != user) return false;
    found->second.connection->end(EndReason::kKilled);
    return true;
  }

  void dump_begins(Connection& connection, const ReplicaStatus& reader) override {
    const std::lock_guard lock(mutex);
    for (auto& [id, entry] : connections) {
      if (id == connection.id() || !same_reader(entry.connection->status(), reader)) continue;
      log::warn("dump_replaced", {{"stream", options.stream},
                                  {"server_id", reader.server_id},
                                  {"server_uuid", reader.server_uuid},
                                  {"old", entry.connection->status().peer},
                                  {"new", reader.peer}});
      entry.connection->end(EndReason::kDuplicate);
    }
    connection.progress().update([&](ReplicaStatus& status) { status = reader; });
  }

  void logged_in(Connection& connection) override {
    const ReplicaStatus status = connection.status();
    log::debug("client_connected",
               {{"stream", options.stream}, {"peer", status.peer}, {"user", status.user}});
  }

  struct Entry {
    std::unique_ptr<Connection> connection;
    std::thread thread;
  };

  ServerOptions options;
  io::Clock& clock;
  Catalog catalog;
  std::unique_ptr<io::TlsServer> tls;
  mysql::RsaKey rsa;
  std::unique_ptr<io::Listener> listener;
  std::thread acceptor;

  mutable std::mutex mutex;
  std::condition_variable changed;        // connections ended, or stopping
  std::map<uint32_t, Entry> connections;  // guarded by mutex, as all below
  std::vector<std::thread> ended;
  uint32_t next_id = 1;
  bool stopping = false;
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::~Server() { stop(); }

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, store::Log& log,
                                              io::Clock& clock,
                                              std::function<SourceFacts()> facts) {
  if (options.require_tls) {
    for (mysql::Account& account : options.accounts) account.require_tls = true;
  }
  auto state = std::make_unique<State>(std::move(options), log, clock, std::move(facts));
  BINBUS_TRY(tls, io::TlsServer::open(state->options.tls));
  state->tls = std::move(tls);
  BINBUS_TRY(listener, io::Listener::open(state->options.listen));
  state->listener = std::move(listener);
  state->acceptor = std::thread([running = state.get()] { running->accept_all(); });
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

void Server::stop() { state_->stop(); }
uint16_t Server::port() const { return state_->listener->port(); }
std::vector<ReplicaStatus> Server::replicas() const { return state_->replicas(); }
Status Server::reload_tls() { return state_->tls->reload(); }

}  // namespace binbus::serve
