#include "app/table_rows.h"

#include <fmt/format.h>

#include "dump/row_change.h"
#include "format/writer.h"

namespace binbus::app {
namespace {

using schema::Field;

constexpr size_t kTextBytes = 64 * 1024;  // as much is told at once

class RowsTail final : public admin::Tail {
 public:
  RowsTail(std::shared_ptr<const state::TablesView> view, const state::TableRecord& table,
           const std::vector<std::string>& key, std::unique_ptr<format::Writer> writer)
      : view_(std::move(view)),
        reader_(view_->reader(table)),
        columns_(state::key_columns(*table.table)),
        key_(key),
        writer_(std::move(writer)),
        name_(table.full_name()),
        change_(view_->place, table.table) {
    rows_ = view_->rows(table);
  }

  Result<bool> next(const std::function<Status(std::string_view)>& give, uint64_t,
                    const std::stop_token& stop) override {
    std::string out;
    for (; rows_->valid() && out.size() < kTextBytes; rows_->next()) {
      if (stop.stop_requested()) return fail(Code::kStopped, "asked to stop");
      BINBUS_TRY(row, reader_.read(rows_->value()));
      BINBUS_TRY(wanted, is_asked_for(row.fields));
      if (!wanted) continue;
      found_ = true;
      const schema::Change& change = change_.of(row.fields);
      for (uint64_t i = 0; i < row.count; ++i) {
        BINBUS_TRY(printed, writer_->write(out, change));
        if (printed && out.back() != '\n') out += '\n';
      }
    }
    BINBUS_RETURN_IF_ERROR(rows_->status());
    const bool more = rows_->valid();
    if (!more && !found_ && !key_.empty()) {
      return fail(Code::kNotFound,
                  fmt::format("{} has no row with that key at {}", name_, view_->place.text));
    }
    if (!out.empty()) BINBUS_RETURN_IF_ERROR(give(out));
    return more;
  }

 private:
  // The values of the key, as SELECT prints them, are those.
  Result<bool> is_asked_for(std::span<const Field> row) {
    for (size_t i = 0; i < key_.size(); ++i) {
      text_.clear();
      BINBUS_RETURN_IF_ERROR(append_text(text_, row[columns_[i]]));
      if (text_ != key_[i]) return false;
    }
    return true;
  }

  const std::shared_ptr<const state::TablesView> view_;
  state::RowReader reader_;
  const std::vector<uint32_t> columns_;
  const std::vector<std::string> key_;
  const std::unique_ptr<format::Writer> writer_;
  const std::string name_;
  dump::RowChange change_;
  std::unique_ptr<state::StoreView::Iterator> rows_;
  std::string text_;
  bool found_ = false;
};

}  // namespace

Result<std::unique_ptr<admin::Tail>> make_rows(const std::string& stream,
                                               const admin::RowsQuery& query,
                                               std::shared_ptr<const state::TablesView> view) {
  const size_t dot = query.table.find('.');
  if (dot == std::string::npos)
    return fail(Code::kInvalid, fmt::format("\"{}\": must be DATABASE.TABLE", query.table));
  const state::TableRecord* table =
      view->find(query.table.substr(0, dot), query.table.substr(dot + 1));
  if (table == nullptr) {
    return fail(Code::kNotFound,
                fmt::format("{} is not one of the tables that are kept, or not ready yet; see "
                            "`binbus snapshot status`",
                            query.table));
  }
  const std::vector<uint32_t> key = state::key_columns(*table->table);
  if (!query.key.empty() && query.key.size() != key.size()) {
    std::string names;
    for (const uint32_t column : key)
      names += (names.empty() ? "" : ", ") + table->table->columns[column].name;
    return fail(Code::kInvalid, names.empty()
                                    ? fmt::format("{} has no key", query.table)
                                    : fmt::format("the key of {} is {}", query.table, names));
  }
  BINBUS_TRY(writer, format::make_writer(query.format, {.stream = stream}));
  return std::make_unique<RowsTail>(std::move(view), *table, query.key, std::move(writer));
}

}  // namespace binbus::app
