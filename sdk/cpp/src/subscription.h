// A feed at work: one call after the other, at this node or that, until it is left or cannot go on.
//
// Lifecycle: made, start(), and close() by the last user, which joins.
// Thread:    run() on its own; gRPC's call in through Call::User; all else from any. mutex_ guards what they share, and is not held
//            while gRPC or the program is called.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "binbus/feed.h"
#include "call.h"
#include "commits.h"
#include "inbox.h"
#include "nodes.h"

namespace binbus {

class Subscription final : public Committer,
                           private Call::User,
                           public std::enable_shared_from_this<Subscription> {
 public:
  using Clock = std::chrono::steady_clock;
  using Until = std::optional<Clock::time_point>;  // none: for ever
  static constexpr std::chrono::seconds kAskNodes{30};
  static constexpr std::chrono::seconds kIdleCommit{10};
  static constexpr std::chrono::seconds kLeave{2};

  Subscription(std::shared_ptr<Nodes> nodes, SubscribeOptions options);
  const SubscribeOptions& options() const { return options_; }

  void start();
  // Waits for what was committed, at most kLeave.
  void close();

  // `inside`: a transaction is under way that the program has nothing of yet; no place in it is done.
  std::optional<Change> take(Until until, bool inside = false);
  // What was returned so far is done, as far as auto_commit goes.
  void done();
  void stop();
  bool ended() const;
  std::optional<Error> error() const;
  void commit(const std::string& position) override;
  bool flush(Clock::time_point until);

 private:
  std::optional<Change> pop();
  void run();
  // One call at that node, to its end.
  grpc::Status serve(const std::string& address);
  void watch(Call& call, feed::v1::Feed::Stub& stub);
  feed::v1::Start start_message() const;
  std::optional<Error> final_error(const grpc::Status& status) const;

  void received(feed::v1::SubscribeResponse& message) override;
  bool to_send(feed::v1::SubscribeRequest& message) override;
  void call_over(const grpc::Status& status) override;
  void take_in(feed::v1::SubscribeResponse& message);
  void tell(State::Kind kind, const std::string& node, const std::string& reason) const;
  void send(std::unique_lock<std::mutex>& lock);  // leaves it unlocked

  const std::shared_ptr<Nodes> nodes_;
  const SubscribeOptions options_;
  const feed::v1::Start start_;
  const uint64_t least_credit_;  // is given back at a time
  std::thread thread_;

  // Of the call, on gRPC's threads.
  Tables tables_;
  std::string node_;
  std::string waiting_for_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;  // anything below has changed
  Inbox inbox_;
  Commits commits_;
  std::shared_ptr<Call> call_;        // the one under way
  std::optional<grpc::Status> over_;  // how it ended
  bool subscribed_ = false;           // it is served: positions may be committed
  bool progress_ = false;             // and has brought something
  std::optional<Error> error_;        // that ends the feed
  bool stopped_ = false;
  enum class Leave { kNo, kWanted, kSent };
  Leave leave_ = Leave::kNo;
  bool closing_ = false;
};

}  // namespace binbus
