// A node as a member of its group: keeps a session, takes streams when it is its turn, tells who works under them when to stop,
// and follows what sinks are told.
//
//   wait_for(stream) -> Lease -> work -> wait_end(lease) -> everything has ended -> release(lease) -> wait_for(stream) ...
//
// A coordinator that cannot be reached costs nothing until the leases' deadline; from then on the node has none, and takes
// streams anew when it is back. Data that was lost there is put back from a copy that each node keeps.
//
// Owner:  borrows the clock.
// Thread: its own, "coordinate"; public functions from any.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "coordinate/group_copy.h"
#include "coordinate/lease.h"
#include "coordinate/records.h"
#include "coordinate/session.h"
#include "io/clock.h"

namespace binbus::coordinate {

struct MemberOptions {
  std::string node;
  SessionOptions session;
  GroupCopy copy;                                     // as kept last
  std::function<Status(const GroupCopy&)> keep_copy;  // durable on return
};

struct StreamOwner {
  std::string node;  // "": nobody
  uint64_t epoch = 0;
};

struct MemberStatus {
  bool connected = false;
  std::string error;      // why not
  uint64_t since_us = 0;  // of either
  std::vector<std::string> nodes;
  std::map<std::string, StreamOwner> owners;
};

class Member {
 public:
  static std::unique_ptr<Member> start(MemberOptions options, Connect connect, io::Clock& clock);
  ~Member();
  // Ends the session; leases must have been released. May be called twice.
  void stop();

  // Waits at most so long until the stream is ours, and is a candidate for it from now on. Null: not yet, or asked to stop.
  std::shared_ptr<Lease> wait_for(const std::string& stream, uint64_t timeout_ms,
                                  const std::stop_token& stop);
  enum class End : uint8_t {
    kStop,    // asked to
    kWanted,  // another node is to have it: end in peace, and release
    kOver     // end at once
  };
  // Waits at most so long for the end of a lease; none: it goes on.
  std::optional<End> wait_end(const Lease& lease, uint64_t timeout_ms, const std::stop_token& stop);
  void release(Lease& lease);
  // Is no candidate any more, and gives back what it was given since.
  void leave(const std::string& stream);
  // Another node is to take it, if there is one.
  Status hand_over(const std::string& stream);
  // As long as none has been asked to take it, it need not any more.
  void keep(const std::string& stream);

  // What sinks are told, by name, once it differs from `seen`; none when asked to stop.
  using Sinks = std::map<std::string, std::string>;
  Sinks sinks() const;
  std::optional<Sinks> wait_sinks(const Sinks& seen, const std::stop_token& stop);
  // Changes what a sink is told; none: takes that away. Durable there on return, and seen by all nodes soon.
  Status tell_sink(const std::string& sink, const std::optional<std::string>& text);
  // With what its filter table held there.
  Status forget_checkpoint(const std::string& sink);

  MemberStatus status() const;

 private:
  Member(MemberOptions options, Connect connect, io::Clock& clock);
  void run(const std::stop_token& stop);
  // Until it is over or asked to stop: why.
  Status serve(Tenure& tenure, const std::stop_token& stop);
  Status stay_alive();
  // One look at the group, and what follows from it.
  Status look(Session& session);
  Status join(Session& session, const std::optional<Entry>& id);
  Status restore(Session& session);
  Status raise_epoch(Session& session, const std::string& stream, uint64_t epoch);
  Status register_node(Session& session, const std::vector<Entry>& nodes);
  Status copy_group(Session& session);
  void end_lost_leases(const std::vector<Entry>& owners);
  void was_taken_away(const Lease& lease);  // under mutex_
  // What an earlier session of ours has left there, or somebody's hand.
  Status clear_stale(Session& session, std::vector<Entry>& owners);
  bool is_stale(const Entry& owner) const;
  Status follow_placement(Session& session);
  Status claim(Session& session, const std::string& stream);
  void end_all();
  void look_soon();
  void note(const Status& status);
  void save_copy();
  Result<std::shared_ptr<Session>> session() const;

  const MemberOptions options_;
  const Connect connect_;
  io::Clock& clock_;

  // The thread's.
  GroupCopy copy_;
  GroupCopy saved_;
  bool registered_ = false;                    // in this session
  uint64_t alive_due_us_ = 0;                  // when to say again that we live, and look at all
  std::vector<Node> nodes_;                    // that live
  std::map<std::string, std::string> owners_;  // stream -> node

  // Sessions tell of changes through it: a lease that somebody still has keeps its session alive, and may outlive us.
  struct Alert {
    std::mutex mutex;
    Member* member;  // guarded by mutex; null once it is gone
  };
  const std::shared_ptr<Alert> alert_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool look_again_ = false;                               // guarded by mutex_, as the rest
  std::shared_ptr<Tenure> tenure_;                        // null: none
  std::set<std::string> waiting_;                         // streams that somebody waits for
  std::map<std::string, std::shared_ptr<Lease>> leases_;  // until released
  std::set<std::string> wanted_;                          // of these: another is to have them
  std::set<std::string> yields_;
  Sinks sinks_;
  bool sinks_known_ = false;
  MemberStatus shown_;
  std::jthread thread_;
};

}  // namespace binbus::coordinate
