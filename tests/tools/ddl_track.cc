// Follows the DDL of binlog files and says what the schema history makes of it.
//
//   ddl_track [--lower-case-table-names N] [--implicit-timestamps] [--minimal-images] FILE...
//
// Per Query event that changes something one line of JSON: {"at": "file:offset", "changes": [{"before": table,
// "after": table, "reread": reason}]}, or {"at": ..., "error": message}. Per Table_map event whose number of columns is not
// that of the table's version one with "mismatch"; with --minimal-images (the server's binlog_row_image) also per deleted row that has
// other columns than the key of its table's version. The last line is the whole catalog, after it has been encoded and decoded
// once: {"catalog": [tables], "irrelevant": count}.
#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "binlog/control_events.h"
#include "schema/catalog.h"
#include "schema/charset.h"
#include "schema/query_context.h"

namespace binbus::schema {
namespace {

using Json = nlohmann::json;

Json column_json(const Column& column) {
  return {{"name", column.name},         {"type", column.type_text},
          {"charset", column.charset},   {"collation", column.collation},
          {"nullable", column.nullable}, {"generated", column.generated},
          {"stored", column.stored},     {"invisible", column.invisible},
          {"hidden", column.hidden},     {"auto_increment", column.auto_increment}};
}

Json table_json(const TableVersion& table) {
  Json columns = Json::array();
  for (const Column& column : table.columns) columns.push_back(column_json(column));
  Json key = Json::array();
  for (const uint32_t ordinal : table.primary_key) key.push_back(table.columns[ordinal].name);
  Json unique = Json::array();
  for (const uint32_t ordinal : table.unique_key) unique.push_back(table.columns[ordinal].name);
  return {{"database", table.database}, {"table", table.table}, {"columns", columns},
          {"primary_key", key},         {"unique_key", unique}, {"collation", table.collation}};
}

class Tracker {
 public:
  Tracker(uint8_t lower_case, bool implicit_timestamps, bool minimal_images)
      : catalog_(lower_case), minimal_images_(minimal_images) {
    facts_.explicit_defaults_for_timestamp = !implicit_timestamps;
  }

  Status follow(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    const Bytes whole = as_bytes(bytes);
    const std::string name = file.substr(file.rfind('/') + 1);
    for (size_t at = binlog::kMagic.size(); at + binlog::kHeaderBytes <= whole.size();) {
      const binlog::EventHeader header = binlog::parse_header(whole.data() + at);
      if (header.size < binlog::kHeaderBytes || at + header.size > whole.size()) break;
      at_ = name + ":" + std::to_string(at);
      const Status taken = take(header, whole.subspan(at, header.size));
      if (!taken) return fail_in(at_, taken.error());
      at += header.size;
    }
    return ok();
  }

  void print_end() {
    auto again = Catalog::decode(catalog_.encode());
    if (!again) {
      std::cout << Json{{"at", "end"}, {"error", again.error().message}} << '\n';
      return;
    }
    Json tables = Json::array();
    again->for_each_table([&](const TableState& state) {
      Json table = table_json(*state.version);
      if (!state.reread.empty()) table["reread"] = state.reread;
      tables.push_back(table);
      return true;
    });
    std::cout << Json{{"catalog", tables}, {"irrelevant", irrelevant_}} << '\n';
  }

 private:
  Status take(const binlog::EventHeader& header, Bytes event) {
    if (header.type == binlog::kFormatDescriptionEvent) {
      BINBUS_TRY(format, binlog::parse_format_description(event));
      facts_.server = ServerVersion::parse(format.server_version);
      trailer_ = format.checksum == binlog::Checksum::kCrc32 ? binlog::kChecksumBytes : 0;
      return ok();
    }
    const Bytes body = event.first(event.size() - trailer_);
    if (header.type == binlog::kTableMapEvent) return check_table_map(body);
    const bool first = header.type == binlog::kDeleteRowsEventV1;
    if (minimal_images_ && (first || header.type == binlog::kDeleteRowsEvent))
      return check_image(body, first);
    return header.type == binlog::kQueryEvent ? take_query(body) : ok();
  }

