// The part of a shared cursor's worker: what it tells of the log, and how that changes.
#include <binbus/feed/v1/feed.pb.h>
#include <fmt/format.h>

#include <bit>

#include "feed/subscriber.h"

namespace binbus::feed {
namespace {

constexpr uint64_t kAskMs = 250;
constexpr uint64_t kReturnedMs = 2'000;  // for a client to commit what its earlier call was told

}  // namespace

Status Subscriber::serve_share(const std::stop_token& stop) {
  PartPlaces taken;
  if (!start_->resume().empty()) {
    BINBUS_TRY(resume, PartPlaces::parse(start_->resume()));
    taken = std::move(resume);
  }
  for (bool begun = false;; begun = true) {
    BINBUS_TRY(has, wait_for_parts(stop));
    BINBUS_RETURN_IF_ERROR(begin_share(std::move(has), taken, stop));
    if (!begun) {
      v1::SubscribeResponse message;
      message.mutable_subscribed()->set_node(node_);
      message.mutable_subscribed()->set_position(follower_->position());
      BINBUS_RETURN_IF_ERROR(send(message));
    }
    BINBUS_RETURN_IF_ERROR(follow(stop));
    if (stay_ == Stay::kGiveUp) BINBUS_RETURN_IF_ERROR(drain(stop));
    BINBUS_TRY(told, PartPlaces::parse(follower_->position()));
    taken = std::move(told);
  }
}

Result<PartPlaces> Subscriber::wait_for_parts(const std::stop_token& stop) {
  for (has_ = 0;;) {
    auto has = stream_.cursors->join(start_->cursor(), holder_);
    if (has) {
      for (const PartPlaces::At& at : has->all) has_ |= at.parts;
      renewed_us_ = leased_us_ = clock_.monotonic_us();
      stay_ = Stay::kGoOn;
      const std::lock_guard lock(mutex_);
      cursors_ = stream_.cursors;
      return has;
    }
    if (has.error().code != Code::kUnavailable) return has;
    if (Status waited = wait(has.error().message, kAskMs, stop); !waited) {
      // None are to be kept for it.
      if (!begun_) stream_.cursors->leave(start_->cursor(), holder_);
      return fail(waited.error());
    }
  }
}

Result<Spot> Subscriber::check_spot(std::string_view place, const std::stop_token& stop) {
  Spot spot;
  BINBUS_RETURN_IF_ERROR(when_there(
      [&]() -> Status {
        BINBUS_TRY(found, find_spot(follower_->changes(), place));
        spot = found;
        return ok();
      },
      stop));
  BINBUS_RETURN_IF_ERROR(check_boundary(spot.at, place));
  return spot;
}

Status Subscriber::begin_cursor(PartPlaces& has, const PartPlaces& taken,
                                const std::stop_token& stop) {
  Parts fresh = 0;
  for (const PartPlaces::At& at : has.all) fresh |= at.place.empty() ? at.parts : 0;
  for (const PartPlaces::At& at : taken.all) fresh &= ~at.parts;
  if (fresh == 0) return ok();
  if (start_->from().empty()) return fail(no_position());
  BINBUS_RETURN_IF_ERROR(start(start_->from() == "now" ? "latest" : start_->from(), stop));
  // Kept before anything comes, so that who gets them next begins there, too.
  PartPlaces begun;
  begun.add(follower_->place().print(), fresh);
  if (const Status kept = stream_.cursors->commit_parts(start_->cursor(), holder_, begun); !kept)
    return fail(Code::kUnavailable, kept.error().message);
  for (PartPlaces::At& at : has.all) at.parts &= ~fresh;
  has.add(follower_->place().print(), fresh);
  return ok();
}

Status Subscriber::begin_share(PartPlaces has, const PartPlaces& taken,
                               const std::stop_token& stop) {
  BINBUS_RETURN_IF_ERROR(begin_cursor(has, taken, stop));
  std::vector<Share::Begin> begins;
  std::array<Spot, kParts> committed;
  Parts parts = 0;
  for (const PartPlaces::At& at : has.all) {
    if (at.parts == 0) continue;
    parts |= at.parts;
    BINBUS_TRY(spot, at.place.empty() ? Result<Spot>(Spot{}) : check_spot(at.place, stop));
    for (uint32_t part = 0; part < kParts; ++part) {
      if ((at.parts >> part & 1) != 0) committed[part] = spot;
    }
    Parts rest = at.parts;
    for (const PartPlaces::At& its : taken.all) {
      const Parts both = its.parts & at.parts;
      if (both == 0) continue;
      BINBUS_TRY(told, check_spot(its.place, stop));
      if (told <= spot && !at.place.empty()) continue;
      begins.push_back({its.place, told, both});
      rest &= ~both;
    }
    if (rest != 0) begins.push_back({at.place, spot, rest});
  }
  BINBUS_RETURN_IF_ERROR(follower_->seek(Share(std::move(begins))));
  place_ = follower_->place();
  begun_ = true;
  presence_->set_parts(static_cast<uint32_t>(std::popcount(parts)));
  const std::lock_guard lock(mutex_);
  parts_ = parts;
  committed_ = committed;
  return ok();
}

Status Subscriber::stay(Cursors& cursors) {
  BINBUS_TRY(next, cursors.stay(start_->cursor(), holder_, has_));
  if (next == Stay::kLost) {
    return fail(Code::kExists, fmt::format("cursor {}: the keys of {} are others' now: subscribe "
                                           "again",
                                           start_->cursor(), holder_.client));
  }
  stay_ = next;
  return ok();
}

bool Subscriber::all_committed(const std::string& position) {
  const auto sent = PartPlaces::parse(position);
  if (!sent) return true;  // nothing was sent
  const std::lock_guard lock(mutex_);
  for (const PartPlaces::At& at : sent->all) {
    const Spot spot = find_spot(follower_->changes(), at.place).value_or(Spot{});
    for (uint32_t part = 0; part < kParts; ++part) {
      if (((at.parts & parts_) >> part & 1) != 0 && committed_[part] < spot) return false;
    }
  }
  return true;
}

// Others are told what comes behind. The table ends it when it takes too long.
Status Subscriber::drain(const std::stop_token& stop) {
  const std::string reason =
      fmt::format("the keys of cursor {} are divided anew: commit what is done", start_->cursor());
  presence_->set("waiting", reason);
  v1::SubscribeResponse message;
  message.mutable_waiting()->set_reason(reason);
  BINBUS_RETURN_IF_ERROR(send(message));
  BINBUS_RETURN_IF_ERROR(send_heartbeat());
  // What the client had of an earlier call it commits soon, or never, as it was told of no change there.
  const bool any = !sent_.empty();
  const uint64_t until_us = any ? UINT64_MAX : clock_.monotonic_us() + kReturnedMs * 1000;
  while (stay_ == Stay::kGiveUp && !all_committed(any ? sent_ : start_->resume()) &&
         clock_.monotonic_us() < until_us) {
    BINBUS_RETURN_IF_ERROR(heartbeat());
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, std::chrono::milliseconds(kAskMs), [] { return false; });
    if (stop.stop_requested()) return fail(Code::kStopped, "asked to stop");
  }
  return ok();
}

