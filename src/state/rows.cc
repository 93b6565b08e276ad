#include "state/rows.h"

#include <algorithm>

#include "schema/charset.h"
#include "schema/column_type.h"
#include "schema/table_definition.h"

namespace binbus::state {
namespace {

using schema::Column;
using schema::Field;
using schema::TableVersion;

// Whether every value of `before` is the same one in `after`.
bool holds(const Column& before, const Column& after) {
  if (before.nullable && !after.nullable) return false;
  if (before.is_unsigned != after.is_unsigned || before.charset != after.charset ||
      before.decimals != after.decimals || before.generated != after.generated ||
      before.json != after.json) {
    return false;
  }
  if (schema::is_integer_type(before.type))
    return schema::is_integer_type(after.type) && after.type >= before.type;
  if (before.type != after.type || after.length < before.length) return false;
  return before.labels.size() <= after.labels.size() &&
         std::equal(before.labels.begin(), before.labels.end(), after.labels.begin());
}

const Column* find_column(const TableVersion& table, std::string_view name) {
  const auto found = std::ranges::find_if(
      table.columns, [&](const Column& each) { return schema::same_name(each.name, name); });
  return found == table.columns.end() ? nullptr : &*found;
}

std::vector<std::string> names_of_key(const TableVersion& table) {
  std::vector<std::string> names;
  for (const uint32_t column : key_columns(table))
    names.push_back(schema::folded(table.columns[column].name));
  return names;
}

bool names(const std::string& folded_statement, std::string_view name) {
  return folded_statement.find(schema::folded(name)) != std::string::npos;
}

}  // namespace

bool is_in_full_images(const Column& column) { return !column.hidden && !column.generated; }

bool keeps_rows(const TableVersion& before, const TableVersion& after, std::string_view statement) {
  const std::string folded = schema::folded(statement);
  // Rows go and come with partitions and tablespaces.
  if (names(folded, "partition") || names(folded, "tablespace")) return false;
  if (names_of_key(before) != names_of_key(after)) return false;
  // Without a key a row is all its values.
  const bool by_key = !key_columns(after).empty();
  if (!by_key && before.columns.size() != after.columns.size()) return false;
  for (size_t i = 0; i < after.columns.size(); ++i) {
    const Column& column = after.columns[i];
    if (column.hidden) continue;
    const Column* was = find_column(before, column.name);
    if (was == nullptr || !holds(*was, column)) return false;
    if (!by_key && was != &before.columns[i]) return false;
    if (column.generated && names(folded, column.name)) return false;  // its expression, perhaps
  }
  return true;
}

RowReader::RowReader(schema::TablePtr table, uint32_t version, bool with_count,
                     VersionOf version_of)
    : table_(std::move(table)),
      newest_(version),
      with_count_(with_count),
      version_of_(std::move(version_of)) {
  versions_.emplace(newest_, Version{StoredRowReader(table_), {}});
  for (const Column& column : table_->columns)
    fields_.push_back(
        {.wire = {}, .column = &column, .charset = schema::Charset::find(column.charset)});
}

Result<RowReader::Version*> RowReader::version(uint32_t number) {
  const auto known = versions_.find(number);
  if (known != versions_.end()) return &known->second;
  BINBUS_TRY(table, version_of_(number));
  Version added{StoredRowReader(table), {}};
  for (const Column& column : table_->columns) {
    const Column* was = find_column(*table, column.name);
    added.column_of.push_back(was == nullptr ? std::nullopt
                                             : std::optional<size_t>(was - table->columns.data()));
  }
  return &versions_.emplace(number, std::move(added)).first->second;
}

Result<RowReader::Row> RowReader::read(std::string_view value) {
  ByteReader in(as_bytes(value));
  BINBUS_TRY(head, read_row_head(in, with_count_));
  BINBUS_TRY(of, version(static_cast<uint32_t>(head.version)));
  BINBUS_TRY(fields, of->reader.read(in.rest()));
  if (of->column_of.empty()) return Row{fields, head.count};
  for (size_t i = 0; i < fields_.size(); ++i) {
    Field& field = fields_[i];
    const auto was = of->column_of[i];
    field.state = was ? fields[*was].state : Field::State::kAbsent;
    field.bytes = was ? fields[*was].bytes : Bytes();
    if (was) field.wire = fields[*was].wire;
  }
  return Row{fields_, head.count};
}

}  // namespace binbus::state
