#include "raft/transport.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "io/address.h"
#include "raft/node_caller.h"
#include "raft/node_server.h"

namespace binbus::raft {
namespace {

struct Links {
  Links(std::unique_ptr<NodeLink> u, std::unique_ptr<NodeLink> b)
      : urgent(std::move(u)), bulk(std::move(b)) {}
  NodeLink& lane(Lane lane) const { return lane == Lane::kUrgent ? *urgent : *bulk; }

  const std::unique_ptr<NodeLink> urgent;
  const std::unique_ptr<NodeLink> bulk;
};
struct LinkedPeer {
  Peer peer;
  std::shared_ptr<const Links> links;
};
// By address. Never changed, but replaced: whoever looks at the peers holds no lock.
using Peers = std::map<std::string, LinkedPeer>;

// Asks all before it waits for each.
void stop_links(const Peers& peers) {
  for (const auto& [address, one] : peers) {
    one.links->urgent->request_stop();
    one.links->bulk->request_stop();
  }
  for (const auto& [address, one] : peers) {
    one.links->urgent->stop();
    one.links->bulk->stop();
  }
}

Result<std::string> own_address(const std::string& listen, uint16_t port) {
  BINBUS_TRY(name, io::HostPort::parse(listen));
  if (name.host.empty()) {
    return fail(Code::kInvalid, "this node listens for others on all addresses (" + listen +
                                    "): configure the one by which they reach it");
  }
  const bool ipv6 = name.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + name.host + "]" : name.host) + ":" + std::to_string(port);
}

}  // namespace

struct Transport::State final : LinkHost {
  State(TransportOptions given, NodeHandler& h, io::Clock& c)
      : options(std::move(given)), handler(h), clock(c), caller(options.tls, c) {}

  // --- what links ask and tell -----------------------------------------------------------------------------------------

  NodeIdentity self() const override {
    const std::lock_guard lock(mutex);
    return options.self;
  }

  void link_up(Lane lane, NodeId to) override {
    if (lane == Lane::kUrgent) handler.connected(to, NodeHandler::Dialer::kThis);
    look();
  }

  void link_down(Lane lane, NodeId to, uint64_t silent_ms) override {
    if (lane == Lane::kUrgent) handler.disconnected(to, NodeHandler::Dialer::kThis, silent_ms);
    look();
  }

  void dropped(NodeId to, std::set<std::string> groups) override {
    const std::lock_guard lock(mutex);
    for (const std::string& group : groups) unreachable.emplace(to, group);
    news = true;
    changed.notify_all();
  }

  // --- who is there ----------------------------------------------------------------------------------------------------

  // Who is there may have changed.
  void look() {
    const std::lock_guard lock(mutex);
    news = true;
    changed.notify_all();
  }

  std::shared_ptr<const Peers> peers() const {
    const std::lock_guard lock(mutex);
    return present;
  }

  // A connected link judges by itself whether its node still answers.
  std::map<std::string, NodeIdentity> answering(const Peers& among) const {
    const uint64_t lost_after_us = static_cast<uint64_t>(options.lost_after_ms) * 1000;
    std::map<std::string, NodeIdentity> result;
    for (const auto& [address, one] : among) {
      const LinkStatus link = one.links->urgent->status();
      const bool heard = link.heard_us != 0 && clock.monotonic_us() - link.heard_us < lost_after_us;
      if (link.connected || heard) result[address] = link.peer;
    }
    return result;
  }

  void watch(const std::stop_token& stop) {
    std::map<std::string, NodeIdentity> told;
    while (wait_for_news(stop)) {
      for (const auto& [to, group] : take_unreachable()) handler.unreachable(to, group);
      const auto among = peers();
      auto answers = answering(*among);
      for (const auto& [address, node] : told) {
        const auto is_it = [id = node.id](const auto& one) { return one.second.id == id; };
        if (std::ranges::any_of(answers, is_it)) continue;
        // What is being sent to it does not wait for the kernel to give up.
        if (const auto one = among->find(address); one != among->end())
          one->second.links->bulk->cut();
        handler.peer_lost(node.id);
      }
      for (const auto& [address, node] : answers) {
        const auto before = told.find(address);
        if (before == told.end() || before->second != node) handler.peer_seen(node, address);
      }
      told = std::move(answers);
    }
  }

