// For server tests: prints what a feed tells, a JSON object a line, and commits each as it is printed.
// usage: sdk_cpp_print HOST:PORT[,...] STREAM [KEY=VALUE...]
//   tables=PATTERN[,...] start=snapshot|now|earliest|cursor cursor=NAME client=NAME auto_commit=MS ca=FILE cert=FILE key=FILE token=TOKEN
//   transactions=1 shared=1 stop_after=ROWS (leaves after so many, all committed); states go to stderr.
#include <iostream>
#include <map>
#include <sstream>

#include "binbus/client.h"

namespace {

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  return parts;
}

// With bytes that are no ASCII as characters of Latin-1, so that any are JSON.
std::string quoted(std::string_view text) {
  std::ostringstream out;
  out << '"' << std::hex;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\') {
      out << "\\u00" << (byte >> 4) << (byte & 15);
    } else {
      out << c;
    }
  }
  out << '"';
  return out.str();
}

std::string printed(const binbus::Row& row) {
  if (!row) return "null";
  std::string out;
  for (size_t i = 0; i < row.size(); ++i) {
    const binbus::Value value = row[i];
    if (value.is_absent()) continue;
    out += (out.empty() ? "{" : ", ") + quoted(value.column().name) + ": " +
           (value.is_null() ? "null" : quoted(value.text()));
  }
  return out + (out.empty() ? "{}" : "}");
}

void print(const binbus::Change& change) {
  std::string key;
  for (const binbus::Value& value : change.key())
    key += (key.empty() ? "" : ", ") + quoted(value.text());
  std::cout
      << "{\"op\": " << quoted(name(change.op())) << ", \"database\": " << quoted(change.database())
      << ", \"table\": " << quoted(change.table()) << ", \"key\": [" << key
      << "], \"before\": " << printed(change.before()) << ", \"after\": " << printed(change.after())
      << ", \"gtid\": " << quoted(change.gtid()) << ", \"position\": " << quoted(change.position())
      << ", \"event\": " << change.event() << ", \"row\": " << change.row()
      << ", \"at\": " << std::fixed
      << std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count()
      << ", \"statement\": " << quoted(change.statement()) << "}" << std::endl;
}

binbus::Start start_of(const std::string& word) {
  if (word == "snapshot") return binbus::Start::snapshot();
  if (word == "earliest") return binbus::Start::earliest();
  if (word == "cursor") return binbus::Start::cursor();
  return binbus::Start::now();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  std::map<std::string, std::string> options;
  for (int i = 3; i < argc; ++i) {
    const std::string word = argv[i];
    options[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
  }
  binbus::ConnectOptions how{.token = options["token"]};
  if (options.contains("ca"))
    how.tls = binbus::Tls{.ca = options["ca"], .cert = options["cert"], .key = options["key"]};
  const auto client = binbus::Client::connect(split(argv[1]), how);
  const auto feed = client->subscribe(
      {.stream = argv[2],
       .tables = split(options["tables"]),
       .start = start_of(options["start"]),
       .cursor = options["cursor"],
       .shared = options.contains("shared"),
       .transactions = options.contains("transactions"),
       .auto_commit = std::chrono::milliseconds(std::atoi(options["auto_commit"].c_str())),
       .client = options["client"],
       .on_state = [](const binbus::State& state) {
         const char* const kinds[] = {"connected", "waiting", "disconnected"};
         std::cerr << kinds[state.kind] << " " << state.node << ": " << state.reason << std::endl;
       }});
  const bool commits = !options["cursor"].empty() && options["auto_commit"].empty();
  const long stop_after = std::atol(options["stop_after"].c_str());
  long rows = 0;
  while (auto change = feed->next()) {
    print(*change);
    if (commits) change->commit();
    if (change->after() && ++rows == stop_after) break;
  }
  if (feed->error()) std::cerr << "error: " << feed->error()->what() << std::endl;
  return feed->error() ? 1 : 0;
}
