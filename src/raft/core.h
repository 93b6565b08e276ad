// Raft's rules: elections, replication, membership. raft-rs behind one class.
//
// What an entry carries is a few bytes of `data`, made by whoever proposes it: they describe a payload that travels beside
// the messages and never comes here. Entries with `members` set are changes of the membership; their data is Raft's own.
//
// A node's loop, after whatever was told to the core (tick, step, propose, ...):
//
//   while (core.has_ready()) {
//     BINBUS_TRY(ready, core.ready());
//     send(ready.messages);                  // a leader's: others may store while it does
//     take in ready.snapshot; append ready.entries; store ready.hard_state; sync where ready.must_sync
//     send(ready.persisted_messages);
//     BINBUS_TRY(light, core.advance());
//     send(light.messages);
//     apply ready.committed, then light.committed: apply_members() for those with `members` set
//     BINBUS_RETURN_IF_ERROR(core.advance_apply(last one's index));
//   }
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "store/members.h"

namespace binbus::raft {

using store::Members;
using store::NodeId;  // 0: none

struct CoreEntry {
  uint64_t index = 0;
  uint64_t term = 0;
  bool members = false;  // `data` is for apply_members()
  ByteVector data;       // empty: what a new leader begins its term with, or a joint change's end

  bool operator==(const CoreEntry&) const = default;
};

// What a node must never forget.
struct HardState {
  uint64_t term = 0;
  NodeId vote = 0;
  uint64_t commit = 0;

  bool operator==(const HardState&) const = default;
};

// What a log begins after. A group's first nodes begin with {1, 1, members} and kFirstHardState, their logs with entry 2; a node
// that is added to a group begins with nothing: {0, 0, {}} and HardState{}.
struct SnapshotMeta {
  uint64_t index = 0;  // 0: none
  uint64_t term = 0;
  Members members;  // as of `index`

  bool operator==(const SnapshotMeta&) const = default;
};
inline constexpr HardState kFirstHardState{.term = 1, .vote = 0, .commit = 1};

struct MemberChange {
  enum class Kind {
    kAddVoter,
    kRemove,
    kAddLearner
  };  // an added one may be a member in the other role
  Kind kind;
  NodeId node;
};

// The log as far as it was handed out by ready() and advanced; durable or not. Called during Core's calls, and must not call it.
class CoreStorage {
 public:
  virtual ~CoreStorage() = default;

  // The entries from `from` up to and without `to`, in order; the first `max_entries` are enough. kPurged: `from` is before
  // first_index(). Any other error is the core's end.
  virtual Result<std::vector<CoreEntry>> entries(uint64_t from, uint64_t to,
                                                 uint64_t max_entries) = 0;
  // From first_index() - 1 to last_index(); kPurged before, kNotFound after. Any other error is the core's end.
  virtual Result<uint64_t> term(uint64_t index) = 0;
  virtual uint64_t first_index() = 0;
  virtual uint64_t last_index() = 0;  // first_index() - 1 when there is none
  // What a node gets that needs entries before first_index(): at first_index() - 1 or later.
  virtual SnapshotMeta snapshot() = 0;
};

struct CoreOptions {
  NodeId id = 0;
  // Without a word from the leader for a number of ticks, drawn anew each time from [election_ticks, election_ticks_max), a
  // node stands for election. A leader that does not hear from a majority for election_ticks steps down.
  int election_ticks = 10;
  int election_ticks_max = 20;
  int heartbeat_ticks = 2;
  uint64_t seed = 0;  // of what is drawn
  size_t message_entries_max = 64;
  size_t inflight_messages_max = 256;  // to one node, not answered yet
  // A node does not vote for one with a lower priority, unless that one has a longer log, or one of a later term.
  uint64_t priority = 0;
};

// The numbers that messages between nodes carry.
enum class MessageType : int32_t {
  kAppend = 3,
  kAppendResponse = 4,
  kVote = 5,
  kVoteResponse = 6,
  kSnapshot = 7,  // report_snapshot() must follow
  kHeartbeat = 8,
  kHeartbeatResponse = 9,
  kTimeoutNow = 14,
  kPreVote = 17,
  kPreVoteResponse = 18,
};

struct CoreMessage {
  NodeId to = 0;
  MessageType type{};
  ByteVector head;                 // the message without its entries, for the other node's step()
  std::vector<CoreEntry> entries;  // with successive indexes
  uint64_t snapshot_index = 0;     // of a kSnapshot

