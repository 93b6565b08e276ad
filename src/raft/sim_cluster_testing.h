// A whole group in one thread: nodes on disks that forget, with clocks of their own, and a network that delays, reorders,
// loses and repeats what they send. All of it from one source of random numbers, so that a seed repeats it exactly.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "io/simulated_disk.h"
#include "raft/group.h"

namespace binbus::raft {

using SimRandom = std::mt19937_64;

class SimClock final : public io::Clock {
 public:
  uint64_t wall_us() override { return now_us; }
  uint64_t monotonic_us() override { return now_us; }
  uint64_t now_us = 1'000'000'000;
};

class SimCluster;

struct SimNode final : Network {
  SimNode(SimCluster& of, NodeId self) : cluster(of), id(self) {}
  void send(Message message) override;
  bool connected(NodeId node) const override {
    const auto found = peers.find(node);
    return found != peers.end() && found->second.connected;
  }
  bool up() const { return group && end == End::kNone; }
  store::Log& log() { return group->log(); }

  // How the process ends once nobody is in a call of its own: with what the disk was told, or with the power.
  enum class End { kNone, kStop, kPowerCut };

  SimCluster& cluster;
  const NodeId id;
  std::vector<NodeId> founders;
  io::SimulatedDisk disk;
  std::unique_ptr<Group> group;  // null: it is down
  End end = End::kNone;
  int calls = 0;            // of its own under way: the group must stay
  uint64_t start_at = 0;    // the round in which it comes back
  uint64_t stalled_to = 0;  // its clock stands still until then
  uint64_t incarnation = 0;
  struct Peer {
    bool connected =
        false;  // and so is this node with the other one, but for what it has not noticed yet
    uint64_t heard = 0;  // in which round
  };
  std::map<NodeId, Peer> peers;
  uint64_t rests = 0;  // how often its group began to rest
  bool wiped = false;  // its disk is lost: it never comes back
  std::string last_error;
};

class SimCluster {
 public:
  SimCluster(SimRandom& random, GroupOptions options)
      : random_(random), options_(std::move(options)) {}

  SimNode& add(NodeId id, std::vector<NodeId> founders);
  void start(SimNode& node);
  void end(SimNode& node, SimNode::End how);
  void wipe(SimNode& node);
  // Clocks go on and messages arrive.
  void round();
  // Everything works from now on.
  void heal();
  // Takes what a call of the group returned: an error of the disk ends the node, any other that is no refusal is wrong.
  // Returns whether it went well.
  bool told(SimNode& node, const Status& status);

  uint64_t below(uint64_t limit) { return random_() % limit; }
  bool one_in(uint64_t count) { return below(count) == 0; }
  void wrong(const std::string& what) {
    if (wrong_.empty()) wrong_ = what;
  }

  std::map<NodeId, std::unique_ptr<SimNode>> nodes_;
  std::set<std::pair<NodeId, NodeId>> cut_;  // from, to: nothing arrives
  uint64_t round_ = 0;
  uint64_t loss_percent_ = 0, repeat_percent_ = 0, delay_percent_ = 0;
  bool lying_disks_ = false;
  std::string wrong_;
  std::function<void(SimNode&, const Message&)> on_send_;
  std::function<void(SimNode&)> on_start_;
  std::function<void(SimNode&)> before_end_;  // its group is about to go

 private:
  friend struct SimNode;
  struct Flying {
    NodeId from = 0;
    uint64_t incarnation = 0;
    Message message;
    std::optional<ByteVector> body;  // once loaded
  };

  void send(SimNode& from, Message message);
  void fly(const Flying& what);
  void tick(SimNode& node);
  void watch(SimNode& node);
  void deliver();
  bool load(Flying& what);
  void bury(SimNode& node);

  SimRandom& random_;
  const GroupOptions options_;
  std::multimap<uint64_t, Flying> flying_;  // by the round of arrival
};

}  // namespace binbus::raft
