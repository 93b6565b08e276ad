#include "subscription.h"

#include <algorithm>
#include <random>

#include "backoff.h"

namespace binbus {
namespace {

using feed::v1::SubscribeResponse;

std::string random_name() {
  std::random_device random;
  std::string name = "cpp-";
  for (int i = 0; i < 16; ++i) name += "0123456789abcdef"[random() % 16];
  return name;
}

feed::v1::Start start_of(const SubscribeOptions& options) {
  feed::v1::Start start;
  start.set_stream(options.stream);
  start.set_from(options.start.text());
  start.set_cursor(options.cursor);
  feed::v1::Filter& filter = *start.mutable_filter();
  filter.mutable_tables()->Assign(options.tables.begin(), options.tables.end());
  filter.mutable_exclude()->Assign(options.exclude.begin(), options.exclude.end());
  filter.mutable_operations()->Assign(options.operations.begin(), options.operations.end());
  filter.mutable_columns()->Assign(options.columns.begin(), options.columns.end());
  filter.set_where(options.where);
  start.set_transactions(options.transactions);
  start.set_sql(options.sql);
  start.set_full_rows(options.full_rows);
  start.set_shared(options.shared);
  start.set_credit_bytes(options.credit_bytes);
  start.set_client(options.client.empty() ? random_name() : options.client);
  return start;
}

void check(const SubscribeOptions& options) {
  const auto refuse = [](const char* why) {
    throw Error(ErrorCode::kInvalid, std::string("subscribe: ") + why);
  };
  if (options.stream.empty()) refuse("name the stream, as .stream = \"shop\"");
  if (options.credit_bytes == 0) refuse("credit_bytes: with none, nothing comes");
  if (options.auto_commit.count() < 0) refuse("auto_commit: is a time, or 0");
  if (options.auto_commit.count() > 0 && options.cursor.empty())
    refuse("auto_commit: name a cursor");
  if (options.shared && options.cursor.empty()) refuse("shared: name the cursor");
}

}  // namespace

Subscription::Subscription(std::shared_ptr<Nodes> nodes, SubscribeOptions options)
    : nodes_(std::move(nodes)),
      options_((check(options), std::move(options))),
      start_(start_of(options_)),
      least_credit_(std::max<uint64_t>(options_.credit_bytes / 4, 1)),
      inbox_(options_.position, options_.snapshot_end, options_.shared) {}

void Subscription::start() {
  thread_ = std::thread([this] { run(); });
}

void Subscription::close() {
  const Clock::time_point until = Clock::now() + kLeave;
  stop();
  flush(until);
  std::unique_lock lock(mutex_);
  if (options_
          .shared) {  // its keys are others' at once, and not only when it was not heard of for some time
    leave_ = Leave::kWanted;
    send(lock);
    lock.lock();
    wake_.wait_until(lock, until, [this] { return over_ || !call_; });
  }
  closing_ = true;
  wake_.notify_all();
  lock.unlock();
  if (thread_.joinable()) thread_.join();
}

// --- for the program -------------------------------------------------------------------------------------------------

std::optional<Change> Subscription::take(Until until, bool inside) {
  std::unique_lock lock(mutex_);
  for (bool looked = false;;) {
    if (stopped_) return std::nullopt;
    auto change = pop();
    if (inbox_.credit() >= least_credit_ && !std::exchange(looked, true)) {
      send(lock);
      if (change) return change;
      lock.lock();
      continue;  // it was unlocked
    }
    if (change) return change;
    // The position goes on while nothing comes, and with it the cursor, if all that was returned is done.
    const auto idle = inside ? std::nullopt : inbox_.take_idle();
    if (idle && !options_.cursor.empty() &&
        (options_.auto_commit.count() > 0 || inbox_.returned() == commits_.wanted()))
      commits_.done(*idle);
    if (error_ || (until && Clock::now() >= *until)) return std::nullopt;
    if (until) {
      wake_.wait_until(lock, *until);
    } else {
      wake_.wait(lock);
    }
    looked = false;
  }
}

std::optional<Change> Subscription::pop() {
  try {
    return inbox_.pop();
  } catch (const Error& error) {  // what came behind it is no better
    error_ = error;
    inbox_.clear();
    wake_.notify_all();
    return std::nullopt;
  }
}

void Subscription::done() {
  if (options_.auto_commit.count() == 0) return;
  const std::lock_guard lock(mutex_);
  if (!inbox_.returned().empty()) commits_.done(inbox_.returned());
}

void Subscription::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  wake_.notify_all();
}

