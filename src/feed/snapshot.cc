// The rows of a snapshot, and how one that was broken off goes on.
#include <binbus/feed/v1/feed.pb.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/name_list.h"
#include "feed/subscriber.h"
#include "schema/table_definition.h"

namespace binbus::feed {

using schema::Change;
using schema::Field;
using schema::Operation;

namespace {

constexpr uint64_t kAskMs = 250;
constexpr uint64_t kNewestMs = 5'000;
constexpr size_t kNamesMax = 5;  // in a message
constexpr uint64_t kLookRows =
    1024;  // after so many that do not fit it is seen to that the client hears something

std::string full_name(const schema::TableVersion& table) {
  return table.database + "." + table.table;
}

}  // namespace

Status Subscriber::take_snapshot(std::optional<Place> done, const std::stop_token& stop) {
  BINBUS_TRY(view, wait_for_tables(done, stop));
  // What comes after the rows stays in the log until they are told.
  const auto hold = stream_.log->reader(view->place.at);
  if (!hold) return fail(hold.error());
  const bool begun = done.has_value();
  if (done) {
    const Status caught = catch_up(*done, *view, stop);
    if (!caught && !anew_ && caught.error().code != Code::kPurged) return caught;
    if (!caught) {
      BINBUS_RETURN_IF_ERROR(flush(stop));
      done.reset();
    }
  }
  if (begun && !done) BINBUS_RETURN_IF_ERROR(forget_cursor());
  v1::SubscribeResponse message;
  message.mutable_snapshot_begin()->set_position(view->place.text);
  message.mutable_snapshot_begin()->set_anew(begun && !done);
  BINBUS_RETURN_IF_ERROR(send(message));
  presence_->set("snapshot");
  presence_->move_to(view->place.text, view->place.at);
  BINBUS_RETURN_IF_ERROR(tell_rows(*view, done ? done->row : std::nullopt, stop));
  message.mutable_snapshot_end()->set_position(view->place.text);
  BINBUS_RETURN_IF_ERROR(send(message));
  place_ = {.at = view->place.text, .within = {}, .row = {}};
  return follower_->seek(place_);
}

Result<std::shared_ptr<const state::TablesView>> Subscriber::wait_for_tables(
    const std::optional<Place>& done, const std::stop_token& stop) {
  if (stream_.state == nullptr) {
    return fail(Code::kDiverged,
                fmt::format("stream {} keeps no rows, so there is no snapshot of it: add a "
                            "[[state]] with these tables, or begin elsewhere",
                            start_->stream()));
  }
  // Rows as of an earlier place are as good, with the changes from there; who asks now means those of now, if that is soon.
  const binlog::Position newest = stream_.log->visible_end();
  const uint64_t until_us = clock_.monotonic_us() + kNewestMs * 1000;
  for (;;) {
    const auto view = stream_.state->view();
    std::string reason = "no table is ready yet";
    if (view) {
      BINBUS_TRY(lacks, missing(*view));
      reason = lacks;
    }
    if (view && reason.empty() && done) {
      const auto at = follower_->changes().find(done->at);
      const bool here = at ? view->place.at > *at || (view->place.at == *at && !done->within)
                           : at.error().code == Code::kPurged;
      if (!here) reason = "the rows kept here are behind " + done->at;
    }
    if (view && reason.empty() && !done && view->place.at < newest &&
        clock_.monotonic_us() < until_us)
      reason = "the rows kept here are as of " + view->place.text;
    if (view && reason.empty()) return view;
    BINBUS_RETURN_IF_ERROR(wait(reason, kAskMs, stop));
  }
}

// Why the view does not have all that is wanted yet; an error when it never will.
Result<std::string> Subscriber::missing(const state::TablesView& view) {
  const auto there = stream_.schema_at(view.place.at);
  if (!there && there.error().code == Code::kNotFound) return there.error().message;
  if (!there) return fail(there.error());
  std::vector<std::string> not_kept, not_ready;
  std::set<std::string> named;  // by no pattern: must be there
  for (const std::string& table : start_->filter().tables()) {
    if (table.find_first_of("*?/") == std::string::npos) named.insert(schema::folded(table));
  }
  there->catalog.for_each_table([&](const schema::TableState& table) {
    if (table.version == nullptr) return true;
    const schema::TableVersion& version = *table.version;
    if (!follower_->selection().may_pass(version.database, version.table)) return true;
    named.erase(schema::folded(full_name(version)));
    if (!stream_.state->keeps(version.database, version.table)) {
      not_kept.push_back(full_name(version));
    } else if (view.find(version.database, version.table) == nullptr) {
      not_ready.push_back(full_name(version));
    }
    return true;
  });
  if (!not_kept.empty()) {
    return fail(
        Code::kDiverged,
        fmt::format("there is no snapshot of {}: rows of these tables are not kept. Add them "
                    "to `tables` of the stream's [[state]], or leave them out here",
                    name_list(not_kept, kNamesMax)));
  }
  if (!named.empty()) {
    return fail(Code::kNotFound,
                fmt::format("there is no snapshot of {}: there is no such table. Mend the name, or "
                            "begin elsewhere to be told of tables to come",
                            name_list({named.begin(), named.end()}, kNamesMax)));
  }
  if (not_ready.empty()) return "";
  const state::KeeperStatus status = stream_.state->status();
  for (const state::TableRecord& table : *status.tables) {
    if ((table.phase == state::Phase::kFailed || table.phase == state::Phase::kCancelled) &&
        std::ranges::find(not_ready, table.full_name()) != not_ready.end()) {
      return fail(
          Code::kDiverged,
          fmt::format("there is no snapshot of {}: {}. When that is mended: binbus snapshot "
                      "start {}",
                      table.full_name(), table.error, table.full_name()));
    }
  }
  return "rows are being read at the source: " + name_list(not_ready, kNamesMax);
}

// The changes from where it was broken off to the view, of the rows that the client has.
Status Subscriber::catch_up(const Place& done, const state::TablesView& view,
                            const std::stop_token& stop) {
  BINBUS_RETURN_IF_ERROR(follower_->seek(done));
  bound_ = done.row;
  bound_table_ = nullptr;
  anew_ = false;
  for (const state::TableRecord& table : *view.tables) {
    if (table.full_name() == bound_->table) bound_table_ = &table;
  }
  follower_->set_fit([this](Change& change) { return fit(change); });
  changes::LogChanges& changes = follower_->changes();
  changes.stop_at(view.place.at);
  const auto catch_up = [&]() -> Status {
    while (changes.position() < view.place.at) {
      BINBUS_RETURN_IF_ERROR(follower_->gather(kHeartbeatMs, stop, [&] { return flush(stop); }));
      BINBUS_RETURN_IF_ERROR(flush(stop));
      place_ = follower_->place();
      BINBUS_RETURN_IF_ERROR(heartbeat());
    }
    return ok();
  };
  Status caught = catch_up();
  changes.stop_at({UINT64_MAX, 0});
  follower_->set_fit({});
  return caught;
}

Result<bool> Subscriber::is_known(std::span<const Field> row, std::span<const Field> other) {
  std::vector<Field> whole(row.begin(), row.end());
  for (size_t i = 0; i < whole.size() && i < other.size(); ++i) {
    if (whole[i].state == Field::State::kAbsent) whole[i] = other[i];
  }
  std::string key;
  BINBUS_RETURN_IF_ERROR(state::append_key(key, whole, state::key_columns(*bound_table_->table)));
  return key <= bound_->key;
}

Result<bool> Subscriber::fit(Change& change) {
  const auto impossible = [this](const std::string& why) {
    anew_ = true;
    return fail(Code::kDiverged, "the snapshot begins anew: " + why);
  };
  const bool is_row = change.operation != Operation::kDdl;
  const auto side = [&](const schema::TablePtr& table) {  // of the bound
    return table == nullptr ? 0 : full_name(*table).compare(bound_->table);
  };
  if (!is_row) {
    const schema::TablePtr& before = change.table_before ? change.table_before : change.table_after;
    const schema::TablePtr& after = change.table_after ? change.table_after : change.table_before;
    if (side(before) == 0 || side(after) == 0 || (side(before) < 0) != (side(after) < 0))
      return impossible("a statement changed the tables");
    return side(before) < 0;
  }
  if (const int its = side(change.table); its != 0) return its < 0;
  if (change.operation == Operation::kTruncate) return true;
  if (bound_table_ == nullptr) return impossible(bound_->table + " is not kept any more");
  bool was = false, is = false;
  if (!change.before.empty()) {
    BINBUS_TRY(known, is_known(change.before, {}));
    was = known;
  }
  if (!change.after.empty()) {
    BINBUS_TRY(known, is_known(change.after, change.before));
    is = known;
  }
  if (change.operation != Operation::kUpdate || was == is) return was || is;
  if (was) {  // it comes again, under its new key
    change.operation = Operation::kDelete;
    change.after = {};
    return true;
  }
  const bool whole = std::ranges::none_of(
      change.after, [](const Field& field) { return field.state == Field::State::kAbsent; });
  if (!whole) return impossible("a row's key was changed, and the log has not all of the row");
  change.operation = Operation::kInsert;
  change.before = {};
  return true;
}

Status Subscriber::tell_rows(const state::TablesView& view, const std::optional<Place::Row>& behind,
                             const std::stop_token& stop) {
  std::vector<const state::TableRecord*> tables;
  for (const state::TableRecord& table : *view.tables) {
    if (follower_->selection().may_pass(table.table->database, table.table->table))
      tables.push_back(&table);
  }
  std::ranges::sort(tables, {}, [](const state::TableRecord* table) { return table->full_name(); });
  for (const state::TableRecord* table : tables) {
    const auto order =
        behind ? table->full_name() <=> behind->table : std::strong_ordering::greater;
    if (order < 0) continue;
    BINBUS_RETURN_IF_ERROR(tell_table(view, *table, order == 0 ? behind->key : "", stop));
  }
  follower_->batch().end_at({.at = view.place.text, .within = {}, .row = {}});
  return flush(stop);
}

Status Subscriber::tell_table(const state::TablesView& view, const state::TableRecord& table,
                              std::string_view behind, const std::stop_token& stop) {
  const size_t prefix_bytes = state::row_prefix(table.id).size();
  state::RowReader reader = view.reader(table);
  schema::TransactionInfo none;
  Change change;
  change.operation = Operation::kRead;
  change.transaction = &none;
  change.table = table.table;
  Place place{.at = view.place.text, .within = {}, .row = Place::Row{table.full_name(), ""}};
  const auto rows = view.rows(table, behind);
  uint64_t passed_over = 0;
  for (; rows->valid(); rows->next()) {
    if (stop.stop_requested()) return fail(Code::kStopped, "asked to stop");
    BINBUS_TRY(row, reader.read(rows->value()));
    change.after = row.fields;
    BINBUS_TRY(passes, follower_->selection().passes(change));
    if (!passes) {
      if (++passed_over % kLookRows != 0 || !silent_for(kHeartbeatMs)) continue;
      BINBUS_RETURN_IF_ERROR(
          follower_->batch().empty() ? wait("rows that fit are looked for", 0, stop) : flush(stop));
      presence_->set("snapshot");
      continue;
    }
    place.row->key = rows->key().substr(prefix_bytes);
    BINBUS_RETURN_IF_ERROR(follower_->batch().add_row(change, place, row.count, place.row->key));
    if (follower_->batch().bytes() < Follower::kBatchBytes) continue;
    BINBUS_RETURN_IF_ERROR(flush(stop));
  }
  return rows->status();
}

}  // namespace binbus::feed
