#include "binbus/feed.h"

#include <cstdio>

#include "subscription.h"

namespace binbus {

Start Start::time(std::chrono::sys_seconds time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  char text[64];
  std::snprintf(text, sizeof text, "time:%04d-%02u-%02uT%02d:%02d:%02dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return Start(text);
}

Start Start::at(const std::string& file, uint64_t position) {
  return Start(file + ":" + std::to_string(position));
}

namespace {
std::chrono::steady_clock::time_point after(std::chrono::milliseconds timeout) {
  return std::chrono::steady_clock::now() + timeout;
}
}  // namespace

Feed::Feed(std::shared_ptr<Subscription> subscription) : subscription_(std::move(subscription)) {
  subscription_->start();
}
Feed::~Feed() { subscription_->close(); }

std::optional<Change> Feed::next() {
  subscription_->done();
  return subscription_->take({});
}

std::optional<Change> Feed::next(std::chrono::milliseconds timeout) {
  subscription_->done();
  return subscription_->take(after(timeout));
}

std::optional<Transaction> Feed::next_transaction() { return group({}); }
std::optional<Transaction> Feed::next_transaction(std::chrono::milliseconds timeout) {
  return group(after(timeout));
}

std::optional<Transaction> Feed::group(Until until) {
  if (!subscription_->options().transactions)
    throw Error(ErrorCode::kInvalid, "next_transaction: subscribe with .transactions = true");
  if (!in_group_) subscription_->done();
  while (auto change = subscription_->take(until, in_group_)) {
    switch (change->op()) {
      case Op::kBegin: {
        // Of a shared cursor, when keys came from another worker before its end: the rest comes later.
        std::optional<Transaction> piece;
        if (!group_.empty()) piece = Transaction{group_, group_.back()};
        group_.clear();
        in_group_ = true;
        if (piece) return piece;
        continue;
      }
      case Op::kCommit: {
        in_group_ = false;
        Transaction whole{std::move(group_), std::move(*change)};
        group_.clear();
        return whole;
      }
      case Op::kReset:  // what was begun comes again in the rows
        in_group_ = false;
        group_.clear();
        break;
      default:
        break;
    }
    if (!in_group_) return Transaction{{}, std::move(*change)};
    group_.push_back(std::move(*change));
  }
  return std::nullopt;
}

void Feed::stop() { subscription_->stop(); }
bool Feed::ended() const { return subscription_->ended(); }
std::optional<Error> Feed::error() const { return subscription_->error(); }
bool Feed::flush(std::chrono::milliseconds timeout) { return subscription_->flush(after(timeout)); }

}  // namespace binbus