  // Looks each ping_ms too, since nothing tells of a silence. False when it is to stop.
  bool wait_for_news(const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, stop, std::chrono::milliseconds(options.ping_ms),
                     [this] { return news; });
    news = false;
    return !stop.stop_requested();
  }

  std::set<std::pair<NodeId, std::string>> take_unreachable() {
    const std::lock_guard lock(mutex);
    return std::exchange(unreachable, {});
  }

  // --- the list of peers -----------------------------------------------------------------------------------------------

  LinkOptions link_options(const std::string& address, Lane lane) const {
    return {.address = address,
            .lane = lane,
            .budget = lane == Lane::kUrgent ? options.urgent : options.bulk,
            .tls = options.tls,
            .ping_ms = options.ping_ms,
            .lost_after_ms = options.lost_after_ms,
            .connect_timeout_ms = options.connect_timeout_ms,
            .write_timeout_ms = options.write_timeout_ms,
            .backoff_first_ms = options.backoff_first_ms,
            .backoff_max_ms = options.backoff_max_ms};
  }

  Result<std::shared_ptr<const Links>> start_links(const std::string& address) {
    BINBUS_TRY(urgent, NodeLink::start(link_options(address, Lane::kUrgent), *this, clock));
    BINBUS_TRY(bulk, NodeLink::start(link_options(address, Lane::kBulk), *this, clock));
    return std::make_shared<const Links>(std::move(urgent), std::move(bulk));
  }

  Status set_peers(const std::vector<Peer>& wanted) {
    const std::lock_guard one_at_a_time(peers_mutex);
    if (stopped) return fail(Code::kStopped, "this node is stopping");
    Peers before = *peers();
    Peers after;
    Status result = ok();
    for (const Peer& peer : wanted) {
      if (peer.address == self().address || after.contains(peer.address)) continue;
      std::shared_ptr<const Links> links;
      if (auto kept = before.extract(peer.address)) {
        links = kept.mapped().links;
      } else if (auto started = start_links(peer.address); started) {
        links = std::move(*started);
      } else {
        result = fail(std::move(started).error());
        continue;
      }
      links->bulk->set_bytes_per_second(peer.bytes_per_second);
      after[peer.address] = {peer, std::move(links)};
    }
    {
      const std::lock_guard lock(mutex);
      present = std::make_shared<const Peers>(std::move(after));
    }
    stop_links(before);  // of those that were not taken over
    look();
    return result;
  }

  void set_cluster(const std::string& cluster) {
    {
      const std::lock_guard lock(mutex);
      options.self.cluster = cluster;
    }
    caller.forget_connections();
    server->cluster_changed(cluster);
    for (const auto now = peers(); const auto& [address, one] : *now) {
      one.links->urgent->cut();
      one.links->bulk->cut();
    }
  }

  void stop() {
    caller.stop();
    {
      const std::lock_guard one_at_a_time(peers_mutex);
      stopped = true;
      stop_links(*peers());
    }
    server->stop();
    watcher.request_stop();
    if (watcher.joinable()) watcher.join();
  }

  TransportOptions options;  // self: guarded by mutex
  NodeHandler& handler;
  io::Clock& clock;
  NodeCaller caller;
  std::unique_ptr<NodeServer> server;

  std::mutex peers_mutex;  // held by whoever replaces the peers; taken before `mutex`
  bool stopped = false;    // guarded by peers_mutex
  mutable std::mutex mutex;
  std::condition_variable_any changed;
  // Guarded by mutex, as all below.
  std::shared_ptr<const Peers> present = std::make_shared<const Peers>();
  std::set<std::pair<NodeId, std::string>> unreachable;  // not told yet
  bool news = false;
  std::jthread watcher;
};