  bool operator==(const CoreMessage&) const = default;
};

// What is to be done. Of `messages` and `persisted_messages` one is empty.
struct Ready {
  uint64_t number = 0;  // for on_persist()
  std::optional<HardState> hard_state;
  bool must_sync = false;                       // false: only the commit index moved, if anything
  std::vector<CoreMessage> messages;            // may be sent at once
  std::vector<CoreMessage> persisted_messages;  // only when all of this Ready is durable
  // Replaces the whole log, before `entries`; applied when it is durable. A node that is not among its members yet finds itself there as a learner.
  std::optional<SnapshotMeta> snapshot;
  std::vector<CoreEntry> entries;  // to append; what is stored from the first's index on gives way
  std::vector<CoreEntry> committed;  // to apply
};

// What more is to be done now that a Ready is durable.
struct Light {
  std::optional<uint64_t> commit;  // the new commit index; need not be durable
  std::vector<CoreMessage> messages;
  std::vector<CoreEntry> committed;
};

enum class Role { kFollower, kPreCandidate, kCandidate, kLeader };

struct CoreStatus {
  NodeId id = 0;
  uint64_t term = 0;
  NodeId vote = 0;
  NodeId leader = 0;
  Role role = Role::kFollower;
  uint64_t commit = 0;
  uint64_t applied = 0;
  NodeId transferee = 0;  // to whom a leader is handing over
  // What the leader had committed, as it told last; 0: none has. `commit` is no more than this node has.
  uint64_t leader_commit = 0;

  bool operator==(const CoreStatus&) const = default;
};

// How far a leader knows a node to be.
struct PeerProgress {
  enum class State { kProbe, kReplicate, kSnapshot };
  NodeId id = 0;
  uint64_t match = 0;  // the last entry known to be durable there
  uint64_t next = 0;   // the next entry to send
  State state = State::kProbe;
  bool recent_active = false;
  bool paused = false;  // nothing is sent until it answers

  bool operator==(const PeerProgress&) const = default;
};

// Pre-vote and check-quorum are always on.
//
// Pure: no I/O, no clock, no thread. What comes out follows from the options and the calls.
// Owner:  borrows `storage`, which must outlive it.
// Thread: one at a time.
// Errors: kInvalid, kUnavailable and kCorrupt leave all as it was where the call says so. After an error of the storage, or a
//         broken rule of Raft (kCorrupt: what is stored or what another node sent cannot be), the core is dead: every
//         later call returns that same error, and the node must be started anew from what it has stored.
class Core {
 public:
  // `applied`: the last entry that was applied, from the snapshot's index to `hard_state.commit`. `members`: as of then.
  // Errors: kInvalid with options that do not fit each other.
  static Result<std::unique_ptr<Core>> make(const CoreOptions& options, CoreStorage& storage,
                                            const HardState& hard_state, const Members& members,
                                            uint64_t applied);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  Status tick();

  // Takes in a message of the node `from`. kInvalid: `from` did not send it, or not to this node; kCorrupt: it is none. Both
  // leave the core as it was.
  Status step(NodeId from, Bytes head, std::span<const CoreEntry> entries);

  // Appends an entry and returns its index; whether it will be committed shows when it is. `data` is not empty.
  // kUnavailable: the node does not lead, or hands the lead over; nothing is appended.
  Result<uint64_t> propose(Bytes data);

  // The same for changes of the members, all at once: several go through a joint membership that ends by itself. They are in
  // force when apply_members() took them in. kUnavailable also while another change is not applied; kInvalid: they do
  // not fit the members. A leader that removes itself steps down when it applies that.
  Result<uint64_t> propose_members(std::span<const MemberChange> changes);
  // Takes in a committed entry with `members` set. Returns who belongs to the group from then on.
  Result<Members> apply_members(Bytes data);

  // Hands the lead over to `to` as soon as that has the whole log; given up after election_ticks. kUnavailable at a node that
  // does not lead, kInvalid when `to` is no voter.
  Status transfer_leader(NodeId to);
  // Stands for election, beginning with the pre-vote. kInvalid at a node that is no voter, or whose log is not durable.
  Status campaign();

  Status report_unreachable(NodeId id);        // a message to it was not sent
  Status report_snapshot(NodeId id, bool ok);  // a kSnapshot to it: it has taken it in, or not
  Status set_priority(uint64_t priority);

  bool has_ready();
  // Must be followed by advance() or advance_async(), with no other call in between.
  Result<Ready> ready();
  // What ready() returned, and all before it, is durable.
  Result<Light> advance();
  // What ready() returned can be read from the storage, and is not durable yet: on_persist(number) will say so, for it and
  // all before. What becomes of that comes in later Readies.
  Status advance_async();
  Status on_persist(uint64_t number);
  // All committed entries up to `index` are applied.
  Status advance_apply(uint64_t index);

  const CoreStatus& status() const;  // of a dead core: the last, as a follower
  bool is_dead() const;
  // Of a leader, itself among them, by id; of others nothing.
  std::vector<PeerProgress> progress();

 private:
  struct Calls;

  explicit Core(CoreStorage& storage);

  std::unique_ptr<Calls> calls_;
};

}  // namespace binbus::raft
