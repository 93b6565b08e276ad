// The side that other nodes dial: takes their messages, answers their pings and calls.
//
// Owner:  borrows the handler and the clock, which must outlive the server.
// Thread: one listens, one serves each connection; every function may be called from any other.
// Memory: 256 KiB for each lane that is dialed, and what the frames given to the handler together hold: at most
//         kTogetherBytesMax, or one frame.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "raft/node_handler.h"
#include "raft/node_handshake.h"

namespace binbus::raft {

inline constexpr size_t kTogetherBytesMax = 4 << 20;

struct NodeServerOptions {
  std::string listen;  // HOST:PORT; port 0 takes a free one
  std::optional<NodeTls> tls = {};
  int greeting_timeout_ms = 1000;  // for each step of it
  int lost_after_ms = 1000;        // without a ping, on an urgent lane
  int write_timeout_ms = 30'000;
  size_t connections_max = 1000;
};

class NodeServer {
 public:
  static Result<std::unique_ptr<NodeServer>> open(NodeServerOptions options, NodeHandler& handler);
  ~NodeServer();  // as stop()
  // Connections are taken from here on; until then they wait. `self`: this node, as it is at the time.
  void start(std::function<NodeIdentity()> self);
  // Ends all connections and waits for their threads, those in the handler too; again does nothing.
  void stop();
  // This node's cluster has become known: lanes are to be dialed anew, so that the others get to know it; calls under way
  // are ended only where another cluster makes them.
  void cluster_changed(const std::string& cluster);

  uint16_t port() const { return listener_->port(); }
  uint64_t bytes_received(NodeId from) const;  // on its present connections
  Status reload_tls();

 private:
  struct Connection;
  NodeServer(NodeServerOptions options, NodeHandler& handler);
  void accept_all();
  void admit(std::unique_ptr<io::Stream> stream);
  void run(Connection& connection);
  void leave(Connection& connection);
  Status serve(Connection& connection);
  Status take_messages(Connection& connection);
  Status answer_calls(Connection& connection);
  void greeted(Connection& connection, const Hello& hello);
  void refused(const Connection& connection, const Error& error);

  const NodeServerOptions options_;
  NodeHandler& handler_;
  std::function<NodeIdentity()> self_;
  std::unique_ptr<io::TlsServer> tls_;  // null: none
  std::unique_ptr<io::Listener> listener_;
  std::jthread acceptor_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<uint64_t, std::unique_ptr<Connection>> connections_;  // guarded by mutex_, as all below
  std::vector<std::jthread> ended_;
  std::set<std::string> refusals_told_;  // host and reason, since it was last welcome
  uint64_t next_number_ = 1;
  bool full_told_ = false;  // since the last connection that was taken
};

}  // namespace binbus::raft
