#include "feed/batch.h"

#include <binbus/feed/v1/feed.pb.h>

#include <atomic>

#include "format/ddl_kind.h"
#include "state/row_key.h"

namespace binbus::feed {

using schema::Change;
using schema::Field;
using schema::Operation;

namespace {

v1::Operation operation_of(Operation operation) {
  switch (operation) {
    case Operation::kInsert:
      return v1::INSERT;
    case Operation::kUpdate:
      return v1::UPDATE;
    case Operation::kDelete:
      return v1::DELETE;
    case Operation::kDdl:
    case Operation::kTruncate:
      return v1::DDL;
    case Operation::kBegin:
      return v1::BEGIN;
    case Operation::kCommit:
      return v1::COMMIT;
    case Operation::kRead:
      return v1::READ;
  }
  return v1::OPERATION_UNSPECIFIED;
}

void describe(const schema::Column& from, v1::Column& out) {
  out.set_name(from.name);
  out.set_type(std::string(schema::sql_type_name(from.type)));
  out.set_type_text(from.type_text);
  out.set_charset(from.charset);
  out.set_nullable(from.nullable);
  out.set_is_unsigned(from.is_unsigned);
  out.set_json(from.json);
  out.set_generated(from.generated);
  out.set_invisible(from.invisible);
  out.set_length(from.length);
  out.set_decimals(from.decimals);
  for (const std::string& label : from.labels) out.add_labels(label);
}

}  // namespace

std::string head_of(const std::vector<Batch::Named>& tables, size_t body_bytes) {
  WireWriter definitions;
  for (const Batch::Named& table : tables)
    definitions.element(v1::Batch::kTablesFieldNumber, *table.definition);
  WireWriter head;
  head.begin(v1::SubscribeResponse::kBatchFieldNumber, definitions.written().size() + body_bytes);
  return head.written() + definitions.written();
}

BatchMaker::BatchMaker(const Selection& selection) : selection_(selection), event_id_("") {}

// Its position comes last, as it may be told late.
void BatchMaker::end_change() {
  if (change_ == 0) return;
  wire_.text(v1::Change::kPositionFieldNumber, position_);
  wire_.close(std::exchange(change_, 0));
}

Batch BatchMaker::take() {
  end_change();
  Batch out{.tables = std::exchange(tables_, {}),
            .body = std::exchange(wire_.out(), {}),
            .position = position_};
  wire_.out().reserve(out.body.size());
  ++batches_;
  transactions_ = 0;
  last_transaction_ = nullptr;
  return out;
}

const BatchMaker::Part& BatchMaker::part(const schema::TablePtr& table) {
  static std::atomic<uint32_t> newest_id = 0;
  Part& found = parts_.get(table, [&](const schema::TableVersion& version) {
    Part made;
    made.columns = selection_.columns(version);
    v1::Table out;
    out.set_id(made.named.id = ++newest_id);
    out.set_database(version.database);
    out.set_table(version.table);
    for (const uint32_t column : made.columns)
      describe(version.columns[column], *out.add_columns());
    for (const uint32_t column : state::key_columns(version)) {
      const auto place = std::ranges::find(made.columns, column);
      if (place != made.columns.end())
        out.add_key(static_cast<uint32_t>(place - made.columns.begin()));
    }
    made.named.definition = std::make_shared<const std::string>(out.SerializeAsString());
    return made;
  });
  if (std::exchange(found.named_in, batches_) != batches_) tables_.push_back(found.named);
  return found;
}

uint32_t BatchMaker::transaction(const Change& change) {
  const schema::TransactionInfo& from = *change.transaction;
  if (&from != last_transaction_ || from.begin != last_begin_) {
    v1::Transaction out;
    out.set_gtid(std::string(event_id_.gtid(change)));
    out.set_position(std::string(from.segment) + ":" + std::to_string(from.begin.offset));
    out.set_commit_time_us(format::commit_us(change));
    out.set_original_commit_time_us(from.original_commit_us);
    out.set_thread_id(from.thread_id);
    out.set_xa(std::string(from.xa));
    wire_.element(v1::Batch::kTransactionsFieldNumber, out.SerializeAsString());
    ++transactions_;
    last_transaction_ = &from;
    last_begin_ = from.begin;
  }
  return transactions_ - 1;
}

Status BatchMaker::add(const Change& change, const Place& place) {
  end_change();
  Status written = write(change);
  if (!written) {
    if (change_ != 0) wire_.drop(std::exchange(change_, 0));
    return written;
  }
  move_to(place);
  return ok();
}

void BatchMaker::move_to(const Place& place) {
  position_.clear();
  place.append_to(position_);
  position_ += suffix_;
}

Status BatchMaker::write(const Change& change) {
  const auto id = [this](const schema::TablePtr& table) {
    return table ? part(table).named.id : 0;
  };
  const v1::Operation operation = operation_of(change.operation);
  // What the change names comes before it.
  v1::Ddl ddl;
  if (operation == v1::DDL) {
    ddl.set_statement(std::string(change.statement));
    ddl.set_database(std::string(change.database));
    const bool truncate = change.operation == Operation::kTruncate;
    ddl.set_truncate(truncate);
    ddl.set_action(std::string(format::ddl_kind_name(format::ddl_kind(change))));
    ddl.set_table_before(id(truncate ? change.table : change.table_before));
    ddl.set_table_after(id(truncate ? change.table : change.table_after));
  }
  const uint32_t table = id(change.table);
  const bool read = operation == v1::READ;
  const uint32_t of = read ? 0 : transaction(change);

  change_ = wire_.open(v1::Batch::kChangesFieldNumber);
  wire_.number(v1::Change::kOperationFieldNumber, static_cast<uint64_t>(operation));
  wire_.number(v1::Change::kTableFieldNumber, table);
  wire_.number(v1::Change::kTransactionFieldNumber, of);
  if (!read) {
    wire_.number(v1::Change::kEventFieldNumber, static_cast<uint32_t>(change.event));
    wire_.number(v1::Change::kRowFieldNumber, change.row);
  }
  wire_.text(v1::Change::kSqlFieldNumber, change.sql);
  if (operation == v1::DDL) wire_.element(v1::Change::kDdlFieldNumber, ddl.SerializeAsString());
  if (!change.before.empty()) {
    BINBUS_RETURN_IF_ERROR(
        write_row(v1::Change::kBeforeFieldNumber, change.before, part(change.table)));
  }
  if (!change.after.empty()) {
    BINBUS_RETURN_IF_ERROR(
        write_row(v1::Change::kAfterFieldNumber, change.after, part(change.table)));
  }
  return ok();
}

Status BatchMaker::write_row(int field, std::span<const Field> fields, const Part& part) {
  nulls_.clear();
  absent_.clear();
  const size_t row = wire_.open(field);
  for (uint32_t i = 0; i < part.columns.size(); ++i) {
    const Field& value = fields[part.columns[i]];
    const size_t opened = wire_.open(v1::Row::kValuesFieldNumber);
    switch (value.state) {
      case Field::State::kValue:
        BINBUS_RETURN_IF_ERROR(schema::append_text(wire_.out(), value));
        break;
      case Field::State::kNull:
        append_varint(nulls_, i);
        break;
      case Field::State::kAbsent:
      case Field::State::kPartial:
        append_varint(absent_, i);
        break;
    }
    wire_.close(opened);
  }
  wire_.text(v1::Row::kNullsFieldNumber, nulls_);
  wire_.text(v1::Row::kAbsentFieldNumber, absent_);
  wire_.close(row);
  return ok();
}

Status BatchMaker::add_row(const Change& change, const Place& place, uint64_t copies,
                           std::string_view key) {
  BINBUS_RETURN_IF_ERROR(add(change, place));
  if (copies > 1) wire_.number(v1::Change::kCopiesFieldNumber, copies);
  wire_.text(v1::Change::kRowKeyFieldNumber, key);
  return ok();
}

Status BatchMaker::add_commit(const Change& change, const Place& place, uint64_t count) {
  BINBUS_RETURN_IF_ERROR(add(change, place));
  wire_.number(v1::Change::kCountFieldNumber, count);
  return ok();
}

void BatchMaker::end_at(const Place& place) {
  if (change_ != 0) move_to(place);
}

}  // namespace binbus::feed
