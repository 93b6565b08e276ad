// The C interface of the raft_core crate: the same structures as in src/abi.rs, in the same order.
//
// Owner:  what a Slice or a pointer shows belongs to the side that made it, and is valid for the duration of the call
//         that it is handed to; what Storage::entries answers, until the next call.
// Errors: every function answers with an Outcome; its words are raft_failure(). Panics do not come through.
#pragma once

#include <cstddef>
#include <cstdint>

namespace binbus::raft::abi {

struct Handle;

template <class T>
struct Slice {
  const T* at = nullptr;
  size_t size = 0;
};
using Bytes = Slice<uint8_t>;
using Ids = Slice<uint64_t>;

enum class Outcome : int32_t {
  kOk,
  kUnavailable,  // nothing was done: not this node can do it, or not now
  kInvalid,      // nothing was done: the caller asks for what makes no sense
  kCorrupt,      // nothing was done: a message contradicts its format
  kDead          // raft-rs panicked; but raft_free() nothing may be called any more
};

struct Entry {
  uint64_t index, term;
  bool members;
  Bytes data;
};

struct HardState {
  uint64_t term, vote, commit;
};

struct Members {
  Ids voters, outgoing, learners, learners_next;
  bool auto_leave;
};

struct Snapshot {
  uint64_t index, term;  // index 0: none
  Members members;
};

struct Message {
  uint64_t to;
  int32_t type;  // eraftpb.MessageType
  Bytes head;
  Slice<Entry> entries;
  uint64_t snapshot_index;  // 0: none
};

struct Change {
  int32_t kind;  // eraftpb.ConfChangeType
  uint64_t node;
};

struct Ready {
  uint64_t number;  // 0: of raft_advance()
  bool has_hard_state;
  HardState hard_state;
  bool must_sync;
  Slice<Message> messages;
  bool messages_wait;  // until what is in here is durable
  Slice<Entry> entries;
  Snapshot snapshot;
  Slice<Entry> committed;
  uint64_t commit;  // 0: not moved
};

struct Status {
  uint64_t id, term, vote, leader, commit, applied, transferee, leader_commit;
  int32_t role;  // raft::Role
};

struct Peer {
  uint64_t id, match, next;
  int32_t state;  // PeerProgress::State
  bool recent_active, paused;
};

struct Options {
  uint64_t id, election_ticks, election_ticks_max, heartbeat_ticks, seed, message_entries_max,
      inflight_messages_max, priority;
};

enum class Fetched : int32_t { kOk, kCompacted, kUnavailable, kFailed };

struct Storage {
  void* self;
  Fetched (*entries)(void* self, uint64_t from, uint64_t to, uint64_t max, Slice<Entry>* out);
  Fetched (*term)(void* self, uint64_t index, uint64_t* out);
  uint64_t (*first_index)(void* self);
  uint64_t (*last_index)(void* self);
  void (*snapshot)(void* self, void* to, void (*take)(void* to, const Snapshot*));
};

extern "C" {
Handle* raft_new();
void raft_free(Handle*);
void raft_failure(const Handle*, Bytes* out);

Outcome raft_start(Handle*, const Options*, const Storage*, const HardState*, const Members*,
                   uint64_t applied);
Outcome raft_tick(Handle*);
Outcome raft_step(Handle*, uint64_t from, Bytes head, Slice<Entry> entries);
Outcome raft_propose(Handle*, Bytes data, uint64_t* index);
Outcome raft_propose_members(Handle*, Slice<Change> changes, uint64_t* index);
Outcome raft_apply_members(Handle*, Bytes data, void* to, void (*take)(void* to, const Members*));
Outcome raft_transfer_leader(Handle*, uint64_t to);
Outcome raft_campaign(Handle*);
Outcome raft_report_unreachable(Handle*, uint64_t id);
Outcome raft_report_snapshot(Handle*, uint64_t id, bool ok);
Outcome raft_set_priority(Handle*, uint64_t priority);
Outcome raft_has_ready(Handle*, bool* out);
Outcome raft_ready(Handle*, void* to, void (*take)(void* to, const Ready*));
Outcome raft_advance(Handle*, void* to, void (*take)(void* to, const Ready*));
Outcome raft_advance_async(Handle*);
Outcome raft_on_persist(Handle*, uint64_t number);
Outcome raft_advance_apply(Handle*, uint64_t index);
Outcome raft_status(Handle*, Status* out);
Outcome raft_progress(Handle*, void* to, void (*take)(void* to, const Peer*));
}

}  // namespace binbus::raft::abi
