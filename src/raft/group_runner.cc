#include "raft/group_runner.h"

#include <chrono>

#include "store/control.h"

namespace binbus::raft {

Result<std::shared_ptr<GroupRunner>> GroupRunner::open(const std::string& name,
                                                       io::FileSystem& files, io::Clock& clock,
                                                       GroupOptions options, GroupHost& host,
                                                       store::RecoveryReport* report) {
  std::shared_ptr<GroupRunner> runner(new GroupRunner(name, host, clock));
  BINBUS_TRY(group, Group::open(files, clock, std::move(options), *runner, report));
  runner->group_ = std::move(group);
  {
    const Turn turn(*runner);
    static_cast<void>(runner->done(ok()));
  }
  host.add(name, runner);
  return runner;
}

GroupRunner::~GroupRunner() { stop(); }

void GroupRunner::stop() {
  host_.remove(name_, this);
  {
    const std::lock_guard lock(inbox_mutex_);
    closed_ = true;
  }
  inbox_room_.notify_all();
  const Turn turn(*this);
  if (!stopping_ && group_) group_->leave();
  stopping_ = true;
  set_leading();
}

void GroupRunner::send(Message message) { host_.send(name_, std::move(message)); }

Status GroupRunner::check() const {
  if (error_) return fail(*error_);
  if (stopping_) return fail(Code::kStopped, "stopped");
  return ok();
}

Status GroupRunner::done(Status status) {
  needs_ticks_ = !group_->resting() && (group_->members().shared() || group_->leading() == 0 ||
                                        group_->blocked() || group_->log().barrier_waits());
  if (status) {
    set_leading();
    return status;
  }
  const Code code = status.error().code;
  const bool refusal = code == Code::kUnavailable || code == Code::kInvalid ||
                       code == Code::kDiskFull || code == Code::kLimit;
  if ((!refusal || group_->has_ended()) && !error_) {
    error_ = status.error();
    group_->leave();
  }
  set_leading();
  return status;
}

void GroupRunner::set_leading() {
  const uint64_t now = error_ || stopping_ ? 0 : group_->leading();
  if (leading_.exchange(now) != now) led_.notify_all();
}

store::Agreement::Tail GroupRunner::tail() const {
  const std::lock_guard lock(mutex_);
  return {group_->log().end(), group_->log().last_end()};
}

GroupStatus GroupRunner::status() const {
  const std::lock_guard lock(status_mutex_);
  return last_status_;
}

void GroupRunner::set_status() {
  if (!group_) return;  // it could not be opened
  GroupStatus now{.core = group_->status(),
                  .members = group_->members(),
                  .progress = group_->progress(),
                  .first_index = group_->log().first_index(),
                  .last_index = group_->log().last_index(),
                  .commit_index = group_->log().commit_index(),
                  .leads = leading() != 0,
                  .resting = group_->resting(),
                  .error = error_,
                  .blocked = group_->blocked(),
                  .busy_since_us = {},
                  .behind_since_us = {}};
  const std::lock_guard lock(status_mutex_);
  const bool behind = now.commit_index < now.core.leader_commit;
  if (behind || now.core.leader_commit == 0)
    now.behind_since_us = last_status_.behind_since_us.value_or(clock_.monotonic_us());
  last_status_ = std::move(now);
}

GroupRunner::Turn::Turn(GroupRunner& runner, std::unique_lock<std::mutex> lock)
    : runner_(runner), lock_(std::move(lock)) {
  const std::lock_guard status_lock(runner_.status_mutex_);
  runner_.last_status_.busy_since_us = runner_.clock_.monotonic_us();
}

GroupRunner::Turn::~Turn() {
  runner_.set_status();
  lock_.unlock();
  runner_.changed_.notify_all();
}

uint64_t GroupRunner::wait_leading(uint64_t other_than, uint64_t timeout_ms,
                                   const std::stop_token& stop) const {
  std::unique_lock lock(mutex_);
  led_.wait_for(lock, stop, std::chrono::milliseconds(timeout_ms),
                [&] { return leading() != other_than; });
  return leading();
}

template <class Condition>
Status GroupRunner::wait(std::unique_lock<std::mutex>& lock, Condition holds) {
  for (;;) {
    BINBUS_RETURN_IF_ERROR(check());
    BINBUS_TRY(held, holds());
    if (held) return ok();
    changed_.wait(lock);
  }
}

Status GroupRunner::stage(uint64_t term, Bytes bytes) {
  const Turn turn(*this);
  BINBUS_RETURN_IF_ERROR(check());
  return done(group_->stage(term, bytes));
}

Result<uint64_t> GroupRunner::propose(uint64_t term, std::vector<store::Proposal> proposals) {
  std::unique_lock lock(mutex_);
  BINBUS_RETURN_IF_ERROR(wait(lock, [&]() -> Result<bool> {
    if (group_->leading() != term) return fail(Code::kUnavailable, "this node does not lead");
    if (!group_->log().barrier_waits()) return true;
    if (group_->blocked()) return fail(*group_->blocked());
    return false;
  }));
  if (proposals.empty()) return 0;
  const Turn turn(*this, std::move(lock));
  auto proposed = group_->propose(term, std::move(proposals));
  BINBUS_RETURN_IF_ERROR(done(proposed ? ok() : Status(fail(proposed.error()))));
  return *proposed;
}

Result<bool> GroupRunner::settled(uint64_t term, uint64_t index) const {
  const std::lock_guard lock(mutex_);
  BINBUS_RETURN_IF_ERROR(check());
  return group_->settled(term, index);
}

Status GroupRunner::wait_settled(uint64_t term, uint64_t index) {
  std::unique_lock lock(mutex_);
  return wait(lock, [&] { return group_->settled(term, index); });
}

Status GroupRunner::put(uint64_t term, const store::Cursor& cursor) {
  ByteVector document = store::encode_cursor(cursor);
  if (document.size() > store::kInlineBytesMax)
    return fail(Code::kLimit, "cursor " + cursor.name + " would take " +
                                  std::to_string(document.size()) + " bytes; at most " +
                                  std::to_string(store::kInlineBytesMax) + " fit into an entry");
  std::vector<store::Proposal> proposals;
  proposals.push_back(store::inline_proposal(store::EntryKind::kControl, std::move(document)));
  BINBUS_TRY(index, propose(term, std::move(proposals)));
  std::unique_lock lock(mutex_);
  return wait(lock, [&]() -> Result<bool> {
    BINBUS_TRY(settled, group_->settled(term, index));
    // Who waits for it may have to stop before there is room.
    if (!settled && group_->blocked()) return fail(*group_->blocked());
    return settled;
  });
}

Status GroupRunner::propose_members(std::span<const MemberChange> changes) {
  const Turn turn(*this);
  BINBUS_RETURN_IF_ERROR(check());
  return done(group_->propose_members(changes));
}

Status GroupRunner::transfer_leader(NodeId to) {
  const Turn turn(*this);
  BINBUS_RETURN_IF_ERROR(check());
  return done(group_->transfer_leader(to));
}

Status GroupRunner::set_priority(uint64_t priority) {
  const Turn turn(*this);
  BINBUS_RETURN_IF_ERROR(check());
  return done(group_->set_priority(priority));
}

Result<std::vector<std::string>> GroupRunner::apply_retention(uint64_t now_us, uint64_t keep_from) {
  const Turn turn(*this);
  BINBUS_RETURN_IF_ERROR(check());
  return group_->apply_retention(now_us, keep_from);
}

void GroupRunner::schedule() {
  if (scheduled_ || closed_) return;
  scheduled_ = true;
  host_.schedule(shared_from_this());
}

void GroupRunner::tick() {
  if (!needs_ticks_) return;
  const std::lock_guard lock(inbox_mutex_);
  ++inbox_.ticks;
  schedule();
}

void GroupRunner::unreachable(NodeId node) {
  const std::lock_guard lock(inbox_mutex_);
  inbox_.unreachable.insert(node);
  schedule();
}

void GroupRunner::disconnected(NodeId node, int silent_ticks) {
  const std::lock_guard lock(inbox_mutex_);
  int& known = inbox_.disconnected[node];
  known = std::max(known, silent_ticks);
  schedule();
}

void GroupRunner::receive(NodeId from, std::span<Frame> messages, bool may_block) {
  std::unique_lock lock(inbox_mutex_);
  for (Frame& message : messages) {
    // What carries entries comes on a lane that may wait.
    if (!message.body.empty())
      inbox_room_.wait(lock, [this] { return closed_ || inbox_.bytes < kInboxBytesMax; });
    inbox_.bytes += message.bytes();
    inbox_.messages.emplace_back(from, std::move(message));
  }
  if (!may_block || scheduled_ || closed_) return schedule();
  scheduled_ = true;
  lock.unlock();
  work();
}

// Whoever has set scheduled_ sees to it that it is called.
void GroupRunner::work() {
  Inbox inbox;
  {
    const std::lock_guard lock(inbox_mutex_);
    std::swap(inbox, inbox_);
  }
  inbox_room_.notify_all();
  std::vector<Received> received;
  for (const auto& [from, frame] : inbox.messages)
    received.push_back({from, frame.head, frame.body});
  handle(inbox, received);
  const std::lock_guard lock(inbox_mutex_);
  scheduled_ = false;
  if (!inbox_.empty()) schedule();
}

void GroupRunner::handle(const Inbox& inbox, std::span<const Received> received) {
  const Turn turn(*this);
  if (!check()) return;
  Status worked = ok();
  for (const NodeId node : inbox.unreachable) {
    if (worked) worked = group_->unreachable(node);
  }
  for (const auto& [node, silent_ticks] : inbox.disconnected) {
    if (worked) worked = group_->disconnected(node, silent_ticks);
  }
  if (worked && !received.empty()) worked = group_->receive(received);
  for (int i = 0; worked && i < inbox.ticks; ++i) worked = group_->tick();
  static_cast<void>(done(std::move(worked)));
}

}  // namespace binbus::raft
