// When a group rests, and what wakes it. Messages: docs/formats/node-protocol.md.
//
// What keeps it safe: resting is only not ticking. Raft's rules hold however slowly a node's clock goes; who proposes or is
// told anything is awake. What keeps it alive: who wakes tells whom it let rest; and a connection that ends wakes both sides,
// with the ticks that a node awake would have counted without a word from the other one.

#include <algorithm>

#include "raft/group.h"

namespace binbus::raft {
namespace {

// A leader's last heartbeats are answered before it rests: an answer that comes later wakes it.
constexpr int kAnswerTicks = 3;

// For each that passes, at a node whose leader's connections have ended: until it would have stood for election three times, as
// votes may split, but answers may also take longer than that.
constexpr int kTicksWithoutLeader = 5;
constexpr int kHurriedElections = 3;

enum class Word : uint8_t { kWake = 1, kRest = 2 };

// With no message of Raft's.
ByteWriter own_message(Word word) {
  ByteWriter head;
  head.u32(0).u8(static_cast<uint8_t>(word));
  return head;
}

}  // namespace

void Group::tell_others(const ByteVector& head) {
  for (const NodeId node : members_.all()) {
    if (node != options_.core.id)
      network_.send({.to = node, .urgent = true, .head = head, .body = {}});
  }
}

// Everything that is in the log has taken effect, and nothing is under way.
bool Group::idle() const {
  const CoreStatus& status = core_->status();
  const uint64_t last = log_->last_index();
  return !core_->has_ready() && !unwritten_ && !blocked_ && !log_->barrier_waits() &&
         log_->commit_index() == last && status.commit == last && status.applied == last &&
         status.transferee == 0 && members_.outgoing.empty();
}

bool Group::all_follow() {
  const std::vector<PeerProgress> nodes = progress();
  return std::ranges::all_of(nodes, [this](const PeerProgress& node) {
    if (node.id == options_.core.id) return true;
    return node.recent_active && node.match == log_->last_index();
  });
}

// A tick at which the core is not told of the time.
bool Group::fall_asleep() {
  const bool may_rest =
      options_.rest_after_ticks > 0 && members_.shared() && leading() != 0 && idle();
  if (!may_rest || log_->last_index() != idle_index_) {
    idle_index_ = log_->last_index();
    idle_ticks_ = 0;
    return false;
  }
  idle_ticks_ = std::min(idle_ticks_ + 1, options_.rest_after_ticks + kAnswerTicks);
  if (idle_ticks_ < options_.rest_after_ticks) return false;
  if (!all_follow()) {
    idle_ticks_ = options_.rest_after_ticks - 1;  // looks again at the next tick
    return false;
  }
  if (idle_ticks_ < options_.rest_after_ticks + kAnswerTicks) return true;
  resting_ = true;
  ByteWriter head = own_message(Word::kRest);
  head.u64(core_->status().term).u64(log_->last_index());
  tell_others(head.take());
  return true;
}

void Group::wake() {
  if (!resting_) return;
  resting_ = false;
  idle_ticks_ = 0;
  if (core_->status().role == Role::kLeader) tell_others(own_message(Word::kWake).take());
}

void Group::leave() {
  if (!resting_) return;
  resting_ = false;
  tell_others(own_message(Word::kWake).take());
}

Status Group::disconnected(NodeId node, int silent_ticks) {
  const bool leads = core_->status().role == Role::kLeader;
  const bool concerns = leads ? members_.has(node) : core_->status().leader == node;
  if (!concerns) return ok();
  hurried_ticks_ = leads ? 0 : kHurriedElections * options_.core.election_ticks_max;
  if (!resting_) return ok();
  wake();
  // A follower stands for election as soon as if it had been awake. A leader that may be cut off counts half of it: the others
  // get time to answer before it looks whether they have.
  const int election_ticks = options_.core.election_ticks;
  const int missed = leads ? std::min(silent_ticks, election_ticks / 2)
                           : std::min(silent_ticks, election_ticks) - unheard_ticks_;
  for (int i = 0; i < missed; ++i) BINBUS_RETURN_IF_ERROR(tick());
  return ok();
}

// Of the core's, for one of the clock's.
int Group::ticks_due() {
  const CoreStatus& status = core_->status();
  const bool waits_for_nobody = hurried_ticks_ > 0 && status.role != Role::kLeader &&
                                (status.leader == 0 || !network_.connected(status.leader));
  if (!waits_for_nobody) return 1;
  hurried_ticks_ -= kTicksWithoutLeader;
  return kTicksWithoutLeader;
}

// Whether the message was no one of Raft's. One that makes no sense wakes too.
bool Group::heed(const Received& message) {
  const CoreStatus& status = core_->status();
  if (message.from == status.leader) {
    unheard_ticks_ = 0;
    // What it had sent before its connections ended may be read after that.
    if (network_.connected(message.from)) hurried_ticks_ = 0;
  }
  ByteReader in(message.head);
  const auto length = in.u32("message: length");
  const auto word = in.u8("message: word");
  if (!length || *length > 0 || !word) {
    wake();
    return false;
  }
  if (*word != static_cast<uint8_t>(Word::kRest)) {
    wake();
    return true;
  }
  const auto term = in.u64("message: term");
  const auto last = in.u64("message: last entry");
  if (!term || !last) return true;
  // The leader's log has this one's last entry at its end: both are the same.
  const bool agrees = status.role == Role::kFollower && status.leader == message.from &&
                      status.term == *term && log_->last_index() == *last && idle() &&
                      network_.connected(message.from);
  if (agrees) {
    resting_ = true;
  } else {
    network_.send(
        {.to = message.from, .urgent = true, .head = own_message(Word::kWake).take(), .body = {}});
  }
  return true;
}

}  // namespace binbus::raft
