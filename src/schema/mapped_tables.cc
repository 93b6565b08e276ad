#include "schema/mapped_tables.h"

namespace binbus::schema {

Status MappedTables::take(Bytes event, const binlog::FormatDescription& format) {
  BINBUS_TRY(id, parse_table_id(event, format));
  const Bytes body = event.subspan(format.header_bytes);
  const auto found = tables_.find(id);
  if (found != tables_.end() && as_text(found->second->body) == as_text(body)) {
    found->second->statement = statement_;
    return ok();
  }
  if (found != tables_.end()) tables_.erase(found);
  BINBUS_TRY(map, parse_table_map(event, format));
  BINBUS_TRY(version, resolve_(map));
  Table table{.body = to_owned(body), .layout = std::nullopt, .statement = statement_};
  if (version != nullptr) {
    BINBUS_TRY(layout, RowLayout::make(map, version));
    table.layout = std::move(layout);
  }
  make_room();
  tables_[id] = std::make_unique<Table>(std::move(table));
  return ok();
}

const RowLayout* MappedTables::find(uint64_t table_id) const {
  const auto found = tables_.find(table_id);
  if (found == tables_.end() || !found->second->layout) return nullptr;
  return &*found->second->layout;
}

void MappedTables::make_room() {
  if (tables_.size() < tables_max_) return;
  std::erase_if(tables_,
                [this](const auto& entry) { return entry.second->statement != statement_; });
}

}  // namespace binbus::schema
