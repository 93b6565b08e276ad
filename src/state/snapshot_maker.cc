#include "state/snapshot_maker.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"

namespace binbus::state {
namespace {

constexpr uint64_t kRetryUs = 60'000'000;
constexpr uint64_t kRemoveAgainUs = 1'000'000;

}  // namespace

SnapshotMaker::SnapshotMaker(std::string stream, SnapshotOptions options, store::Log& log,
                             io::FileSystem& files, io::Clock& clock)
    : stream_(std::move(stream)),
      options_(std::move(options)),
      log_(log),
      clock_(clock),
      folder_(files, options_.folder) {}

Result<SnapshotInfo> SnapshotMaker::ask(const std::string& purpose, uint64_t wait_ms) {
  const auto request = std::make_shared<Request>(Request{purpose, {}});
  std::unique_lock lock(mutex_);
  requests_.push_back(request);
  answered_.wait_for(lock, std::chrono::milliseconds(wait_ms),
                     [&] { return request->answer || stopped_; });
  if (request->answer) return *std::move(request->answer);
  std::erase(requests_, request);
  if (stopped_) return fail(Code::kStopped, "binbus stops");
  return fail(Code::kUnavailable,
              "the rows of stream " + stream_ +
                  " are at no place where all are right; see `binbus snapshot status`, and try "
                  "again");
}

void SnapshotMaker::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  answered_.notify_all();
}

void SnapshotMaker::begin() {
  folder_.remove_remains();
  if (options_.every_ms == 0) return;
  due_us_ = 0;
  const auto there = folder_.list();
  for (const SnapshotInfo& info : there.value_or(std::vector<SnapshotInfo>())) {
    if (info.purpose == kScheduled) due_us_ = info.time_us + options_.every_ms * 1000;
  }
  remove_old();
}

bool SnapshotMaker::is_due() const { return clock_.wall_us() >= due_us_; }

bool SnapshotMaker::wanted() {
  const std::lock_guard lock(mutex_);
  return !requests_.empty() || is_due();
}

void SnapshotMaker::make(Tables& tables) {
  if (is_due()) {
    const auto made = make_one(tables, std::string(kScheduled));
    due_us_ = clock_.wall_us() + (made ? options_.every_ms * 1000 : kRetryUs);
    if (!made && made.error().code != Code::kUnavailable)
      log::warn("snapshot_failed", {{"stream", stream_}, {"error", made.error()}});
    remove_old();
  }
  std::vector<std::shared_ptr<Request>> asked;
  {
    const std::lock_guard lock(mutex_);
    asked.swap(requests_);
  }
  for (const auto& request : asked) {
    auto made = make_one(tables, request->purpose);
    const std::lock_guard lock(mutex_);
    request->answer = std::move(made);
    answered_.notify_all();
  }
}

Result<SnapshotInfo> SnapshotMaker::make_one(Tables& tables, const std::string& purpose) {
  SnapshotInfo info{.name = {},
                    .purpose = purpose,
                    .time_us = clock_.wall_us(),
                    .position = tables.place()->text,
                    .gtid_executed = {},
                    .tables = {}};
  fill_in_tables(info, *tables.records());
  if (info.tables.empty())
    return fail(Code::kUnavailable, "no table of stream " + stream_ + " is ready yet");
  BINBUS_TRY(executed, log_.executed_at(tables.place()->at));
  info.gtid_executed = executed.to_string();
  BINBUS_TRY(made, folder_.add(std::move(info), [&](const std::string& rows, SnapshotInfo&) {
    return tables.checkpoint(rows);
  }));
  log::info("snapshot_made", {{"stream", stream_},
                              {"name", made.name},
                              {"purpose", purpose},
                              {"position", made.position}});
  return made;
}

void SnapshotMaker::remove_old() {
  const auto left = folder_.remove_old(kScheduled, options_.kept);
  remove_us_ = left && *left ? clock_.wall_us() + kRemoveAgainUs : UINT64_MAX;
  if (!left) log::warn("snapshot_not_removed", {{"stream", stream_}, {"error", left.error()}});
}

void SnapshotMaker::keep() {
  if (clock_.wall_us() >= remove_us_) remove_old();
}

}  // namespace binbus::state
