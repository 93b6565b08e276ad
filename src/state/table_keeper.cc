#include "state/table_keeper.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <set>

#include "base/log.h"

namespace binbus::state {

using Table = Tables::Table;

namespace {

constexpr uint64_t kIdleMs = 250;
constexpr uint64_t kCommitBytes = 1 << 20;
constexpr uint64_t kCommitUs = 50'000;
constexpr uint64_t kSyncUs = 1'000'000;
constexpr uint64_t kFillRetryUs = 1'000'000;
constexpr uint64_t kSnapshotWaitMs = 30'000;
constexpr std::chrono::milliseconds kImagesWait{5'000};

bool is_of_disk(Code code) { return code == Code::kIo || code == Code::kDiskFull; }

}  // namespace

TableKeeper::TableKeeper(KeeperOptions options, KeeperSurroundings around)
    : options_(std::move(options)),
      around_(std::move(around)),
      snapshots_(options_.stream, options_.snapshots, around_.log, around_.files, around_.clock),
      pace_(options_.fill, around_.clock),
      backoff_(100, 5000, around_.clock.monotonic_us()) {}

TableKeeper::~TableKeeper() { stop(); }

void TableKeeper::start() {
  snapshots_.begin();
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void TableKeeper::stop() {
  thread_.request_stop();
  snapshots_.stop();
  if (thread_.joinable()) thread_.join();
}

KeeperStatus TableKeeper::status() const {
  const std::lock_guard lock(mutex_);
  return shown_;
}

std::shared_ptr<const TablesView> TableKeeper::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

uint64_t TableKeeper::needs_from() const {
  const std::lock_guard lock(mutex_);
  return needs_from_;
}

Status TableKeeper::ask(Request::Kind kind, const std::string& table) {
  const std::lock_guard lock(mutex_);
  const bool known =
      table.empty() || std::ranges::any_of(*shown_.tables, [&](const TableRecord& record) {
        return record.full_name() == table;
      });
  if (!known) {
    return fail(Code::kNotFound,
                fmt::format("{} is not one of the tables that are kept of stream {}", table,
                            options_.stream));
  }
  const bool fills = std::ranges::any_of(*shown_.tables, [&](const TableRecord& record) {
    return record.phase == Phase::kFilling && (table.empty() || record.full_name() == table);
  });
  if (kind == Request::Kind::kCancel && !fills) {
    return fail(Code::kInvalid,
                fmt::format("{} is being read at the source; what is ready goes when it is taken "
                            "out of `tables`",
                            table.empty() ? "no table of stream " + options_.stream
                                          : "nothing of " + table));
  }
  requests_.push_back({kind, table});
  wake();
  return ok();
}

// Under the lock.
void TableKeeper::wake() {
  asked_ = true;
  wake_.notify_all();
  woken_.request_stop();
}

void TableKeeper::list_anew() {
  const std::lock_guard lock(mutex_);
  requests_.push_back({Request::Kind::kListAnew, ""});
  wake();
}

Result<SnapshotInfo> TableKeeper::make_snapshot(const std::string& purpose) {
  return snapshots_.ask(purpose, kSnapshotWaitMs);
}

Status TableKeeper::pause(const std::string& table) { return ask(Request::Kind::kPause, table); }
Status TableKeeper::resume(const std::string& table) { return ask(Request::Kind::kResume, table); }
Status TableKeeper::fill_anew(const std::string& table) {
  return ask(Request::Kind::kFillAnew, table);
}

Status TableKeeper::cancel(const std::string& table) { return ask(Request::Kind::kCancel, table); }

Status TableKeeper::verify(std::shared_ptr<Verification> run) {
  const std::lock_guard lock(mutex_);
  if (thread_.get_stop_token().stop_requested())
    return fail(Code::kUnavailable, "binbus is stopping");
  if (verification_ && !verification_->status().ended) {
    return fail(Code::kExists,
                fmt::format("the rows of stream {} are being compared already; end that one, or "
                            "wait for it",
                            options_.stream));
  }
  verification_ = std::move(run);
  verification_asked_ = true;
  wake();
  return ok();
}

bool TableKeeper::is_cancelled(const std::string& table) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(requests_, [&](const Request& request) {
    return request.kind == Request::Kind::kCancel &&
           (request.table.empty() || request.table == table);
  });
}

void TableKeeper::cancel(Table& table) {
  if (table.record.phase != Phase::kFilling) return;  // it has become ready
  const std::string name = table.record.full_name();
  Table& emptied = tables_->empty(table, Phase::kCancelled);
  emptied.record.error = "its reading was cancelled; `binbus snapshot start " + name + "` reads it";
  tables_->keep(emptied);
  log::info("state_table_cancelled", {{"stream", options_.stream}, {"table", name}});
}

void TableKeeper::wait_ms(uint64_t ms, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, stop, std::chrono::milliseconds(ms), [this] { return asked_; });
  asked_ = false;
}

void TableKeeper::set_reason(std::string reason) {
  const std::lock_guard lock(mutex_);
  shown_.reason = std::move(reason);
}

void TableKeeper::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "state");
  std::string said;
  while (!stop.stop_requested()) {
    const Status ended = session(stop);
    end_verification(ended ? "binbus is stopping" : ended.error().message);
    verifier_.reset();
    fill_.reset();
    changes_.reset();
    if (ended || stop.stop_requested()) continue;
    const Error& error = ended.error();
    if (error.code != Code::kUnavailable && error.message != said)
      log::warn("state_retrying", {{"stream", options_.stream}, {"reason", error}});
    said = error.message;
    set_reason(error.message);
    // What was done of a transaction that was not read to its end does not count.
    damaged_ = damaged_ || (tables_ && tables_->damaged());
    const bool lost = damaged_ || is_of_disk(error.code) || (tables_ && !tables_->roll_back());
    if (lost) let_go();  // what is wrong with it shows when it is opened
    wait_ms(error.code == Code::kUnavailable ? kIdleMs : backoff_.next_ms(), stop);
  }
  end_verification("binbus is stopping");  // that nobody has begun
  if (tables_) static_cast<void>(tables_->sync());
  let_go();
}

