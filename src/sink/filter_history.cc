#include "sink/filter_history.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "io/durable_file.h"

namespace binbus::sink {
namespace {

using nlohmann::json;

constexpr size_t kContentsMax = 200;

class FileFilterStore final : public FilterStore {
 public:
  FileFilterStore(io::FileSystem& files, std::string path)
      : files_(files), path_(std::move(path)) {}
  std::string name() const override { return path_; }
  Result<std::optional<std::string>> read() override { return io::read_if_there(files_, path_); }
  Status write(const std::string& text) override {
    return io::write_durably(files_, path_, text + "\n");
  }
  Status forget() override { return io::remove_if_there(files_, path_); }

 private:
  io::FileSystem& files_;
  const std::string path_;
};

}  // namespace

std::unique_ptr<FilterStore> file_filter_store(io::FileSystem& files, std::string path) {
  return std::make_unique<FileFilterStore>(files, std::move(path));
}

Result<std::optional<std::vector<FilterRow>>> FilterHistory::at(const std::string& table,
                                                                const Checkpoint& place) {
  BINBUS_RETURN_IF_ERROR(load());
  if (table != table_ || contents_.empty()) return std::nullopt;
  if (own_) BINBUS_RETURN_IF_ERROR(store("", place));
  BINBUS_TRY(told, store_->tell(place));
  return content_at(told).rows;
}

Status FilterHistory::add(const std::string& table, const Checkpoint& from,
                          const std::vector<FilterRow>& rows, const Checkpoint& committed) {
  BINBUS_RETURN_IF_ERROR(load());
  BINBUS_TRY(told, store_->tell(from));
  if (table != table_) contents_.clear();
  table_ = table;
  const auto later = behind(told);
  if (later != contents_.begin()) {
    Content& before = *std::prev(later);
    if (before.rows == rows && !own_) return ok();
    if (before.from == told) {
      before.rows = rows;
      return store(told, committed);
    }
  }
  contents_.insert(later, Content{told, rows});
  return store(told, committed);
}

Status FilterHistory::forget() {
  loaded_ = false;
  return store_->forget();
}

std::vector<FilterHistory::Content>::iterator FilterHistory::behind(const std::string& place) {
  return std::ranges::find_if(contents_, [&](const Content& content) {
    return store_->before(place, content.from, before_);
  });
}

const FilterHistory::Content& FilterHistory::content_at(const std::string& place) {
  const auto later = behind(place);
  return later == contents_.begin() ? *later : *std::prev(later);
}

Status FilterHistory::load() {
  if (loaded_) return ok();
  table_.clear();
  contents_.clear();
  BINBUS_TRY(text, store_->read());
  own_ = false;
  if (!text) {
    BINBUS_TRY(own, store_->read_own());
    own_ = own.has_value();
    text = std::move(own);
  }
  if (text) BINBUS_RETURN_IF_ERROR(parse(*text));
  if (own_) {
    for (Content& content : contents_)  // one that the log no longer has keeps its name
      content.from = store_->tell(content.from).value_or(content.from);
  }
  loaded_ = true;
  return ok();
}

Status FilterHistory::parse(const std::string& text) {
  const json document = json::parse(text, nullptr, false);
  try {
    table_ = document.at("table");
    for (const json& content : document.at("contents")) {
      Content& made = contents_.emplace_back();
      made.from = content.at("from");
      for (const json& row : content.at("rows"))
        made.rows.push_back({row.at(0), row.at(1), row.at(2), row.at(3), row.at(4)});
    }
  } catch (const json::exception& error) {
    return fail(Code::kCorrupt,
                store_->name() + ": " + error.what() +
                    "; it is forgotten when the sink's filter_table is unset, and read at the "
                    "source when that is set again");
  }
  return ok();
}

std::string FilterHistory::print() const {
  json document = {{"table", table_}, {"contents", json::array()}};
  for (const Content& content : contents_) {
    json rows = json::array();
    for (const FilterRow& row : content.rows)
      rows.push_back({row.database, row.table, row.inserts, row.updates, row.deletes});
    document["contents"].push_back({{"from", content.from}, {"rows", std::move(rows)}});
  }
  return document.dump();
}

Status FilterHistory::store(const std::string& added, const Checkpoint& committed) {
  Status stored = store_what_fits(added, committed);
  loaded_ = stored.has_value();
  own_ = own_ && !loaded_;
  return stored;
}

Status FilterHistory::store_what_fits(const std::string& added, const Checkpoint& committed) {
  const FilterStore::Room room = store_->room();
  const auto told = store_->tell(committed);  // of a place that the log has no more, nobody goes on
  for (;;) {
    const std::string text = print();
    if (contents_.size() <= kContentsMax && text.size() <= room.past_bytes)
      return store_->write(text);
    const Content* needed = told ? &content_at(*told) : nullptr;
    const auto spare = std::ranges::find_if(contents_, [&](const Content& content) {
      return &content != needed && content.from != added;
    });
    if (spare != contents_.end()) {
      contents_.erase(spare);
      continue;
    }
    if (text.size() <= room.bytes) return store_->write(text);
    return fail(Code::kInvalid,
                "filter_table " + table_ + " has too many rows: what it holds and " +
                    "held at the sink's checkpoint makes " + std::to_string(text.size()) +
                    " bytes, and " + std::to_string(room.bytes) + " fit into " + store_->name() +
                    "; delete rows, then `binbus sink seek` behind that");
  }
}

}  // namespace binbus::sink
