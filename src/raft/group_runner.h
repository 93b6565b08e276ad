// A group at work: what comes for it handled in turn, and those who wait for it woken.
//
// Owner:  owns the group; borrows the host and the clock.
// Thread: any; what is proposed is handled on the caller's thread, what others send on one of the host's.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>

#include "raft/group.h"
#include "raft/group_host.h"

namespace binbus::raft {

// What has come for a group and waits to be handled, before those who send more of it must wait.
inline constexpr size_t kInboxBytesMax = 16 << 20;

struct GroupStatus {
  CoreStatus core;
  Members members;
  std::vector<PeerProgress> progress;  // of a leader
  uint64_t first_index = 0;
  uint64_t last_index = 0;
  uint64_t commit_index = 0;
  bool leads = false;  // and may propose
  bool resting = false;
  std::optional<Error> error;             // why it has ended here
  std::optional<Error> blocked;           // why it cannot write, for now
  std::optional<uint64_t> busy_since_us;  // monotonic: when what it is being told now began
  // Monotonic: since when it has not had all that its leader had committed. 0: it has never had, as far as it was told.
  std::optional<uint64_t> behind_since_us = 0;
};

class GroupRunner final : public Network, public std::enable_shared_from_this<GroupRunner> {
 public:
  // `name`: the same at all nodes.
  static Result<std::shared_ptr<GroupRunner>> open(const std::string& name, io::FileSystem& files,
                                                   io::Clock& clock, GroupOptions options,
                                                   GroupHost& host, store::RecoveryReport* report);
  ~GroupRunner() override;
  // Ends what waits with kStopped. May be called twice.
  void stop();

  const std::string& name() const { return name_; }
  store::Log& log() { return group_->log(); }
  const store::Log& log() const { return group_->log(); }
  // Does not wait for what the group is being told, which may wait for a disk that hangs: it is as of before that. What a call
  // has changed is in it when the call returns; leading() may be a moment ahead.
  GroupStatus status() const;

  // The term in which this node leads and may propose; 0: none. Takes no lock.
  uint64_t leading() const { return leading_; }
  // Waits until leading() is something else than `term`, or the time is over. Returns it.
  uint64_t wait_leading(uint64_t other_than, uint64_t timeout_ms,
                        const std::stop_token& stop) const;
  // See store::Agreement; of a leader of that term.
  store::Agreement::Tail tail() const;
  Status stage(uint64_t term, Bytes bytes);
  Result<uint64_t> propose(uint64_t term, std::vector<store::Proposal> proposals);
  Result<bool> settled(uint64_t term, uint64_t index) const;
  Status wait_settled(uint64_t term, uint64_t index);
  // Keeps a cursor in the log; of a leader of that term. kLimit for one of more than an entry has room for; kDiskFull: it may come
  // into effect when there is room.
  Status put(uint64_t term, const store::Cursor& cursor);

  Status propose_members(std::span<const MemberChange> changes);
  Status transfer_leader(NodeId to);
  Status set_priority(uint64_t priority);
  Result<std::vector<std::string>> apply_retention(uint64_t now_us, uint64_t keep_from);

  // The host's.
  void tick();
  // `may_block`: they may be handled on this thread.
  void receive(NodeId from, std::span<Frame> messages, bool may_block);
  void unreachable(NodeId node);
  void disconnected(NodeId node, int silent_ticks);
  void work();

 private:
  struct Inbox {
    std::vector<std::pair<NodeId, Frame>> messages;
    std::set<NodeId> unreachable;
    std::map<NodeId, int> disconnected;  // silent ticks
    int ticks = 0;
    size_t bytes = 0;

    bool empty() const {
      return messages.empty() && unreachable.empty() && disconnected.empty() && ticks == 0;
    }
  };

  // The group's while it is told something, as status() tells; whoever waits for a change wakes up when it is free again.
  class Turn {
   public:
    explicit Turn(GroupRunner& runner) : Turn(runner, std::unique_lock(runner.mutex_)) {}
    Turn(GroupRunner& runner, std::unique_lock<std::mutex> lock);
    ~Turn();

   private:
    GroupRunner& runner_;
    std::unique_lock<std::mutex> lock_;
  };

  GroupRunner(std::string name, GroupHost& host, io::Clock& clock)
      : name_(std::move(name)), host_(host), clock_(clock) {}
  void send(Message message) override;
  bool connected(NodeId node) const override { return host_.connected(node); }
  void schedule();  // under inbox_mutex_
  // Under mutex_: remembers an error that has ended the group.
  Status done(Status status);
  Status check() const;  // under mutex_
  void set_leading();    // under mutex_
  void set_status();     // under mutex_
  void handle(const Inbox& inbox, std::span<const Received> received);
  // Under mutex_: until the condition holds; kUnavailable, kStopped or the group's error when it never will.
  template <class Condition>
  Status wait(std::unique_lock<std::mutex>& lock, Condition holds);

  const std::string name_;
  GroupHost& host_;
  io::Clock& clock_;
  mutable std::mutex mutex_;  // held while the group is told something, also over its I/O
  mutable std::condition_variable changed_;
  mutable std::condition_variable_any led_;  // leading() is another
  std::unique_ptr<Group> group_;
  std::atomic<uint64_t> leading_{0};
  std::optional<Error> error_;       // guarded by mutex_
  bool stopping_ = false;            // guarded by mutex_
  mutable std::mutex status_mutex_;  // after mutex_
  GroupStatus last_status_;          // guarded by status_mutex_
  std::mutex inbox_mutex_;
  std::condition_variable inbox_room_;
  Inbox inbox_;             // guarded by inbox_mutex_
  bool scheduled_ = false;  // guarded by inbox_mutex_
  bool closed_ = false;     // guarded by inbox_mutex_
  // False of a group that rests, or that is a single node's and has nothing to wait for.
  std::atomic<bool> needs_ticks_{true};
};

// What a leader of one term writes its log through.
class Leadership final : public store::Agreement {
 public:
  Leadership(GroupRunner& group, uint64_t term) : group_(group), term_(term) {}
  uint64_t term() const { return term_; }
  Tail tail() const override { return group_.tail(); }
  Status stage(Bytes bytes) override { return group_.stage(term_, bytes); }
  Result<uint64_t> propose(std::vector<store::Proposal> proposals) override {
    return group_.propose(term_, std::move(proposals));
  }
  Result<bool> settled(uint64_t proposed) override { return group_.settled(term_, proposed); }
  Status wait(uint64_t proposed) override { return group_.wait_settled(term_, proposed); }

 private:
  GroupRunner& group_;
  const uint64_t term_;
};

}  // namespace binbus::raft
