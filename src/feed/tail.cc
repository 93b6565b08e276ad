#include "feed/tail.h"

namespace binbus::feed {

Result<std::optional<Tail::Piece>> Tail::next(uint64_t number, uint64_t wait_ms,
                                              const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] {
    { const std::lock_guard lock(mutex_); }
    made_.notify_all();
  });
  std::unique_lock lock(mutex_);
  const auto may_go_on = [&] { return number < end_.number || !making_ || stop.stop_requested(); };
  if (!made_.wait_for(lock, std::chrono::milliseconds(wait_ms), may_go_on)) return std::nullopt;
  if (stop.stop_requested()) {
    made_.notify_one();  // it may have been its turn
    return fail(Code::kStopped, "asked to stop");
  }
  if (number == end_.number) {
    making_ = true;
    lock.unlock();
    const auto made = make(wait_ms, stop);
    lock.lock();
    making_ = false;
    made_.notify_one();  // makes the next one; those who can take this one know
    if (number == end_.number)
      return made ? Result<std::optional<Piece>>(std::nullopt) : fail(made.error());
  }
  const uint64_t first = end_.number - kept_.size();
  if (number < first) return fail(Code::kPurged, "the piece is not kept any more");
  return kept_[number - first].piece;
}

Result<bool> Tail::make(uint64_t wait_ms, const std::stop_token& stop) {
  const binlog::Position from = follower_->changes().position();
  const auto any = follower_->gather(wait_ms, stop, [this] { return publish(); });
  // Also where nothing was to be told of, as in the head of a new file: else who has all stays in one that may be removed.
  if (!follower_->batch().empty() || follower_->changes().position() != from)
    BINBUS_RETURN_IF_ERROR(publish());
  return any;
}

// All that was gathered, and where that ends.
Status Tail::publish() {
  Piece piece;
  size_t bytes = 0;
  if (!follower_->batch().empty()) {
    auto batch = std::make_shared<const Batch>(follower_->batch().take());
    bytes = batch->body.size();
    piece.batch = std::move(batch);
  }
  piece.to = follower_->place();
  piece.read = follower_->changes().position();
  keep(std::move(piece), bytes);
  made_.notify_all();  // all who wait want the lock, and find it free
  return ok();
}

void Tail::keep(Piece piece, size_t bytes) {
  const std::lock_guard lock(mutex_);
  const bool joins = end_joins_;
  const Joint joint = end_;
  end_ = {piece.read, end_.number + 1};
  end_joins_ = !piece.to.within;
  bytes_ += bytes;
  kept_.push_back({std::move(piece), joint, joins, bytes});
  while (kept_.size() > 1 && (bytes_ > kBytesMax || kept_.size() > kPiecesMax)) {
    bytes_ -= kept_.front().bytes;
    kept_.pop_front();
  }
}

std::optional<Tail::Joint> Tail::joint_from(binlog::Position at) const {
  const std::lock_guard lock(mutex_);
  if (end_joins_) return end_.at >= at ? std::optional(end_) : std::nullopt;
  for (auto kept = kept_.rbegin(); kept != kept_.rend() && kept->joint.at >= at; ++kept) {
    if (kept->joins) return kept->joint;
  }
  return std::nullopt;
}

bool Tail::is_left_behind(binlog::Position at) const {
  const std::lock_guard lock(mutex_);
  if (at.segment != end_.at.segment) return at.segment > end_.at.segment;
  return at.offset > end_.at.offset + kLeftBehindBytes;
}

bool Tail::has(uint64_t number) const {
  const std::lock_guard lock(mutex_);
  return number + kept_.size() >= end_.number && number <= end_.number;
}

}  // namespace binbus::feed
