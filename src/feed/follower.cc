#include "feed/follower.h"

#include <binbus/feed/v1/feed.pb.h>
#include <fmt/format.h>

namespace binbus::feed {

using schema::Change;
using schema::Operation;

namespace {

constexpr uint64_t kGatherUs = 20'000;  // for a batch, while more comes that may not fit

}  // namespace

Result<std::unique_ptr<Follower>> Follower::make(Stream stream, io::Clock& clock,
                                                 const v1::Start& start) {
  BINBUS_TRY(selection, Selection::make(start.filter()));
  return std::unique_ptr<Follower>(
      new Follower(std::move(stream), clock, std::move(selection), start));
}

Follower::Follower(Stream stream, io::Clock& clock, std::unique_ptr<Selection> selection,
                   const v1::Start& start)
    : stream_(std::move(stream)),
      clock_(clock),
      cursor_(start.cursor()),
      transactions_(start.transactions()),
      selection_(std::move(selection)),
      batch_(*selection_),
      changes_(*stream_.log, stream_.schema_at, stream_.on_diverged,
               stream_.state == nullptr ? changes::FillRow() : stream_.state->filler()) {
  changes_.configure(
      {.tables = [this](std::string_view database,
                        std::string_view table) { return selection_->may_pass(database, table); },
       .sql_text = start.sql(),
       .full_rows = start.full_rows()});
}

Status Follower::start(const std::string& from) {
  constexpr std::string_view kGtid = "gtid:";
  if (from.starts_with(kGtid)) {
    BINBUS_TRY(done, mysql::Executed::parse(stream_.log->executed().flavor(),
                                            std::string_view(from).substr(kGtid.size())));
    done_ = std::move(done);
  }
  BINBUS_RETURN_IF_ERROR(changes_.start(from));
  move_to_end();
  return ok();
}

Status Follower::seek(const Place& place) {
  const Status sought = changes_.seek(place.at);
  if (!sought && sought.error().code == Code::kPurged) {
    const auto segments = stream_.log->segments();
    return fail(
        Code::kPurged,
        fmt::format("{}{} is no longer in the log: what lies between it and {}:4 was removed "
                    "by retention (retain_bytes, retain_hours of the stream). Begin with "
                    "\"snapshot\" or \"earliest\", without that position{}",
                    cursor_.empty() ? "" : "cursor " + cursor_ + ": ", place.at,
                    segments.empty() ? "" : segments.front().name,
                    cursor_.empty() ? "" : ", and delete the cursor"));
  }
  BINBUS_RETURN_IF_ERROR(sought);
  place_begin_ = told_in_ = changes_.position();
  told_ = place.within;
  begun_ = told_ && transactions_ && !share_;  // of a share, its BEGIN may have been told to others
  place_ = place;
  return ok();
}

Status Follower::seek(Share share) {
  BINBUS_TRY(place, Place::parse(share.first().place));
  share_ = std::move(share);
  batch_.set_suffix(share_->suffix());
  return seek(place);
}

void Follower::reach(const Spot& spot) {
  if (share_ && share_->reach(spot)) batch_.set_suffix(share_->suffix());
}

Result<bool> Follower::gather(uint64_t wait_ms, const std::stop_token& stop,
                              const std::function<Status()>& full) {
  BINBUS_TRY(any, read(batch_.empty() ? wait_ms : 0, stop, full));
  const uint64_t until_us = clock_.monotonic_us() + kGatherUs;
  for (bool more = any; more && batch_.bytes() < kBatchBytes;) {
    if (clock_.monotonic_us() > until_us) break;
    BINBUS_TRY(next, read(0, stop, full));
    more = next;
  }
  return any;
}

Result<bool> Follower::read(uint64_t wait_ms, const std::stop_token& stop,
                            const std::function<Status()>& full) {
  BINBUS_TRY(
      any, changes_.read([&](const Change& change) { return take(change, full); }, wait_ms, stop));
  move_to_end();
  reach({changes_.position(), place_.within});
  if (any) batch_.end_at(place_);
  return any;
}

void Follower::move_to(const Change& change) {
  if (place_begin_ != change.transaction->begin || !place_.within) {
    place_begin_ = change.transaction->begin;
    place_.at = fmt::format("{}:{}", change.transaction->segment, place_begin_.offset);
  }
  place_.within = Place::Change{change.event, change.row};
}

void Follower::move_to_end() {
  place_.at = changes_.place();
  place_.within = changes_.position() == told_in_ ? told_ : std::nullopt;
}

// Also of what was told before, for the count.
Result<bool> Follower::passes(const Change& change) {
  if (fit_ || share_) counts_ = false;  // what these say depends on when they are asked
  BINBUS_TRY(passes, selection_->passes(change));
  if (passes) ++count_;
  return passes;
}

Status Follower::take(const Change& change, const std::function<Status()>& full) {
  if (change.operation == Operation::kBegin) {
    if (change.transaction->begin != told_in_) begun_ = false;
    count_ = 0;
    counts_ = true;
    bounds_ = change.transaction->begin;
    return ok();
  }
  if (done_ && done_->contains(change.transaction->gtid)) return ok();
  if (change.operation == Operation::kCommit) {
    if (!begun_) return ok();
    move_to(change);
    reach({change.transaction->begin, place_.within});
    return batch_.add_commit(change, place_, counts_ ? count_ : 0);
  }
  BINBUS_TRY(passes, this->passes(change));
  const Place::Change number{change.event, change.row};
  if (change.transaction->begin == told_in_ && told_ && number <= *told_) return ok();
  told_in_ = change.transaction->begin;
  told_ = number;
  if (!passes) return ok();
  Change told = change;
  if (fit_) {
    BINBUS_TRY(known, fit_(told));
    if (!known) return ok();
  }
  if (share_) {
    BINBUS_TRY(its, share_->fit(told));
    if (!its) return ok();
  }
  if (transactions_ && !begun_ && change.transaction->begin == bounds_) {
    begun_ = true;
    Change begin = change;
    begin.operation = Operation::kBegin;
    begin.table = nullptr;
    begin.before = begin.after = {};
    begin.sql = {};
    move_to(change);
    Place at = place_;
    at.within.reset();
    reach({change.transaction->begin, {}});
    BINBUS_RETURN_IF_ERROR(batch_.add(begin, at));
  }
  move_to(change);
  reach({change.transaction->begin, place_.within});
  BINBUS_RETURN_IF_ERROR(batch_.add(told, place_));
  return batch_.bytes() < kBatchBytes ? ok() : full();
}

}  // namespace binbus::feed
