#include "state/verifier.h"

#include <algorithm>

#include "base/log.h"

namespace binbus::state {

using Table = Tables::Table;
using Stage = TableVerdict::Stage;

namespace {

constexpr uint64_t kRetryUs = 1'000'000;
constexpr int kBegunMax = 10;

bool is_of_disk(Code code) { return code == Code::kIo || code == Code::kDiskFull; }

bool does_not_answer(Code code) {
  return code == Code::kNetwork || code == Code::kTimeout || code == Code::kAuth ||
         code == Code::kTls;
}

// Why rows of a table that is not ready are not compared.
std::string why_not(const TableRecord& record) {
  if (record.phase == Phase::kFilling)
    return "its rows are being read at the source; `binbus snapshot status` tells how far it is";
  return "it is not kept: " + record.error;
}

}  // namespace

Verifier::Verifier(std::string stream, Tables& tables, std::unique_ptr<SourceRows> source,
                   SourcePace& pace, io::Clock& clock)
    : stream_(std::move(stream)),
      tables_(tables),
      source_(std::move(source)),
      pace_(pace),
      clock_(clock) {
  tables_.on_write([this](const std::string& key, std::optional<std::string_view> kept) {
    if (!doubts_.empty()) written(key, kept);
  });
}

Verifier::~Verifier() {
  tables_.on_write({});
  end("the kept rows are opened again");
}

void Verifier::begin(std::shared_ptr<Verification> run) {
  end("another one was begun");
  run_ = std::move(run);
  failing_since_us_ = due_us_ = 0;
  run_->change([this](VerificationStatus& status) {
    for (const Table& table : tables_.all()) {
      const schema::TableVersion& version = *table.record.table;
      if (!run_->wants(version.database, version.table)) continue;
      Work& work = work_.emplace_back(pace_);
      work.database = version.database;
      work.name = version.table;
      work.verdict = status.tables.size();
      status.tables.emplace_back().table = table.record.full_name();
    }
  });
  log::info(
      "state_verify_begun",
      {{"stream", stream_}, {"tables", work_.size()}, {"repairs", run_->repairs() ? "yes" : "no"}});
}

void Verifier::end(const std::string& error) {
  if (!run_) return;
  run_->end(error);
  uint64_t rows = 0, differences = 0, repaired = 0;
  for (const TableVerdict& table : run_->status().tables) {
    rows += table.rows;
    differences += table.differences();
    repaired += table.repaired;
  }
  log::info("state_verify_ended", {{"stream", stream_},
                                   {"rows", rows},
                                   {"differences", differences},
                                   {"repaired", repaired},
                                   {"error", error}});
  run_.reset();
  source_->disconnect();
  work_.clear();
  forget_doubts();
}

void Verifier::forget_doubts() {
  doubts_.clear();
  look_.reset();
  until_ = {};
}

bool Verifier::is_due() const {
  if (!run_) return false;
  if (run_->is_cancelled()) return true;
  if (clock_.monotonic_us() < std::max(due_us_, pace_.due_us())) return false;
  return tables_.place()->at >= until_;
}

void Verifier::change(const std::function<void(TableVerdict&)>& to) {
  run_->change([&](VerificationStatus& status) { to(status.tables[work_.front().verdict]); });
}

Status Verifier::step(const FollowTo& follow_to, const std::stop_token& stop) {
  if (!run_) return ok();
  if (run_->is_cancelled()) {
    end("it was cancelled");
    return ok();
  }
  // A source that does not answer holds nobody up who is to stop.
  const std::stop_callback interrupt(stop, [this] { source_->interrupt(); });
  Status done = advance(follow_to, stop);
  if (!run_) return ok();
  run_->change([&](VerificationStatus& status) {
    status.place = tables_.place()->text;
    status.waits = done ? "" : done.error().message;
  });
  if (done) {
    failing_since_us_ = 0;
    return ok();
  }
  if (is_of_disk(done.error().code) || tables_.damaged() || !tables_.batch_is_empty()) return done;
  return source_failed(std::move(done).error());
}

// What the source says of one table is that table's; the rest of it ends all.
Status Verifier::source_failed(Error error) {
  const uint64_t now_us = clock_.monotonic_us();
  due_us_ = now_us + kRetryUs;
  if (error.code == Code::kLimit) return ok();
  source_->disconnect();
  if (error.code == Code::kStopped) return ok();
  if (error.code == Code::kUnsupported) {
    give_up_table(error.message);
    return ok();
  }
  if (failing_since_us_ == 0) failing_since_us_ = now_us;
  const bool is_away = does_not_answer(error.code);
  if (now_us < failing_since_us_ + (is_away ? kPatienceUs : kTablePatienceUs)) return ok();
  failing_since_us_ = 0;
  is_away ? end(error.message) : give_up_table(error.message);
  return ok();
}

void Verifier::give_up_table(const std::string& why) {
  if (work_.empty()) return;
  change([&](TableVerdict& verdict) { verdict.not_comparable = why; });
  next_table();
}

void Verifier::next_table() {
  TableVerdict done;
  change([&](TableVerdict& verdict) {
    verdict.stage = Stage::kDone;
    done = verdict;
  });
  if (done.repaired > 0) {
    log::info("state_rows_repaired",
              {{"stream", stream_}, {"table", done.table}, {"rows", done.repaired}});
  }
  work_.pop_front();
  forget_doubts();
}

void Verifier::restart(Table& table) {
  Work& work = work_.front();
  Work anew(pace_);
  anew.database = work.database;
  anew.name = work.name;
  anew.verdict = work.verdict;
  anew.begun = work.begun + 1;
  anew.id = table.record.id;
  anew.version = table.record.version;
  anew.sums = std::make_unique<Work::Sums>();
  anew.kept = tables_.make_reader(table);
  anew.stored = std::make_unique<StoredRowReader>(table.record.table);
  work = std::move(anew);
  forget_doubts();
  change([&](TableVerdict& verdict) {
    TableVerdict cleared;
    cleared.table = verdict.table;
    cleared.stage = Stage::kComparing;
    verdict = std::move(cleared);
  });
}

// The table at hand, as it was when it was begun; null: there are no more.
Table* Verifier::current() {
  while (!work_.empty()) {
    const Work& work = work_.front();
    if (work.stage == Work::Stage::kDone && work.again.empty() && work.mended.empty() && !look_) {
      next_table();
      continue;
    }
    Table* table = tables_.find(work.database, work.name);
    if (table == nullptr) {
      give_up_table("it was dropped or renamed meanwhile");
    } else if (table->record.phase != Phase::kReady) {
      give_up_table(why_not(table->record));
    } else if (work.id == table->record.id && work.version == table->record.version) {
      return table;
    } else if (work.begun == kBegunMax) {
      give_up_table("statements change it again and again");
    } else {
      restart(*table);
      return table;
    }
  }
  return nullptr;
}

Status Verifier::advance(const FollowTo& follow_to, const std::stop_token& stop) {
  Table* table = current();
  if (table != nullptr && look_) {
    BINBUS_RETURN_IF_ERROR(conclude(*table));
    table = current();
  }
  if (table == nullptr) {
    end("");
    return ok();
  }
  if (Status load = pace_.begin([this] { return source_->threads_running(); }); !load) {
    Error error = load.error();
    if (error.code == Code::kUnavailable) error.code = Code::kLimit;  // waits as long as it takes
    return fail(std::move(error));
  }
  if (!table->has_key()) return compare_whole(*table, follow_to, stop);
  Work& work = work_.front();
  if (!work.mended.empty()) return mend(*table, stop);
  if (!work.again.empty()) return look(*table, work.again, Look::kLast, stop);
  switch (work.stage) {
    case Work::Stage::kRows:
      return read_rows(*table, stop);
    case Work::Stage::kSums:
      return sum_kept(*table);
    default:
      return find_extras(*table, stop);
  }
}

}  // namespace binbus::state
