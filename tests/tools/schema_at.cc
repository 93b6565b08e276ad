// Says what the schema history of a stopped stream's log knows at places of it.
//
//   schema_at FOLDER SEGMENT:OFFSET...
//
// Per place one line of JSON: {"at": "7:120", "tables": [table]} or {"at": ..., "error": message}; tables as ddl_track has them.
#include <charconv>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "changes/schema_history.h"

namespace binbus::changes {
namespace {

using Json = nlohmann::json;

Json table_json(const schema::TableState& state) {
  const schema::TableVersion& table = *state.version;
  Json columns = Json::array();
  for (const schema::Column& column : table.columns) {
    columns.push_back({{"name", column.name},
                       {"type", column.type_text},
                       {"charset", column.charset},
                       {"collation", column.collation},
                       {"nullable", column.nullable},
                       {"generated", column.generated},
                       {"invisible", column.invisible},
                       {"hidden", column.hidden},
                       {"auto_increment", column.auto_increment}});
  }
  Json key = Json::array();
  for (const uint32_t ordinal : table.primary_key) key.push_back(table.columns[ordinal].name);
  Json unique = Json::array();
  for (const uint32_t ordinal : table.unique_key) unique.push_back(table.columns[ordinal].name);
  Json json = {{"database", table.database},
               {"table", table.table},
               {"columns", columns},
               {"primary_key", key},
               {"unique_key", unique}};
  if (!state.reread.empty()) json["reread"] = state.reread;
  return json;
}

Json look(SchemaHistory& history, const std::string& place) {
  Position position;
  const size_t colon = place.find(':');
  std::from_chars(place.data(), place.data() + colon, position.segment);
  std::from_chars(place.data() + colon + 1, place.data() + place.size(), position.offset);
  const auto catalog = history.at(position);
  if (!catalog) return {{"at", place}, {"error", catalog.error().message}};
  Json tables = Json::array();
  catalog->for_each_table([&](const schema::TableState& state) {
    tables.push_back(table_json(state));
    return true;
  });
  return {{"at", place}, {"tables", tables}};
}

}  // namespace
}  // namespace binbus::changes

int main(int argc, char** argv) {
  using namespace binbus;
  store::LogOptions options;
  options.directory = argc > 1 ? argv[1] : "";
  options.committed = UINT64_MAX;  // also where a group keeps it: all that is written is
  auto log = store::Log::open(io::posix_file_system(), io::system_clock(), options, nullptr);
  if (!log) {
    std::cerr << log.error().message << '\n';
    return 1;
  }
  changes::SchemaHistory history(**log);
  for (int i = 2; i < argc; ++i) std::cout << changes::look(history, argv[i]) << '\n';
}
