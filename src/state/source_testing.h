// A source whose rows change while they are read, and its log, in memory.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "schema/charset.h"
#include "schema/table_definition.h"
#include "schema/wire_types.h"
#include "state/applier.h"
#include "state/row_codec.h"
#include "state/source_rows.h"

namespace binbus::state::testing_source {

using Values = std::vector<std::string>;
inline const std::string kAbsent = "(absent)";  // of a value: the log does not have it

class FakeClock final : public io::Clock {
 public:
  uint64_t wall_us() override { return now_us; }
  uint64_t monotonic_us() override { return now_us; }
  uint64_t now_us = 1'000'000;
};

inline schema::TablePtr make_table(bool with_key,
                                   const std::vector<std::string>& columns = {"id", "state"}) {
  auto out = std::make_shared<schema::TableVersion>();
  out->database = "shop";
  out->table = "orders";
  for (const std::string& name : columns) {
    schema::Column column;
    column.name = name;
    column.type = schema::SqlType::kVarchar;
    column.length = 20;
    column.charset = "ascii";
    out->columns.push_back(column);
  }
  if (with_key) out->primary_key = {0};
  return out;
}

inline std::vector<schema::Field> fields_of(const schema::TableVersion& table,
                                            const Values& values) {
  std::vector<schema::Field> out;
  for (size_t i = 0; i < table.columns.size() && !values.empty(); ++i) {
    schema::Field field;
    field.column = &table.columns[i];
    field.charset = schema::Charset::find("ascii");
    field.wire = {.type = schema::kWireVarchar, .metadata = 20};
    if (values[i] != kAbsent) {
      field.state = schema::Field::State::kValue;
      field.bytes = as_bytes(values[i]);
    }
    out.push_back(field);
  }
  return out;
}

// A server that takes letters for the same in both cases, and its log: what is in entry N leads from place N to N + 1.
struct Source {
  struct Entry {
    Values before, after;  // none of a row that is new, or gone
  };
  explicit Source(schema::TablePtr of) : table(std::move(of)) {}
  Position end() const { return {1, log.size()}; }
  // Of a row of that key, and logged unless it is done behind the log's back.
  void write(const Values& row, bool logged = true) {
    const std::string key = schema::folded(row[0]);
    Values before;
    const auto there = rows.find(key);
    if (there != rows.end() && table->primary_key.size() == 1) {
      before = there->second;
      rows.erase(there);
    }
    rows.emplace(key, row);
    if (logged) note(before, row);
  }
  void erase(const std::string& id, bool logged = true) {
    const auto there = rows.find(schema::folded(id));
    if (there == rows.end()) return;
    if (logged) note(there->second, {});
    rows.erase(there);
  }
  // Gives a row another key, which no row has.
  void move(const std::string& id, const std::string& to) {
    const auto there = rows.find(schema::folded(id));
    const Values before = there->second;
    Values after = before;
    after[0] = to;
    rows.erase(there);
    rows.emplace(schema::folded(to), after);
    note(before, after);
  }
  void note(Values before, Values after) {
    const bool update = !before.empty() && !after.empty();
    for (size_t i = 0; minimal && i < before.size(); ++i) {
      if (update && before[i] == after[i]) after[i] = kAbsent;
      if (i > 0) before[i] = kAbsent;
    }
    log.push_back({std::move(before), std::move(after)});
  }

  // Sorted.
  std::vector<Values> all() const {
    std::vector<Values> out;
    for (const auto& [key, row] : rows) out.push_back(row);
    std::ranges::sort(out);
    return out;
  }

  schema::TablePtr table;
  bool minimal = false;                     // the log has of a row its key, and what changed
  std::multimap<std::string, Values> rows;  // in the order of the key
  std::vector<Entry> log;
};

class FakeRows final : public SourceRows {
 public:
  FakeRows(Source& source, FakeClock& clock) : source_(source), clock_(clock) {}

  Status begin(Position, bool exact, const std::stop_token&) override {
    if (failure) return fail(*failure);
    exact_place_ = source_.end();
    exact_ = exact;
    snapshot_ = source_.rows;
    return ok();
  }
  Position exact_place() const override { return exact_place_; }
  Result<Position> end(const std::stop_token&) override {
    BINBUS_RETURN_IF_ERROR(go_on());
    return exact_ ? exact_place_ : source_.end();
  }
  Status read_chunk(const Tables::Table& table, std::span<const schema::Field> last,
                    uint64_t rows_max, const Take& take) override {
    std::string behind;
    if (!last.empty()) behind = schema::folded(as_text(last[0].bytes));
    const auto& rows = exact_ ? snapshot_ : source_.rows;
    uint64_t count = 0;
    // Rows come and go while it is read.
    for (auto at = last.empty() ? rows.begin() : rows.upper_bound(behind); at != rows.end();
         at = exact_ ? std::next(at) : rows.upper_bound(behind)) {
      behind = at->first;
      const Values row = at->second;
      clock_.now_us += 1000;
      BINBUS_TRY(more, take(fields_of(*table.record.table, row), 20));
      BINBUS_RETURN_IF_ERROR(go_on());
      if (!more || ++count == rows_max) break;
    }
    ++chunks;
    return ok();
  }
  Status read_rows(const Tables::Table& table, std::span<const ByteVector> keys,
                   const Take& take) override {
    StoredRowReader stored(table.record.table);
    for (const ByteVector& key : keys) {
      BINBUS_TRY(row, stored.read(key));
      BINBUS_RETURN_IF_ERROR(go_on());
      ++looked_up;
      const auto found = source_.rows.find(schema::folded(as_text(row[0].bytes)));
      if (found == source_.rows.end()) continue;
      const Values values = found->second;
      BINBUS_TRY(more, take(fields_of(*table.record.table, values), 20));
      if (!more) break;
    }
    return ok();
  }
  Result<uint64_t> guess_rows(const schema::TableVersion&) override { return source_.rows.size(); }
  Result<uint64_t> threads_running() override { return 1; }
  void disconnect() override {}
  void interrupt() override {}

  std::function<void()> meanwhile = [] {};
  std::optional<Error> failure;
  std::optional<uint64_t> breaks_after;  // so many rows, and ends of a reading
  size_t chunks = 0, looked_up = 0;

 private:
  Status go_on() {
    meanwhile();
    if (!breaks_after || (*breaks_after)-- > 0) return ok();
    breaks_after.reset();
    return fail(Code::kNetwork, "broken");
  }

  Source& source_;
  FakeClock& clock_;
  bool exact_ = false;
  Position exact_place_;
  std::multimap<std::string, Values> snapshot_;
};

// Has the next transaction of the log done to the tables, without commit(). False: there is none.
bool take_next(const Source& source, const Tables& tables, Applier& applier);
// In the order of their keys as they are kept.
std::vector<Values> kept_rows(const TablesView& view, const TableRecord& table);

}  // namespace binbus::state::testing_source
