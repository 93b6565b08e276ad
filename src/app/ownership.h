// The streams of a node that shares them with others beside a coordinator: each is open only while this node has its lease, and
// stands by else, with nothing but a word to who connects. What a node cannot work on it leaves to others for a while.
//
// Owner:  borrows the streams, the sinks' settings, files and clock; owns the node's membership.
// Thread: one per stream, "ownership", and one that follows what sinks are told; public functions from any.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "admin/status.h"
#include "app/config.h"
#include "app/patience.h"
#include "app/refusal.h"
#include "app/saved_place.h"
#include "app/sink_settings.h"
#include "app/stream.h"
#include "coordinate/member.h"
#include "io/clock.h"
#include "io/file.h"

namespace binbus::app {

class Ownership {
 public:
  // Begins at once to be a member, which takes no stream before start(). kCorrupt names the file whose copy of the coordinator's
  // data cannot be read. manage() comes next, before anybody else calls.
  static Result<std::unique_ptr<Ownership>> open(const Config& config, io::FileSystem& files,
                                                 io::Clock& clock);
  ~Ownership();
  void manage(const std::vector<std::unique_ptr<Stream>>& streams, SinkSettings& sinks);
  void start();
  // Ends all work and gives everything back; may be called twice.
  void stop();

  // For SinkSettings: where what sinks are told is kept.
  SinkSettings::Tell tell();
  Status forget_checkpoint(const std::string& sink) { return member_->forget_checkpoint(sink); }
  // Another node is to take the stream.
  Status hand_over(const std::string& stream) { return member_->hand_over(stream); }
  // Adds who has it to what the stream says of itself.
  void describe(admin::StreamStatus& status) const;

 private:
  // A stream and the hold on it.
  struct Held {
    Held(Stream& which, uint64_t seed) : stream(which), patience(seed) {}
    Stream& stream;
    mutable std::mutex mutex;
    std::condition_variable_any wake;
    std::shared_ptr<coordinate::Lease> lease;  // guarded by mutex; null: stands by
    std::string left_for;                      // guarded by mutex; why it leaves it to others now
    Patience patience;                         // the thread's, as the rest
    bool offered = false;                      // to another node, since patience has ended
    uint64_t renew_after_us = 0;               // monotonic; when to try again to
    std::string not_renewed;                   // why not, as said last
    std::unique_ptr<Refusal> refusal;
    std::string refused_with;
    std::string saved;               // positions/STREAM as written last
    std::optional<int64_t> version;  // of that
    std::map<std::string, std::string> sink_errors;
    std::jthread thread;
  };

  Ownership(const Config& config, io::Clock& clock);
  void follow_sinks(const std::stop_token& stop);
  void run(Held& held, const std::stop_token& stop);
  std::shared_ptr<coordinate::Lease> stand_by(Held& held, const std::stop_token& stop);
  // Whether others are to take it; waits a little then.
  bool leaves_it(Held& held, bool free, const std::stop_token& stop);
  void leave(Held& held, const std::string& why);
  Status work(Held& held, const std::shared_ptr<coordinate::Lease>& lease,
              const std::stop_token& stop);
  struct Saved {
    std::vector<SavedPlace> places;  // first the one that is furthest behind
    bool all = true;                 // every sink has one
    std::string start() const { return places.empty() ? "" : places.front().start(); }
  };
  // What is no place is logged and left out: the sink that it is of says so when it reads it.
  Result<Saved> saved(coordinate::Lease& lease, const std::string& stream) const;
  // Every second under a lease.
  void tend(Held& held, const std::shared_ptr<coordinate::Lease>& lease);
  // Offers it to others when it cannot be worked on here.
  void watch(Held& held, const admin::StreamStatus& status);
  // What follows the log is purged at the source: begins a new one where all others have come to, if nobody needs what is between.
  Status renew_log(Held& held, const std::shared_ptr<coordinate::Lease>& lease);
  void set_sinks(Held& held);
  void save_position(Held& held, coordinate::Lease& lease);

  const CoordinatorConfig config_;
  const std::string node_;
  const std::string copy_path_;
  io::Clock& clock_;
  std::unique_ptr<coordinate::Member> member_;
  SinkSettings* sinks_ = nullptr;
  std::vector<std::unique_ptr<Held>> held_;
  std::jthread follower_;
};

}  // namespace binbus::app