bool Subscription::ended() const {
  const std::lock_guard lock(mutex_);
  return stopped_ || (error_ && inbox_.empty());
}

std::optional<Error> Subscription::error() const {
  const std::lock_guard lock(mutex_);
  return inbox_.empty() ? error_ : std::nullopt;
}

void Subscription::commit(const std::string& position) {
  if (options_.cursor.empty())
    throw Error(ErrorCode::kInvalid, "commit: the subscription has no cursor");
  std::unique_lock lock(mutex_);
  commits_.want(position);
  send(lock);
}

bool Subscription::flush(Clock::time_point until) {
  std::unique_lock lock(mutex_);
  commits_.ripen();
  send(lock);
  lock.lock();
  return wake_.wait_until(lock, until, [this] { return commits_.all_durable() || error_; }) &&
         commits_.all_durable();
}

void Subscription::send(std::unique_lock<std::mutex>& lock) {
  const std::shared_ptr<Call> call = call_;
  lock.unlock();
  if (call) call->send();
}

// --- one call after the other ----------------------------------------------------------------------------------------

void Subscription::run() {
  Backoff backoff;
  std::string address;
  for (;;) {
    address = nodes_->after(address);
    const grpc::Status status = serve(address);
    std::unique_lock lock(mutex_);
    if (closing_ || leave_ != Leave::kNo) return;
    error_ = error_ ? error_ : final_error(status);
    if (error_) {
      wake_.notify_all();
      return;
    }
    inbox_.clear();  // what was not returned comes again
    if (std::exchange(progress_, false)) backoff.reset();
    lock.unlock();
    tell(State::kDisconnected, address, status.error_message());
    lock.lock();
    if (wake_.wait_for(lock, backoff.next(), [this] { return closing_; })) return;
  }
}

grpc::Status Subscription::serve(const std::string& address) {
  const auto stub = nodes_->connect(address);
  if (const grpc::Status status = nodes_->ask(*stub); !status.ok()) return status;
  std::unique_lock lock(mutex_);
  tables_ = {};
  node_ = address;
  waiting_for_.clear();
  over_.reset();
  call_ = std::make_shared<Call>(static_cast<Call::User&>(*this), start_message());
  nodes_->prepare(call_->context());
  lock.unlock();
  call_->begin(*stub);
  watch(*call_, *stub);
  lock.lock();
  subscribed_ = false;
  commits_.call_ended();
  call_.reset();
  return *over_;
}

// Until it is over. Ends it when the feed is left.
void Subscription::watch(Call& call, feed::v1::Feed::Stub& stub) {
  const bool by_itself = options_.auto_commit.count() > 0;
  const Clock::duration commit_each =
      by_itself ? Clock::duration(options_.auto_commit) : kIdleCommit;
  Clock::time_point commit_at = Clock::now() + commit_each;
  Clock::time_point ask_at = Clock::now() + kAskNodes;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait_until(lock, std::min(commit_at, ask_at),
                     [this] { return over_ || closing_ || error_; });
    if (over_) return;
    if (closing_ || error_) {
      lock.unlock();
      call.cancel();
      lock.lock();
      wake_.wait(lock, [this] { return over_.has_value(); });
      return;
    }
    const Clock::time_point now = Clock::now();
    if (now >= commit_at) {
      commit_at = now + commit_each;
      commits_.ripen();
      send(lock);
      lock.lock();
    }
    if (now >= ask_at) {
      ask_at = now + kAskNodes;
      lock.unlock();
      nodes_->ask(stub);  // who is new; whether this one answers is seen by the call
      lock.lock();
    }
  }
}

