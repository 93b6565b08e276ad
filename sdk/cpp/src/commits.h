// Which position is to be kept as the cursor's: one is under way at a time, and the newest goes next.
//
// Thread: none of its own; guarded by its user.
#pragma once

#include <optional>
#include <string>
#include <utility>

namespace binbus {

class Commits {
 public:
  // To be sent as soon as can be.
  void want(const std::string& position) {
    wanted_ = position;
    to_send_ = position;
    done_.reset();
  }
  // To be sent when it is time: see ripen().
  void done(const std::string& position) { done_ = position; }
  void ripen() {
    if (done_) to_send_ = std::exchange(done_, std::nullopt);
  }
  // The last that want() was told, whatever was done behind it.
  const std::string& wanted() const { return wanted_; }

  // What to send now, if anything; it is under way then.
  std::optional<std::string> take() {
    if (under_way_ || !to_send_) return std::nullopt;
    under_way_.swap(to_send_);
    return under_way_;
  }
  // What is under way is durable.
  void answered() { under_way_.reset(); }
  // Nobody knows whether it is: it is sent again, unless a newer one waits.
  void call_ended() {
    if (!to_send_) to_send_ = under_way_;
    under_way_.reset();
  }
  bool all_durable() const { return !to_send_ && !under_way_; }

 private:
  std::optional<std::string> to_send_;
  std::optional<std::string> under_way_;
  std::optional<std::string> done_;  // newer than all that is wanted
  std::string wanted_;
};

}  // namespace binbus
