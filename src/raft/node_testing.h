// Nodes for tests: a handler that writes down what it is told, and one transport of it on a port of its own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <latch>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "raft/transport.h"

namespace binbus::raft {

// Waits for what must come; false, a failure of the test, when it does not in half a minute.
bool eventually(const std::function<bool()>& holds);

class Recorder final : public NodeHandler {
 public:
  void receive(NodeId from, std::string_view group, std::span<Frame> messages,
               bool may_block) override;
  Result<ByteVector> answer(const NodeIdentity& from, std::string_view method, Bytes body) override;
  void connected(NodeId node, Dialer by) override;
  void disconnected(NodeId node, Dialer by, uint64_t silent_ms) override;
  void peer_seen(const NodeIdentity& node, const std::string& address) override;
  void peer_lost(NodeId node) override;
  void unreachable(NodeId to, std::string_view group) override;

  // "1 g: head+body | head+body": from node 1 for group g, two messages together.
  std::vector<std::string> received() const;
  // "seen 2 b shop", "lost 2", "unreachable 2 g".
  std::vector<std::string> events() const;
  size_t count(const std::string& event) const;
  // Urgent lanes, as told: "to 2 begins", "from 2 ends", "from 2 ends in silence".
  std::vector<std::string> lanes() const;
  std::string last_address() const;  // of peer_seen

  // While a group or a method is held, receive() and answer() of it wait.
  void hold(const std::string& name);
  void release(const std::string& name);
  // How many threads wait for a release.
  size_t held() const;

 private:
  void wait_while_held(std::string_view name);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> received_;
  std::vector<std::string> events_;
  std::vector<std::string> lanes_;
  std::string last_address_;
  std::vector<std::string> held_;
  size_t waiting_ = 0;
};

struct TestNode {
  explicit TestNode(NodeId id, std::function<void(TransportOptions&)> change = {});
  ~TestNode() { stop(); }
  void stop();

  NodeId id() const { return transport->self().id; }
  std::string address() const { return transport->self().address; }
  void connect_to(const std::vector<std::string>& addresses);
  void connect_to(const TestNode& other);  // and waits until both lanes are there
  bool connected(NodeId other) const;
  bool send(NodeId to, Lane lane, const std::string& group, const std::string& head,
            const std::string& body = "");
  Result<std::string> call(const std::string& to, const std::string& method,
                           const std::string& body = "", int timeout_ms = 20'000);
  PeerStatus peer() const { return transport->status().at(0); }
  std::string error() const { return peer().urgent.last_error; }

  Recorder handler;
  std::unique_ptr<Transport> transport;
};

// Of a body that the lane's thread loads, not the one that sends the message.
inline constexpr size_t kLongBody = 100'000;

// A message that keeps its lane busy until it may go.
struct HeldMessage {
  Outgoing of(const std::string& group) {
    return {.group = group,
            .head = {},
            .load =
                [this](ByteVector&) {
                  loading = true;
                  may_go.wait();
                  return ok();
                },
            .body_bytes = kLongBody};
  }

  std::latch may_go{1};
  std::atomic<bool> loading = false;
};

// Options that notice a silent peer soon.
void impatient(TransportOptions& options);

}  // namespace binbus::raft
