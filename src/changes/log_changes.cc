#include "changes/log_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/utc_time.h"
#include "io/sleep.h"

namespace binbus::changes {
namespace {

constexpr std::string_view kGtid = "gtid:";
constexpr std::string_view kTime = "time:";

Result<uint64_t> parse_time_us(std::string_view text) {
  if (const auto time_us = parse_utc_us(std::string(text))) return *time_us;
  return fail(Code::kInvalid, fmt::format("time:{}: must be UTC as 2026-11-20T10:00:00Z", text));
}

}  // namespace

Status LogChanges::start(std::string_view where) {
  BINBUS_TRY(open, find(where));
  std::optional<mysql::Executed> done;
  if (where.starts_with(kGtid)) {
    BINBUS_TRY(set, parse_set(where));
    done = std::move(set);
  }
  if (open.segment > 0) {
    BINBUS_TRY(around, log_.find_stretch(open));
    if (around.from != around.to) {
      return fail(Code::kInvalid,
                  fmt::format("{} is within a transaction, which goes from {} to {}", where,
                              around.from.offset, around.to.offset));
    }
  }
  open_at_ = at_ = open;
  done_ = std::move(done);
  at_segment_.clear();
  reader_.reset();
  return ok();
}

Result<Position> LogChanges::find(std::string_view where) const {
  if (where == "earliest") return Position{log_.size().oldest, 0};
  if (where == "latest") return log_.visible_end();
  if (where.starts_with(kGtid)) {
    BINBUS_TRY(set, parse_set(where));
    return log_.find_gtids(set);
  }
  if (where.starts_with(kTime)) {
    BINBUS_TRY(time_us, parse_time_us(where.substr(kTime.size())));
    return log_.find_time(time_us);
  }
  return position_of(where);
}

Result<mysql::Executed> LogChanges::parse_set(std::string_view where) const {
  return mysql::Executed::parse(log_.executed().flavor(), where.substr(kGtid.size()));
}

Status LogChanges::seek(const Checkpoint& checkpoint) {
  // An empty log had no place yet.
  if (checkpoint.empty()) return start("earliest");
  BINBUS_TRY(at, position_of(checkpoint));
  open_at_ = at_ = at;
  done_.reset();
  at_segment_ = checkpoint.substr(0, checkpoint.rfind(':'));
  reader_.reset();
  return ok();
}

Result<Position> LogChanges::position_of(std::string_view text) const {
  const size_t colon = text.rfind(':');
  uint64_t offset = 0;
  const std::string_view digits = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), offset);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return fail(Code::kInvalid,
                fmt::format("{}: must be earliest, latest, gtid:SET, time:YYYY-MM-DDTHH:MM:SSZ or "
                            "FILE:POS",
                            text));
  }
  const std::string_view file = text.substr(0, colon);
  const auto segments = log_.segments();
  const auto found = std::ranges::find(segments, file, &store::SegmentInfo::name);
  if (found != segments.end() && offset <= std::max<uint64_t>(found->bytes, 4)) {
    return Position{found->number, offset};
  }
  if (found != segments.end()) {
    return fail(Code::kNotFound,
                fmt::format("{}: the log has {} bytes of that file so far", text, found->bytes));
  }
  if (segments.empty()) return fail(Code::kNotFound, "the log has nothing yet");
  // Names grow by number; one of another base name comes from nowhere.
  const std::string& newest = segments.back().name;
  const bool to_come =
      std::pair(file.size(), file) > std::pair(newest.size(), std::string_view(newest));
  return fail(
      to_come ? Code::kNotFound : Code::kPurged,
      fmt::format("{} is not in the log, which has {} to {}", text, segments.front().name, newest));
}

Status LogChanges::open() {
  if (wanted_.full_rows && !fill_) {
    return fail(Code::kInvalid,
                "full_rows: what the log leaves out of rows is not kept; set fill_images = true in "
                "the stream's [[state]]");
  }
  auto known = schema_at_(open_at_);
  if (!known && known.error().code != Code::kNotFound) return fail(known.error());
  SchemaThere there = known ? std::move(*known) : SchemaThere{};
  ReaderOptions options;
  if (!known) options.catalog_to_come = known.error().message;
  options.open = [this](Position at) -> Result<std::unique_ptr<binlog::ByteSource>> {
    BINBUS_TRY(reader, log_.reader(at));
    return std::unique_ptr<binlog::ByteSource>(std::move(reader));
  };
  options.oldest = [this] { return Position{log_.size().oldest, 0}; };
  options.wants = wanted_.tables;
  options.losses = wanted_.skip_losses ? LossPolicy::kSkip : LossPolicy::kStop;
  options.sql_text = wanted_.sql_text;
  options.facts = std::move(there.facts);
  reader_ = std::make_unique<ChangeReader>(std::move(options), open_at_, std::move(there.catalog));
  return ok();
}

Result<bool> LogChanges::read(const std::function<Status(const schema::Change&)>& emit,
                              uint64_t wait_ms, const std::stop_token& stop) {
  if (open_at_ == Position{}) open_at_ = {log_.size().oldest, 0};  // the log was empty
  if (open_at_.segment == 0) {
    io::sleep_for(wait_ms, stop);  // there is no log yet to wait for
    if (stop.stop_requested()) return fail(Code::kStopped, "asked to stop");
    return false;
  }
  if (reader_ == nullptr) BINBUS_RETURN_IF_ERROR(open());
  bool emitted = false;
  const ChangeReader::Emit give = [&](const schema::Change& change) -> Status {
    if (stop.stop_requested()) return fail(Code::kStopped, "asked to stop");
    if (done_ && done_->contains(change.transaction->gtid)) return ok();
    emitted = true;
    if (!wanted_.full_rows || !fill_ || !schema::is_row(change.operation)) return emit(change);
    schema::Change filled = change;
    BINBUS_RETURN_IF_ERROR(fill_(filled, stop));
    return emit(filled);
  };
  const auto failed = [this](Error error) {
    let_go();
    if (error.code == Code::kDiverged && on_diverged_) on_diverged_();
    return fail(std::move(error));
  };
  for (;;) {
    if (stop.stop_requested()) return fail(Code::kStopped, "asked to stop");
    if (at_ >= end_) return false;
    auto more = reader_->read(give);
    if (!more) return failed(std::move(more).error());
    if (*more) {
      at_ = reader_->place();
      at_segment_ = reader_->segment_name();
      if (emitted) return true;
      continue;
    }
    // Read to the end: what the set has of later transactions is news.
    if (!reader_->wait(wait_ms, stop)) return false;
    if (wait_ms == 0) return false;
  }
}

void LogChanges::let_go() {
  open_at_ = at_;
  reader_.reset();
}

bool LogChanges::wait(uint64_t wait_ms, const std::stop_token& stop) {
  if (reader_ != nullptr) return reader_->wait(wait_ms, stop);
  io::sleep_for(wait_ms, stop);
  return !stop.stop_requested();
}

bool LogChanges::before(const Checkpoint& one, const Checkpoint& other) const {
  return position_of(one).value_or(Position{}) < position_of(other).value_or(Position{});
}

Checkpoint LogChanges::place() const {
  if (at_.segment == 0) return "";
  const std::string name = at_segment_.empty() ? log_.segment_name(at_.segment) : at_segment_;
  return fmt::format("{}:{}", name, at_.offset);
}

}  // namespace binbus::changes
