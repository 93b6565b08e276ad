#include "feed/subscriber.h"

#include <binbus/feed/v1/feed.pb.h>
#include <fmt/format.h>

#include "base/error_table.h"

namespace binbus::feed {

using schema::Change;
using schema::Operation;

namespace {

constexpr uint64_t kAskMs = 250;                // how often what is waited for is looked at
constexpr uint64_t kRetryMs = 1'000;            // after what may mend itself
constexpr size_t kMessageBytesMax = INT32_MAX;  // protobuf's own limit
constexpr size_t kNewerMax = 1'000;             // a table is told again when so many were since
// How long a log may take to be open, and to have a place that was told elsewhere.
constexpr uint64_t kBehindMs = 5'000;

// What trying again cannot mend.
bool must_be_mended(Code code) {
  switch (code) {
    case Code::kNotFound:  // a table whose columns are not known yet
    case Code::kUnavailable:
    case Code::kLimit:
    case Code::kTimeout:
      return false;
    default:
      return true;
  }
}

}  // namespace

Subscriber::Subscriber(Streams& streams, io::Clock& clock, std::string node, const v1::Start& start,
                       std::string call, std::string peer, Output& out)
    : streams_(streams),
      clock_(clock),
      node_(std::move(node)),
      start_(std::make_unique<const v1::Start>(start)),
      holder_{start.client().empty() ? call : start.client(), call},
      peer_(std::move(peer)),
      out_(out),
      sent_us_(clock.monotonic_us()),
      unlimited_(start.credit_bytes() == 0),
      credit_(static_cast<int64_t>(start.credit_bytes())) {}

Subscriber::~Subscriber() = default;

Status Subscriber::check() const {
  if (start_->stream().empty())
    return fail(Code::kInvalid, "the first message is Start, with the name of a stream");
  if (start_->client().size() > 100)
    return fail(Code::kInvalid, "client: must be at most 100 bytes");
  if (shared() && start_->cursor().empty())
    return fail(Code::kInvalid, "shared: the workers share a cursor: name it");
  if (shared() && start_->from() == "snapshot") {
    return fail(Code::kInvalid,
                "from: what workers share does not begin with the rows of a snapshot: have one "
                "client read these, without the cursor, and begin at its last row's position");
  }
  if (!start_->cursor().empty()) return check_cursor_name(start_->cursor());
  if (!start_->from().empty() || !start_->resume().empty()) return ok();
  return fail(Code::kInvalid,
              "from: must be snapshot, now, earliest, gtid:SET, time:YYYY-MM-DDTHH:MM:SSZ or "
              "FILE:POS; it may be left out with a cursor only");
}

Status Subscriber::run(const std::stop_token& stop) {
  BINBUS_RETURN_IF_ERROR(check());
  BINBUS_RETURN_IF_ERROR(Selection::make(start_->filter()));
  BINBUS_TRY(stream, wait_for_stream(stop));
  stream_ = std::move(stream);
  presence_ = std::make_unique<Presence>(stream_.subscribers,
                                         SubscriberStatus{.client = holder_.client,
                                                          .peer = peer_,
                                                          .cursor = start_->cursor(),
                                                          .connected_us = clock_.wall_us()});
  std::stop_source ending;
  const std::stop_callback by_caller(stop, [&] { ending.request_stop(); });
  const std::stop_callback by_stream(stream_.closing, [&] { ending.request_stop(); });
  const std::stop_callback by_leaving(leave_.get_token(), [&] { ending.request_stop(); });
  Status served = serve(ending.get_token());
  end_lease(served);
  presence_.reset();
  if (leave_.stop_requested()) return ok();
  if (stream_.closing.stop_requested())
    return fail(Code::kUnavailable, fmt::format("stream {} ends here", start_->stream()));
  return served;
}

Status Subscriber::serve(const std::stop_token& stop) {
  BINBUS_TRY(follower, Follower::make(stream_, clock_, *start_));
  follower_ = std::move(follower);
  if (shared()) return serve_share(stop);
  BINBUS_TRY(committed, wait_for_cursor(stop));
  BINBUS_TRY(from, decide(committed));
  BINBUS_RETURN_IF_ERROR(begin(from, stop));
  return follow(stop);
}

void Subscriber::end_lease(const Status& served) {
  std::shared_ptr<Cursors> cursors;
  {
    const std::lock_guard lock(mutex_);
    cursors = std::exchange(cursors_, nullptr);
  }
  if (!cursors) return;
  if (!shared()) return cursors->release(start_->cursor(), holder_);
  // A worker whose call broke comes back, and has its keys until then.
  const bool comes_back = served.has_value() || retry_of(served.error().code) == Retry::kLater;
  if (leave_.stop_requested() || !comes_back) cursors->leave(start_->cursor(), holder_);
}

void Subscriber::let_go() {
  tail_.reset();
  ahead_.reset();
  follower_.reset();
  stream_ = {};
}

void Subscriber::leave() { leave_.request_stop(); }

bool Subscriber::shared() const { return start_->shared(); }

Result<Stream> Subscriber::wait_for_stream(const std::stop_token& stop) {
  // Where it does not come soon, another node may have it.
  for (const uint64_t until_us = clock_.monotonic_us() + kBehindMs * 1000;;) {
    auto stream = streams_.feed(start_->stream());
    const bool later = !stream && stream.error().code == Code::kUnavailable;
    if (!later || clock_.monotonic_us() > until_us) return stream;
    BINBUS_RETURN_IF_ERROR(wait(stream.error().message, kAskMs, stop));
  }
}

Result<std::string> Subscriber::wait_for_cursor(const std::stop_token& stop) {
  if (start_->cursor().empty()) return "";
  for (;;) {
    auto position = stream_.cursors->lease(start_->cursor(), holder_, !start_->resume().empty());
    if (position) {
      renewed_us_ = leased_us_ = clock_.monotonic_us();
      const std::lock_guard lock(mutex_);
      cursors_ = stream_.cursors;
      return position;
    }
    if (position.error().code != Code::kUnavailable) return position;
    if (Status waited = wait(position.error().message, kAskMs, stop); !waited) {
      stream_.cursors->release(start_->cursor(), holder_);  // who waits behind it need not
      return fail(waited.error());
    }
  }
}

bool Subscriber::before(const Place& one, const Place& other) const {
  if (one.row != other.row) return one.row && (!other.row || *one.row < *other.row);
  if (one.at != other.at) return follower_->changes().before(one.at, other.at);
  return one.within < other.within;
}

Result<Subscriber::From> Subscriber::decide(const std::string& committed) const {
  From from{.start = start_->from() == "now" ? "latest" : start_->from(), .place = {}};
  if (!start_->resume().empty()) {
    BINBUS_TRY(place, Place::parse(start_->resume()));
    from.place = place;
  }
  if (!committed.empty()) {
    BINBUS_TRY(place, Place::parse(committed));
    if (!from.place || before(*from.place, place)) from.place = place;
  }
  if (from.place || !from.start.empty()) return from;
  return fail(no_position());
}

Error Subscriber::no_position() const {
  return {Code::kNotFound,
          fmt::format("cursor {} has no position yet: say where to begin, as from = \"{}\"",
                      start_->cursor(), shared() ? "now" : "snapshot")};
}

Status Subscriber::begin(const From& from, const std::stop_token& stop) {
  const bool snapshot = from.place ? from.place->row.has_value() : from.start == "snapshot";
  if (from.place && !snapshot) {
    BINBUS_RETURN_IF_ERROR(when_there([&] { return follower_->seek(*from.place); }, stop));
    BINBUS_RETURN_IF_ERROR(check_boundary(follower_->changes().position(), from.place->print()));
  } else if (!snapshot) {
    BINBUS_RETURN_IF_ERROR(start(from.start, stop));
  }
  place_ = follower_->place();
  v1::SubscribeResponse message;
  v1::Subscribed& subscribed = *message.mutable_subscribed();
  subscribed.set_node(node_);
  if (from.place) {
    subscribed.set_position(from.place->print());
  } else if (!snapshot) {
    subscribed.set_position(place_.print());
  }
  BINBUS_RETURN_IF_ERROR(send(message));
  return snapshot ? take_snapshot(from.place, stop) : ok();
}

Status Subscriber::start(const std::string& from, const std::stop_token& stop) {
  // What has nothing has no place: a client that came again would be told of another "now".
  while (stream_.log->size().oldest == 0)
    BINBUS_RETURN_IF_ERROR(wait("the log has nothing yet", kAskMs, stop));
  return follower_->start(from);
}

Status Subscriber::when_there(const std::function<Status()>& look, const std::stop_token& stop) {
  const uint64_t until_us = clock_.monotonic_us() + kBehindMs * 1000;
  for (;;) {
    Status looked = look();
    if (looked || looked.error().code != Code::kNotFound) return looked;
    if (clock_.monotonic_us() > until_us) {
      return fail(Code::kUnavailable, "the log is behind, or the position is of another one: " +
                                          looked.error().message);
    }
    BINBUS_RETURN_IF_ERROR(wait(looked.error().message, kAskMs, stop));
  }
}

// A client's position may be anything: of one within a transaction's bytes nothing can be read.
Status Subscriber::check_boundary(binlog::Position at, std::string_view position) const {
  if (at.segment == 0) return ok();
  BINBUS_TRY(around, stream_.log->find_stretch(at));
  if (around.from == around.to) return ok();
  return fail(
      Code::kInvalid,
      fmt::format("\"{}\" is no position: give one that came with a change, as it is", position));
}

Status Subscriber::follow(const std::stop_token& stop) {
  for (;;) {
    if (const Status done = tail_ ? take_piece(stop) : read_on(stop); !done) {
      if (done.error().code == Code::kStopped || done.error().code == Code::kNetwork) return done;
      BINBUS_RETURN_IF_ERROR(flush(stop));
      if (!tail_) place_ = follower_->place();
      if (must_be_mended(done.error().code)) return done;
      BINBUS_RETURN_IF_ERROR(wait(done.error().message, kRetryMs, stop));
    }
    BINBUS_RETURN_IF_ERROR(heartbeat());
    if (stay_ != Stay::kGoOn) return ok();
  }
}

Status Subscriber::read_on(const std::stop_token& stop) {
  join_tail();
  if (tail_) return ok();
  BINBUS_RETURN_IF_ERROR(follower_->gather(kHeartbeatMs, stop, [&] { return flush(stop); }));
  BINBUS_RETURN_IF_ERROR(flush(stop));
  place_ = follower_->place();
  show(follower_->changes().position());
  return ok();
}

Status Subscriber::take_piece(const std::stop_token& stop) {
  const auto piece = tail_->next(next_piece_, kHeartbeatMs, stop);
  if (!piece && piece.error().code == Code::kPurged) {
    tail_.reset();
    return follower_->seek(place_);
  }
  if (!piece) return fail(piece.error());
  if (!*piece) return ok();
  if ((*piece)->batch) BINBUS_RETURN_IF_ERROR(send((*piece)->batch, stop));
  place_ = (*piece)->to;
  ++next_piece_;
  show((*piece)->read);
  return ok();
}

// Nothing of what the follower has read is left to be sent.
void Subscriber::join_tail() {
  if (shared()) return;       // what others take is no use to it
  if (place_.within) return;  // the client has a part of the transaction that comes next
  const binlog::Position at = follower_->changes().position();
  if (!ahead_) {
    if (!follower_->changes().at_end() || follower_->begun_with_a_set()) return;
    v1::Start wants;
    *wants.mutable_filter() = start_->filter();
    wants.set_sql(start_->sql());
    wants.set_transactions(start_->transactions());
    wants.set_full_rows(start_->full_rows());
    const std::string name = wants.SerializeAsString();
    ahead_ = stream_.tails->find(name);
    if (!ahead_ || ahead_->is_left_behind(at)) {
      auto follower = Follower::make(stream_, clock_, wants);
      if (!follower || !(*follower)->seek(place_)) return;
      ahead_ = std::make_shared<Tail>(std::move(*follower));
      stream_.tails->put(name, ahead_);
    }
    const auto joint = ahead_->joint_from(at);
    if (!joint) return ahead_.reset();
    joint_ = *joint;
    follower_->changes().stop_at(joint_.at);
  }
  if (at < joint_.at) return;
  follower_->changes().stop_at({UINT64_MAX, 0});
  if (ahead_->has(joint_.number)) {
    tail_ = ahead_;
    next_piece_ = joint_.number;
    follower_->changes().let_go();
  }
  ahead_.reset();
}

void Subscriber::show(binlog::Position read) {
  presence_->set(read < stream_.log->visible_end() ? "sending" : "caught_up");
  presence_->move_to(place_.at, read);
}

Status Subscriber::flush(const std::stop_token& stop) {
  if (follower_->batch().empty()) return ok();
  return send(std::make_shared<const Batch>(follower_->batch().take()), stop);
}

Status Subscriber::send(const std::shared_ptr<const Batch>& batch, const std::stop_token& stop) {
  const auto may_send = [this] { return unlimited_ || credit_ > 0; };
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, std::chrono::milliseconds(kHeartbeatMs), may_send);
      if (may_send()) break;
    }
    BINBUS_RETURN_IF_ERROR(wait("no credit is left", 0, stop));
  }
  std::vector<Batch::Named> untold;
  for (const Batch::Named& table : batch->tables) {
    const auto [its, added] = told_.try_emplace(table.id, told_count_);
    if (!added && told_count_ - its->second < kNewerMax) continue;
    its->second = told_count_++;
    untold.push_back(table);
  }
  const std::string head = head_of(untold, batch->body.size());
  const size_t bytes = head.size() + batch->body.size();
  if (bytes > kMessageBytesMax) {
    return fail(
        Code::kLimit,
        fmt::format("behind {}: a change takes {} bytes, and a message may have {}; leave its "
                    "column out (columns)",
                    place_.print(), bytes, kMessageBytesMax));
  }
  sent_ = batch->position;
  BINBUS_RETURN_IF_ERROR(send(head, {batch, &batch->body}));
  BINBUS_RETURN_IF_ERROR(keep_lease());
  const std::lock_guard lock(mutex_);
  if (!unlimited_) credit_ -= static_cast<int64_t>(bytes);
  return ok();
}

