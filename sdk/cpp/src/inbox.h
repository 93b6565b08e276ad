// What was received and is still to be returned; and the place behind what was returned.
//
// Thread: none of its own; guarded by its user.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "batch.h"
#include "binbus/change.h"
#include "delivered.h"

namespace binbus {

class Inbox {
 public:
  // `resume`: behind which to begin, "" where the node is to find the place. `snapshot_end`: that is returned, too. `shared`: the cursor
  // is.
  Inbox(std::string resume, bool snapshot_end, bool shared)
      : resume_(std::move(resume)), delivered_(shared), tell_end_(snapshot_end) {}

  void subscribed(const std::string& position);
  // `bytes`: its part of the credit.
  void batch(std::shared_ptr<const detail::Batch> batch, uint64_t bytes);
  void snapshot_begin(bool anew);
  void snapshot_end(const std::string& position, std::weak_ptr<Committer> committer);
  void heartbeat(const std::string& position);
  // Forgets what was not returned, and the credit for it: it comes again in the next call.
  void clear();

  // The next change that was not returned before; none: nothing is there. Throws Error(kProtocol) at the commit of a transaction of
  // which some did not come.
  std::optional<Change> pop();
  bool empty() const { return items_.empty(); }
  // Goes on behind everything that was returned; "": from the start.
  const std::string& resume() const { return resume_; }
  // Of the last change that was returned; "": none was.
  const std::string& returned() const { return returned_; }
  // Where it is now, when that has gone on without a change since it was asked last.
  std::optional<std::string> take_idle();
  // Bytes of batches that are through.
  uint64_t credit() const { return credit_; }
  // The same, when they are `least` or more, and counts from 0; else 0.
  uint64_t take_credit(uint64_t least);

 private:
  enum class What { kBatch, kReset, kSnapshotEnd, kHeartbeat };
  struct Item {
    What what;
    std::shared_ptr<const detail::Batch> batch;
    uint64_t bytes = 0;
    std::string position = {};
  };
  void count(const feed::v1::Change& raw, const feed::v1::Transaction& transaction);
  std::optional<Change> pop_from(const std::shared_ptr<const detail::Batch>& batch);

  std::deque<Item> items_;
  int next_ = 0;       // change of the first item
  uint64_t copy_ = 0;  // how many times that was returned: tables without a key have equal rows
  uint64_t credit_ = 0;
  std::string resume_;
  std::string returned_;
  bool idle_ = false;
  std::optional<uint64_t> came_;  // since the last begin; none: it was not seen
  Delivered delivered_;
  const bool tell_end_;
};

}  // namespace binbus