  Status take_query(Bytes event) {
    BINBUS_TRY(query, binlog::parse_query(event));
    BINBUS_TRY(context, query_context(query, facts_));
    if (!context.takes_effect) return ok();
    auto effect =
        catalog_.apply(utf8_text(query.statement, context.client_collation), context.statement);
    if (!effect || !effect->unclear.empty()) {
      const std::string error = effect ? effect->unclear : effect.error().message;
      std::cout << Json{{"at", at_}, {"error", error}} << '\n';
      return ok();
    }
    if (!effect->relevant) ++irrelevant_;
    if (effect->changes.empty()) return ok();
    Json changes = Json::array();
    for (const TableChange& change : effect->changes) {
      Json one;
      if (change.before != nullptr) one["before"] = table_json(*change.before);
      if (change.after != nullptr) one["after"] = table_json(*change.after);
      if (!change.reread.empty()) one["reread"] = change.reread;
      changes.push_back(one);
    }
    std::cout << Json{{"at", at_}, {"changes", changes}} << '\n';
    return ok();
  }

  Status check_table_map(Bytes event) {
    ByteReader in(event.subspan(binlog::kHeaderBytes + 8));
    std::string names[2];
    for (std::string& name : names) {
      BINBUS_TRY(size, in.u8("table map"));
      BINBUS_TRY(text, in.bytes(size, "table map"));
      name = as_text(text);
      BINBUS_RETURN_IF_ERROR(in.skip(1, "table map"));
    }
    BINBUS_TRY(columns, in.lenenc("table map"));
    const TableState state = catalog_.table(names[0], names[1]);
    mapped_ = state.reread.empty() ? state.version : nullptr;
    if (mapped_ == nullptr || mapped_->columns.size() == columns) return ok();
    mismatch("has " + std::to_string(columns) + " columns, not " +
             std::to_string(mapped_->columns.size()));
    return ok();
  }

  // The server leaves in the image what it takes to find the row: a key's columns, or all. ROW END is in all keys of its table.
  // MariaDB leaves all unless the key is the table's first, since 11 without generated columns.
  Status check_image(Bytes event, bool first_version) {
    if (mapped_ == nullptr) return ok();
    ByteReader in(event.subspan(binlog::kHeaderBytes + 8));
    if (!first_version) {
      BINBUS_TRY(more, in.u16("rows"));
      BINBUS_RETURN_IF_ERROR(in.skip(more - 2U, "rows"));
    }
    BINBUS_TRY(width, in.lenenc("rows"));
    BINBUS_TRY(bits, in.bytes((width + 7) / 8, "rows"));
    if (width != mapped_->columns.size()) return ok();
    std::set<std::string> image, known, all;
    for (size_t i = 0; i < width; ++i) {
      const Column& column = mapped_->columns[i];
      if (column.row_end) continue;
      if (!column.generated) all.insert(column.name);
      if ((static_cast<unsigned>(bits[i / 8]) >> (i % 8) & 1U) != 0) image.insert(column.name);
    }
    for (const auto* key : {&mapped_->primary_key, &mapped_->unique_key}) {
      for (const uint32_t ordinal : *key) {
        if (!mapped_->columns[ordinal].row_end) known.insert(mapped_->columns[ordinal].name);
      }
    }
    const bool may_be_all = known.empty() || facts_.server.mariadb;
    if (image == known || (may_be_all && std::ranges::includes(image, all))) return ok();
    mismatch("is told apart by " + Json(image).dump() + ", not " + Json(known).dump());
    return ok();
  }

  void mismatch(const std::string& what) {
    std::cout << Json{{"at", at_},
                      {"mismatch", mapped_->database + "." + mapped_->table + " " + what}}
              << '\n';
  }

  Catalog catalog_;
  bool minimal_images_;
  TablePtr mapped_;  // of the table map before; null: not known
  StatementContext facts_;
  size_t trailer_ = 0;
  size_t irrelevant_ = 0;
  std::string at_;
};

}  // namespace
}  // namespace binbus::schema

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  uint8_t lower_case = 0;
  bool implicit_timestamps = false;
  bool minimal_images = false;
  int first = 1;
  for (; first < argc && std::string_view(argv[first]).starts_with("--"); ++first) {
    if (std::string_view(argv[first]) == "--implicit-timestamps") implicit_timestamps = true;
    if (std::string_view(argv[first]) == "--minimal-images") minimal_images = true;
    if (std::string_view(argv[first]) == "--lower-case-table-names" && first + 1 < argc) {
      lower_case = static_cast<uint8_t>(std::stoi(argv[++first]));
    }
  }
  binbus::schema::Tracker tracker(lower_case, implicit_timestamps, minimal_images);
  for (; first < argc; ++first) {
    if (const auto followed = tracker.follow(argv[first]); !followed) {
      std::cerr << followed.error().message << '\n';
      return 1;
    }
  }
  tracker.print_end();
}
