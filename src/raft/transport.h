// How nodes talk: one transport for each process, shared by all groups.
//
// To each peer it dials two lanes, so that no heartbeat or vote waits behind entries; the peer dials its own two back. What
// is sent on a lane arrives in order, or not at all: when a connection breaks, what waited is dropped, and the group is told.
// Calls go over connections of their own.
//
// Owner:  borrows the handler and the clock, which must outlive the transport.
// Thread: one listens, one tells the handler of peers, one for each lane to a peer, one for each connection that a peer dials.
//         Every function may be called from any thread and from the handler, but stop() and the destructor not from the
//         handler, and set_peers() and stop() not from a load(), nor under a lock that one takes: they wait for it.
// Memory: for each lane the budget's heads, and the body that is being sent; for each connection that is dialed see
//         node_server.h.
// Safety: with TLS both sides show certificates of the cluster's authority; without it the port is as safe as the network.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "raft/node_handler.h"
#include "raft/node_handshake.h"
#include "raft/node_link.h"

namespace binbus::raft {

struct TransportOptions {
  NodeIdentity self;   // its address "": that of `listen`, which must then name a host
  std::string listen;  // HOST:PORT; port 0 takes a free one
  std::optional<NodeTls> tls = {};
  int ping_ms = 200;
  int lost_after_ms = 1000;       // without an answer, or a ping of one that has dialed this node
  int connect_timeout_ms = 1000;  // for connecting and for each step of the greeting
  int write_timeout_ms =
      30'000;  // of the bulk lane and of calls; lost_after_ms is the urgent lane's
  uint32_t backoff_first_ms = 50;
  uint32_t backoff_max_ms = 1000;
  SendBudget urgent = {.bytes_max = 8 << 20, .messages_max = 10'000};
  SendBudget bulk = {.bytes_max = 64 << 20, .messages_max = 10'000};
  size_t connections_max = 1000;  // that others dial
};

struct Peer {
  std::string name;               // for people, until it has told its own
  std::string address;            // HOST:PORT; its id is learned when it answers
  uint64_t bytes_per_second = 0;  // on the bulk lane, for sites far away; 0: no limit
};

struct PeerStatus {
  Peer peer;
  LinkStatus urgent;  // with the last ping's round trip
  LinkStatus bulk;
  uint64_t bytes_received = 0;  // on the connections that it has dialed and that are there
  uint64_t silent_ms = 0;       // since it was last heard; 0 when it never was
};

class Transport {
 public:
  // Listens from here on. Errors: those of listening and of the TLS files; kInvalid names the option.
  static Result<std::unique_ptr<Transport>> open(TransportOptions options, NodeHandler& handler,
                                                 io::Clock& clock);
  ~Transport();  // as stop(); no other thread may be in a function of the transport
  // Ends everything and waits for its threads, those in the handler too; calls under way fail with kStopped. Again does
  // nothing. Waits for a peer that is being connected to up to connect_timeout_ms.
  void stop();

  // In place of the peers before; those whose address stays keep their connections, this node's own is left out. Errors:
  // kLimit when the process is out of descriptors or threads, the others are set all the same; kStopped.
  Status set_peers(const std::vector<Peer>& peers);
  // The cluster's name, once it is known. All lanes greet anew, and drop what waits; calls that others make go on.
  void set_cluster(const std::string& cluster);

  // Never waits. False when the message was not taken: the node is not connected, or the lane's budget is used up.
  bool send(NodeId to, Lane lane, Outgoing message);

  // A question to another node and its answer; waits. By id: to the peer that answered under it last. For the errors see
  // node_caller.h; kNotFound also when no peer has this id.
  Result<ByteVector> call(NodeId to, std::string_view method, Bytes body, int timeout_ms);
  Result<ByteVector> call(const std::string& address, std::string_view method, Bytes body,
                          int timeout_ms);

  NodeIdentity self() const;
  uint16_t port() const;
  std::vector<PeerStatus> status() const;  // by address
  // Reads the server's TLS files again, for new connections; those that are dialed read them each time.
  Status reload_tls();

 private:
  struct State;
  explicit Transport(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace binbus::raft