void TableKeeper::let_go() {
  tables_.reset();
  const std::lock_guard lock(mutex_);
  view_.reset();
  images_.reset();
}

Status TableKeeper::open() {
  if (tables_) return ok();
  Status opened = damaged_ ? fail(Code::kCorrupt, "rows could not be read") : open_store();
  if (opened || opened.error().code != Code::kCorrupt) return opened;
  log::error("state_damaged", {{"stream", options_.stream},
                               {"error", opened.error()},
                               {"now", "all tables are read at the source again"}});
  BINBUS_RETURN_IF_ERROR(TableStore::remove(options_.store.folder));
  damaged_ = false;
  return open_store();
}

Status TableKeeper::open_store() {
  BINBUS_TRY(store, TableStore::open(options_.store));
  BINBUS_TRY(tables, Tables::open(options_.stream, std::move(store)));
  tables_ = std::move(tables);
  return ok();
}

// All tables are to be read again: somebody asked for it, or the log has no longer what they lack.
bool TableKeeper::begins_anew() {
  const auto& place = tables_->place();
  if (!place) return true;
  if (place->at.segment < around_.log.size().oldest) {
    log::error("state_behind_log", {{"stream", options_.stream},
                                    {"place", place->text},
                                    {"now", "all tables are read at the source again"}});
    return true;
  }
  return take_request(Request::Kind::kFillAnew);
}

// One of all tables.
bool TableKeeper::take_request(Request::Kind kind) {
  const std::lock_guard lock(mutex_);
  return std::erase_if(requests_, [kind](const Request& request) {
           return request.kind == kind && request.table.empty();
         }) > 0;
}

