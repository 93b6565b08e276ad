#include "raft/node_server.h"

#include <algorithm>
#include <atomic>
#include <system_error>

#include "base/error_table.h"
#include "base/log.h"

namespace binbus::raft {
namespace {

constexpr auto kAcceptPause =
    std::chrono::milliseconds(100);  // when the process is out of descriptors
constexpr size_t kLaneBufferBytes = 256 * 1024;
constexpr size_t kCallBufferBytes = 16 * 1024;
constexpr size_t kRefusalsTold = 100;  // that are remembered

std::string without_port(const std::string& address) {
  return address.substr(0, address.rfind(':'));
}

}  // namespace

struct NodeServer::Connection {
  Connection(uint64_t n, std::unique_ptr<io::Stream> s) : number(n), stream(std::move(s)) {}

  const uint64_t number;
  std::unique_ptr<io::Stream> stream;
  const std::string address = stream->peer();
  // Valid as long as the connection is: TLS is put over the same socket.
  const int socket = stream->descriptor();
  std::atomic<uint64_t> bytes_received = 0;
  Hello hello;          // guarded by the server's mutex_; id 0 until it has greeted
  std::jthread thread;  // guarded by the server's mutex_
};

Result<std::unique_ptr<NodeServer>> NodeServer::open(NodeServerOptions options,
                                                     NodeHandler& handler) {
  std::unique_ptr<NodeServer> server(new NodeServer(std::move(options), handler));
  if (const auto& tls = server->options_.tls) {
    BINBUS_TRY(context, io::TlsServer::open({.certificate_file = tls->certificate_file,
                                             .key_file = tls->key_file,
                                             .ca_file = tls->ca_file}));
    server->tls_ = std::move(context);
  }
  BINBUS_TRY(listener, io::Listener::open(server->options_.listen));
  server->listener_ = std::move(listener);
  return server;
}

NodeServer::NodeServer(NodeServerOptions options, NodeHandler& handler)
    : options_(std::move(options)), handler_(handler) {}

NodeServer::~NodeServer() { stop(); }

void NodeServer::start(std::function<NodeIdentity()> self) {
  self_ = std::move(self);
  acceptor_ = std::jthread([this] { accept_all(); });
}

void NodeServer::stop() {
  if (!listener_) return;  // it did not open
  listener_->stop();
  if (acceptor_.joinable()) acceptor_.join();
  std::vector<std::jthread> last;
  {
    std::unique_lock lock(mutex_);
    for (const auto& [number, connection] : connections_) cut(connection->socket);
    changed_.wait(lock, [this] { return connections_.empty(); });
    last.swap(ended_);
  }
}

void NodeServer::cluster_changed(const std::string& cluster) {
  const std::lock_guard lock(mutex_);
  for (const auto& [number, connection] : connections_) {
    const Hello& hello = connection->hello;
    const bool of_another = !hello.from.cluster.empty() && hello.from.cluster != cluster;
    if (hello.purpose != Purpose::kCalls || of_another) cut(connection->socket);
  }
}

uint64_t NodeServer::bytes_received(NodeId from) const {
  const std::lock_guard lock(mutex_);
  uint64_t bytes = 0;
  for (const auto& [number, connection] : connections_) {
    if (connection->hello.from.id == from) bytes += connection->bytes_received;
  }
  return bytes;
}

Status NodeServer::reload_tls() { return tls_ ? tls_->reload() : ok(); }

// --- a connection's life ---------------------------------------------------------------------------------------------

void NodeServer::accept_all() {
  for (;;) {
    auto stream = listener_->accept();
    if (stream) {
      admit(std::move(*stream));
    } else if (stream.error().code == Code::kStopped) {
      return;
    } else {
      log::error("node_accept_failed", {{"error", stream.error()}});
      std::this_thread::sleep_for(kAcceptPause);
    }
  }
}

void NodeServer::admit(std::unique_ptr<io::Stream> stream) {
  const std::lock_guard lock(mutex_);
  if (connections_.size() >= options_.connections_max) {
    log::write(
        full_told_ ? log::Level::kDebug : log::Level::kWarn, "node_accept_failed",
        {{"peer", stream->peer()},
         {"error", "more than " + std::to_string(options_.connections_max) + " connections"}});
    full_told_ = true;
    return;
  }
  full_told_ = false;
  auto connection = std::make_unique<Connection>(next_number_++, std::move(stream));
  Connection& added = *connection;
  connections_.emplace(added.number, std::move(connection));
  try {
    added.thread = std::jthread([this, &added] { run(added); });
  } catch (const std::system_error& error) {
    log::error("node_accept_failed", {{"peer", added.address}, {"error", error.what()}});
    connections_.erase(added.number);
  }
}

void NodeServer::run(Connection& connection) {
  const auto hello = welcome(connection.stream, self_(), tls_.get(), options_.greeting_timeout_ms);
  if (hello) {
    greeted(connection, *hello);
    const Status ended = serve(connection);
    log::write(
        ended.error().code == Code::kCorrupt ? log::Level::kWarn : log::Level::kDebug,
        "node_connection_ended",
        {{"peer", connection.address}, {"node", hello->from.name}, {"reason", ended.error()}});
  } else {
    refused(connection, hello.error());
  }
  leave(connection);
}

// A thread cannot join itself: each joins those that ended before it.
void NodeServer::leave(Connection& connection) {
  std::vector<std::jthread> before;
  std::unique_ptr<Connection> left;
  {
    const std::lock_guard lock(mutex_);
    const auto found = connections_.find(connection.number);
    left = std::move(found->second);
    connections_.erase(found);
    before.swap(ended_);
    ended_.push_back(std::move(left->thread));
    changed_.notify_all();
  }
}

// A node has one connection for each lane: one that it has given up may not have ended here yet.
void NodeServer::greeted(Connection& connection, const Hello& hello) {
  const std::lock_guard lock(mutex_);
  if (hello.purpose != Purpose::kCalls) {
    for (const auto& [number, other] : connections_) {
      if (other->hello.from.id == hello.from.id && other->hello.purpose == hello.purpose)
        cut(other->socket);
    }
  }
  connection.hello = hello;
  std::erase_if(refusals_told_, [host = without_port(connection.address)](const std::string& told) {
    return told.starts_with(host + " ");
  });
}

// Who is refused comes again and again: each reason is said once.
void NodeServer::refused(const Connection& connection, const Error& error) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (refusals_told_.size() >= kRefusalsTold) refusals_told_.clear();
    first = refusals_told_
                .insert(without_port(connection.address) + " " + std::string(code_name(error.code)))
                .second;
  }
  // Probes of load balancers connect and go.
  const bool noteworthy = first && error.code != Code::kNetwork && error.code != Code::kTimeout;
  log::write(noteworthy ? log::Level::kWarn : log::Level::kDebug, "node_refused",
             {{"peer", connection.address}, {"error", error}});
}

