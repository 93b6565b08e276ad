// Calls other nodes: a question and its answer, over connections of their own, so that a large body delays no message. A
// connection that is not used at the moment is kept for the next call.
//
// Thread: the caller's; any number at once.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "io/clock.h"
#include "raft/node_handshake.h"

namespace binbus::raft {

class NodeCaller {
 public:
  NodeCaller(std::optional<NodeTls> tls, io::Clock& clock);
  ~NodeCaller();

  // Asks the node at `address`, which must be `node` unless that is 0. Up to `timeout_ms` until the answer begins to come,
  // and as long again whenever it stands still.
  // Errors: what the node answered, under its own code; kNotFound when another node answers there; kLimit for a body of
  // more than kFrameBodyBytesMax; kTimeout, kNetwork: it may have been done or not; kStopped.
  Result<ByteVector> call(const NodeIdentity& self, const std::string& address, NodeId node,
                          std::string_view method, Bytes body, int timeout_ms);
  // Ends calls, the present ones and later ones.
  void stop() { stop_.request_stop(); }
  // Later calls greet anew.
  void forget_connections();

 private:
  struct Connection;
  std::unique_ptr<Connection> take_idle(const std::string& address);
  void keep(const std::string& address, std::unique_ptr<Connection> connection);
  Result<std::unique_ptr<Connection>> connect(const NodeIdentity& self, const std::string& address,
                                              int timeout_ms);
  Result<struct Frame> ask(Connection& connection, std::string_view method, Bytes body,
                           uint64_t until_us);

  const std::optional<NodeTls> tls_;
  io::Clock& clock_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::map<std::string, std::vector<std::unique_ptr<Connection>>> idle_;  // guarded by mutex_
};

}  // namespace binbus::raft
