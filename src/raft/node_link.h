// One lane to one node: dials it, greets it, sends what is queued, and dials again when that ends. The urgent lane also
// asks the node every ping_ms whether it is there.
//
// Owner:  borrows the host and the clock, which must outlive the link.
// Thread: one of its own, which sends what waits; every function may be called from any other. Messages' load() is called on
//         the one that sends them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "io/clock.h"
#include "raft/node_handshake.h"
#include "raft/pace.h"
#include "raft/send_queue.h"

namespace binbus::raft {

enum class Lane : uint8_t { kUrgent, kBulk };

struct LinkOptions {
  std::string address;
  Lane lane = Lane::kUrgent;
  SendBudget budget = {};
  std::optional<NodeTls> tls = {};
  int ping_ms = 200;
  int lost_after_ms = 1000;       // without a pong
  int connect_timeout_ms = 1000;  // for connecting and for each step of the greeting
  int write_timeout_ms = 30'000;  // without a byte taken by the node
  uint32_t backoff_first_ms = 50;
  uint32_t backoff_max_ms = 1000;
};

struct LinkStatus {
  bool connected = false;
  NodeIdentity peer;        // the last that answered; id 0: none yet
  uint64_t since_us = 0;    // wall time of the last change of `connected`
  uint64_t heard_us = 0;    // monotonic time at which the node was last heard; 0: never
  uint64_t rtt_us = 0;      // of the last ping
  uint64_t bytes_sent = 0;  // since the link is there
  size_t queued_bytes = 0;
  size_t queued_messages = 0;
  std::string last_error;  // why it is not connected, or was not before
};

// What a link asks and tells; called on the link's thread.
class LinkHost {
 public:
  virtual ~LinkHost() = default;
  virtual NodeIdentity self() const = 0;
  virtual void link_up(Lane lane, NodeId to) = 0;
  virtual void link_down(Lane lane, NodeId to, uint64_t silent_ms) = 0;
  virtual void dropped(NodeId to, std::set<std::string> groups) = 0;
};

class NodeLink {
 public:
  // kLimit when the process is out of descriptors or threads.
  static Result<std::unique_ptr<NodeLink>> start(LinkOptions options, LinkHost& host,
                                                 io::Clock& clock);
  ~NodeLink();  // as stop()
  // Waits for the thread: for an attempt to connect up to connect_timeout_ms, for a load() until it returns.
  void stop();
  void request_stop() { thread_.request_stop(); }  // and does not wait
  // Ends the connection, if there is one, and dials again.
  void cut();

  NodeId connected_to() const { return queue_->open_to(); }  // 0: not connected
  // Sends it at once where nothing waits before it, it is small and the connection takes it: a thread less has to wake up.
  bool offer(NodeId to, Outgoing message);
  void set_bytes_per_second(uint64_t limit) { bytes_per_second_ = limit; }  // 0: no limit
  LinkStatus status() const;

 private:
  NodeLink(LinkOptions options, LinkHost& host, io::Clock& clock, std::unique_ptr<SendQueue> queue);
  void run(const std::stop_token& stop);
  Status connect_and_carry(const std::stop_token& stop);
  Status carry(io::Stream& stream, const std::stop_token& stop);
  Result<int> ping_when_due(io::Stream& stream);
  bool send_at_once(NodeId to, Outgoing& message);
  bool writable() const;
  void wait(int descriptor, int timeout_ms) const;
  Status take_pongs(class FrameReader& reader);
  Status send(io::Stream& stream, Outgoing& message, const std::stop_token& stop);
  Status write(io::Stream& stream, Bytes start, Bytes body, const std::stop_token& stop);
  void drop(const std::string& group, const Error& why);
  void set_up(const NodeIdentity& peer);
  void set_down();
  void failed(const Error& error, bool was_steady);
  void pause(uint64_t time_us, const std::stop_token& stop);

  const LinkOptions options_;
  LinkHost& host_;
  io::Clock& clock_;
  const std::unique_ptr<SendQueue> queue_;
  std::atomic<uint64_t> bytes_per_second_ = 0;

  // The thread's own.
  Pace pace_;
  uint64_t connected_us_ = 0;  // monotonic; 0: this attempt came to nothing
  uint64_t answered_us_ = 0;   // monotonic time of the greeting or the last pong
  uint64_t next_ping_us_ = 0;  // monotonic

  std::mutex stream_mutex_;       // held by whoever reads or writes the connection
  io::Stream* stream_ = nullptr;  // guarded by stream_mutex_, as all below; null: none
  bool drop_told_ = false;        // since the last message that was sent
  ByteVector body_;               // of the message that is being sent

  mutable std::mutex mutex_;
  std::condition_variable_any waking_;
  LinkStatus known_;             // guarded by mutex_, as all below
  std::stop_source connection_;  // of the present attempt or connection

  std::jthread thread_;
};

}  // namespace binbus::raft
