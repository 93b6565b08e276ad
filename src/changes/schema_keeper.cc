#include "changes/schema_keeper.h"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/log.h"
#include "changes/ddl_feed.h"

namespace binbus::changes {
namespace {

constexpr std::chrono::milliseconds kEvery{1000};
constexpr uint64_t kRetryFirstUs = 2'000'000;
constexpr uint64_t kRetryMaxUs = 60'000'000;
constexpr int kTriesMax = 5;
constexpr std::chrono::milliseconds kCatchUpPoll{50};
constexpr uint64_t kCatchUpUs = 600'000'000;

std::string server_of(const schema::Baseline& baseline) {
  return baseline.server_uuid.empty() ? std::to_string(baseline.server_id) : baseline.server_uuid;
}

}  // namespace

std::string_view reason_name(BaselineReason reason) {
  constexpr std::array<std::string_view, 4> kNames = {"first", "new_source", "asked", "reread"};
  return kNames[static_cast<size_t>(reason)];
}

std::optional<BaselineReason> baseline_wanted(const KeeperFacts& facts) {
  if (facts.connected.empty()) return std::nullopt;
  if (!facts.baseline_server) return BaselineReason::kFirst;
  if (facts.asked) return facts.asked;
  if (*facts.baseline_server != facts.connected) return BaselineReason::kNewSource;
  return std::nullopt;
}

SchemaKeeper::SchemaKeeper(std::string stream, store::Log& log, SchemaHistory& history,
                           io::Clock& clock, KeeperSurroundings surroundings)
    : stream_(std::move(stream)),
      log_(log),
      history_(history),
      clock_(clock),
      around_(std::move(surroundings)) {}

SchemaKeeper::~SchemaKeeper() { stop(); }

void SchemaKeeper::start() {
  if (thread_.joinable()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void SchemaKeeper::stop() {
  thread_.request_stop();
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void SchemaKeeper::ask(BaselineReason reason) {
  {
    const std::lock_guard lock(mutex_);
    if (!asked_ || *asked_ == BaselineReason::kReread) asked_ = reason;
    retry_at_us_ = 0;
    woken_ = true;
  }
  wake_.notify_all();
}

KeeperStatus SchemaKeeper::status() const {
  const std::lock_guard lock(mutex_);
  return public_;
}

void SchemaKeeper::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "schema");
  uint64_t retry_us = kRetryFirstUs;
  while (!stop.stop_requested()) {
    Status kept = keep(stop);
    if (stop.stop_requested()) break;
    std::unique_lock lock(mutex_);
    const bool known = public_.error && !kept && public_.error->message == kept.error().message;
    if (!kept && !known)
      log::warn("schema_baseline_failed", {{"stream", stream_}, {"error", kept.error()}});
    public_.error = kept ? std::nullopt : std::optional<Error>(kept.error());
    retry_us = kept ? kRetryFirstUs : std::min(2 * retry_us, kRetryMaxUs);
    retry_at_us_ = kept ? 0 : clock_.monotonic_us() + retry_us;
    wake_.wait_for(lock, stop, kEvery, [this] { return std::exchange(woken_, false); });
    while (!stop.stop_requested() && clock_.monotonic_us() < retry_at_us_)
      wake_.wait_for(lock, stop, kEvery, [this] { return retry_at_us_ == 0; });
  }
}

Status SchemaKeeper::keep(const std::stop_token& stop) {
  BINBUS_TRY(facts, learn());
  if (const auto reason = baseline_wanted(facts)) {
    {
      const std::lock_guard lock(mutex_);
      asked_.reset();  // who asks from here on means another
    }
    if (Status taken = take(*reason, stop); !taken) {
      const std::lock_guard lock(mutex_);
      if (facts.asked && !asked_) asked_ = facts.asked;
      return taken;
    }
  }
  for (;;) {
    BINBUS_TRY(start, history_.missing_start(stop));
    if (!start) return ok();
    BINBUS_RETURN_IF_ERROR(around_.record(std::move(*start), stop));
  }
}

Result<KeeperFacts> SchemaKeeper::learn() {
  const auto places = log_.schemas();
  if (!places.empty() && baseline_server_.empty()) {
    // Of the newest origin: what was carried on from it says the same.
    BINBUS_TRY(bytes, log_.read_schema(place_for(places, places.back().at)->at));
    BINBUS_TRY(baseline, schema::Baseline::decode(bytes));
    baseline_server_ = server_of(baseline);
  }
  KeeperFacts facts;
  facts.connected = around_.connected_server();
  if (!places.empty()) facts.baseline_server = baseline_server_;
  const std::lock_guard lock(mutex_);
  facts.asked = asked_;
  return facts;
}

// The log's position of a place at the source, once the log has come there.
Result<Position> SchemaKeeper::reach(const schema::Baseline& baseline,
                                     const schema::SourcePlace& place,
                                     const std::stop_token& stop) {
  const uint64_t until_us = clock_.monotonic_us() + kCatchUpUs;
  while (!stop.stop_requested()) {
    auto position = log_.from_source(baseline.server_uuid, place.file, place.offset);
    if (position) return position;
    if (position.error().code != Code::kNotFound || clock_.monotonic_us() > until_us)
      return fail_in("waiting for the source's " + place.file + ":" + std::to_string(place.offset),
                     std::move(position).error());
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, kCatchUpPoll, [] { return false; });
  }
  return fail(Code::kStopped, "asked to stop");
}

// Tables that our account may not see at the source are not lost when the log has told of them.
void SchemaKeeper::keep_what_is_known(schema::Baseline& baseline, Position at,
                                      const std::stop_token& stop) {
  const auto known = log_.schemas().empty() ? history_.told_by_log(at, baseline.defaults, stop)
                                            : history_.at(at, stop);
  if (!known) return;
  known->for_each_table([&](const schema::TableState& state) {
    const schema::TableVersion& table = *state.version;
    const bool seen = baseline.catalog.table(table.database, table.table).version != nullptr;
    if (!seen && state.reread.empty())
      baseline.catalog.take_table(*known, table.database, table.table);
    return true;
  });
}

Status SchemaKeeper::take(BaselineReason reason, const std::stop_token& stop) {
  const uint64_t began_us = clock_.monotonic_us();
  BINBUS_TRY(baseline, around_.read());
  BINBUS_TRY(begun, reach(baseline, baseline.before, stop));
  Position first = begun;  // all tables were read behind it
  std::set<std::pair<std::string, std::string>> read_again;
  Position at;
  for (int tries = 1;; ++tries) {
    BINBUS_TRY(after, reach(baseline, baseline.after, stop));
    BINBUS_TRY(before, reach(baseline, baseline.before, stop));
    at = before;
    // What was read last must not have changed meanwhile, and all else not since it was read at first.
    BINBUS_TRY(meanwhile, history_.touches(before, after, baseline.defaults, stop));
    BINBUS_TRY(since, history_.touches(first, after, baseline.defaults, stop));
    const bool others_changed = std::ranges::any_of(
        since.tables, [&](const auto& touched) { return !read_again.contains(touched.first); });
    if (meanwhile.tables.empty() && since.databases.empty() && !others_changed) break;
    std::vector<schema::TableName> tables;
    for (const auto& [key, touch] : since.tables) tables.push_back({touch.database, touch.table});
    if (tries == kTriesMax) {
      return fail(Code::kTimeout, "the tables changed each time they were read" +
                                      (tables.empty() ? std::string()
                                                      : ", at last " + tables.front().database +
                                                            "." + tables.front().table) +
                                      "; they are read again later");
    }
    if (!since.databases.empty()) {
      BINBUS_TRY(again, around_.read());
      baseline = std::move(again);
      BINBUS_TRY(anew, reach(baseline, baseline.before, stop));
      first = anew;
      read_again.clear();
    } else {
      BINBUS_RETURN_IF_ERROR(around_.reread(tables, baseline));
      for (const auto& [key, touch] : since.tables) read_again.insert(key);
    }
  }
  keep_what_is_known(baseline, at, stop);
  const std::string server = server_of(baseline);
  const size_t tables = baseline.catalog.table_count();
  SchemaHistory::SegmentStart record{{at, at}, true, at, baseline.encode()};
  const size_t bytes = record.encoded.size();
  BINBUS_RETURN_IF_ERROR(around_.record(std::move(record), stop));
  baseline_server_ = server;
  log::info("schema_baseline",
            {{"stream", stream_},
             {"reason", reason_name(reason)},
             {"place", log_.segment_name(at.segment) + ":" + std::to_string(at.offset)},
             {"tables", tables},
             {"bytes", bytes},
             {"took_ms", (clock_.monotonic_us() - began_us) / 1000}});
  const std::lock_guard lock(mutex_);
  public_.newest = at;
  ++public_.taken;
  return ok();
}

}  // namespace binbus::changes
