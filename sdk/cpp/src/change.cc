#include "binbus/change.h"

#include <algorithm>
#include <ostream>

#include "batch.h"
#include "binbus/error.h"

namespace binbus {

namespace {

const std::string kNone;

Value value_of(const feed::v1::Row& row, const Table& table, size_t column) {
  const auto listed = [column](const auto& ordinals) {
    return std::ranges::find(ordinals, static_cast<uint32_t>(column)) != ordinals.end();
  };
  const Value::State state = listed(row.nulls())    ? Value::State::kNull
                             : listed(row.absent()) ? Value::State::kAbsent
                                                    : Value::State::kValue;
  return {table.columns[column], row.values(static_cast<int>(column)), state};
}

Change::Moment time_of(uint64_t us) {
  return Change::Moment(std::chrono::microseconds(static_cast<int64_t>(us)));
}

}  // namespace

std::string_view name(Op op) {
  constexpr std::string_view kNames[] = {"read",  "insert", "update", "delete",      "ddl",
                                         "begin", "commit", "reset",  "snapshot_end"};
  return kNames[static_cast<size_t>(op)];
}

std::ostream& operator<<(std::ostream& out, Op op) { return out << name(op); }

size_t Row::size() const { return row_ == nullptr ? 0 : table_->columns.size(); }

Value Row::operator[](size_t column) const {
  if (column >= size()) {
    throw Error(ErrorCode::kConversion,
                "column " + std::to_string(column) + ": " +
                    (row_ == nullptr ? "the change has no such row"
                                     : "the table has " + std::to_string(size()) + " columns"));
  }
  return value_of(*row_, *table_, column);
}

Value Row::operator[](std::string_view column) const {
  if (row_ == nullptr) {
    throw Error(ErrorCode::kConversion,
                "column " + std::string(column) + ": the change has no such row");
  }
  const size_t found = table_->find(column);
  if (found == table_->columns.size()) {
    throw Error(ErrorCode::kConversion, table_->database + "." + table_->name + " has no column " +
                                            std::string(column) +
                                            " (names are spelt as at the source)");
  }
  return value_of(*row_, *table_, found);
}

const feed::v1::Change& Change::raw() const { return batch_->message.changes(index_); }

const feed::v1::Transaction& Change::of() const {
  const bool has = raw().operation() >= feed::v1::INSERT;
  return has ? batch_->message.transactions(static_cast<int>(raw().transaction()))
             : feed::v1::Transaction::default_instance();
}

const Table* Change::definition() const {
  return batch_->tables[static_cast<size_t>(index_)].table;
}
const std::string& Change::database() const {
  return definition() ? definition()->database : kNone;
}
const std::string& Change::table() const { return definition() ? definition()->name : kNone; }

Row Change::before() const {
  return raw().has_before() ? Row(batch_, &raw().before(), definition()) : Row();
}
Row Change::after() const {
  return raw().has_after() ? Row(batch_, &raw().after(), definition()) : Row();
}

std::vector<Value> Change::key() const {
  std::vector<Value> key;
  if (!raw().has_before() && !raw().has_after()) return key;
  for (const size_t column : definition()->key) {
    Value value =
        value_of(raw().has_after() ? raw().after() : raw().before(), *definition(), column);
    if (value.is_absent() && raw().has_before())
      value = value_of(raw().before(), *definition(), column);
    key.push_back(value);
  }
  return key;
}

const std::string& Change::gtid() const { return of().gtid(); }
const std::string& Change::transaction_position() const { return of().position(); }
Change::Moment Change::commit_time() const { return time_of(of().commit_time_us()); }
Change::Moment Change::original_commit_time() const {
  return time_of(of().original_commit_time_us());
}
uint32_t Change::thread_id() const { return of().thread_id(); }
const std::string& Change::xa() const { return of().xa(); }
uint32_t Change::event() const { return raw().event(); }
uint32_t Change::row() const { return raw().row(); }
const std::string& Change::statement() const {
  return raw().has_ddl() ? raw().ddl().statement() : raw().sql();
}

Ddl Change::ddl() const {
  const detail::Batch::ChangeTables& tables = batch_->tables[static_cast<size_t>(index_)];
  return {.statement = raw().ddl().statement(),
          .database = raw().ddl().database(),
          .before = tables.before,
          .after = tables.after,
          .truncate = raw().ddl().truncate(),
          .action = raw().ddl().action()};
}

uint64_t Change::count() const { return raw().count(); }

const std::string& Change::position() const { return whole_ ? raw().position() : kNone; }

void Change::commit() const {
  const auto committer = batch_->committer.lock();
  if (committer && !position().empty()) committer->commit(position());
}

}  // namespace binbus
