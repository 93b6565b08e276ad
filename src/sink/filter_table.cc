#include "sink/filter_table.h"

#include <algorithm>
#include <array>
#include <optional>

#include "schema/field.h"
#include "sink/names.h"

namespace binbus::sink {
namespace {

using schema::Change;
using schema::Field;
using schema::Operation;

constexpr std::array<std::string_view, 5> kColumns = {"db_name", "tb_name", "monitor_insert",
                                                      "monitor_update", "monitor_delete"};
using Texts = std::array<std::optional<std::string>, kColumns.size()>;  // none: absent

// As the server prints them; NULL is "".
Result<Texts> texts(std::span<const Field> row, std::span<const uint32_t> columns) {
  Texts out;
  for (size_t i = 0; i < columns.size() && !row.empty(); ++i) {
    const Field& field = row[columns[i]];
    if (field.state == Field::State::kAbsent) continue;
    out[i].emplace();
    if (field.state == Field::State::kValue)
      BINBUS_RETURN_IF_ERROR(schema::append_text(*out[i], field));
  }
  return out;
}

// BIT(1) comes as a byte, BOOL as a digit.
bool is_on(const std::string& text) {
  return std::ranges::any_of(text, [](char c) { return c != '\0' && c != '0'; });
}

}  // namespace

Result<FilterTable> FilterTable::make(const std::string& name) {
  const size_t dot = name.find('.');
  if (dot == 0 || dot == std::string::npos || dot + 1 == name.size())
    return fail(Code::kInvalid, "filter_table is \"" + name + "\"; must be DATABASE.TABLE");
  return FilterTable(name.substr(0, dot), name.substr(dot + 1));
}

struct FilterTable::Columns {
  std::array<uint32_t, kColumns.size()> at;
};

Result<FilterTable::Columns> FilterTable::columns_of(const schema::TableVersion& table) {
  Columns out{};
  for (size_t i = 0; i < kColumns.size(); ++i) {
    const auto found = find_column(table, kColumns[i]);
    if (!found) {
      return fail(Code::kInvalid, "filter_table: " + shown(table) + " has no column " +
                                      std::string(kColumns[i]) +
                                      "; it needs db_name, tb_name, monitor_insert, "
                                      "monitor_update and monitor_delete");
    }
    out.at[i] = *found;
  }
  return out;
}

Status FilterTable::apply(const Change& change) {
  changed_ = true;
  if (change.operation == Operation::kTruncate) {
    rows_.clear();
    return ok();
  }
  if (change.operation == Operation::kDdl) {  // dropped, or renamed to something else
    if (is(change.table_before) && !is(change.table_after)) rows_.clear();
    return ok();
  }
  BINBUS_TRY(columns, columns_of(*change.table));
  BINBUS_TRY(before, texts(change.before, columns.at));
  BINBUS_TRY(after, texts(change.after, columns.at));
  const auto key = [](const Texts& row) { return std::pair(*row[0], *row[1]); };
  const auto named = [](const Texts& row) { return row[0] && row[1]; };
  const Error unnamed{Code::kInvalid,
                      "filter_table: a change of " + shown(*change.table) +
                          " does not say which row it is of: make (db_name, tb_name) its primary "
                          "key, or SET GLOBAL binlog_row_image = FULL on the source"};
  FilterRow row;
  if (!change.before.empty()) {
    if (!named(before)) return fail(unnamed);
    if (const auto found = rows_.find(key(before)); found != rows_.end()) {
      row = found->second;
      rows_.erase(found);
    }
  }
  if (change.after.empty()) return ok();
  // What an image of few columns lacks is as it was.
  for (size_t i = 0; i < 2; ++i) {
    if (!after[i]) after[i] = before[i];
  }
  if (!named(after)) return fail(unnamed);
  std::tie(row.database, row.table) = key(after);
  bool* const flags[] = {&row.inserts, &row.updates, &row.deletes};
  for (size_t i = 0; i < 3; ++i) {
    if (after[2 + i]) *flags[i] = is_on(*after[2 + i]);
  }
  rows_.insert_or_assign(key(after), std::move(row));
  return ok();
}

const FilterRow* FilterTable::find(std::string_view database, std::string_view table) const {
  const auto found = rows_.find(std::pair(std::string(database), std::string(table)));
  return found == rows_.end() ? nullptr : &found->second;
}

std::vector<FilterRow> FilterTable::rows() const {
  std::vector<FilterRow> out;
  for (const auto& [name, row] : rows_) out.push_back(row);
  return out;
}

void FilterTable::set_rows(std::vector<FilterRow> rows) {
  rows_.clear();
  for (FilterRow& row : rows) {
    auto name = std::pair(row.database, row.table);
    rows_.insert_or_assign(std::move(name), std::move(row));
  }
  changed_ = false;
}

}  // namespace binbus::sink