feed::v1::Start Subscription::start_message() const {
  feed::v1::Start start = start_;
  start.set_resume(inbox_.resume());
  return start;
}

std::optional<Error> Subscription::final_error(const grpc::Status& status) const {
  const auto error = [&status](ErrorCode code) { return Error(code, status.error_message()); };
  switch (status.error_code()) {
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
      return error(ErrorCode::kUnauthenticated);
    case grpc::StatusCode::INVALID_ARGUMENT:
      return error(ErrorCode::kInvalid);
    case grpc::StatusCode::NOT_FOUND:
      return error(ErrorCode::kNotFound);
    case grpc::StatusCode::OUT_OF_RANGE:
      return error(ErrorCode::kPurged);
    case grpc::StatusCode::FAILED_PRECONDITION:
      return error(ErrorCode::kRefused);
    case grpc::StatusCode::UNIMPLEMENTED:
      return error(ErrorCode::kProtocol);
    default:  // RESOURCE_EXHAUSTED, too: others leave
      return std::nullopt;
  }
}

// --- from gRPC's threads ---------------------------------------------------------------------------------------------

void Subscription::received(SubscribeResponse& message) {
  try {
    take_in(message);
  } catch (const Error& error) {  // from Tables::make()
    const std::lock_guard lock(mutex_);
    error_ = error;
    wake_.notify_all();
  }
}

void Subscription::take_in(SubscribeResponse& message) {
  if (message.has_subscribed()) {
    if (!message.subscribed().node().empty()) node_ = message.subscribed().node();
    tell(State::kConnected, node_, "");
  } else if (message.has_waiting() && message.waiting().reason() != waiting_for_) {
    waiting_for_ = message.waiting().reason();
    tell(State::kWaiting, node_, waiting_for_);
  }
  std::shared_ptr<detail::Batch> batch;
  const uint64_t bytes = message.has_batch() ? message.ByteSizeLong() : 0;
  if (message.has_batch()) {
    batch = tables_.make(std::move(*message.mutable_batch()));
    batch->committer = weak_from_this();
  }
  std::unique_lock lock(mutex_);
  if (error_) return;
  switch (message.message_case()) {
    case SubscribeResponse::kSubscribed:
      subscribed_ = true;
      inbox_.subscribed(message.subscribed().position());
      break;
    case SubscribeResponse::kSnapshotBegin:
      inbox_.snapshot_begin(message.snapshot_begin().anew());
      break;
    case SubscribeResponse::kSnapshotEnd:
      inbox_.snapshot_end(message.snapshot_end().position(), weak_from_this());
      break;
    case SubscribeResponse::kBatch:
      inbox_.batch(std::move(batch), bytes);
      break;
    case SubscribeResponse::kHeartbeat:
      inbox_.heartbeat(message.heartbeat().position());
      break;
    case SubscribeResponse::kCommitted:
      commits_.answered();
      break;
    default:  // Waiting, and what is new
      return;
  }
  progress_ = progress_ || !message.has_subscribed();
  wake_.notify_all();
  if (message.has_subscribed() || message.has_committed()) send(lock);
}

bool Subscription::to_send(feed::v1::SubscribeRequest& message) {
  const std::lock_guard lock(mutex_);
  if (leave_ == Leave::kWanted) {
    leave_ = Leave::kSent;
    message.mutable_leave();
    return true;
  }
  if (!subscribed_) return false;
  if (const uint64_t credit = inbox_.take_credit(least_credit_)) {
    message.mutable_credit()->set_bytes(credit);
    return true;
  }
  const auto position = commits_.take();
  if (position) message.mutable_commit()->set_position(*position);
  return position.has_value();
}

void Subscription::call_over(const grpc::Status& status) {
  const std::lock_guard lock(mutex_);
  over_ = status;
  wake_.notify_all();
}

void Subscription::tell(State::Kind kind, const std::string& node,
                        const std::string& reason) const {
  if (options_.on_state) options_.on_state({kind, node, reason});
}

}  // namespace binbus
