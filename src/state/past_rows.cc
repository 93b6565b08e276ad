#include "state/past_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/utc_time.h"
#include "binlog/position.h"
#include "state/applier.h"

namespace binbus::state {
namespace {

constexpr std::string_view kGtid = "gtid:";
constexpr uint64_t kWaitMs = 100;
constexpr uint64_t kCommitBytes = 4 << 20;

// As the snapshots of another life of the log have it, too.
Position position_of(const std::string& text) {
  const size_t colon = text.rfind(':');
  const auto name = binlog::SegmentName::parse(text.substr(0, colon));
  Position at;
  if (!name || colon == std::string::npos) return at;
  at.segment = name->number;
  std::from_chars(text.data() + colon + 1, text.data() + text.size(), at.offset);
  return at;
}

}  // namespace

Result<Position> PastRows::find(const std::string& where) const {
  std::string named = where;
  if (parse_utc_us(where)) named = "time:" + where;
  if (mysql::Executed::parse(log_.executed().flavor(), where)) named = std::string(kGtid) + where;
  if (named.starts_with(kGtid)) return find_gtids(named);
  BINBUS_TRY(at, changes::LogChanges(log_, schema_at_).find(named));
  BINBUS_TRY(around, log_.find_stretch(at));
  return around.from == around.to ? at : around.from;
}

// Where the first transaction begins that is not in the set; the place before it has executed the set, or there is none that has.
Result<Position> PastRows::find_gtids(const std::string& named) const {
  const std::string set = named.substr(kGtid.size());
  BINBUS_TRY(wanted, mysql::Executed::parse(log_.executed().flavor(), set));
  changes::LogChanges changes(log_, schema_at_);
  changes.configure(
      {.tables = [](std::string_view, std::string_view) { return false; }, .skip_losses = true});
  BINBUS_RETURN_IF_ERROR(changes.start(named));
  std::optional<Position> first;
  const auto read = changes.read(
      [&](const schema::Change& change) -> Status {
        first = change.transaction->begin;
        return fail(Code::kStopped, "found");
      },
      0, {});
  if (!read && !first) return fail(read.error());
  const Position at = first.value_or(changes.position());
  BINBUS_TRY(executed, log_.executed_at(at));
  if (executed == wanted) return at;
  return fail(
      Code::kNotFound,
      fmt::format("at no place of the log of stream {} exactly {} was executed; at {}:{} {} "
                  "was",
                  stream_, set, log_.segment_name(at.segment), at.offset,
                  executed.empty() ? "nothing" : executed.to_string()));
}

Result<std::unique_ptr<OpenSnapshot>> PastRows::newest_before(Position at) const {
  BINBUS_TRY(all, snapshots_.list());
  const uint64_t oldest = log_.size().oldest;
  const SnapshotInfo* found = nullptr;
  const SnapshotInfo* first = nullptr;  // the oldest place that can be had
  Position found_at, first_at;
  for (const SnapshotInfo& info : all) {
    const Position place = position_of(info.position);
    // The log must go on from there.
    if (place.segment < oldest && place != at) continue;
    if (first == nullptr || place < first_at) {
      first = &info;
      first_at = place;
    }
    if (place <= at && (found == nullptr || place >= found_at)) {
      found = &info;
      found_at = place;
    }
  }
  if (found != nullptr) return snapshots_.open(found->name);
  const std::string wanted = fmt::format("{}:{}", log_.segment_name(at.segment), at.offset);
  if (first == nullptr) {
    return fail(Code::kNotFound,
                fmt::format("rows as of {} cannot be had: stream {} has no snapshot from which the "
                            "log goes on; `binbus snapshot create` makes one for points to come, "
                            "snapshot_every in [[state]] regularly",
                            wanted, stream_));
  }
  return fail(Code::kPurged,
              fmt::format("rows as of {} cannot be had; the oldest point that can be had is {}, "
                          "snapshot {} of {}",
                          wanted, first->position, first->name, utc_text(first->time_us)));
}

Status PastRows::bring_forward(Tables& tables, Position at, const std::stop_token& stop) const {
  if (!tables.place()) return fail(Code::kCorrupt, "the snapshot has no place");
  if (tables.place()->at < at) {
    changes::LogChanges changes(log_, schema_at_);
    changes.configure({.tables = wants_});
    BINBUS_RETURN_IF_ERROR(changes.seek(tables.place()->text));
    changes.stop_at(at);
    Applier applier(stream_ + " (at a point)", tables, wants_);
    while (changes.position() < at) {
      BINBUS_TRY(read,
                 changes.read([&](const schema::Change& change) { return applier.take(change); },
                              kWaitMs, stop));
      applier.reach(changes.position(), changes.place());
      if (tables.batch_bytes() >= kCommitBytes) BINBUS_RETURN_IF_ERROR(tables.commit());
      if (!read && changes.position() < at && changes.at_end())
        return fail(Code::kNotFound, "the log ends before that place");
    }
    BINBUS_RETURN_IF_ERROR(tables.commit());
  }
  if (tables.place()->at != at)
    return fail(Code::kInvalid,
                "that place is within a transaction; it ends at " + tables.place()->text);
  // Some rows may have values that only the source has, or be right further on only.
  for (Tables::Table& table : tables.all()) {
    TableRecord& record = table.record;
    if (record.phase != Phase::kReady || (table.incomplete == 0 && record.fill.until <= at))
      continue;
    record.phase = Phase::kFilling;
    tables.keep(table);
  }
  BINBUS_RETURN_IF_ERROR(tables.commit());
  return tables.sync();
}

Status PastRows::make(Position at, const std::string& rows, SnapshotInfo& info,
                      const std::stop_token& stop) const {
  BINBUS_TRY(open, newest_before(at));
  BINBUS_RETURN_IF_ERROR(copy_rows(open->rows_folder(), rows));
  BINBUS_TRY(store, TableStore::open({.folder = rows}));
  BINBUS_TRY(tables, Tables::open(stream_, std::move(store)));
  BINBUS_RETURN_IF_ERROR(bring_forward(*tables, at, stop));
  BINBUS_TRY(executed, log_.executed_at(at));
  info.position = tables->place()->text;
  info.gtid_executed = executed.to_string();
  fill_in_tables(info, *tables->records());
  return ok();
}

Result<SnapshotInfo> PastRows::keep(Position at, const std::string& purpose, uint64_t now_us,
                                    const std::stop_token& stop) const {
  return snapshots_.add(
      {.name = {},
       .purpose = purpose,
       .time_us = now_us,
       .position = {},
       .gtid_executed = {},
       .tables = {}},
      [&](const std::string& rows, SnapshotInfo& info) { return make(at, rows, info, stop); });
}

Result<std::shared_ptr<const TablesView>> PastRows::view(Position at,
                                                         const std::stop_token& stop) const {
  struct Own {
    ~Own() {
      view.reset();
      remove_rows(folder);
    }
    std::string folder;
    std::shared_ptr<const TablesView> view;
  };
  const auto own = std::make_shared<Own>();
  BINBUS_TRY(folder, snapshots_.scratch());
  own->folder = std::move(folder);
  SnapshotInfo info;
  BINBUS_RETURN_IF_ERROR(make(at, own->folder + "/rows", info, stop));
  BINBUS_TRY(view, open_rows("rows of stream " + stream_, own->folder + "/rows"));
  own->view = std::move(view);
  return std::shared_ptr<const TablesView>(own, own->view.get());
}

}  // namespace binbus::state
