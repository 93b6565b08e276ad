// Tables without a key.
#include <fmt/format.h>

#include "state/row_codec.h"
#include "state/row_difference.h"
#include "state/verifier.h"

namespace binbus::state {

using schema::Field;
using Table = Tables::Table;

namespace {

constexpr size_t kWholeBytes = 32 << 20;  // of rows that differ

}  // namespace

// A table without a key: how often each row is there, on both sides as of one place. Most are equal, which sums tell.
Status Verifier::compare_whole(Table& given, const FollowTo& follow_to,
                               const std::stop_token& stop) {
  Work& work = work_.front();
  BINBUS_TRY(expected, source_->guess_rows(*given.record.table));
  BINBUS_RETURN_IF_ERROR(source_->begin(tables_.place()->at, true, stop));
  BINBUS_RETURN_IF_ERROR(follow_to(source_->exact_place()));
  // What came on the way may have changed it.
  Table* const found = tables_.find(work.database, work.name);
  if (found == nullptr || found->record.id != work.id || found->record.version != work.version ||
      found->record.phase != Phase::kReady) {
    return source_->end(stop) ? ok() : Status(fail(Code::kUnavailable, "the source is gone"));
  }
  Table& table = *found;
  change([&](TableVerdict& verdict) { verdict.rows_expected = expected; });
  *work.sums = {};
  uint64_t rows = 0, bytes = 0;
  const auto take = [&](std::span<const Field> row, size_t packet_bytes) -> Result<bool> {
    BINBUS_TRY(key, tables_.key_of(table, row));
    work.sums->theirs.add(KeySums::hash(key));
    bytes += packet_bytes;
    if (++rows % kRowsBetweenLooks == 0 && is_to_end(stop))
      return fail(Code::kStopped, "asked to stop");
    return true;
  };
  BINBUS_RETURN_IF_ERROR(source_->read_chunk(table, {}, 0, take));
  const auto view = tables_.view();
  const auto ours = view->rows(table.record);
  for (uint64_t count = 1; ours->valid(); ours->next(), ++count) {
    ByteReader in(as_bytes(ours->value()));
    BINBUS_TRY(head, read_row_head(in, true));
    work.sums->ours.add(KeySums::hash(ours->key()), head.count);
    if (count % kRowsBetweenLooks == 0 && is_to_end(stop))
      return fail(Code::kStopped, "asked to stop");
  }
  BINBUS_RETURN_IF_ERROR(ours->status());
  pace_.read(rows, bytes);
  change([&](TableVerdict& verdict) { verdict.rows = rows; });
  if (work.sums->ours != work.sums->theirs) return compare_counts(table, stop);
  BINBUS_TRY(until, source_->end(stop));
  static_cast<void>(until);
  work.stage = Work::Stage::kDone;
  return ok();
}

// The same reading once more, of the rows alone that may differ.
Status Verifier::compare_counts(Table& table, const std::stop_token& stop) {
  Work& work = work_.front();
  struct Counted {
    ByteVector row;
    uint64_t count = 0;
  };
  std::map<std::string, Counted> theirs;
  size_t bytes = 0;
  uint64_t rows = 0;
  const auto take = [&](std::span<const Field> row, size_t) -> Result<bool> {
    if (++rows % kRowsBetweenLooks == 0 && is_to_end(stop))
      return fail(Code::kStopped, "asked to stop");
    BINBUS_TRY(key, tables_.key_of(table, row));
    if (!work.sums->theirs.differ_at(work.sums->ours, KeySums::hash(key))) return true;
    Counted& counted = theirs[key];
    if (counted.count++ > 0) return true;
    BINBUS_TRY(row_bytes, stored_row(row));
    bytes += key.size() + row_bytes.size();
    counted.row = std::move(row_bytes);
    return bytes < kWholeBytes;
  };
  BINBUS_RETURN_IF_ERROR(source_->read_chunk(table, {}, 0, take));
  if (bytes >= kWholeBytes) {
    give_up_table(fmt::format(
        "it has no key, and more than {} MiB of its rows differ; `binbus snapshot start {}` "
        "reads it again",
        kWholeBytes >> 20, table.record.full_name()));
    return ok();
  }
  BINBUS_TRY(until, source_->end(stop));
  static_cast<void>(until);
  // So often here, so often there.
  uint64_t repaired = 0;
  const auto judge = [&](std::span<const Field> row, uint64_t here, uint64_t there) -> Status {
    if (here == there) return ok();
    const bool is_missing = here < there;
    const uint64_t times = is_missing ? there - here : here - there;
    const auto kind = is_missing ? RowDifference::Kind::kMissing : RowDifference::Kind::kExtra;
    BINBUS_TRY(told, row_difference(kind, {}, row));
    change([&](TableVerdict& verdict) {
      (is_missing ? verdict.missing : verdict.extra) += times;
      if (verdict.first.size() < Verification::kFirst) verdict.first.push_back(std::move(told));
    });
    if (!run_->repairs()) return ok();
    repaired += times;
    return tables_.set_count(table, row, there);
  };
  const auto view = tables_.view();
  const auto ours = view->rows(table.record);
  for (; ours->valid(); ours->next()) {
    if (!work.sums->theirs.differ_at(work.sums->ours, KeySums::hash(ours->key()))) continue;
    BINBUS_TRY(kept, work.kept->read(ours->value()));
    const auto found = theirs.find(std::string(ours->key()));
    BINBUS_RETURN_IF_ERROR(
        judge(kept.fields, kept.count, found == theirs.end() ? 0 : found->second.count));
    if (found != theirs.end()) theirs.erase(found);
    if (tables_.batch_bytes() > kBatchBytes) BINBUS_RETURN_IF_ERROR(tables_.commit());
  }
  BINBUS_RETURN_IF_ERROR(ours->status());
  for (const auto& [key, counted] : theirs) {
    BINBUS_TRY(row, work.stored->read(counted.row));
    BINBUS_RETURN_IF_ERROR(judge(row, 0, counted.count));
  }
  BINBUS_RETURN_IF_ERROR(tables_.commit());
  work.stage = Work::Stage::kDone;
  change([&](TableVerdict& verdict) { verdict.repaired = repaired; });
  return ok();
}

}  // namespace binbus::state