// --- what it says ----------------------------------------------------------------------------------------------------

// Returns what ended it, always an error.
Status NodeServer::serve(Connection& connection) {
  connection.stream->set_write_timeout(options_.write_timeout_ms);
  if (connection.hello.purpose == Purpose::kCalls) return answer_calls(connection);
  if (connection.hello.purpose == Purpose::kBulk) return take_messages(connection);
  // A dialer that is there pings.
  const NodeId from = connection.hello.from.id;
  connection.stream->set_read_timeout(options_.lost_after_ms);
  handler_.connected(from, NodeHandler::Dialer::kOther);
  Status ended = take_messages(connection);
  const bool silent = ended.error().code == Code::kTimeout;
  handler_.disconnected(from, NodeHandler::Dialer::kOther,
                        silent ? static_cast<uint64_t>(options_.lost_after_ms) : 0);
  return ended;
}

Status NodeServer::take_messages(Connection& connection) {
  const NodeId from = connection.hello.from.id;
  FrameReader reader(*connection.stream, kLaneBufferBytes);
  std::vector<Frame> together;
  size_t bytes = 0;
  const auto deliver = [&](bool may_block) {
    if (!together.empty()) handler_.receive(from, together.front().name, together, may_block);
    together.clear();
    bytes = 0;
  };
  for (;;) {
    auto arrived = reader.next_arrived();
    if (!arrived || !*arrived) deliver(connection.hello.purpose == Purpose::kBulk);
    if (!arrived) return fail(std::move(arrived).error());
    if (!*arrived) {
      BINBUS_TRY(waited_for, reader.next());
      *arrived = std::move(waited_for);
    }
    Frame& frame = **arrived;
    connection.bytes_received += frame.bytes();
    if (frame.type == FrameType::kPing) {
      BINBUS_RETURN_IF_ERROR(
          write_frame(*connection.stream, {.type = FrameType::kPong, .head = frame.head}));
      continue;
    }
    if (frame.type != FrameType::kMessage)
      return fail(Code::kCorrupt, "a frame that is no message, where messages are sent");
    const size_t held = frame.bytes() + sizeof(Frame);
    if (!together.empty() &&
        (together.front().name != frame.name || bytes + held > kTogetherBytesMax))
      deliver(false);
    bytes += held;
    together.push_back(std::move(frame));
  }
}

Status NodeServer::answer_calls(Connection& connection) {
  FrameReader reader(*connection.stream, kCallBufferBytes);
  for (;;) {
    BINBUS_TRY(call, reader.next());
    connection.bytes_received += call.bytes();
    if (call.type != FrameType::kCall)
      return fail(Code::kCorrupt, "a frame that is no call, where calls are made");
    auto answer = handler_.answer(connection.hello.from, call.name, call.body);
    if (answer && answer->size() > kFrameBodyBytesMax)
      answer = fail(Code::kLimit, "the answer has " + std::to_string(answer->size()) + " bytes");
    if (answer) {
      BINBUS_RETURN_IF_ERROR(
          write_frame(*connection.stream, {.type = FrameType::kAnswer, .body = *answer}));
    } else {
      BINBUS_RETURN_IF_ERROR(
          write_frame(*connection.stream, {.type = FrameType::kRefusal,
                                           .name = code_name(answer.error().code),
                                           .body = as_bytes(answer.error().message)}));
    }
  }
}

}  // namespace binbus::raft
