#include "raft/group_host.h"

#include <pthread.h>

#include <chrono>
#include <utility>

#include "raft/group_runner.h"

namespace binbus::raft {
namespace {

// More than cores, as each may wait for the disk.
constexpr int kWorkers = 8;

}  // namespace

Result<std::unique_ptr<GroupHost>> GroupHost::open(std::optional<TransportOptions> transport,
                                                   Events events, io::Clock& clock) {
  std::unique_ptr<GroupHost> host(new GroupHost(std::move(events)));
  GroupHost& self = *host;
  const int workers = transport ? kWorkers : 1;
  for (int i = 0; i < workers; ++i)
    self.threads_.emplace_back([&self](const std::stop_token& stop) { self.work(stop); });
  self.threads_.emplace_back([&self](const std::stop_token& stop) { self.tick(stop); });
  if (transport) {
    BINBUS_TRY(opened, Transport::open(std::move(*transport), self, clock));
    self.transport_ = std::move(opened);
  }
  return host;
}

GroupHost::~GroupHost() {
  stop();
  const auto left = std::exchange(groups_, {});  // each removes itself
}

void GroupHost::stop() {
  if (transport_) transport_->stop();
  for (std::jthread& thread : threads_) thread.request_stop();
  threads_.clear();
}

void GroupHost::add(const std::string& name, std::shared_ptr<GroupRunner> group) {
  const std::lock_guard lock(mutex_);
  std::swap(groups_[name], group);  // one of that name ends without the lock
}

void GroupHost::remove(const std::string& name, const GroupRunner* group) {
  const std::lock_guard lock(mutex_);
  const auto found = groups_.find(name);
  if (found != groups_.end() && found->second.get() == group) groups_.erase(found);
}

std::shared_ptr<GroupRunner> GroupHost::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = groups_.find(name);
  return found == groups_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<GroupRunner>> GroupHost::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<GroupRunner>> groups;
  for (const auto& [name, group] : groups_) groups.push_back(group);
  return groups;
}

void GroupHost::schedule(std::shared_ptr<GroupRunner> group) {
  {
    const std::lock_guard lock(mutex_);
    due_.push_back(std::move(group));
  }
  due_came_.notify_one();
}

void GroupHost::send(const std::string& group, Message message) {
  if (!transport_) return;
  const NodeId to = message.to;
  const Lane lane = message.urgent ? Lane::kUrgent : Lane::kBulk;
  Outgoing out{.group = group,
               .head = std::move(message.head),
               .load = {},
               .body_bytes = message.body_bytes()};
  if (!message.body.empty()) {
    // std::function wants what can be copied.
    auto body = std::make_shared<Message>(std::move(message));
    out.load = [body](ByteVector& bytes) { return body->load(bytes); };
  }
  if (transport_->send(to, lane, std::move(out))) return;
  if (const auto runner = find(group)) runner->unreachable(to);
}

void GroupHost::tick(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "raft_tick");
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    ticks_.wait_for(lock, stop, std::chrono::milliseconds(kTickMs), [] { return false; });
    lock.unlock();
    for (const auto& group : all()) group->tick();
    lock.lock();
  }
}

void GroupHost::work(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "raft");
  for (;;) {
    std::shared_ptr<GroupRunner> group;
    {
      std::unique_lock lock(mutex_);
      if (!due_came_.wait(lock, stop, [this] { return !due_.empty(); })) return;
      group = std::move(due_.front());
      due_.pop_front();
    }
    group->work();
  }
}

void GroupHost::receive(NodeId from, std::string_view group, std::span<Frame> messages,
                        bool may_block) {
  if (const auto runner = find(group)) runner->receive(from, messages, may_block);
}

Result<ByteVector> GroupHost::answer(const NodeIdentity& from, std::string_view method,
                                     Bytes body) {
  return events_.answer(from, method, body);
}

bool GroupHost::connected(NodeId node) const {
  const std::lock_guard lock(mutex_);
  return lanes_.contains({node, Dialer::kThis}) && lanes_.contains({node, Dialer::kOther});
}

void GroupHost::connected(NodeId node, Dialer by) {
  const std::lock_guard lock(mutex_);
  ++lanes_[{node, by}];
}

void GroupHost::disconnected(NodeId node, Dialer by, uint64_t silent_ms) {
  {
    const std::lock_guard lock(mutex_);
    const auto lanes = lanes_.find({node, by});
    if (--lanes->second == 0) lanes_.erase(lanes);
  }
  for (const auto& group : all()) group->disconnected(node, static_cast<int>(silent_ms / kTickMs));
}

void GroupHost::peer_seen(const NodeIdentity& node, const std::string& address) {
  events_.peer_seen(node, address);
}

void GroupHost::peer_lost(NodeId node) { events_.peer_lost(node); }

void GroupHost::unreachable(NodeId to, std::string_view group) {
  if (const auto runner = find(group)) runner->unreachable(to);
}

}  // namespace binbus::raft
