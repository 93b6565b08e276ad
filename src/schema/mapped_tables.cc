#include "schema/mapped_tables.h"

namespace binbus::schema {

Status MappedTables::take(Bytes event, const binlog::FormatDescription& format) {
  BINBUS_TRY(id, parse_table_id(event, format));
  const Bytes body = event.subspan(format.header_bytes);
  if (Table* known = table(id); known != nullptr && as_text(known->body) == as_text(body)) {
    known->statement = statement_;
    last_ = {id, known};
    return ok();
  }
  last_ = {};
  tables_.erase(id);
  BINBUS_TRY(map, parse_table_map(event, format));
  BINBUS_TRY(version, resolve_(map));
  auto made = std::make_unique<Table>(
      Table{.body = to_owned(body), .layout = std::nullopt, .statement = statement_});
  if (version != nullptr) {
    BINBUS_TRY(layout, RowLayout::make(map, version));
    made->layout = std::move(layout);
  }
  make_room();
  last_ = {id, made.get()};
  tables_[id] = std::move(made);
  return ok();
}

MappedTables::Table* MappedTables::table(uint64_t id) const {
  if (last_.second != nullptr && last_.first == id) return last_.second;
  const auto found = tables_.find(id);
  return found == tables_.end() ? nullptr : found->second.get();
}

const RowLayout* MappedTables::find(uint64_t table_id) const {
  const Table* found = table(table_id);
  return found == nullptr || !found->layout ? nullptr : &*found->layout;
}

void MappedTables::clear() {
  last_ = {};
  tables_.clear();
}

void MappedTables::make_room() {
  if (tables_.size() < tables_max_) return;
  std::erase_if(tables_,
                [this](const auto& entry) { return entry.second->statement != statement_; });
}

}  // namespace binbus::schema
