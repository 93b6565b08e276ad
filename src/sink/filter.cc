#include "sink/filter.h"

#include "sink/names.h"

namespace binbus::sink {

using schema::Change;
using schema::Operation;

bool is_system_schema(std::string_view database) {
  constexpr std::string_view kSystem[] = {"mysql", "sys", "information_schema",
                                          "performance_schema"};
  return std::ranges::find(kSystem, database) != std::end(kSystem);
}

Result<uint8_t> Filter::parse_operations(const std::vector<std::string>& names) {
  constexpr std::pair<std::string_view, uint8_t> kNames[] = {
      {"insert", kInserts}, {"update", kUpdates}, {"delete", kDeletes}, {"ddl", kStatements}};
  if (names.empty()) return kRowOperations;
  uint8_t out = 0;
  for (const std::string& name : names) {
    const auto found = std::ranges::find(kNames, name, [](const auto& pair) { return pair.first; });
    if (found == std::end(kNames)) {
      return fail(Code::kInvalid,
                  "operations has \"" + name + "\"; there are: insert, update, delete, ddl");
    }
    out |= found->second;
  }
  return out;
}

Result<std::unique_ptr<Filter>> Filter::make(const SinkOptions& options, Rules& rules) {
  BINBUS_TRY(include, PatternSet::compile(options.tables));
  BINBUS_TRY(exclude, PatternSet::compile(options.exclude));
  std::unique_ptr<Filter> filter(new Filter(rules, std::move(include), std::move(exclude)));
  filter->all_tables_ = options.tables.empty();
  if (!options.filter_table.empty()) {
    BINBUS_TRY(table, FilterTable::make(options.filter_table));
    filter->filter_table_ = std::move(table);
  }
  for (const TableOptions& rule : rules.all()) {
    Rule& parsed = filter->parsed_.emplace_back();
    BINBUS_TRY(operations, parse_operations(rule.operations));
    parsed.operations = operations;
    if (rule.where.empty()) continue;
    BINBUS_TRY(condition, Condition::parse(rule.where));
    parsed.condition = condition;
  }
  return filter;
}

bool Filter::wants(std::string_view database, std::string_view table) {
  return names_.get(database, table, [&] {
    const bool included =
        all_tables_ ? !is_system_schema(database) : include_.matches(database, table);
    return included && !exclude_.matches(database, table);
  });
}

bool Filter::may_pass(std::string_view database, std::string_view table) {
  if (filter_table_ && filter_table_->is(database, table)) return true;
  return wants(database, table) &&
         (parsed_[rules_.of(database, table)].operations & kRowOperations) != 0;
}

bool Filter::selects_rows() const {
  return filter_table_ || std::ranges::any_of(parsed_, [](const Rule& rule) {
           const int operations = rule.operations & kRowOperations;
           return rule.condition != nullptr || (operations != 0 && operations != kRowOperations);
         });
}

Filter::Verdict& Filter::verdict(const schema::TablePtr& table) {
  return verdicts_.get(table, [&](const schema::TableVersion& version) {
    Verdict out;
    out.wanted = wants(version.database, version.table);
    out.rule = &parsed_[rules_.of(table)];
    out.operations = out.rule->operations & listed_operations(version);
    if (out.wanted && out.rule->condition != nullptr) {
      out.columns = out.rule->condition->bind(version);
    }
    return out;
  });
}

uint8_t Filter::listed_operations(const schema::TableVersion& table) const {
  if (!filter_table_) return kRowOperations | kStatements;
  const FilterRow* row = filter_table_->find(table.database, table.table);
  if (row == nullptr) return 0;
  return static_cast<uint8_t>(kStatements | (row->inserts ? kInserts : 0) |
                              (row->updates ? kUpdates : 0) | (row->deletes ? kDeletes : 0));
}

Status Filter::follow_filter_table(const Change& change) {
  const FilterTable& its = *filter_table_;
  if (!its.is(change.table) && !its.is(change.table_before) && !its.is(change.table_after))
    return ok();
  verdicts_.clear();
  return filter_table_->apply(change);
}

bool Filter::passes_statement(const Change& change) {
  bool about_table = false;
  for (const schema::TablePtr* table : {&change.table, &change.table_after, &change.table_before}) {
    if (*table == nullptr) continue;
    about_table = true;
    const Verdict& found = verdict(*table);
    if (found.wanted && (found.operations & kStatements) != 0) return true;
  }
  return !about_table && !is_system_schema(change.database) &&
         (parsed_.back().operations & kStatements) != 0;
}

Result<bool> Filter::passes(const Change& change) {
  if (filter_table_) BINBUS_RETURN_IF_ERROR(follow_filter_table(change));
  uint8_t operation = 0;
  switch (change.operation) {
    case Operation::kBegin:
    case Operation::kCommit:
      return true;
    case Operation::kDdl:
    case Operation::kTruncate:
      return passes_statement(change);
    case Operation::kInsert:
    case Operation::kRead:
      operation = kInserts;
      break;
    case Operation::kUpdate:
      operation = kUpdates;
      break;
    case Operation::kDelete:
      operation = kDeletes;
      break;
  }
  const Verdict& found = verdict(change.table);
  if (!found.wanted || (found.operations & operation) == 0) return false;
  if (found.rule->condition == nullptr) return true;
  if (!found.columns) return fail(found.columns.error());
  const auto fulfilled = [&](std::span<const schema::Field> row,
                             std::span<const schema::Field> other) -> Result<bool> {
    if (row.empty()) return false;
    return found.rule->condition->fulfilled(*found.columns, row, other);
  };
  BINBUS_TRY(after, fulfilled(change.after, change.before));
  if (after) return true;
  return fulfilled(change.before, {});
}

}  // namespace binbus::sink
