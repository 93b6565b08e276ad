#include "state/tables.h"

#include <algorithm>
#include <span>

#include "base/log.h"
#include "schema/json_update.h"
#include "schema/table_codec.h"

namespace binbus::state {
namespace {

using schema::Field;

constexpr size_t kPrefixBytes = 5;  // before a row's own key

Status append_row_key(std::string& out, const Tables::Table& table, std::span<const Field> row) {
  out += row_prefix(table.record.id);
  return append_key(out, row, table.key);
}

Status write_row(ByteWriter& out, const Tables::Table& table, std::span<const Field> row,
                 uint64_t count) {
  write_row_head(out, {table.record.version, count}, !table.has_key());
  return store_row(out, row);
}

Result<schema::TablePtr> read_version(const std::optional<std::string>& bytes, uint32_t id) {
  if (!bytes) return fail(Code::kCorrupt, "a version of table " + std::to_string(id) + " is gone");
  BINBUS_TRY(version, schema::decode_version(as_bytes(*bytes)));
  return std::make_shared<const schema::TableVersion>(std::move(version));
}

bool is_named(const TableRecord& record, std::string_view database, std::string_view table) {
  return record.table->table == table && record.table->database == database;
}

}  // namespace

const TableRecord* TablesView::find(std::string_view database, std::string_view table) const {
  const auto found = std::ranges::find_if(
      *tables, [&](const TableRecord& record) { return is_named(record, database, table); });
  return found == tables->end() ? nullptr : &*found;
}

RowReader TablesView::reader(const TableRecord& table) const {
  const auto version_of = [view = store, id = table.id](uint32_t version) {
    auto bytes = view->get(version_key(id, version));
    return bytes ? read_version(*bytes, id) : fail(std::move(bytes).error());
  };
  return {table.table, table.version, key_columns(*table.table).empty(), version_of};
}

std::unique_ptr<StoreView::Iterator> TablesView::rows(const TableRecord& table,
                                                      std::string_view behind) const {
  const std::string prefix = row_prefix(table.id);
  // The next key there can be.
  const std::string from =
      behind.empty() ? prefix : prefix + std::string(behind) + std::string(1, '\0');
  return store->iterate(from, end_of(prefix));
}

Result<std::unique_ptr<Tables>> Tables::open(std::string stream,
                                             std::unique_ptr<TableStore> store) {
  std::unique_ptr<Tables> tables(new Tables(std::move(stream), std::move(store)));
  BINBUS_RETURN_IF_ERROR(tables->load());
  return tables;
}

Status Tables::load() {
  BINBUS_TRY(place, store_->get(place_key()));
  if (!place) return ok();
  BINBUS_TRY(decoded, decode_place(*place));
  next_id_ = decoded.next_id;
  place_ = std::move(decoded);
  const auto view = store_->view();
  for (auto at = view->iterate("t", end_of("t")); at->valid(); at->next()) {
    BINBUS_TRY(record, decode_record(at->value()));
    BINBUS_RETURN_IF_ERROR(load_table(std::move(record)));
  }
  for (auto at = view->iterate("d", end_of("d")); at->valid(); at->next()) {
    BINBUS_TRY(id, read_id(at->key()));
    dropped_.push_back(id);
  }
  return ok();
}

Status Tables::load_table(TableRecord record) {
  BINBUS_TRY(version, store_->get(version_key(record.id, record.version)));
  BINBUS_TRY(table, read_version(version, record.id));
  record.table = std::move(table);
  return count_incomplete(attach(std::move(record)));
}

// As of the last write.
Status Tables::count_incomplete(Table& table) {
  table.incomplete = 0;
  const std::string prefix = incomplete_prefix(table.record.id);
  const auto view = store_->view();
  const auto at = view->iterate(prefix, end_of(prefix));
  for (; at->valid(); at->next()) ++table.incomplete;
  return at->status();
}

void Tables::set_place(Place place) {
  place_changed_ = place_changed_ || !place_ || *place_ != place;
  place_ = std::move(place);
}

Tables::Table& Tables::attach(TableRecord record) {
  records_.reset();
  Table& table = tables_.emplace_back();
  table.record = std::move(record);
  table.key = key_columns(*table.record.table);
  table.reader = make_reader(table);
  return table;
}

std::unique_ptr<RowReader> Tables::make_reader(const Table& table) const {
  const TableRecord& now = table.record;
  return std::make_unique<RowReader>(
      now.table, now.version, !table.has_key(),
      [this, id = now.id](uint32_t version) -> Result<schema::TablePtr> {
        BINBUS_TRY(bytes, store_->get(version_key(id, version)));
        return read_version(bytes, id);
      });
}

Tables::Table* Tables::find(std::string_view database, std::string_view name) {
  const auto found = std::ranges::find_if(
      tables_, [&](const Table& table) { return is_named(table.record, database, name); });
  return found == tables_.end() ? nullptr : &*found;
}

void Tables::keep(const Table& table) {
  records_.reset();
  store_->put(table_key(table.record.id), encode_record(table.record));
}

Tables::Table& Tables::add(schema::TablePtr version, Phase phase) {
  TableRecord record;
  record.table = std::move(version);
  record.phase = phase;
  record.id = next_id_++;
  store_->put(version_key(record.id, 0), as_text(schema::encode_version(*record.table)));
  Table& table = attach(std::move(record));
  keep(table);
  return table;
}

void Tables::drop(Table& table) {
  records_.reset();
  store_->erase(table_key(table.record.id));
  store_->put(dropped_key(table.record.id), "");
  dropped_.push_back(table.record.id);
  tables_.remove_if([&](const Table& each) { return &each == &table; });
}

Tables::Table& Tables::empty(Table& table, Phase phase) {
  const schema::TablePtr version = table.record.table;
  const bool paused = table.record.fill.paused;
  drop(table);
  Table& emptied = add(version, phase);
  emptied.record.fill.paused = paused;
  keep(emptied);
  return emptied;
}

Tables::Table& Tables::alter(Table& table, schema::TablePtr after) {
  TableRecord record = std::move(table.record);
  const uint64_t incomplete = table.incomplete;
  tables_.remove_if([&](const Table& each) { return &each == &table; });
  record.table = std::move(after);
  ++record.version;
  store_->put(version_key(record.id, record.version),
              as_text(schema::encode_version(*record.table)));
  Table& altered = attach(std::move(record));
  altered.incomplete = incomplete;
  keep(altered);
  return altered;
}

void Tables::give_up(Table& table, const Error& why) {
  table.record.phase = Phase::kFailed;
  table.record.error = why.message;
  keep(table);
  log::error("state_table_failed",
             {{"stream", stream_}, {"table", table.record.full_name()}, {"error", why}});
}

Status Tables::make_key(const Table& table, std::span<const Field> row) {
  key_.clear();
  return append_row_key(key_, table, row);
}

// Under key_.
Status Tables::put(Table& table, std::span<const Field> row, uint64_t count) {
  ByteWriter value;
  BINBUS_RETURN_IF_ERROR(write_row(value, table, row, count));
  store_->put(key_, as_text(value.view()));
  if (on_write_) on_write_(key_, as_text(value.view()));
  return mark(table, lacks_values(row));
}

// The row under key_ as incomplete, or not.
Status Tables::mark(Table& table, bool incomplete) {
  if (!incomplete && table.incomplete == 0) return ok();
  const std::string key = incomplete_prefix(table.record.id) + key_.substr(kPrefixBytes);
  BINBUS_TRY(was, store_->get(key));
  if (was.has_value() == incomplete) return ok();
  if (incomplete) {
    store_->put(key, "");
    ++table.incomplete;
  } else {
    store_->erase(key);
    --table.incomplete;
  }
  return ok();
}

// The row under key_.
Status Tables::erase(Table& table) {
  store_->erase(key_);
  if (on_write_) on_write_(key_, std::nullopt);
  return mark(table, false);
}

// Of a table without a key: how often a row is there.
Status Tables::count(Table& table, std::span<const Field> row, int64_t by) {
  BINBUS_RETURN_IF_ERROR(make_key(table, row));
  BINBUS_TRY(there, store_->get(key_));
  uint64_t count = 0;
  if (there) {
    ByteReader in(as_bytes(*there));
    BINBUS_TRY(head, read_row_head(in, true));
    count = head.count;
  }
  if (by < 0 && count == 0) {
    return fail(Code::kDiverged,
                "a row of " + table.record.full_name() + " that was changed is not there");
  }
  count += static_cast<uint64_t>(by);
  return count > 0 ? put(table, row, count) : erase(table);
}

Status Tables::set_count(Table& table, std::span<const Field> row, uint64_t count) {
  BINBUS_RETURN_IF_ERROR(make_key(table, row));
  return count > 0 ? put(table, row, count) : erase(table);
}

Result<std::string> Tables::key_of(const Table& table, std::span<const Field> row) {
  BINBUS_RETURN_IF_ERROR(make_key(table, row));
  return key_;
}

Status Tables::insert(Table& table, std::span<const Field> row) {
  if (!table.has_key()) return count(table, row, 1);
  BINBUS_RETURN_IF_ERROR(make_key(table, row));
  return put(table, row, 1);
}

Status Tables::complete(Table& table, Row row) {
  BINBUS_RETURN_IF_ERROR(insert(table, row));
  if (table.looked_up) table.looked_up->insert(key_);
  return ok();
}

Status Tables::remove(Table& table, Row row) {
  if (!table.has_key()) return count(table, row, -1);
  BINBUS_RETURN_IF_ERROR(make_key(table, row));
  if (change_ && lacks_values(row) && is_of_now(table)) {
    std::optional<std::string> bytes;
    BINBUS_TRY(kept, kept_row(table, bytes));
    BINBUS_TRY(whole, merge(merged_before_, {row, kept}, true));
    BINBUS_RETURN_IF_ERROR(put_images(whole, {}));
  }
  return erase(table);
}

Status Tables::update(Table& table, Row before, Row after) {
  documents_.clear();
  const bool lacks = lacks_values(after);
  if (!table.has_key()) {
    BINBUS_RETURN_IF_ERROR(count(table, before, -1));
    if (!lacks) return count(table, after, 1);
    BINBUS_TRY(row, merge(merged_, {after, before}, true));
    if (change_ && is_of_now(table)) BINBUS_RETURN_IF_ERROR(put_images(before, row));
    return count(table, row, 1);
  }
  BINBUS_RETURN_IF_ERROR(make_key(table, before));
  const bool of_now = is_of_now(table);
  const bool keeps_images = change_ && of_now && (lacks || lacks_values(before));
  const std::string was = key_;
  std::optional<std::string> bytes;  // what `row` may view
  Row row = after;
  if (lacks || keeps_images) {
    if (!of_now) {
      // Under a key that it had there may be another row by now; under the one that it gets it is itself, if it was read.
      BINBUS_TRY(logged, merge(merged_, {after, before}, false));
      BINBUS_RETURN_IF_ERROR(make_key(table, logged));
    }
    BINBUS_TRY(kept, kept_row(table, bytes));
    BINBUS_TRY(merged, merge(merged_, {after, kept, before}, of_now));
    row = merged;
    if (keeps_images) {
      BINBUS_TRY(whole, merge(merged_before_, {before, kept}, true));
      BINBUS_RETURN_IF_ERROR(put_images(whole, row));
    }
  }
  BINBUS_RETURN_IF_ERROR(make_key(table, row));
  if (key_ != was) {
    if (table.looked_up && table.looked_up->contains(was)) table.looked_up->insert(key_);
    std::string is = std::exchange(key_, was);
    BINBUS_RETURN_IF_ERROR(erase(table));
    key_ = std::move(is);
  } else if (!bytes && lacks_values(row) && table.record.phase == Phase::kFilling) {
    return ok();  // it will be read where it is
  }
  return put(table, row, 1);
}

// Under key_; `bytes` holds it. No fields when it is not there.
Result<Tables::Row> Tables::kept_row(Table& table, std::optional<std::string>& bytes) {
  BINBUS_TRY(stored, store_->get(key_));
  bytes = std::move(stored);
  if (!bytes) return Row();
  BINBUS_TRY(read, table.reader->read(*bytes));
  return read.fields;
}

// Of the row under key_: what was read at the source may be of later than the place.
bool Tables::is_of_now(const Table& table) const {
  const FillProgress& fill = table.record.fill;
  if (!place_ || (table.record.phase != Phase::kReady && !fill.read_all)) return false;
  return fill.until <= place_->at || (table.looked_up && !table.looked_up->contains(key_));
}

Status Tables::put_images(Row before, Row after) {
  ByteWriter images;
  BINBUS_RETURN_IF_ERROR(store_images(images, before, after));
  store_->put(images_key(*change_), as_text(images.view()));
  return ok();
}

Status Tables::forget_images(uint64_t segment) {
  return store_->erase_range(images_prefix(0), images_prefix(segment));
}

Tables::Rows::Rows(const Table& table) : table_(table) {}

Status Tables::Rows::add(std::span<const Field> row) {
  key_.clear();
  BINBUS_RETURN_IF_ERROR(append_row_key(key_, table_, row));
  BINBUS_RETURN_IF_ERROR(write_row(bulk_.put(key_), table_, row, 1));
  if (table_.incomplete > 0)
    bulk_.erase(incomplete_prefix(table_.record.id) + key_.substr(kPrefixBytes));
  ++count_;
  return ok();
}

void Tables::Rows::clear() {
  bulk_.clear();
  count_ = 0;
}

void Tables::Rows::end() {
  bulk_.put_last(table_key(table_.record.id), encode_record(table_.record));
}

// Of each column the first value that there is; a step of a JSON document is done to the next one, where that is `of_now`: twice done it
// would make another document. Of MariaDB's generated columns, which its images may leave out also when they changed, only the newest
// is one.
Result<Tables::Row> Tables::merge(std::vector<Field>& into, std::initializer_list<Row> rows,
                                  bool of_now) {
  into.assign(rows.begin()->begin(), rows.begin()->end());
  for (const Row row : std::span(rows.begin(), rows.size()).subspan(1)) {
    for (size_t i = 0; i < row.size() && i < into.size(); ++i) {
      Field& field = into[i];
      if (field.state == Field::State::kPartial && of_now && row[i].state == Field::State::kValue) {
        ByteVector& document = documents_.emplace_back();
        const Status done = schema::apply_json_update(row[i].bytes, field.bytes, document);
        if (!done)
          return fail(Code::kDiverged,
                      "column " + field.column->name + ": " + done.error().message);
        field = row[i];
        field.bytes = document;
      } else if (field.state == Field::State::kAbsent &&
                 (!leaves_out_generated_ || !field.column->generated)) {
        field = row[i];
      }
    }
  }
  for (Field& field : into) {
    if (field.state == Field::State::kPartial) field.state = Field::State::kAbsent;
  }
  return Row(into);
}

Result<std::vector<std::string>> Tables::incomplete_rows(const Table& table, size_t count_max) {
  const std::string prefix = incomplete_prefix(table.record.id);
  std::vector<std::string> rows;
  const auto at = store_->view()->iterate(prefix, end_of(prefix));
  for (; at->valid() && rows.size() < count_max; at->next()) {
    const std::string key =
        row_prefix(table.record.id) + std::string(at->key().substr(prefix.size()));
    BINBUS_TRY(row, store_->get(key));
    if (row) rows.push_back(std::move(*row));
  }
  BINBUS_RETURN_IF_ERROR(at->status());
  return rows;
}

Status Tables::commit() {
  if (store_->batch_is_empty() && !place_changed_) return ok();
  if (place_) {
    place_->next_id = next_id_;
    store_->put(place_key(), encode_place(*place_));
  }
  BINBUS_RETURN_IF_ERROR(store_->write());
  place_changed_ = false;
  unsynced_ = true;
  for (const uint32_t id : dropped_) {
    for (const std::string& prefix :
         {row_prefix(id), incomplete_prefix(id), version_key(id, 0).substr(0, kPrefixBytes)}) {
      BINBUS_RETURN_IF_ERROR(store_->erase_range(prefix, end_of(prefix)));
    }
    store_->erase(dropped_key(id));
  }
  dropped_.clear();
  return ok();
}

Status Tables::sync() {
  if (unsynced_) BINBUS_RETURN_IF_ERROR(store_->sync());
  unsynced_ = false;
  return ok();
}

Status Tables::roll_back() {
  store_->clear();
  tables_.clear();
  dropped_.clear();
  records_.reset();
  place_.reset();
  place_changed_ = false;
  return load();
}

TableRecords Tables::records() const {
  if (records_) return records_;
  std::vector<TableRecord> all, ready;
  for (const Table& table : tables_) {
    all.push_back(table.record);
    if (table.record.phase == Phase::kReady) ready.push_back(table.record);
  }
  ready_ = std::make_shared<const std::vector<TableRecord>>(std::move(ready));
  records_ = std::make_shared<const std::vector<TableRecord>>(std::move(all));
  return records_;
}

std::shared_ptr<const TablesView> Tables::view() const {
  static_cast<void>(records());  // makes ready_, too
  return std::make_shared<const TablesView>(
      TablesView{place_.value_or(Place()), store_->view(), ready_});
}

}  // namespace binbus::state
