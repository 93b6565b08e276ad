// What a node does with what other nodes send it: implemented above the transport.
#pragma once

#include <span>
#include <string_view>

#include "raft/node_frame.h"
#include "raft/node_identity.h"

namespace binbus::raft {

class NodeHandler {
 public:
  virtual ~NodeHandler() = default;

  // Messages of one group that had arrived together, in order; may be moved from. Called on the connection's thread, several
  // connections at once, one for each lane of each node. While it blocks, that lane is not read; the urgent lane answers
  // pings on this thread too, so what comes there must be handed on at once. `may_block`: nothing waits behind them.
  virtual void receive(NodeId from, std::string_view group, std::span<Frame> messages,
                       bool may_block) = 0;

  // What a call comes to; the caller is told an error's code and message. Called on the call's own connection's thread.
  virtual Result<ByteVector> answer(const NodeIdentity& from, std::string_view method,
                                    Bytes body) = 0;

  // An urgent lane between this node and another stands: dialed by this one, on which the other answers pings, or by the other
  // one, on which its pings come. Or it does not any more, and was last heard on so long ago. Called on the lane's thread; a
  // lane's end after its beginning, and a new one's beginning may come before the old one's end.
  enum class Dialer { kThis, kOther };
  virtual void connected(NodeId node, Dialer by) = 0;
  virtual void disconnected(NodeId node, Dialer by, uint64_t silent_ms) = 0;

  // The three below are called by one thread, one after the other.

  // A node answers at this address of the list of peers: anew, or with something new in its identity. Another node than
  // before is told of by peer_lost() of the old one first.
  virtual void peer_seen(const NodeIdentity& node, const std::string& address) = 0;
  // It has not answered for about lost_after_ms, or left the list of peers.
  virtual void peer_lost(NodeId node) = 0;
  // Messages of this group that send() took were dropped.
  virtual void unreachable(NodeId to, std::string_view group) = 0;
};

}  // namespace binbus::raft
