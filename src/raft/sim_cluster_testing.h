// A whole group in one thread: nodes on disks that forget and are slow, with clocks of their own, and a network that delays,
// reorders, loses and repeats what they send. All of it from one source of random numbers, so that a seed repeats it exactly.
//
// A slow sync lasts rounds: they pass within the disk's call, so that the others go on while the node is in the midst of its
// own. What comes meanwhile, also while its process stands still, waits and is handed to its group at once, as GroupRunner does.
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

// A node's own.
class SimClock final : public io::Clock {
 public:
  uint64_t wall_us() override { return wall_us_; }
  uint64_t monotonic_us() override { return monotonic_us_; }
  void go_on(uint64_t us) { wall_us_ += us, monotonic_us_ += us; }
  void set_wall(uint64_t us) { wall_us_ = us; }

 private:
  uint64_t wall_us_ = 1'000'000'000;
  uint64_t monotonic_us_ = 1'000'000;
};

class SimCluster;

struct SimNode final : Network {
  SimNode(SimCluster& of, NodeId self) : cluster(of), id(self) {}
  void send(Message message) override;
  bool connected(NodeId node) const override {
    const auto found = peers.find(node);
    return found != peers.end() && found->second.connected;
  }
  // Its process is there.
  bool up() const { return group && end == End::kNone; }
  // Its group can be told something.
  bool able() const;
  bool stalled() const;
  store::Log& log() { return group->log(); }

  // How the process ends once nobody is in a call of its own: with what the disk was told, or with the power.
  enum class End { kNone, kStop, kPowerCut };

  SimCluster& cluster;
  const NodeId id;
  std::vector<NodeId> founders;
  SimClock clock;
  io::SimulatedDisk disk;
  std::unique_ptr<Group> group;  // null: it is down
  End end = End::kNone;
  int calls = 0;              // of its own under way: the group must stay
  uint64_t start_at = 0;      // the round in which it comes back
  uint64_t stalled_to = 0;    // its process stands still until then
  uint64_t slow_percent = 0;  // of its syncs take rounds
  bool syncing = false;       // for rounds, within a call of its group
  uint64_t incarnation = 0;
  struct Peer {
    bool connected =
        false;  // and so is this node with the other one, but for what it has not noticed yet
    uint64_t heard = 0;  // in which round
  };
  std::map<NodeId, Peer> peers;
  struct Arrived {
    NodeId from = 0;
    ByteVector head, body;
  };
  // What waits for its group.
  struct Inbox {
    std::vector<Arrived> messages;
    std::set<NodeId> unreachable;
    std::map<NodeId, int> disconnected;  // silent ticks
    int ticks = 0;
  } inbox;
  bool wiped = false;  // its disk is lost: it never comes back
  std::string last_error;
};

// How often what is rare happened.
struct SimCounts {
  uint64_t rests = 0;         // of a group at a node
  uint64_t slow_syncs = 0;    // that lasted for rounds
  uint64_t ends_in_sync = 0;  // of a node, while such a one lasted
  uint64_t held = 0;          // messages that waited for their node to go on
  uint64_t too_old = 0;       // segments that a node's clock made go
  uint64_t power_cuts = 0;    // of a node at work
  uint64_t one_way_cuts = 0;  // of a node's connections
  uint64_t leads = 0;         // terms in which a node's writer began
  uint64_t members = 0;       // changes of them that were proposed
  uint64_t restores = 0;      // of a node's log from a snapshot
  uint64_t sources = 0;       // that followed another

  SimCounts& operator+=(const SimCounts& more);
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
  uint64_t slow_percent_ = 0;  // of a new node's syncs
  bool lying_disks_ = false;
  std::string wrong_;
  SimCounts counts_;
  std::function<void()> meanwhile_;  // a round passes, within a slow sync
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
  void handle(SimNode& node);
  Status slow_sync(SimNode& node);
  void watch(SimNode& node);
  void deliver();
  bool load(Flying& what);
  void bury(SimNode& node);

  SimRandom& random_;
  const GroupOptions options_;
  std::multimap<uint64_t, Flying> flying_;  // by the round of arrival
  int syncing_ = 0;                         // slow syncs, each within the one before
};

}  // namespace binbus::raft
