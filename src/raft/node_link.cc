#include "raft/node_link.h"

#include <poll.h>

#include <algorithm>
#include <system_error>

#include "base/backoff.h"
#include "base/log.h"
#include "raft/node_frame.h"

namespace binbus::raft {
namespace {

constexpr size_t kPongBytesMax = 4096;      // more than a pong ever is
constexpr size_t kPacedBytes = 64 * 1024;   // what is sent at once where the pace is limited
constexpr size_t kBodyKeptBytes = 2 << 20;  // a buffer for bodies, once it was needed
constexpr size_t kAtOnceBytesMax = 4096;    // of a message that does not wait for the link's thread
constexpr uint64_t kSteadyUs = 1'000'000;   // a connection that lasted so long did not fail at once

const char* lane_name(Lane lane) { return lane == Lane::kUrgent ? "urgent" : "bulk"; }

}  // namespace

NodeLink::NodeLink(LinkOptions options, LinkHost& host, io::Clock& clock,
                   std::unique_ptr<SendQueue> queue)
    : options_(std::move(options)), host_(host), clock_(clock), queue_(std::move(queue)) {}

NodeLink::~NodeLink() { stop(); }

Result<std::unique_ptr<NodeLink>> NodeLink::start(LinkOptions options, LinkHost& host,
                                                  io::Clock& clock) {
  BINBUS_TRY(queue, SendQueue::make(options.budget));
  std::unique_ptr<NodeLink> link(new NodeLink(std::move(options), host, clock, std::move(queue)));
  link->known_.since_us = clock.wall_us();
  try {
    link->thread_ = std::jthread([&self = *link](const std::stop_token& stop) { self.run(stop); });
  } catch (const std::system_error& error) {
    return fail(Code::kLimit,
                "no thread for the connection to " + link->options_.address + ": " + error.what());
  }
  return link;
}

void NodeLink::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void NodeLink::cut() {
  std::stop_source connection;
  {
    const std::lock_guard lock(mutex_);
    connection = connection_;
  }
  connection.request_stop();
}

// --- the connection's life -------------------------------------------------------------------------------------------

void NodeLink::run(const std::stop_token& stop) {
  Backoff backoff(options_.backoff_first_ms, options_.backoff_max_ms,
                  std::hash<std::string>{}(options_.address) ^ clock_.wall_us());
  while (!stop.stop_requested()) {
    connected_us_ = 0;
    const Status ended = connect_and_carry(stop);
    if (stop.stop_requested()) return;
    const bool steady = connected_us_ != 0 && clock_.monotonic_us() - connected_us_ > kSteadyUs;
    failed(ended.error(), steady);
    if (steady) backoff.reset();
    pause(backoff.next_ms() * uint64_t{1000}, stop);
  }
}

// Returns what ended it, always an error.
Status NodeLink::connect_and_carry(const std::stop_token& stop) {
  std::stop_source connection;
  {
    const std::lock_guard lock(mutex_);
    connection_ = connection;
  }
  const std::stop_callback stopped(stop, [&connection] { connection.request_stop(); });
  const Purpose purpose = options_.lane == Lane::kUrgent ? Purpose::kUrgent : Purpose::kBulk;
  BINBUS_TRY(dialed, dial(options_.address, purpose, host_.self(), options_.tls,
                          options_.connect_timeout_ms, connection.get_token()));
  const std::stop_callback cut_short(connection.get_token(),
                                     [socket = dialed.stream->descriptor()] { raft::cut(socket); });
  set_up(dialed.peer);
  {
    const std::lock_guard lock(stream_mutex_);
    stream_ = dialed.stream.get();
  }
  Status ended = carry(*dialed.stream, connection.get_token());
  {
    const std::lock_guard lock(stream_mutex_);
    stream_ = nullptr;
  }
  set_down();
  return ended;
}

Status NodeLink::carry(io::Stream& stream, const std::stop_token& stop) {
  const bool urgent = options_.lane == Lane::kUrgent;
  stream.set_write_timeout(urgent ? options_.lost_after_ms : options_.write_timeout_ms);
  FrameReader pongs(stream, kPongBytesMax, kPongBytesMax);
  std::unique_lock lock(stream_mutex_);
  for (;;) {
    // First what has come: if it was this process that stood still, the pong is there.
    BINBUS_RETURN_IF_ERROR(take_pongs(pongs));
    int timeout_ms = -1;
    if (urgent) {
      BINBUS_TRY(until_ping_ms, ping_when_due(stream));
      timeout_ms = until_ping_ms;
    }
    BINBUS_TRY(readable,
               stream.wait_readable(0));  // TLS may hold bytes that the socket has no more
    if (!readable) {
      lock.unlock();
      wait(stream.descriptor(), timeout_ms);
      lock.lock();
    }
    if (auto message = queue_->take()) BINBUS_RETURN_IF_ERROR(send(stream, *message, stop));
  }
}

// --- is it there? ----------------------------------------------------------------------------------------------------

// Returns the milliseconds until there is something to do about pings.
Result<int> NodeLink::ping_when_due(io::Stream& stream) {
  const uint64_t now_us = clock_.monotonic_us();
  const uint64_t lost_us = answered_us_ + static_cast<uint64_t>(options_.lost_after_ms) * 1000;
  if (now_us >= lost_us) {
    return fail(Code::kTimeout, options_.address + " has not answered for " +
                                    std::to_string(options_.lost_after_ms) + " ms");
  }
  if (now_us >= next_ping_us_) {
    uint8_t sent_at[8];
    store_le<8>(sent_at, now_us);
    BINBUS_RETURN_IF_ERROR(write_frame(stream, {.type = FrameType::kPing, .head = sent_at}));
    next_ping_us_ = now_us + static_cast<uint64_t>(options_.ping_ms) * 1000;
  }
  return static_cast<int>((std::min(next_ping_us_, lost_us) - now_us) / 1000 + 1);
}

// Until the connection or the queue has something.
void NodeLink::wait(int descriptor, int timeout_ms) const {
  pollfd entries[] = {{descriptor, POLLIN, 0}, {queue_->descriptor(), POLLIN, 0}};
  ::poll(entries, 2, timeout_ms);  // interrupted: the caller looks and waits again
}

Status NodeLink::take_pongs(FrameReader& reader) {
  for (;;) {
    BINBUS_TRY(frame, reader.next_arrived());
    if (!frame) return ok();
    if (frame->type != FrameType::kPong || frame->head.size() != 8)
      return fail(Code::kCorrupt, options_.address + " sent something else than a pong");
    answered_us_ = clock_.monotonic_us();
    const std::lock_guard lock(mutex_);
    known_.heard_us = answered_us_;
    known_.rtt_us = answered_us_ - load_u64(frame->head.data());
  }
}

// --- messages --------------------------------------------------------------------------------------------------------

bool NodeLink::offer(NodeId to, Outgoing message) {
  return send_at_once(to, message) || queue_->offer(to, std::move(message));
}

bool NodeLink::send_at_once(NodeId to, Outgoing& message) {
  if (message.head.size() + message.body_bytes > kAtOnceBytesMax || bytes_per_second_ != 0)
    return false;
  const std::unique_lock lock(stream_mutex_, std::try_to_lock);
  if (!lock || stream_ == nullptr || queue_->open_to() != to || queue_->messages() > 0 ||
      !writable())
    return false;
  // The thread meets the same error, and ends the connection.
  if (!send(*stream_, message, {})) cut();
  return true;
}

// Without waiting, for what is much less than what is left to the kernel to send.
bool NodeLink::writable() const {
  pollfd entry{stream_->descriptor(), POLLOUT, 0};
  return ::poll(&entry, 1, 0) == 1 && (entry.revents & POLLOUT) != 0;
}

Status NodeLink::send(io::Stream& stream, Outgoing& message, const std::stop_token& stop) {
  if (body_.capacity() > kBodyKeptBytes) body_ = {};
  body_.clear();
  if (message.load) {
    if (const Status loaded = message.load(body_); !loaded) {
      drop(message.group, loaded.error());
      return ok();
    }
  }
  const auto start = frame_without_body(
      {.type = FrameType::kMessage, .name = message.group, .head = message.head, .body = body_});
  if (!start) {
    drop(message.group, start.error());
    return ok();
  }
  if (Status written = write(stream, *start, body_, stop); !written) {
    drop(message.group, written.error());
    return written;
  }
  drop_told_ = false;
  const std::lock_guard lock(mutex_);
  known_.bytes_sent += start->size() + body_.size();
  return ok();
}

// At the lane's pace.
Status NodeLink::write(io::Stream& stream, Bytes start, Bytes body, const std::stop_token& stop) {
  if (bytes_per_second_ == 0) {
    iovec pieces[] = {{const_cast<uint8_t*>(start.data()), start.size()},
                      {const_cast<uint8_t*>(body.data()), body.size()}};
    return stream.write_all(pieces);
  }
  for (Bytes rest : {start, body}) {
    while (!rest.empty()) {
      const Bytes piece = rest.first(std::min(rest.size(), kPacedBytes));
      pause(pace_.take(piece.size(), bytes_per_second_, clock_.monotonic_us()), stop);
      BINBUS_RETURN_IF_ERROR(stream.write_all(piece));
      rest = rest.subspan(piece.size());
    }
  }
  return ok();
}

void NodeLink::drop(const std::string& group, const Error& why) {
  log::write(drop_told_ ? log::Level::kDebug : log::Level::kWarn, "node_message_dropped",
             {{"address", options_.address},
              {"lane", lane_name(options_.lane)},
              {"group", group},
              {"error", why}});
  drop_told_ = true;
  host_.dropped(connected_to(), {group});
}

// --- what is known of it ---------------------------------------------------------------------------------------------

void NodeLink::set_up(const NodeIdentity& peer) {
  connected_us_ = answered_us_ = clock_.monotonic_us();
  next_ping_us_ = 0;
  {
    const std::lock_guard lock(mutex_);
    known_.connected = true;
    known_.peer = peer;
    known_.since_us = clock_.wall_us();
    known_.heard_us = answered_us_;
  }
  queue_->open(peer.id);
  log::write(options_.lane == Lane::kUrgent ? log::Level::kInfo : log::Level::kDebug,
             "node_connected",
             {{"address", options_.address},
              {"lane", lane_name(options_.lane)},
              {"node", peer.name},
              {"id", peer.id}});
  host_.link_up(options_.lane, peer.id);
}

void NodeLink::set_down() {
  const NodeId to = connected_to();
  host_.dropped(to, queue_->close());
  {
    const std::lock_guard lock(mutex_);
    known_.connected = false;
    known_.since_us = clock_.wall_us();
  }
  host_.link_down(options_.lane, to, (clock_.monotonic_us() - answered_us_) / 1000);
}

// Once for each reason, not once for each attempt. The urgent lane speaks for both.
void NodeLink::failed(const Error& error, bool was_steady) {
  bool told = false;
  {
    const std::lock_guard lock(mutex_);
    told = !was_steady && known_.last_error == error.message;
    known_.last_error = error.message;
  }
  log::write(told || options_.lane == Lane::kBulk ? log::Level::kDebug : log::Level::kWarn,
             "node_not_connected",
             {{"address", options_.address}, {"lane", lane_name(options_.lane)}, {"error", error}});
}

LinkStatus NodeLink::status() const {
  LinkStatus status;
  {
    const std::lock_guard lock(mutex_);
    status = known_;
  }
  status.queued_bytes = queue_->bytes();
  status.queued_messages = queue_->messages();
  return status;
}

void NodeLink::pause(uint64_t time_us, const std::stop_token& stop) {
  if (time_us == 0) return;
  std::unique_lock lock(mutex_);
  waking_.wait_for(lock, stop, std::chrono::microseconds(time_us), [] { return false; });
}

}  // namespace binbus::raft
