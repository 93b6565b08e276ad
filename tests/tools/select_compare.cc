// Compares the rows that a server's binlog files leave behind with those that SELECT gives, in the form in which rows are kept.
//
//   select_compare ADDRESS FILE...       as root, without a password; the files are all that the server has
//
// Per table that the files know one line of JSON:
//   {"table": "d.t", "rows": rows of SELECT, "missing": of the log and not of SELECT, "extra": the other way round,
//    "other_bytes": {column: how many}, "other_text": {column: {"log": ..., "select": ...}}, "absent": {column: how many}}
// Rows are found by their keys. "other_bytes": values with the same text and another wire form; "other_text" has the first that
// differ in text (in hexadecimal digits; null for NULL); "absent": values that the log has and SELECT has not.
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "changes/change_reader.h"
#include "changes/file_source.h"
#include "mysql/client.h"
#include "state/row_codec.h"
#include "state/row_key.h"
#include "state/row_select.h"

namespace binbus::state {
namespace {

using Json = nlohmann::json;
using schema::Field;

struct Rows {
  schema::TablePtr table;
  std::multimap<std::string, ByteVector> stored;  // by key
};
using Tables = std::map<std::string, Rows>;

std::string name_of(const schema::TableVersion& table) {
  return table.database + "." + table.table;
}

Result<std::string> key_of(const schema::TableVersion& table, std::span<const Field> row) {
  std::string key;
  BINBUS_RETURN_IF_ERROR(append_key(key, row, table.primary_key));
  return key;
}

Status put(Rows& rows, std::span<const Field> row) {
  BINBUS_TRY(key, key_of(*rows.table, row));
  ByteWriter out;
  BINBUS_RETURN_IF_ERROR(store_row(out, row));
  rows.stored.emplace(key, out.take());
  return ok();
}

Status take_away(Rows& rows, std::span<const Field> row) {
  BINBUS_TRY(key, key_of(*rows.table, row));
  const auto found = rows.stored.find(key);
  if (found == rows.stored.end())
    return fail(Code::kNotFound, "a row of " + name_of(*rows.table) + " that is not there");
  rows.stored.erase(found);
  return ok();
}

Status apply(Tables& tables, const changes::Change& change) {
  if (change.table == nullptr) return ok();
  Rows& rows = tables[name_of(*change.table)];
  rows.table = change.table;
  if (change.operation == schema::Operation::kTruncate) rows.stored.clear();
  if (!change.before.empty()) BINBUS_RETURN_IF_ERROR(take_away(rows, change.before));
  if (!change.after.empty()) BINBUS_RETURN_IF_ERROR(put(rows, change.after));
  return ok();
}

Result<Tables> read_log(const std::vector<std::string>& paths) {
  changes::ReaderOptions options;
  options.open = [&](changes::Position at) {
    return changes::FileSource::open(io::posix_file_system(), paths, at);
  };
  options.oldest = [] { return changes::Position{1, 0}; };
  options.losses = changes::LossPolicy::kSkip;
  Tables tables;
  changes::ChangeReader reader(std::move(options), {1, 0}, schema::Catalog());
  const auto emit = [&](const changes::Change& change) { return apply(tables, change); };
  while (true) {
    BINBUS_TRY(more, reader.read(emit));
    if (!more) break;
  }
  reader.catalog().for_each_table([&](const schema::TableState& state) {
    if (state.version != nullptr) tables[name_of(*state.version)].table = state.version;
    return true;
  });
  return tables;
}

Json text_of(const Field& field) {
  if (field.state == Field::State::kNull) return nullptr;
  if (field.state == Field::State::kAbsent) return "absent";
  std::string text, digits;
  if (const Status done = append_text(text, field); !done) return "error: " + done.error().message;
  for (const char c : text.substr(0, 200)) {
    digits += "0123456789abcdef"[c >> 4 & 15];
    digits += "0123456789abcdef"[c & 15];
  }
  return text.size() > 200 ? digits + " of " + std::to_string(text.size()) : digits;
}

bool same_text(const Field& a, const Field& b) {
  if (a.state != b.state) return false;
  std::string left, right;
  return append_text(left, a) && append_text(right, b) && left == right;
}

void compare(Json& line, std::span<const Field> logged, std::span<const Field> selected) {
  const auto count = [&](const char* what, const std::string& column) {
    Json& counted = line[what][column];
    counted = counted.is_null() ? 1 : counted.get<int>() + 1;
  };
  for (size_t i = 0; i < selected.size(); ++i) {
    const Field& a = logged[i];
    const Field& b = selected[i];
    const std::string& column = a.column->name;
    ByteWriter left, right;
    if (!store_row(left, {&a, 1}) || !store_row(right, {&b, 1})) std::abort();
    if (as_text(left.view()) == as_text(right.view())) continue;
    if (b.state == Field::State::kAbsent) {
      count("absent", column);
    } else if (same_text(a, b)) {
      count("other_bytes", column);
    } else if (!line["other_text"].contains(column)) {
      line["other_text"][column] = {{"log", text_of(a)}, {"select", text_of(b)}};
    }
  }
}

Result<std::unique_ptr<mysql::Client>> connect(const std::string& address) {
  mysql::ConnectOptions options;
  options.address = address;
  options.user = "root";
  BINBUS_TRY(client, mysql::Client::connect(options));
  BINBUS_RETURN_IF_ERROR(client->query(std::string(session_statement())));
  return std::move(client);
}

Result<Json> compare_table(const std::string& address, Rows& rows) {
  BINBUS_TRY(client, connect(address));
  const schema::TableVersion& table = *rows.table;
  Json line = {{"table", name_of(table)},
               {"rows", 0},
               {"missing", 0},
               {"extra", 0},
               {"other_bytes", Json::object()},
               {"other_text", Json::object()},
               {"absent", Json::object()}};
  BINBUS_TRY(select,
             RowSelect::make(rows.table, schema::ServerVersion::parse(client->server_version())));
  BINBUS_TRY(found,
             mysql::BinaryRows::open(*client, "SELECT " + select.list() + " FROM `" +
                                                  table.database + "`.`" + table.table + "`"));
  BINBUS_RETURN_IF_ERROR(select.open(found->columns()));
  StoredRowReader stored(rows.table);
  int count = 0, extra = 0;
  while (true) {
    BINBUS_TRY(packet, found->next());
    if (!packet) break;
    ++count;
    BINBUS_TRY(row, select.read(*packet));
    BINBUS_TRY(key, key_of(table, row));
    const auto logged = rows.stored.find(key);
    if (logged == rows.stored.end()) {
      ++extra;
      continue;
    }
    BINBUS_TRY(fields, stored.read(logged->second));
    compare(line, fields, row);
    rows.stored.erase(logged);
  }
  line["rows"] = count;
  line["extra"] = extra;
  line["missing"] = rows.stored.size();
  return line;
}

Status run(const std::string& address, const std::vector<std::string>& paths) {
  BINBUS_TRY(tables, read_log(paths));
  for (auto& [name, rows] : tables) {
    auto line = compare_table(address, rows);
    std::cout << (line ? *line : Json{{"table", name}, {"error", line.error().message}}) << '\n';
  }
  return ok();
}

}  // namespace
}  // namespace binbus::state

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const binbus::Status done = binbus::state::run(argv[1], {argv + 2, argv + argc});
  if (!done) std::cerr << done.error().message << '\n';
  return done ? 0 : 1;
}