// Where to go on from, and the tables as they are there.
Status TableKeeper::begin() {
  take_request(Request::Kind::kListAnew);
  const bool anew = begins_anew();
  Position at = anew ? around_.log.visible_end() : tables_->place()->at;
  if (at.segment == 0) return fail(Code::kUnavailable, "the log has nothing yet");
  auto there = around_.schema_at(at);
  if (!there) {
    Error error = there.error();
    if (error.code == Code::kNotFound) error.code = Code::kUnavailable;
    return fail(std::move(error));
  }
  if (anew) {
    while (!tables_->all().empty()) tables_->drop(tables_->all().front());
    Place place;
    place.at = at;
    place.text = fmt::format("{}:{}", around_.log.segment_name(at.segment), at.offset);
    tables_->set_place(std::move(place));
  }
  list_tables(there->catalog);
  return tables_->commit();
}

// Those that are new are added, those that are not wanted go.
void TableKeeper::list_tables(const schema::Catalog& catalog) {
  Applier applier(options_.stream, *tables_, around_.wants);
  std::set<std::string> known;
  catalog.for_each_table([&](const schema::TableState& table) {
    if (table.version == nullptr || !applier.wants(*table.version)) return true;
    known.insert(table.version->database + "." + table.version->table);
    if (table.reread.empty()) applier.find_or_add(table.version);
    return true;
  });
  std::vector<Table*> gone;
  for (Table& table : tables_->all()) {
    if (!known.contains(table.record.full_name())) gone.push_back(&table);
  }
  for (Table* table : gone) {
    log::info("state_table_dropped",
              {{"stream", options_.stream}, {"table", table->record.full_name()}});
    tables_->drop(*table);
  }
}

Status TableKeeper::session(const std::stop_token& stop) {
  BINBUS_RETURN_IF_ERROR(open());
  BINBUS_RETURN_IF_ERROR(begin());
  changes_ =
      std::make_unique<changes::LogChanges>(around_.log, around_.schema_at, around_.on_diverged);
  changes_->configure({.tables = around_.wants});
  BINBUS_RETURN_IF_ERROR(changes_->seek(tables_->place()->text));
  const auto make_rows = [this] {
    return rows_of_source(around_.log, around_.source, around_.clock);
  };
  const Fill::Surroundings around{make_rows, [this] { return around_.log.visible_end(); }};
  fill_ = std::make_unique<Fill>(options_.stream, *tables_, around, options_.fill.tables_at_once,
                                 pace_, around_.clock);
  verifier_ =
      std::make_unique<Verifier>(options_.stream, *tables_, make_rows(), pace_, around_.clock);
  Applier applier(options_.stream, *tables_, around_.wants);
  if (options_.fill_images) applier.keep_images();
  images_from_ = 0;
  set_reason("");
  backoff_.reset();
  show();
  const std::stop_callback by_stop(stop, [this] {
    const std::lock_guard lock(mutex_);
    wake();
  });
  while (!stop.stop_requested()) {
    BINBUS_RETURN_IF_ERROR(take_requests(applier, stop));
    if (tables_->damaged()) return fail(Code::kCorrupt, "rows could not be read");
    const uint64_t now_us = around_.clock.monotonic_us();
    begin_verification();
    const bool fills = fill_->wanted() && fill_->due_us() <= now_us;
    const bool verifies = verifier_->is_due();
    BINBUS_TRY(read, fills || verifies ? follow(applier, stop) : follow_or_wait(applier, stop));
    caught_up_ = !read;
    const uint64_t then_us = around_.clock.monotonic_us();
    if (!read || tables_->batch_bytes() >= kCommitBytes || then_us >= committed_us_ + kCommitUs)
      BINBUS_RETURN_IF_ERROR(commit());
    BINBUS_RETURN_IF_ERROR(make_snapshots());
    // Where the log is not read to its end, it gets as much time as the chunks.
    if ((!fills && !verifies) || (read && then_us < read_us_ + read_took_us_)) continue;
    if (fills) BINBUS_RETURN_IF_ERROR(fill_some(applier, stop));
    if (verifies) BINBUS_RETURN_IF_ERROR(verify_some(applier, stop));
    read_us_ = around_.clock.monotonic_us();
    read_took_us_ = read_us_ - then_us;
  }
  return commit();
}