Status Subscriber::commit_share(const std::string& position) {
  BINBUS_TRY(places, PartPlaces::parse(position));
  for (const PartPlaces::At& at : places.all) BINBUS_RETURN_IF_ERROR(Place::parse(at.place));
  std::shared_ptr<Cursors> cursors;
  std::array<Spot, kParts> committed;
  Parts parts = 0;
  {
    const std::lock_guard lock(mutex_);
    cursors = cursors_;
    committed = committed_;
    parts = parts_;
  }
  if (!cursors || parts == 0) return fail(Code::kUnavailable, "commit: the worker has no keys yet");
  const changes::LogChanges log(*stream_.log, stream_.schema_at);
  PartPlaces further;  // of its own parts; what is another's now stays as it is
  for (const PartPlaces::At& at : places.all) {
    const auto spot = find_spot(log, at.place);
    if (!spot) return fail_in("commit", spot.error());  // nobody was told of it
    for (uint32_t part = 0; part < kParts; ++part) {
      const Parts bit = Parts{1} << part;
      if ((at.parts & parts & bit) == 0 || *spot <= committed[part]) continue;
      further.add(at.place, bit);
      committed[part] = *spot;
    }
  }
  if (further.all.empty()) return ok();
  const Status done = cursors->commit_parts(start_->cursor(), holder_, further);
  if (!done && done.error().code == Code::kExists)
    return fail(Code::kStopped, done.error().message);
  BINBUS_RETURN_IF_ERROR(done);
  const std::lock_guard lock(mutex_);
  for (uint32_t part = 0; part < kParts; ++part)
    committed_[part] = std::max(committed_[part], committed[part]);
  wake_.notify_all();
  return ok();
}

}  // namespace binbus::feed