Transport::Transport(std::unique_ptr<State> state) : state_(std::move(state)) {}
Transport::~Transport() { stop(); }

Result<std::unique_ptr<Transport>> Transport::open(TransportOptions options, NodeHandler& handler,
                                                   io::Clock& clock) {
  if (options.self.id == 0) return fail(Code::kInvalid, "a node's id is not 0");
  if (options.tls && options.tls->ca_file.empty()) {
    return fail(Code::kInvalid,
                "TLS between nodes needs the authority of their certificates (ca_file): without it "
                "anybody is taken for a node");
  }
  auto state = std::make_unique<State>(std::move(options), handler, clock);
  const TransportOptions& given = state->options;
  BINBUS_TRY(server, NodeServer::open({.listen = given.listen,
                                       .tls = given.tls,
                                       .greeting_timeout_ms = given.connect_timeout_ms,
                                       .lost_after_ms = given.lost_after_ms,
                                       .write_timeout_ms = given.write_timeout_ms,
                                       .connections_max = given.connections_max},
                                      handler));
  if (given.self.address.empty()) {
    BINBUS_TRY(address, own_address(given.listen, server->port()));
    state->options.self.address = address;
  }
  state->server = std::move(server);
  state->server->start([running = state.get()] { return running->self(); });
  state->watcher =
      std::jthread([running = state.get()](const std::stop_token& stop) { running->watch(stop); });
  return std::unique_ptr<Transport>(new Transport(std::move(state)));
}

void Transport::stop() { state_->stop(); }
Status Transport::set_peers(const std::vector<Peer>& peers) { return state_->set_peers(peers); }
void Transport::set_cluster(const std::string& cluster) { state_->set_cluster(cluster); }

bool Transport::send(NodeId to, Lane lane, Outgoing message) {
  const auto peers = state_->peers();
  const auto found = std::ranges::find_if(
      *peers, [&](const auto& one) { return one.second.links->lane(lane).connected_to() == to; });
  // Another node may answer by now: the queue looks again.
  return to != 0 && found != peers->end() &&
         found->second.links->lane(lane).offer(to, std::move(message));
}

Result<ByteVector> Transport::call(NodeId to, std::string_view method, Bytes body, int timeout_ms) {
  for (const auto peers = state_->peers(); const auto& [address, one] : *peers) {
    if (one.links->urgent->status().peer.id == to)
      return state_->caller.call(self(), address, to, method, body, timeout_ms);
  }
  return fail(Code::kNotFound, "no peer has answered as node " + std::to_string(to));
}

Result<ByteVector> Transport::call(const std::string& address, std::string_view method, Bytes body,
                                   int timeout_ms) {
  return state_->caller.call(self(), address, 0, method, body, timeout_ms);
}

NodeIdentity Transport::self() const { return state_->self(); }
uint16_t Transport::port() const { return state_->server->port(); }
Status Transport::reload_tls() { return state_->server->reload_tls(); }

std::vector<PeerStatus> Transport::status() const {
  std::vector<PeerStatus> result;
  for (const auto peers = state_->peers(); const auto& [address, one] : *peers) {
    PeerStatus status{
        .peer = one.peer, .urgent = one.links->urgent->status(), .bulk = one.links->bulk->status()};
    const LinkStatus& urgent = status.urgent;
    if (urgent.peer.id != 0) status.bytes_received = state_->server->bytes_received(urgent.peer.id);
    if (urgent.heard_us != 0)
      status.silent_ms = (state_->clock.monotonic_us() - urgent.heard_us) / 1000;
    result.push_back(std::move(status));
  }
  return result;
}

}  // namespace binbus::raft