// A transaction of the log, if there is one.
Result<bool> TableKeeper::follow(Applier& applier, const std::stop_token& stop) {
  BINBUS_TRY(
      read,
      changes_->read([&](const schema::Change& change) { return applier.take(change); }, 0, stop));
  applier.reach(changes_->position(), changes_->place());
  return read;
}

// The same, if one comes before something is asked for or the next rows are due.
Result<bool> TableKeeper::follow_or_wait(Applier& applier, const std::stop_token& stop) {
  BINBUS_TRY(read, follow(applier, stop));
  if (read) return true;
  std::stop_token woken;
  {
    const std::lock_guard lock(mutex_);
    woken = woken_.get_token();
  }
  const uint64_t now_us = around_.clock.monotonic_us();
  uint64_t wait_ms = kIdleMs;
  if (const uint64_t due_us = fill_->due_us(); due_us > now_us)
    wait_ms = std::min(wait_ms, (due_us - now_us) / 1000 + 1);
  return changes_->wait(wait_ms, woken) ? follow(applier, stop) : Result<bool>(false);
}

Status TableKeeper::follow_to(Applier& applier, Position to, const std::stop_token& stop) {
  changes_->stop_at(to);
  Status done = ok();
  while (done && changes_->position() < to && !stop.stop_requested()) {
    const auto read = follow(applier, stop);
    if (!read) done = fail(read.error());
    if (read && !*read) changes_->wait(kIdleMs, stop);
  }
  changes_->stop_at({UINT64_MAX, 0});
  BINBUS_RETURN_IF_ERROR(std::move(done));
  if (changes_->position() != to) return fail(Code::kUnavailable, "the log is behind that place");
  return tables_->commit();
}

Status TableKeeper::fill_some(Applier& applier, const std::stop_token& stop) {
  BINBUS_RETURN_IF_ERROR(tables_->commit());
  const Status filled =
      fill_->step([&](Position to) { return follow_to(applier, to, stop); },
                  [this](const std::string& table) { return is_cancelled(table); }, stop);
  if (!filled && (is_of_disk(filled.error().code) || tables_->damaged())) return filled;
  if (!filled) fill_->put_off(around_.clock.monotonic_us() + kFillRetryUs);
  applier.forget();
  {
    const std::lock_guard lock(mutex_);
    shown_.fill_reason = filled ? "" : filled.error().message;
  }
  return commit();
}

Status TableKeeper::verify_some(Applier& applier, const std::stop_token& stop) {
  BINBUS_RETURN_IF_ERROR(commit());
  BINBUS_RETURN_IF_ERROR(
      verifier_->step([&](Position to) { return follow_to(applier, to, stop); }, stop));
  return commit();
}

void TableKeeper::begin_verification() {
  std::shared_ptr<Verification> run;
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(verification_asked_, false)) return;
    run = verification_;
  }
  verifier_->begin(std::move(run));
}

void TableKeeper::end_verification(const std::string& error) {
  if (verifier_) verifier_->end(error);
  const std::lock_guard lock(mutex_);
  if (std::exchange(verification_asked_, false)) verification_->end(error);
}

Status TableKeeper::commit() {
  if (fill_) fill_->settle();
  BINBUS_RETURN_IF_ERROR(tables_->commit());
  committed_us_ = around_.clock.monotonic_us();
  if (committed_us_ >= synced_us_ + kSyncUs) {
    BINBUS_RETURN_IF_ERROR(tables_->sync());
    synced_us_ = committed_us_;
    const uint64_t oldest = options_.fill_images ? around_.log.size().oldest : UINT64_MAX;
    if (oldest > images_from_) BINBUS_RETURN_IF_ERROR(tables_->forget_images(oldest));
    images_from_ = oldest;
    const std::lock_guard lock(mutex_);
    needs_from_ = tables_->place()->at.segment;
  }
  show();
  return ok();
}

