#include "state/applier.h"

#include "base/log.h"
#include "schema/table_definition.h"

namespace binbus::state {

using schema::Change;
using schema::Operation;
using Table = Tables::Table;

namespace {

bool same_names(const schema::TableVersion& a, const schema::TableVersion& b) {
  return a.table == b.table && a.database == b.database;
}

}  // namespace

Status Applier::take(const Change& change) {
  tables_.set_leaves_out_generated(
      std::holds_alternative<mysql::MariadbGtid>(change.transaction->gtid));
  if (change.operation == Operation::kBegin || change.operation == Operation::kCommit) return ok();
  if (is_done(change)) return ok();
  if (schema::is_row(change.operation)) {
    BINBUS_RETURN_IF_ERROR(take_row(change));
  } else {
    take_ddl(change);
  }
  if (tables_.batch_bytes() < kBatchBytes || !tables_.place()) return ok();
  Place place = *tables_.place();
  place.within = {change.transaction->begin, change.event, change.row};
  tables_.set_place(std::move(place));
  return tables_.commit();
}

void Applier::reach(Position at, std::string text) {
  Place place;
  place.at = at;
  place.text = std::move(text);
  tables_.set_place(std::move(place));
}

// Of a transaction of which a part was written before a restart.
bool Applier::is_done(const Change& change) {
  const auto& place = tables_.place();
  if (!place || !place->within) return false;
  return Place::Change{change.transaction->begin, change.event, change.row} <= *place->within;
}

Table& Applier::table_of(const schema::TablePtr& version) {
  const auto known = known_.find(version.get());
  if (known != known_.end()) return *known->second.table;
  find_or_add(version);
  Table& table = *tables_.find(version->database, version->table);
  known_[version.get()] = {version, &table};
  return table;
}

void Applier::find_or_add(const schema::TablePtr& version) {
  Table* table = tables_.find(version->database, version->table);
  if (table == nullptr) {
    log::info("state_table_added",
              {{"stream", stream_}, {"table", version->database + "." + version->table}});
    tables_.add(version, Phase::kFilling);
  } else if (*table->record.table != *version) {
    change_table(*table, version, "");
  }
}

Status Applier::take_row(const Change& change) {
  Table& table = table_of(change.table);
  const Phase phase = table.record.phase;
  // Rows that have no key are put where they are, all at once.
  if (phase == Phase::kFailed || phase == Phase::kCancelled ||
      (phase == Phase::kFilling && !table.has_key()))
    return ok();
  if (keeps_images_) tables_.keep_images({change.transaction->begin, change.event, change.row});
  Status applied = apply_row(table, change);
  if (applied) return ok();
  if (applied.error().code == Code::kDiverged) {
    fill_anew(table, applied.error().message);
  } else if (applied.error().code == Code::kNotFound) {
    tables_.give_up(table, applied.error());
  } else {
    return applied;
  }
  return ok();
}

Status Applier::apply_row(Table& table, const Change& change) {
  switch (change.operation) {
    case Operation::kInsert:
      return tables_.insert(table, change.after);
    case Operation::kUpdate:
      return tables_.update(table, change.before, change.after);
    default:
      return tables_.remove(table, change.before);
  }
}

void Applier::take_ddl(const Change& change) {
  known_.clear();
  const schema::TablePtr& before =
      change.operation == Operation::kTruncate ? change.table : change.table_before;
  const schema::TablePtr& after =
      change.operation == Operation::kTruncate ? change.table : change.table_after;
  Table* table = before == nullptr ? nullptr : tables_.find(before->database, before->table);
  // Nothing is known of it until it is met again.
  const bool is_gone = after == nullptr || after->columns.empty();
  if (is_gone || !wants(*after)) {
    if (table != nullptr) tables_.drop(*table);
    return;
  }
  if (change.operation == Operation::kTruncate) {
    if (table != nullptr && table->record.phase != Phase::kCancelled)
      tables_.empty(*table, Phase::kReady);
    return;
  }
  if (table != nullptr) return change_table(*table, after, change.statement);
  if (Table* other = tables_.find(after->database, after->table)) tables_.drop(*other);
  // One that is not known may be there all the same.
  const bool is_new = before == nullptr &&
                      schema::folded(change.statement).find("if not exists") == std::string::npos;
  tables_.add(after, is_new ? Phase::kReady : Phase::kFilling);
}

void Applier::change_table(Table& table, const schema::TablePtr& after,
                           std::string_view statement) {
  known_.clear();
  const schema::TableVersion& before = *table.record.table;
  if (!same_names(before, *after)) {
    if (Table* other = tables_.find(after->database, after->table)) tables_.drop(*other);
  }
  const bool keeps = keeps_rows(before, *after, statement);
  Table& altered = before == *after ? table : tables_.alter(table, after);
  if (!keeps) fill_anew(altered, "a statement may have changed its rows");
}

void Applier::fill_anew(Table& table, std::string_view why) {
  known_.clear();
  if (table.record.phase == Phase::kCancelled) return;
  log::info("state_table_filled_anew",
            {{"stream", stream_}, {"table", table.record.full_name()}, {"why", why}});
  tables_.empty(table, Phase::kFilling);
}

}  // namespace binbus::state
