// The right to work on a stream, until it ends: by its own deadline, which comes before the server can give it to another
// node, whatever the server says meanwhile; because the server gave it to another; or because it is given back.
//
// Every take-over of a stream has an epoch, higher than those before. What is written under a lease holds only while the server
// has this epoch's owner.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "coordinate/session.h"
#include "io/clock.h"

namespace binbus::coordinate {

// A session at work, and until when its leases hold: shared by them all.
struct Tenure {
  std::shared_ptr<Session> session;
  std::atomic<uint64_t> deadline_us{0};  // monotonic
  uint64_t usable_us = 0;  // of the server's answer, how far the deadline is from its question
};

// Owner:  shares the tenure; borrows the clock.
// Thread: any.
class Lease {
 public:
  // The names and versions that its owner is proved by.
  struct Proof {
    int64_t owner_version = 0;  // of owners/STREAM
    int64_t epoch_version = 0;  // of epochs/STREAM
  };
  Lease(std::string stream, uint64_t epoch, Proof proof, std::shared_ptr<Tenure> tenure,
        io::Clock& clock);

  const std::string& stream() const { return stream_; }
  uint64_t epoch() const { return epoch_; }
  const std::string& epoch_text() const { return epoch_text_; }
  bool valid() const { return remaining_us() > 0; }
  // kStopped when it is over.
  Status check() const;
  uint64_t remaining_us() const;
  uint64_t deadline_us() const { return tenure_->deadline_us; }
  void end() { ended_ = true; }
  // A write found that the server has given it to another, or somebody has taken it away.
  bool is_taken_away() const { return taken_away_; }

  // Changes a name while this is the stream's newest lease; `version`: what the name has now, none when it is not there.
  // Returns its version, or none when it had another one. kStopped when the lease is over.
  Result<std::optional<int64_t>> write(const std::string& name, const std::string& value,
                                       std::optional<int64_t> version);
  Result<std::optional<int64_t>> remove(const std::string& name, int64_t version);
  Result<std::optional<Entry>> read(const std::string& name);
  // Gives it back: another node may have it at once. To be called when nothing is done under it any more.
  Status release();

 private:
  friend class Member;
  Result<std::optional<int64_t>> transact(Step change);

  const std::string stream_;
  const uint64_t epoch_;
  const std::string epoch_text_;
  const Proof proof_;
  const std::shared_ptr<Tenure> tenure_;
  io::Clock& clock_;
  std::atomic<bool> ended_{false};
  std::atomic<bool> taken_away_{false};
};

}  // namespace binbus::coordinate
