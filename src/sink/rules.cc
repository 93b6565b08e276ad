#include "sink/rules.h"

namespace binbus::sink {
namespace {

template <class T>
void fill(T& value, const T& from) {
  if (value.empty()) value = from;
}

TableOptions filled(TableOptions rule, const TableOptions& from) {
  fill(rule.operations, from.operations);
  if (rule.columns.empty() && rule.drop_columns.empty()) {
    rule.columns = from.columns;
    rule.drop_columns = from.drop_columns;
  }
  fill(rule.where, from.where);
  fill(rule.mask, from.mask);
  fill(rule.mask_null, from.mask_null);
  fill(rule.hash, from.hash);
  fill(rule.rename, from.rename);
  fill(rule.rename_columns, from.rename_columns);
  fill(rule.topic, from.topic);
  fill(rule.exchange, from.exchange);
  fill(rule.routing_key, from.routing_key);
  fill(rule.key, from.key);
  fill(rule.key_change, from.key_change);
  return rule;
}

}  // namespace

Result<Rules> Rules::make(const SinkOptions& options) {
  std::vector<std::string> matches;
  for (const TableOptions& rule : options.table_rules) matches.push_back(rule.match);
  BINBUS_TRY(patterns, PatternSet::compile(matches));
  Rules rules(std::move(patterns));
  for (const TableOptions& rule : options.table_rules) {
    rules.all_.push_back(filled(rule, options));
  }
  rules.all_.push_back(options);
  return rules;
}

size_t Rules::of(const schema::TablePtr& table) {
  if (table == nullptr) return all_.size() - 1;
  return versions_.get(table, [this](const schema::TableVersion& version) {
    return of(version.database, version.table);
  });
}

size_t Rules::of(std::string_view database, std::string_view table) {
  return names_.get(database, table,
                    [&] { return patterns_.first(database, table).value_or(all_.size() - 1); });
}

}  // namespace binbus::sink
