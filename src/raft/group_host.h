// What all groups of a process share: the transport, the ticks, and the threads that handle what comes.
//
// Owner:  borrows the clock; groups take themselves off before it ends.
// Thread: one that ticks, kWorkers that handle, the transport's.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "raft/group.h"
#include "raft/transport.h"

namespace binbus::raft {

class GroupRunner;

inline constexpr int kTickMs = 100;

class GroupHost final : private NodeHandler {
 public:
  // What is asked of this node, and what becomes of others. On the transport's threads.
  struct Events {
    std::function<Result<ByteVector>(const NodeIdentity& from, std::string_view method, Bytes body)>
        answer;
    std::function<void(const NodeIdentity& node, const std::string& address)> peer_seen;
    std::function<void(NodeId node)> peer_lost;
  };

  // Without `transport` there are no other nodes.
  static Result<std::unique_ptr<GroupHost>> open(std::optional<TransportOptions> transport,
                                                 Events events, io::Clock& clock);
  ~GroupHost() override;
  void stop();

  Transport* transport() { return transport_.get(); }

  void add(const std::string& name, std::shared_ptr<GroupRunner> group);
  // Only that one: another of its name may be there since.
  void remove(const std::string& name, const GroupRunner* group);
  // Has a worker call its work().
  void schedule(std::shared_ptr<GroupRunner> group);
  void send(const std::string& group, Message message);
  // Whether both nodes have dialed each other, and each hears the other one.
  bool connected(NodeId node) const;

 private:
  explicit GroupHost(Events events) : events_(std::move(events)) {}
  void tick(const std::stop_token& stop);
  void work(const std::stop_token& stop);
  std::shared_ptr<GroupRunner> find(std::string_view name) const;
  std::vector<std::shared_ptr<GroupRunner>> all() const;

  // NodeHandler
  void receive(NodeId from, std::string_view group, std::span<Frame> messages,
               bool may_block) override;
  Result<ByteVector> answer(const NodeIdentity& from, std::string_view method, Bytes body) override;
  void connected(NodeId node, Dialer by) override;
  void disconnected(NodeId node, Dialer by, uint64_t silent_ms) override;
  void peer_seen(const NodeIdentity& node, const std::string& address) override;
  void peer_lost(NodeId node) override;
  void unreachable(NodeId to, std::string_view group) override;

  const Events events_;
  mutable std::mutex mutex_;
  std::condition_variable_any due_came_;
  std::condition_variable_any ticks_;
  std::map<std::string, std::shared_ptr<GroupRunner>, std::less<>> groups_;  // guarded by mutex_
  std::deque<std::shared_ptr<GroupRunner>> due_;                             // guarded by mutex_
  std::map<std::pair<NodeId, Dialer>, int> lanes_;  // that stand; guarded by mutex_
  std::unique_ptr<Transport> transport_;
  std::vector<std::jthread> threads_;
};

}  // namespace binbus::raft
