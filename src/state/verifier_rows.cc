// Tables with a key.
#include <algorithm>

#include "state/row_codec.h"
#include "state/row_difference.h"
#include "state/verifier.h"

namespace binbus::state {

using schema::Field;
using Table = Tables::Table;
using Kind = RowDifference::Kind;

namespace {

constexpr uint64_t kStepUs = 1'000'000;  // how long the log stands still for rows of the source
constexpr uint64_t kWalkUs = 200'000;    // and for kept ones
constexpr size_t kLookRows = 200;
constexpr size_t kLookBytes = 256 << 10;  // of their keys: less than a statement may have
constexpr size_t kAskedBytes = 4 << 20;   // of keys that are to be asked for
constexpr size_t kDoubtBytes = 128;       // of one in memory, beside its row and key

}  // namespace

// Some chunks of the source's rows, in the order of its key.
Status Verifier::read_rows(Table& table, const std::stop_token& stop) {
  Work& work = work_.front();
  if (work.last.empty()) {
    BINBUS_TRY(expected, source_->guess_rows(*table.record.table));
    change([&](TableVerdict& verdict) { verdict.rows_expected = expected; });
  }
  BINBUS_RETURN_IF_ERROR(source_->begin(tables_.place()->at, false, stop));
  const uint64_t end_us = clock_.monotonic_us() + kStepUs;
  Doubts unequal;
  size_t unequal_bytes = 0;
  std::vector<uint64_t> hashes;
  uint64_t bytes = 0;
  ByteVector last = work.last;
  StoredRowReader last_reader(table.record.table);
  bool ended = false;
  for (bool more = true; more;) {
    const uint64_t begun_us = clock_.monotonic_us();
    const uint64_t rows_max = work.chunk.rows_max();
    uint64_t chunk_rows = 0, chunk_bytes = 0;
    ByteVector next;  // empty: the table has no more rows
    bool full = false;
    const auto take = [&](std::span<const Field> row, size_t packet_bytes) -> Result<bool> {
      BINBUS_TRY(key, tables_.key_of(table, row));
      hashes.push_back(KeySums::hash(key));
      BINBUS_TRY(kept, tables_.kept(key));
      bool same = false;
      if (kept) {
        BINBUS_TRY(ours, work.kept->read(*kept));
        BINBUS_TRY(columns, differing_columns(ours.fields, row));
        same = columns.empty();
      }
      if (!same) {
        BINBUS_TRY(bytes_of_row, stored_row(row));
        unequal_bytes += key.size() + bytes_of_row.size() + kDoubtBytes;
        unequal[key] = {std::move(bytes_of_row), true};
      }
      chunk_bytes += packet_bytes;
      full = unequal_bytes >= kBatchBytes;
      if (++chunk_rows == rows_max || full) {
        BINBUS_TRY(key_alone, stored_row(key_alone_of(row, table.key)));
        next = std::move(key_alone);
      }
      return !full;
    };
    std::span<const Field> behind;
    if (!last.empty()) {
      BINBUS_TRY(fields, last_reader.read(last));
      behind = fields;
    }
    BINBUS_RETURN_IF_ERROR(source_->read_chunk(table, behind, rows_max, take));
    work.chunk.took(clock_.monotonic_us() - begun_us, chunk_bytes);
    bytes += chunk_bytes;
    ended = next.empty();
    if (!ended) last = std::move(next);
    more = !ended && !full && !pace_.limits_rate() && !stop.stop_requested() &&
           !run_->is_cancelled() && clock_.monotonic_us() < end_us;
  }
  BINBUS_TRY(until, source_->end(stop));
  for (const uint64_t hash : hashes) work.sums->theirs.add(hash);
  work.last = std::move(last);
  if (ended) work.stage = Work::Stage::kSums;
  doubts_ = std::move(unequal);
  wait_for(Look::kFirst, until);
  pace_.read(hashes.size(), bytes);
  change([&](TableVerdict& verdict) { verdict.rows += hashes.size(); });
  return ok();
}

// The keys of kept rows, without asking the source.
Status Verifier::sum_kept(Table& table) {
  Work& work = work_.front();
  const uint64_t end_us = clock_.monotonic_us() + kWalkUs;
  const size_t prefix = row_prefix(table.record.id).size();
  const auto view = tables_.view();
  const auto rows = view->rows(table.record, work.behind);
  for (uint64_t count = 1; rows->valid(); rows->next(), ++count) {
    work.sums->ours.add(KeySums::hash(rows->key()));
    if (count % kRowsBetweenLooks != 0 || clock_.monotonic_us() < end_us) continue;
    work.behind = rows->key().substr(prefix);
    return ok();
  }
  BINBUS_RETURN_IF_ERROR(rows->status());
  work.behind.clear();
  work.stage = work.sums->ours == work.sums->theirs ? Work::Stage::kDone : Work::Stage::kExtras;
  if (work.stage == Work::Stage::kExtras)
    change([](TableVerdict& verdict) { verdict.stage = TableVerdict::Stage::kExtras; });
  return ok();
}

// Asks for some of the kept rows that the source may not have.
Status Verifier::find_extras(Table& table, const std::stop_token& stop) {
  Work& work = work_.front();
  if (work.asked.empty() && !work.walked) BINBUS_RETURN_IF_ERROR(walk_kept(table));
  if (!work.asked.empty()) return look(table, work.asked, Look::kFirst, stop);
  if (work.walked) work.stage = Work::Stage::kDone;
  return ok();
}

Status Verifier::walk_kept(Table& table) {
  Work& work = work_.front();
  const uint64_t end_us = clock_.monotonic_us() + kWalkUs;
  const size_t prefix = row_prefix(table.record.id).size();
  const auto view = tables_.view();
  const auto rows = view->rows(table.record, work.behind);
  size_t bytes = 0;
  for (uint64_t count = 1; rows->valid() && bytes < kAskedBytes; rows->next(), ++count) {
    work.behind = rows->key().substr(prefix);
    if (work.sums->theirs.differ_at(work.sums->ours, KeySums::hash(rows->key()))) {
      BINBUS_TRY(row, work.kept->read(rows->value()));
      BINBUS_TRY(key_alone, stored_row(key_alone_of(row.fields, table.key)));
      bytes += rows->key().size() + key_alone.size() + kDoubtBytes;
      work.asked[std::string(rows->key())] = {std::move(key_alone), false};
    }
    if (count % kRowsBetweenLooks == 0 && clock_.monotonic_us() >= end_us) return ok();
  }
  BINBUS_RETURN_IF_ERROR(rows->status());
  work.walked = !rows->valid();
  return ok();
}

// What the source has under the keys of some of `asked`, beside what is kept: one batch after the other, for a while.
Result<Verifier::Found> Verifier::look_up(Table& table, const Doubts& asked,
                                          const std::stop_token& stop) {
  BINBUS_RETURN_IF_ERROR(source_->begin(tables_.place()->at, false, stop));
  const uint64_t end_us = clock_.monotonic_us() + kStepUs;
  Found found;
  auto next = asked.begin();
  for (bool more = true; more;) {
    BINBUS_RETURN_IF_ERROR(look_up_batch(table, asked, next, found));
    more = next != asked.end() && found.unequal_bytes < kBatchBytes && !pace_.limits_rate() &&
           !is_to_end(stop) && clock_.monotonic_us() < end_us;
  }
  BINBUS_TRY(until, source_->end(stop));
  found.until = until;
  pace_.read(found.judged.size(), found.read_bytes);
  return found;
}

Status Verifier::look_up_batch(Table& table, const Doubts& asked, Doubts::const_iterator& next,
                               Found& found) {
  Work& work = work_.front();
  std::map<std::string, bool> seen;  // by the keys that are asked for
  std::vector<ByteVector> rows;
  for (size_t bytes = 0; next != asked.end() && rows.size() < kLookRows && bytes < kLookBytes;
       ++next) {
    BINBUS_TRY(row, work.stored->read(next->second.row));
    BINBUS_TRY(key_alone, stored_row(key_alone_of(row, table.key)));
    bytes += key_alone.size();
    rows.push_back(std::move(key_alone));
    seen[next->first] = false;
  }
  bool full = false;
  const auto take = [&](std::span<const Field> row, size_t packet_bytes) -> Result<bool> {
    found.read_bytes += packet_bytes;
    BINBUS_TRY(key, tables_.key_of(table, row));
    const auto at = seen.find(key);
    if (at == seen.end()) return true;  // another key, which the source takes for the same
    at->second = true;
    BINBUS_TRY(row_bytes, stored_row(row));
    Doubt doubt{std::move(row_bytes), true};
    BINBUS_TRY(kept, tables_.kept(key));
    BINBUS_TRY(same, is_same(doubt, kept));
    if (same) return true;
    found.unequal_bytes += key.size() + doubt.row.size() + kDoubtBytes;
    found.unequal[key] = std::move(doubt);
    full = found.unequal_bytes >= kBatchBytes;
    return !full;
  };
  BINBUS_RETURN_IF_ERROR(source_->read_rows(table, rows, take));
  for (const auto& [key, is_there] : seen) {
    if (full && !is_there) continue;  // perhaps it was not read
    found.judged.push_back(key);
    if (is_there) continue;
    BINBUS_TRY(kept, tables_.kept(key));
    if (kept) found.unequal[key] = {asked.at(key).row, false};
  }
  return ok();
}

// What was judged goes from `from`.
Status Verifier::look(Table& table, Doubts& from, Look look, const std::stop_token& stop) {
  BINBUS_TRY(found, look_up(table, from, stop));
  for (const std::string& key : found.judged) from.erase(key);
  if (look == Look::kFirst) {  // those that are there were compared before
    const auto extra = std::ranges::count_if(
        found.unequal, [](const auto& each) { return !each.second.at_source; });
    change([&](TableVerdict& verdict) { verdict.rows += static_cast<uint64_t>(extra); });
  }
  doubts_ = std::move(found.unequal);
  wait_for(look, found.until);
  return ok();
}

Result<bool> Verifier::is_same(const Doubt& doubt, const std::optional<std::string_view>& kept) {
  if (!kept || !doubt.at_source) return !kept && !doubt.at_source;
  Work& work = work_.front();
  BINBUS_TRY(ours, work.kept->read(*kept));
  BINBUS_TRY(theirs, work.stored->read(doubt.row));
  BINBUS_TRY(columns, differing_columns(ours.fields, theirs));
  return columns.empty();
}

// By the log, on the way to until_.
void Verifier::written(const std::string& key, std::optional<std::string_view> kept) {
  const auto doubt = doubts_.find(key);
  if (doubt == doubts_.end()) return;
  const auto same = is_same(doubt->second, kept);
  if (!same) {
    broken_ = fail(same.error());
  } else if (*same) {
    doubts_.erase(doubt);
  }
}

// What is in doubts_ is judged there.
void Verifier::wait_for(Look look, Position until) {
  if (doubts_.empty()) return;
  look_ = look;
  until_ = until;
}

// The log has come to until_: what is left differs.
Status Verifier::conclude(Table& table) {
  BINBUS_RETURN_IF_ERROR(std::exchange(broken_, ok()));
  const Look look = *std::exchange(look_, std::nullopt);
  Doubts left = std::exchange(doubts_, {});
  if (look == Look::kFirst) {
    work_.front().again.merge(left);
    return ok();
  }
  for (auto& [key, doubt] : left) BINBUS_RETURN_IF_ERROR(report(table, key, doubt));
  if (run_->repairs()) work_.front().mended.merge(left);
  return ok();
}

Status Verifier::report(Table& table, const std::string& key, const Doubt& doubt) {
  Work& work = work_.front();
  BINBUS_TRY(kept, tables_.kept(key));
  BINBUS_TRY(theirs, work.stored->read(doubt.row));
  const Kind kind = !doubt.at_source ? Kind::kExtra : kept ? Kind::kDiffers : Kind::kMissing;
  BINBUS_TRY(told, row_difference(kind, table.key, theirs));
  if (kind == Kind::kDiffers) {
    BINBUS_TRY(ours, work.kept->read(*kept));
    BINBUS_TRY(columns, differing_columns(ours.fields, theirs));
    for (const uint32_t column : columns) told.columns.push_back(theirs[column].column->name);
  }
  change([&](TableVerdict& verdict) {
    ++(kind == Kind::kDiffers   ? verdict.differ
       : kind == Kind::kMissing ? verdict.missing
                                : verdict.extra);
    if (verdict.first.size() < Verification::kFirst) verdict.first.push_back(std::move(told));
  });
  return ok();
}

// As a chunk of the fill: written as of the tables' place, and right when the log has come to where the reading ended.
Status Verifier::mend(Table& table, const std::stop_token& stop) {
  Work& work = work_.front();
  BINBUS_TRY(found, look_up(table, work.mended, stop));
  FillProgress& fill = table.record.fill;
  if (fill.until <= tables_.place()->at) table.looked_up.emplace();
  for (const auto& [key, doubt] : found.unequal) {
    BINBUS_TRY(row, work.stored->read(doubt.row));
    BINBUS_RETURN_IF_ERROR(tables_.set_count(table, row, doubt.at_source ? 1 : 0));
    if (table.looked_up) table.looked_up->insert(key);
  }
  fill.until = std::max(fill.until, found.until);
  tables_.keep(table);
  BINBUS_RETURN_IF_ERROR(tables_.commit());
  until_ = fill.until;  // the next ones when these are of the place
  // Those that the log has made right meanwhile, too.
  for (const std::string& key : found.judged) work.mended.erase(key);
  change([&](TableVerdict& verdict) { verdict.repaired += found.judged.size(); });
  return ok();
}

}  // namespace binbus::state
