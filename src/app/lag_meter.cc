#include "app/lag_meter.h"

#include <algorithm>

namespace binbus::app {
namespace {

constexpr size_t kSamplesMax = 512;
constexpr uint64_t kApartUs = 50'000;     // samples closer than this are one
constexpr uint64_t kQuietUs = 1'000'000;  // who hears nothing for so long has all that there is

uint64_t since(uint64_t now_us, uint64_t then_us) {
  return now_us > then_us ? now_us - then_us : 0;
}

// Of a commit. Sources that tell whole seconds only (MariaDB, MySQL before 8.0) mean any moment of
// that second: its end is taken, so that being up to date is no lag.
uint64_t age(uint64_t now_us, uint64_t commit_us) {
  constexpr uint64_t kSecondUs = 1'000'000;
  const bool whole_seconds = commit_us % kSecondUs == 0;
  return since(now_us, whole_seconds ? commit_us + kSecondUs - 1 : commit_us);
}

}  // namespace

void LagMeter::stored(const Stored& now, uint64_t now_us) {
  const std::lock_guard lock(mutex_);
  stored_us_ = now_us;
  const bool came = samples_.empty() || now.visible > samples_.back().end;
  if (!now.unfinished) {
    unfinished_since_us_ = 0;
  } else if (came || unfinished_since_us_ == 0) {
    unfinished_since_us_ = now_us;
  }
  if (came) {
    delay_us_ = now.commit_us == 0 ? 0 : age(now_us, now.commit_us);
    if (now.commit_us != 0) delays_.observe(delay_us_);
    sample(now);
  }
}

void LagMeter::seen(const Stored& now) {
  const std::lock_guard lock(mutex_);
  if (samples_.empty() || now.visible > samples_.back().end) sample(now);
}

// Adds a sample, or moves the newest along while it is close to the one before.
void LagMeter::sample(const Stored& now) {
  const size_t count = samples_.size();
  if (count >= 2 && now.commit_us < samples_[count - 2].commit_us + kApartUs) {
    samples_.back() = {now.visible, now.commit_us};
    return;
  }
  samples_.push_back({now.visible, now.commit_us});
  if (samples_.size() > kSamplesMax) thin();
}

// Drops the sample whose absence is felt least: where the gap is smallest for its age.
void LagMeter::thin() {
  const uint64_t newest_us = samples_.back().commit_us;
  const auto felt = [&](size_t i) {
    const auto gap =
        static_cast<double>(since(samples_[i + 1].commit_us, samples_[i - 1].commit_us));
    return gap / static_cast<double>(since(newest_us, samples_[i].commit_us) + kApartUs);
  };
  size_t least = 1;
  for (size_t i = 2; i + 1 < samples_.size(); ++i) {
    if (felt(i) < felt(least)) least = i;
  }
  samples_.erase(samples_.begin() + static_cast<std::ptrdiff_t>(least));
}

uint64_t LagMeter::source_lag_ms(uint64_t now_us) const {
  const std::lock_guard lock(mutex_);
  const uint64_t of_newest_us = since(now_us, stored_us_) < kQuietUs ? delay_us_ : 0;
  const uint64_t of_unfinished_us =
      unfinished_since_us_ == 0 ? 0 : since(now_us, unfinished_since_us_);
  return std::max(of_newest_us, of_unfinished_us) / 1000;
}

admin::DelayHistogram LagMeter::delays() const {
  const std::lock_guard lock(mutex_);
  return delays_;
}

uint64_t LagMeter::reader_lag_ms(binlog::Position position, uint64_t now_us) const {
  const std::lock_guard lock(mutex_);
  const auto after = std::ranges::upper_bound(samples_, position, {}, &Sample::end);
  if (after == samples_.end() || after->commit_us == 0) return 0;
  return age(now_us, after->commit_us) / 1000;
}

}  // namespace binbus::app
