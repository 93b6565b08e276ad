// What waits to be sent to one node on one lane, in order; bounded in messages and bytes, and closed while the node is not
// connected. When full, new messages are refused.
//
// Thread: any.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "base/bytes.h"
#include "raft/node_identity.h"

namespace binbus::raft {

struct Outgoing {
  std::string group;
  ByteVector head;  // the message itself, small
  // Appends the body. Called when the message is next, on the thread that sends it, so that what waits holds no payload in memory;
  // an error drops the message. Null: no body.
  std::function<Status(ByteVector& body)> load = {};
  size_t body_bytes = 0;  // about what load() will append: counts for the budget
};

struct SendBudget {
  size_t bytes_max = 0;
  size_t messages_max = 0;
};

class SendQueue {
 public:
  // kLimit when the process is out of descriptors.
  static Result<std::unique_ptr<SendQueue>> make(SendBudget budget);
  ~SendQueue();

  void open(NodeId to);
  // Drops what waits, and returns whose it was.
  std::set<std::string> close();
  NodeId open_to() const;  // 0: closed
  // False when it is not open to this node, or full. An empty queue takes a message of any size.
  bool offer(NodeId to, Outgoing message);
  std::optional<Outgoing> take();

  size_t messages() const;
  size_t bytes() const;
  // An eventfd that is readable while something waits.
  int descriptor() const { return ready_; }

 private:
  SendQueue(SendBudget budget, int ready) : budget_(budget), ready_(ready) {}

  const SendBudget budget_;
  const int ready_;
  mutable std::mutex mutex_;
  NodeId to_ = 0;  // guarded by mutex_, as all below
  std::deque<Outgoing> waiting_;
  size_t bytes_ = 0;
};

}  // namespace binbus::raft
