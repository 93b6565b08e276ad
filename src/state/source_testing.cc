#include "state/source_testing.h"

#include <gtest/gtest.h>

namespace binbus::state::testing_source {

bool take_next(const Source& source, const Tables& tables, Applier& applier) {
  const uint64_t at = tables.place()->at.offset;
  if (at == source.log.size()) return false;
  const Source::Entry& entry = source.log[at];
  const schema::TransactionInfo transaction;
  schema::Change change;
  change.operation = entry.before.empty()  ? schema::Operation::kInsert
                     : entry.after.empty() ? schema::Operation::kDelete
                                           : schema::Operation::kUpdate;
  change.transaction = &transaction;
  change.table = source.table;
  const auto before = fields_of(*source.table, entry.before);
  const auto after = fields_of(*source.table, entry.after);
  change.before = before;
  change.after = after;
  const Status taken = applier.take(change);
  EXPECT_TRUE(taken) << taken.error().message;
  applier.reach({1, at + 1}, "binlog.000001:" + std::to_string(at + 1));
  return true;
}

std::vector<Values> kept_rows(const TablesView& view, const TableRecord& table) {
  std::vector<Values> out;
  RowReader reader = view.reader(table);
  for (auto at = view.rows(table); at->valid(); at->next()) {
    const auto row = reader.read(at->value());
    EXPECT_TRUE(row) << row.error().message;
    if (!row) break;
    Values values;
    for (const schema::Field& field : row->fields) values.emplace_back(as_text(field.bytes));
    out.insert(out.end(), row->count, values);
  }
  return out;
}

}  // namespace binbus::state::testing_source
