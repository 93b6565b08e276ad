// Follows the DDL of binlog files and says what the schema history makes of it.
//
//   ddl_track [--lower-case-table-names N] [--implicit-timestamps] FILE...
//
// Per Query event that changes something one line of JSON: {"at": "file:offset", "changes": [{"before": table,
// "after": table, "reread": reason}]}, or {"at": ..., "error": message}. Per Table_map event whose number of columns is not
// that of the table's version one with "mismatch". The last line is the whole catalog, after it has been encoded and decoded
// once: {"catalog": [tables], "irrelevant": count}.
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
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
  return {{"database", table.database},
          {"table", table.table},
          {"columns", columns},
          {"primary_key", key},
          {"collation", table.collation}};
}

class Tracker {
 public:
  Tracker(uint8_t lower_case, bool implicit_timestamps) : catalog_(lower_case) {
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
    const bool unknown = state.version == nullptr || !state.reread.empty();
    if (unknown || state.version->columns.size() == columns) return ok();
    std::cout << Json{{"at", at_},
                      {"mismatch", names[0] + "." + names[1] + " has " + std::to_string(columns) +
                                       " columns, not " +
                                       std::to_string(state.version->columns.size())}}
              << '\n';
    return ok();
  }

  Catalog catalog_;
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
  int first = 1;
  for (; first < argc && std::string_view(argv[first]).starts_with("--"); ++first) {
    if (std::string_view(argv[first]) == "--implicit-timestamps") implicit_timestamps = true;
    if (std::string_view(argv[first]) == "--lower-case-table-names" && first + 1 < argc) {
      lower_case = static_cast<uint8_t>(std::stoi(argv[++first]));
    }
  }
  binbus::schema::Tracker tracker(lower_case, implicit_timestamps);
  for (; first < argc; ++first) {
    if (const auto followed = tracker.follow(argv[first]); !followed) {
      std::cerr << followed.error().message << '\n';
      return 1;
    }
  }
  tracker.print_end();
}