Status Subscriber::heartbeat() {
  BINBUS_RETURN_IF_ERROR(keep_lease());
  return silent_for(kHeartbeatMs) ? send_heartbeat() : ok();
}

Status Subscriber::send_heartbeat() {
  v1::SubscribeResponse message;
  message.mutable_heartbeat()->set_position(shared() ? follower_->position() : place_.print());
  message.mutable_heartbeat()->set_source_time_us(stream_.log->last_commit_us());
  return send(message);
}

Status Subscriber::wait(const std::string& reason, uint64_t ms, const std::stop_token& stop) {
  if (presence_) presence_->set("waiting", reason);
  if (silent_for(kHeartbeatMs)) {
    v1::SubscribeResponse message;
    message.mutable_waiting()->set_reason(reason);
    BINBUS_RETURN_IF_ERROR(send(message));
  }
  BINBUS_RETURN_IF_ERROR(keep_lease());
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, stop, std::chrono::milliseconds(ms), [] { return false; });
  return stop.stop_requested() ? fail(Code::kStopped, "asked to stop") : ok();
}

Status Subscriber::keep_lease() {
  const uint64_t now_us = clock_.monotonic_us();
  if (now_us < renewed_us_ + Cursors::kRenewMs * 1000) return ok();
  const std::shared_ptr<Cursors> cursors = leased();
  if (!cursors) return ok();
  const Status renewed = shared() ? stay(*cursors) : cursors->renew(start_->cursor(), holder_);
  if (renewed) leased_us_ = now_us;
  // Who leads may be changing: the lease is good until its time is over.
  const bool good = renewed.has_value() || (renewed.error().code != Code::kExists &&
                                            now_us < leased_us_ + Cursors::kLeaseMs * 1000);
  if (!good) return fail(Code::kUnavailable, renewed.error().message);
  renewed_us_ = now_us;
  return ok();
}

