#include "raft/node_testing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace binbus::raft {

bool eventually(const std::function<bool()>& holds) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// --- Recorder --------------------------------------------------------------------------------------------------------

void Recorder::receive(NodeId from, std::string_view group, std::span<Frame> messages,
                       bool /*may_block*/) {
  std::string text = std::to_string(from) + " " + std::string(group) + ":";
  for (const Frame& message : messages) {
    if (&message != &messages.front()) text += " |";
    text += " " + std::string(as_text(message.head));
    if (!message.body.empty()) text += "+" + std::string(as_text(message.body));
  }
  {
    const std::lock_guard lock(mutex_);
    received_.push_back(text);
  }
  wait_while_held(group);
}

Result<ByteVector> Recorder::answer(const NodeIdentity& from, std::string_view method, Bytes body) {
  wait_while_held(method);
  if (method == "echo") return to_owned(body);
  if (method == "who")
    return to_owned(as_bytes(from.name + " of " + from.cluster + " at " + from.address));
  if (method == "large") return ByteVector(kFrameBodyBytesMax + 1);
  return fail(Code::kUnsupported, "no method " + std::string(method));
}

void Recorder::connected(NodeId node, Dialer by) {
  const std::lock_guard lock(mutex_);
  lanes_.push_back((by == Dialer::kThis ? "to " : "from ") + std::to_string(node) + " begins");
}

void Recorder::disconnected(NodeId node, Dialer by, uint64_t silent_ms) {
  const std::lock_guard lock(mutex_);
  lanes_.push_back((by == Dialer::kThis ? "to " : "from ") + std::to_string(node) + " ends" +
                   (silent_ms >= 200 ? " in silence" : ""));
}

void Recorder::peer_seen(const NodeIdentity& node, const std::string& address) {
  const std::lock_guard lock(mutex_);
  events_.push_back("seen " + std::to_string(node.id) + " " + node.name + " " + node.cluster);
  last_address_ = address;
}

void Recorder::peer_lost(NodeId node) {
  const std::lock_guard lock(mutex_);
  events_.push_back("lost " + std::to_string(node));
}

void Recorder::unreachable(NodeId to, std::string_view group) {
  const std::lock_guard lock(mutex_);
  events_.push_back("unreachable " + std::to_string(to) + " " + std::string(group));
}

std::vector<std::string> Recorder::received() const {
  const std::lock_guard lock(mutex_);
  return received_;
}
std::vector<std::string> Recorder::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}
std::vector<std::string> Recorder::lanes() const {
  const std::lock_guard lock(mutex_);
  return lanes_;
}
size_t Recorder::count(const std::string& event) const {
  return static_cast<size_t>(std::ranges::count(events(), event));
}
std::string Recorder::last_address() const {
  const std::lock_guard lock(mutex_);
  return last_address_;
}

void Recorder::hold(const std::string& name) {
  const std::lock_guard lock(mutex_);
  held_.push_back(name);
}
void Recorder::release(const std::string& name) {
  const std::lock_guard lock(mutex_);
  std::erase(held_, name);
  changed_.notify_all();
}
size_t Recorder::held() const {
  const std::lock_guard lock(mutex_);
  return waiting_;
}
void Recorder::wait_while_held(std::string_view name) {
  std::unique_lock lock(mutex_);
  ++waiting_;
  changed_.wait(lock, [&] { return std::ranges::count(held_, name) == 0; });
  --waiting_;
}

// --- TestNode --------------------------------------------------------------------------------------------------------

TestNode::TestNode(NodeId id, std::function<void(TransportOptions&)> change) {
  TransportOptions options;
  options.self = {id, std::string(1, static_cast<char>('a' + id - 1)), "shop", ""};
  options.listen = "127.0.0.1:0";
  // A slow machine must not look like a lost peer, nor a retry take long.
  options.lost_after_ms = 20'000;
  options.connect_timeout_ms = 20'000;
  options.backoff_first_ms = options.backoff_max_ms = 10;
  if (change) change(options);
  auto opened = Transport::open(options, handler, io::system_clock());
  EXPECT_TRUE(opened) << opened.error().message;
  transport = std::move(opened).value();
}

void TestNode::stop() { transport->stop(); }

void TestNode::connect_to(const std::vector<std::string>& addresses) {
  std::vector<Peer> peers;
  for (const std::string& address : addresses) peers.push_back({.name = "", .address = address});
  EXPECT_TRUE(transport->set_peers(peers));
}

void TestNode::connect_to(const TestNode& other) {
  connect_to(std::vector{other.address()});
  EXPECT_TRUE(eventually([&] { return connected(other.id()); }));
}

bool TestNode::connected(NodeId other) const {
  return std::ranges::any_of(transport->status(), [&](const PeerStatus& one) {
    return one.urgent.connected && one.bulk.connected && one.urgent.peer.id == other &&
           one.bulk.peer.id == other;
  });
}

bool TestNode::send(NodeId to, Lane lane, const std::string& group, const std::string& head,
                    const std::string& body) {
  Outgoing message{.group = group, .head = to_owned(as_bytes(head))};
  if (!body.empty()) {
    message.load = [body](ByteVector& out) {
      out.insert(out.end(), body.begin(), body.end());
      return ok();
    };
    message.body_bytes = body.size();
  }
  return transport->send(to, lane, std::move(message));
}

Result<std::string> TestNode::call(const std::string& to, const std::string& method,
                                   const std::string& body, int timeout_ms) {
  BINBUS_TRY(answer, transport->call(to, method, as_bytes(body), timeout_ms));
  return std::string(as_text(answer));
}

void impatient(TransportOptions& options) {
  options.ping_ms = 20;
  options.lost_after_ms = 200;
}

}  // namespace binbus::raft
