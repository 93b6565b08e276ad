#include "feed/selection.h"

#include <binbus/feed/v1/feed.pb.h>

#include <algorithm>

#include "sink/names.h"
#include "state/row_key.h"

namespace binbus::feed {

Result<std::unique_ptr<Selection>> Selection::make(const v1::Filter& filter) {
  sink::SinkOptions options;
  options.tables.assign(filter.tables().begin(), filter.tables().end());
  options.exclude.assign(filter.exclude().begin(), filter.exclude().end());
  options.operations.assign(filter.operations().begin(), filter.operations().end());
  if (options.operations.empty()) options.operations = {"insert", "update", "delete", "ddl"};
  options.where = filter.where();
  std::unique_ptr<Selection> selection(new Selection());
  selection->columns_.assign(filter.columns().begin(), filter.columns().end());
  BINBUS_TRY(rules, sink::Rules::make(options));
  selection->rules_ = std::make_unique<sink::Rules>(std::move(rules));
  BINBUS_TRY(made, sink::Filter::make(options, *selection->rules_));
  selection->filter_ = std::move(made);
  return selection;
}

std::vector<uint32_t> Selection::columns(const schema::TableVersion& table) const {
  const std::vector<uint32_t> key = state::key_columns(table);
  std::vector<uint32_t> out;
  for (uint32_t i = 0; i < table.columns.size(); ++i) {
    const schema::Column& column = table.columns[i];
    const bool named = std::ranges::any_of(columns_, [&](const std::string& name) {
      return sink::same_column_name(name, column.name);
    });
    if (column.hidden) continue;
    if (columns_.empty() || named || std::ranges::find(key, i) != key.end()) out.push_back(i);
  }
  return out;
}

}  // namespace binbus::feed
