// A log that several nodes agree on: Raft's rules (core.h) over a node's log (store/log.h). A single node is a group of one.
//
//   told something (tick, receive, propose, ...) -> core -> entries written -> messages out -> log synced -> answers out ->
//   what is committed takes effect
//
// All of it within the call that told it. No thread, no clock, no socket: group_runner.h has these, a simulation others.
//
// A group that has nothing to do rests: the leader tells the others, and none of them needs ticks. A message, a proposal or a
// lost connection wakes it.
//
// Owner:  owns the log; borrows file system, clock and network.
// Thread: one at a time.
// Errors: what a call returns besides its own refusals has ended the group at this node: of the disk, or of Raft's rules
//         broken. A full disk has not: what is to be written is tried again with each tick, and a leader hands the lead over.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "raft/core.h"
#include "raft/hard_state_file.h"
#include "store/log.h"
#include "store/log_writer.h"

namespace binbus::raft {

struct GroupOptions {
  store::LogOptions log;  // members, committed and node are the group's to set
  // A new log's members, known to all of them; none: the node waits to be added to the group.
  Members founders;
  CoreOptions core;
  // The way back from a lost majority: all that is in the log is taken for committed, and the others are removed from the group.
  bool alone = false;
  int rest_after_ticks = 10;  // with nothing to do; 0: never
};

// To another node of the group. The payloads of events are read from the log when the message is about to be sent.
struct Message {
  NodeId to = 0;
  bool urgent = false;  // must not wait behind entries
  ByteVector head;
  std::vector<std::variant<ByteVector, store::Payload>> body;

  size_t body_bytes() const;
  // kCorrupt when a payload is no longer there: the message need not be sent any more.
  Status load(ByteVector& out) const;
};

struct Received {
  NodeId from = 0;
  Bytes head;
  Bytes body;
};

class Network {
 public:
  virtual ~Network() = default;
  virtual void send(Message message) = 0;  // or lose it
  // Whether the other node is watched and is there. That it is not any more, Group::disconnected() is told.
  virtual bool connected(NodeId) const { return false; }
};

class Group final : private CoreStorage {
 public:
  static Result<std::unique_ptr<Group>> open(io::FileSystem& files, io::Clock& clock,
                                             GroupOptions options, Network& network,
                                             store::RecoveryReport* report);

  Status tick();
  // Messages that arrived together, in order; those that make no sense are left out.
  Status receive(std::span<const Received> messages);
  Status unreachable(NodeId node);
  // The network does not watch the node any more, which was last heard so long ago; it may be there again already.
  Status disconnected(NodeId node, int silent_ticks);
  bool resting() const { return resting_; }
  // This node's part of the group ends: one that rests tells the others.
  void leave();

  // The term in which this node leads and may propose: everything of before is committed and whole transactions. 0: none.
  uint64_t leading() const;
  // At a node that leads in that term; kUnavailable otherwise. See store::Agreement.
  Status stage(uint64_t term, Bytes bytes);
  // Proposes them, and returns the last one's index: committed is what settled() says. kUnavailable also while a barrier
  // waits; kDiskFull while the node cannot write.
  Result<uint64_t> propose(uint64_t term, std::vector<store::Proposal> proposals);
  // Whether the entry that was proposed in that term has taken effect; kUnavailable: it never may.
  Result<bool> settled(uint64_t term, uint64_t index) const;

  // Of a leader; see Core. kDiskFull while the node cannot write.
  Status propose_members(std::span<const MemberChange> changes);
  Status transfer_leader(NodeId to);
  Status campaign();
  Status set_priority(uint64_t priority);

  // Log::apply_retention(), of entries that the core has done with.
  Result<std::vector<std::string>> apply_retention(uint64_t now_us, uint64_t keep_from);

  store::Log& log() { return *log_; }
  const store::Log& log() const { return *log_; }
  const Members& members() const { return members_; }
  const CoreStatus& status() const { return core_->status(); }
  // A node whose connections have ended is not active, however soon after it was heard.
  std::vector<PeerProgress> progress();
  // Why the node cannot write, for now.
  const std::optional<Error>& blocked() const { return blocked_; }
  // An error has left it where it cannot go on, whatever its code.
  bool has_ended() const { return ended_ || core_->is_dead(); }

 private:
  Group(io::FileSystem& files, Network& network, GroupOptions options)
      : files_(files), network_(network), options_(std::move(options)) {}

  Status open(io::Clock& clock, store::RecoveryReport* report);
  Status begin();
  Status stand_alone();
  // Does what the core has ready.
  Status drive();
  void own_carried();
  Status handle(Ready& ready);
  Status or_end(Status done);
  // What others than us have written instead goes.
  Status give_way(const Ready& ready);
  Status take_snapshot(Ready& ready);
  Status keep(const Ready& ready);
  Status append(const CoreEntry& entry);
  Status apply(const std::vector<CoreEntry>& committed);
  Status apply_members(uint64_t index, Bytes change);
  Status pass_barrier();
  Status keep_changes();
  Status refuse(Error error);
  Status hand_over();
  Status prepare_to_lead();
  Status go_on();  // after a full disk
  void send(std::vector<CoreMessage>& messages);
  std::optional<Message> message_of(CoreMessage& from);
  bool take(const Received& message, std::vector<CoreEntry>& entries, Bytes& raft_head);

  // group_rest.cc
  bool idle() const;
  bool all_follow();
  int ticks_due();
  bool fall_asleep();
  void wake();
  bool heed(const Received& message);
  void tell_others(const ByteVector& head);

  // CoreStorage
  Result<std::vector<CoreEntry>> entries(uint64_t from, uint64_t to, uint64_t max) override;
  Result<uint64_t> term(uint64_t index) override;
  uint64_t first_index() override;
  uint64_t last_index() override;
  SnapshotMeta snapshot() override;
  bool blank() const;  // not yet of any group
  uint64_t known_commit() const;

  // What an entry that is not written yet carries.
  struct Carried {
    Bytes payload;     // in `owned`, or in the message under way
    ByteVector owned;  // when it is a proposal of this node's, or waits for room on the disk
    std::optional<std::vector<store::TransactionEnd>> ends;  // of a proposal of this node
  };

  io::FileSystem& files_;
  Network& network_;
  const GroupOptions options_;
  std::unique_ptr<store::Log> log_;
  std::optional<HardStateFile> hard_state_;
  std::unique_ptr<Core> core_;
  Members members_;
  std::map<std::pair<uint64_t, uint64_t>, Carried> carried_;  // by index and term
  ByteVector received_snapshot_;
  std::optional<Ready>
      unwritten_;  // met a full disk; the core must not be told anything before it is written
  std::optional<Error> blocked_;
  bool ended_ = false;
  uint64_t prepared_term_ = 0;  // in which it leads, with nothing unfinished of before
  uint64_t abort_term_ = 0;     // in which it proposed to cut what was unfinished
  std::set<uint64_t> changes_;  // of members: written, and not durably known to be committed
  uint64_t members_index_ = 0;  // the changes of members up to there are in force
  bool resting_ = false;
  int idle_ticks_ = 0;       // of a leader, since there was something to do
  uint64_t idle_index_ = 0;  // the log's last entry since then
  int unheard_ticks_ = 0;    // since the leader's last message
  // To be counted faster, as the leader's connections have ended since then. One that has ended need not be waited for as one
  // that may be slow: pre-votes see to it that the others think so too.
  int hurried_ticks_ = 0;
};

}  // namespace binbus::raft