changes::FillRow TableKeeper::filler() const {
  if (!options_.fill_images) return {};
  return [this, reader = std::make_shared<ImageReader>(), images = std::make_shared<std::string>()](
             schema::Change& row, const std::stop_token& stop) {
    return fill_row(row, *reader, *images, stop);
  };
}

Status TableKeeper::fill_row(schema::Change& row, ImageReader& reader, std::string& images,
                             const std::stop_token& stop) const {
  if (!lacks_values(row.before) && !lacks_values(row.after)) return ok();
  if (!keeps(row.table->database, row.table->table)) return ok();
  BINBUS_TRY(view, images_behind(row.transaction->begin, stop));
  BINBUS_TRY(kept, view->get(images_key({row.transaction->begin, row.event, row.row})));
  if (!kept) return ok();
  images = std::move(*kept);
  return reader.fill(row, as_bytes(images));
}

// When what begins at `at` is in them.
Result<std::shared_ptr<const StoreView>> TableKeeper::images_behind(
    Position at, const std::stop_token& stop) const {
  std::unique_lock lock(mutex_);
  const auto there = [&] { return images_ != nullptr && shown_.place.at > at; };
  if (moved_.wait_for(lock, stop, kImagesWait, there)) return images_;
  if (stop.stop_requested()) return fail(Code::kStopped, "asked to stop");
  return fail(Code::kUnavailable,
              fmt::format("full_rows: the kept rows are as of {}{}", shown_.place.text,
                          shown_.reason.empty() ? "" : ", and do not go on: " + shown_.reason));
}

// A table that is ready may have rows that are right a little further on only.
bool TableKeeper::is_right() const {
  const Place& place = *tables_->place();
  return !place.within && std::ranges::none_of(tables_->all(), [&](const Table& table) {
    return table.record.phase == Phase::kReady &&
           (table.incomplete > 0 || table.record.fill.until > place.at);
  });
}

Status TableKeeper::make_snapshots() {
  snapshots_.keep();
  if (!snapshots_.wanted()) return ok();
  BINBUS_RETURN_IF_ERROR(commit());
  if (is_right()) snapshots_.make(*tables_);
  return ok();
}

// What was shown before is shown until the rows are right again.
void TableKeeper::show() {
  const Place& place = *tables_->place();
  auto view = is_right() ? tables_->view() : nullptr;
  auto images = options_.fill_images ? tables_->store_view() : nullptr;
  const std::lock_guard lock(mutex_);
  images_ = std::move(images);
  moved_.notify_all();
  shown_.place = place;
  shown_.caught_up = caught_up_;
  shown_.disk_bytes = tables_->disk_bytes();
  shown_.tables = tables_->records();
  if (view) view_ = std::move(view);
}

Status TableKeeper::take_requests(Applier& applier, const std::stop_token& stop) {
  std::vector<Request> requests;
  {
    const std::lock_guard lock(mutex_);
    if (woken_.stop_requested() && !stop.stop_requested()) woken_ = std::stop_source();
    for (const Request& request : requests_) {
      if (request.kind == Request::Kind::kFillAnew && request.table.empty())
        return fail(Code::kUnavailable, "all tables are to be read again");  // see begin()
      if (request.kind == Request::Kind::kListAnew)
        return fail(Code::kUnavailable, "other tables are to be kept");  // the same
    }
    requests.swap(requests_);
  }
  if (requests.empty()) return ok();
  for (const Request& request : requests) {
    std::vector<Table*> meant;
    for (Table& table : tables_->all()) {
      if (request.table.empty() || table.record.full_name() == request.table)
        meant.push_back(&table);
    }
    for (Table* table : meant) {
      if (request.kind == Request::Kind::kFillAnew) {
        table->record.fill.paused = false;
        tables_->empty(*table, Phase::kFilling);
        continue;
      }
      if (request.kind == Request::Kind::kCancel) {
        cancel(*table);
        continue;
      }
      table->record.fill.paused = request.kind == Request::Kind::kPause;
      tables_->keep(*table);
    }
  }
  applier.forget();
  return commit();
}

}  // namespace binbus::state
