#include "raft/node_caller.h"

#include <algorithm>

#include "base/error_table.h"
#include "raft/node_frame.h"

namespace binbus::raft {
namespace {

constexpr size_t kBufferBytes = 16 * 1024;
constexpr size_t kIdleMax = 4;  // of one address

Error error_of(const Frame& refusal) {
  const auto rows = error_table();
  const auto row = std::ranges::find(rows, refusal.name, &ErrorRow::name);
  // A code that this version does not know is an error of the other side's all the same.
  return {row == rows.end() ? Code::kRemote : row->code, std::string(as_text(refusal.body))};
}

}  // namespace

struct NodeCaller::Connection {
  explicit Connection(Dialed dialed) : stream(std::move(dialed.stream)), peer(dialed.peer.id) {}

  std::unique_ptr<io::Stream> stream;
  const NodeId peer;
  FrameReader reader{*stream, kBufferBytes};
};

NodeCaller::NodeCaller(std::optional<NodeTls> tls, io::Clock& clock)
    : tls_(std::move(tls)), clock_(clock) {}
NodeCaller::~NodeCaller() = default;

Result<ByteVector> NodeCaller::call(const NodeIdentity& self, const std::string& address,
                                    NodeId node, std::string_view method, Bytes body,
                                    int timeout_ms) {
  const uint64_t until_us = clock_.monotonic_us() + static_cast<uint64_t>(timeout_ms) * 1000;
  auto connection = take_idle(address);
  if (!connection) {
    BINBUS_TRY(dialed, connect(self, address, timeout_ms));
    connection = std::move(dialed);
  }
  if (node != 0 && connection->peer != node)
    return fail(Code::kNotFound, "at " + address + " answers another node than before");
  BINBUS_TRY(answer, ask(*connection, method, body, until_us));
  keep(address, std::move(connection));
  if (answer.type == FrameType::kRefusal) return fail(error_of(answer));
  return std::move(answer.body);
}

Result<std::unique_ptr<NodeCaller::Connection>> NodeCaller::connect(const NodeIdentity& self,
                                                                    const std::string& address,
                                                                    int timeout_ms) {
  auto dialed = dial(address, Purpose::kCalls, self, tls_, timeout_ms, stop_.get_token());
  if (stop_.stop_requested()) return fail(Code::kStopped, "this node is stopping");
  if (!dialed) return fail(std::move(dialed).error());
  return std::make_unique<Connection>(std::move(*dialed));
}

Result<Frame> NodeCaller::ask(Connection& connection, std::string_view method, Bytes body,
                              uint64_t until_us) {
  io::Stream& stream = *connection.stream;
  const std::stop_callback cut_short(stop_.get_token(),
                                     [socket = stream.descriptor()] { cut(socket); });
  const auto left_ms = [&] {
    const uint64_t now_us = clock_.monotonic_us();
    return now_us >= until_us ? 1 : static_cast<int>((until_us - now_us) / 1000 + 1);
  };
  stream.set_write_timeout(left_ms());
  Status asked = write_frame(stream, {.type = FrameType::kCall, .name = method, .body = body});
  stream.set_read_timeout(left_ms());
  auto answer = asked ? connection.reader.next() : Result<Frame>(fail(std::move(asked).error()));
  if (!answer && stop_.stop_requested()) return fail(Code::kStopped, "this node is stopping");
  if (!answer) return fail_in("calling " + std::string(method), std::move(answer).error());
  if (answer->type != FrameType::kAnswer && answer->type != FrameType::kRefusal)
    return fail(Code::kCorrupt, stream.peer() + " answered a call with something else");
  return answer;
}

// One that the node has closed meanwhile is readable.
std::unique_ptr<NodeCaller::Connection> NodeCaller::take_idle(const std::string& address) {
  const std::lock_guard lock(mutex_);
  auto& idle = idle_[address];
  while (!idle.empty()) {
    auto connection = std::move(idle.back());
    idle.pop_back();
    const auto readable = connection->stream->wait_readable(0);
    if (readable && !*readable) return connection;
  }
  idle_.erase(address);
  return nullptr;
}

void NodeCaller::keep(const std::string& address, std::unique_ptr<Connection> connection) {
  const std::lock_guard lock(mutex_);
  auto& idle = idle_[address];
  if (idle.size() < kIdleMax) idle.push_back(std::move(connection));
}

void NodeCaller::forget_connections() {
  const std::lock_guard lock(mutex_);
  idle_.clear();
}

}  // namespace binbus::raft
