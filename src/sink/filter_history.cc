#include "sink/filter_history.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "io/durable_file.h"

namespace binbus::sink {
namespace {

using nlohmann::json;

constexpr size_t kContentsMax = 200;  // the oldest go first

}  // namespace

Result<std::optional<std::vector<FilterRow>>> FilterHistory::at(const std::string& table,
                                                                const Checkpoint& place,
                                                                const Before& before) {
  BINBUS_RETURN_IF_ERROR(load());
  if (table != table_ || contents_.empty()) return std::nullopt;
  const auto later = std::ranges::find_if(
      contents_, [&](const Content& content) { return before(place, content.from); });
  return later == contents_.begin() ? later->rows : std::prev(later)->rows;
}

Status FilterHistory::add(const std::string& table, const Checkpoint& from,
                          const std::vector<FilterRow>& rows, const Before& before) {
  BINBUS_RETURN_IF_ERROR(load());
  if (table != table_) contents_.clear();
  table_ = table;
  const auto later = std::ranges::find_if(
      contents_, [&](const Content& content) { return !before(content.from, from); });
  if (later != contents_.end() && later->from == from) {
    if (later->rows == rows) return ok();
    later->rows = rows;
  } else {
    contents_.insert(later, Content{from, rows});
  }
  if (contents_.size() > kContentsMax) contents_.erase(contents_.begin());
  return store();
}

Status FilterHistory::forget() {
  contents_.clear();
  table_.clear();
  loaded_ = true;
  return io::remove_if_there(files_, path_);
}

Status FilterHistory::load() {
  if (loaded_) return ok();
  BINBUS_TRY(text, io::read_if_there(files_, path_));
  if (text) {
    const json document = json::parse(*text, nullptr, false);
    try {
      table_ = document.at("table");
      for (const json& content : document.at("contents")) {
        Content& made = contents_.emplace_back();
        made.from = content.at("from");
        for (const json& row : content.at("rows")) {
          made.rows.push_back({row.at(0), row.at(1), row.at(2), row.at(3), row.at(4)});
        }
      }
    } catch (const json::exception& error) {
      return fail(Code::kCorrupt, path_ + ": " + error.what() +
                                      "; remove it, and the filter table is read at the source");
    }
  }
  loaded_ = true;
  return ok();
}

Status FilterHistory::store() const {
  json document = {{"table", table_}, {"contents", json::array()}};
  for (const Content& content : contents_) {
    json rows = json::array();
    for (const FilterRow& row : content.rows)
      rows.push_back({row.database, row.table, row.inserts, row.updates, row.deletes});
    document["contents"].push_back({{"from", content.from}, {"rows", std::move(rows)}});
  }
  return io::write_durably(files_, path_, document.dump() + "\n");
}

}  // namespace binbus::sink
