#include "raft/send_queue.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"
#include "io/address.h"

namespace binbus::raft {
namespace {

size_t cost(const Outgoing& message) {
  return message.group.size() + message.head.size() + message.body_bytes;
}

void signal(int event) {
  const uint64_t one = 1;
  BINBUS_CHECK(::write(event, &one, sizeof(one)) == sizeof(one));
}

void clear(int event) {
  uint64_t count = 0;
  BINBUS_CHECK(::read(event, &count, sizeof(count)) == sizeof(count));
}

}  // namespace

Result<std::unique_ptr<SendQueue>> SendQueue::make(SendBudget budget) {
  const int ready = ::eventfd(0, EFD_CLOEXEC);
  if (ready < 0) return fail(Code::kLimit, "no queue to a node: " + io::os_error(errno));
  return std::unique_ptr<SendQueue>(new SendQueue(budget, ready));
}
SendQueue::~SendQueue() { ::close(ready_); }

void SendQueue::open(NodeId to) {
  const std::lock_guard lock(mutex_);
  to_ = to;
}

std::set<std::string> SendQueue::close() {
  std::deque<Outgoing> dropped;
  {
    const std::lock_guard lock(mutex_);
    if (!waiting_.empty()) clear(ready_);
    dropped.swap(waiting_);
    bytes_ = 0;
    to_ = 0;
  }
  std::set<std::string> groups;
  for (Outgoing& message : dropped) groups.insert(std::move(message.group));
  return groups;
}

NodeId SendQueue::open_to() const {
  const std::lock_guard lock(mutex_);
  return to_;
}

bool SendQueue::offer(NodeId to, Outgoing message) {
  const std::lock_guard lock(mutex_);
  if (to_ == 0 || to_ != to) return false;
  const size_t bytes = cost(message);
  if (waiting_.empty()) {
    signal(ready_);
  } else if (waiting_.size() >= budget_.messages_max || bytes_ + bytes > budget_.bytes_max) {
    return false;
  }
  bytes_ += bytes;
  waiting_.push_back(std::move(message));
  return true;
}

std::optional<Outgoing> SendQueue::take() {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) return std::nullopt;
  Outgoing message = std::move(waiting_.front());
  waiting_.pop_front();
  bytes_ -= cost(message);
  if (waiting_.empty()) clear(ready_);
  return message;
}

size_t SendQueue::messages() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

size_t SendQueue::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace binbus::raft