bool Subscriber::may_commit() const {
  const std::lock_guard lock(mutex_);
  return cursors_ && (!shared() || parts_ != 0);
}

std::shared_ptr<Cursors> Subscriber::leased() const {
  const std::lock_guard lock(mutex_);
  return cursors_;
}

// The place that it has is no longer one to go on from.
Status Subscriber::forget_cursor() {
  const std::shared_ptr<Cursors> cursors = leased();
  if (!cursors) return ok();
  const Status done = cursors->commit(start_->cursor(), holder_, "");
  return done ? ok() : fail(Code::kUnavailable, done.error().message);
}

Status Subscriber::send(const v1::SubscribeResponse& message) {
  return send(message.SerializeAsString(), nullptr);
}

Status Subscriber::send(std::string_view head, std::shared_ptr<const std::string> body) {
  const size_t bytes = head.size() + (body ? body->size() : 0);
  Status kept = ok();
  BINBUS_RETURN_IF_ERROR(out_.send(head, std::move(body), [&] {
    if (kept) kept = keep_lease();
  }));
  sent_us_ = clock_.monotonic_us();
  if (presence_) presence_->sent(bytes);
  return kept;
}

void Subscriber::credit(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  credit_ += static_cast<int64_t>(std::min<uint64_t>(bytes, 1ULL << 40));
  credit_ = std::min<int64_t>(credit_, 1LL << 40);
  wake_.notify_all();
}

Status Subscriber::commit(const std::string& position) {
  if (start_->cursor().empty())
    return fail(Code::kInvalid, "commit: the subscription has no cursor");
  if (shared()) return commit_share(position);
  BINBUS_TRY(place, Place::parse(position));
  const std::shared_ptr<Cursors> cursors = leased();
  if (!cursors) return fail(Code::kUnavailable, "commit: the cursor is not leased");
  const auto there = changes::LogChanges(*stream_.log, stream_.schema_at).find(place.at);
  if (!there && there.error().code == Code::kNotFound)
    return fail_in("commit", there.error());  // nobody was told of it
  Status done = cursors->commit(start_->cursor(), holder_, position);
  if (!done && done.error().code == Code::kExists)
    return fail(Code::kStopped, done.error().message);
  return done;
}

}  // namespace binbus::feed
