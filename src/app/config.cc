#include "app/config.h"

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 1
#include <fmt/format.h>
#include <sys/stat.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "app/config_keys.h"
#include "base/check.h"
#include "io/address.h"
#include "mysql/client.h"
#include "sink/delivery.h"
#include "sink/pattern.h"

namespace binbus::app {
namespace {

constexpr uint64_t kProcessBytes = 16u << 20;
constexpr uint64_t kStreamBytes = 16u << 20;       // ingest's buffers, the log's marks
constexpr uint64_t kConnectionBytes = 512u << 10;  // two blocks of the log
constexpr uint64_t kSilenceMarginMs = 5'000;       // beyond two heartbeats; ingest waits 1 s of it

constexpr std::string_view kSections[] = {"stream", "sink", "state", "admin",
                                          "feed",   "log",  "node",  "coordinator"};

template <class T>
std::vector<std::string_view> names(std::span<const Key<T>> keys) {
  std::vector<std::string_view> out;
  for (const Key<T>& key : keys) out.push_back(key.name);
  return out;
}

template <class T>
bool has_key(std::span<const Key<T>> keys, std::string_view name) {
  return std::ranges::find(keys, name, &Key<T>::name) != keys.end();
}

// The section in which `name` would be right; "" when in none.
std::string_view section_of(std::string_view name) {
  if (has_key(stream_keys(), name)) return "[[stream]]";
  if (has_key(admin_keys(), name)) return "[admin]";
  if (has_key(log_keys(), name)) return "[log]";
  if (has_key(sink_keys(), name)) return "[[sink]]";
  if (has_key(state_keys(), name)) return "[[state]]";
  if (has_key(feed_keys(), name)) return "[feed]";
  if (has_key(coordinator_keys(), name)) return "[coordinator]";
  if (has_key(root_keys(), name)) return "the top of the file";
  return "";
}

bool readable_by_all(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && (info.st_mode & S_IROTH) != 0;
}

std::string host_name() {
  char name[256] = {};
  const bool known = ::gethostname(name, sizeof(name) - 1) == 0 && name[0] != '\0';
  return known ? name : "localhost";
}

// Of an address that was checked already.
io::HostPort parts_of(const std::string& address) { return io::HostPort::parse(address).value(); }

bool any_host(const std::string& host) { return host.empty() || host == "0.0.0.0" || host == "::"; }
bool loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

bool same_port(const std::string& left_address, const std::string& right_address) {
  const io::HostPort left = parts_of(left_address);
  const io::HostPort right = parts_of(right_address);
  if (left.port != right.port || left.port == "0") return false;
  return left.host == right.host || any_host(left.host) || any_host(right.host);
}

// Whether who connects to the source's address comes out at ours.
bool leads_to(const std::string& source_address, const std::string& listen_address) {
  const mysql::Endpoint source = mysql::Endpoint::parse(source_address).value();
  const io::HostPort listen = parts_of(listen_address);
  if (!source.unix_socket.empty() || std::to_string(source.port) != listen.port) return false;
  if (source.host == listen.host) return true;
  if (any_host(listen.host)) return any_host(source.host) || loopback(source.host);
  const auto is_localhost = [](const std::string& host) {
    return host == "localhost" || host == "127.0.0.1" || host == "::1" || any_host(host);
  };
  const bool named =
      source.host == "localhost" || any_host(source.host) || listen.host == "localhost";
  return named && is_localhost(source.host) && is_localhost(listen.host);
}

// Reads one file into a Config and collects everything that is wrong with it.
class Reader {
 public:
  Reader(const std::string& path, Secrets secrets) : secrets_(secrets) { config_.path = path; }

  // What is to be read stands beside what is there.
  explicit Reader(const Config& beside) : secrets_(Secrets::kLeave), config_(beside) {}

  Result<SinkConfig> read_one_sink(const toml::table& table) {
    read_sink(table);
    if (errors_.empty()) return std::move(config_.sinks.back());
    std::string message;
    for (const Wrong& error : errors_) message += (message.empty() ? "" : "\n") + error.what;
    return fail(Code::kInvalid, message);
  }

  Result<Config> read(const toml::table& root) {
    read_keys(root, root_keys(), "the top of the file", config_, kSections);
    read_section(root, "log", log_keys(), config_.log);
    read_section(root, "admin", admin_keys(), config_.admin);
    read_section(root, "node", node_keys(), config_.node);
    if (config_.node.name.empty()) config_.node.name = host_name();
    check_node(root);
    if (root.contains("coordinator")) read_coordinator(root);
    for (const toml::table* table : tables(root, "stream", "[[stream]]")) read_stream(*table);
    for (const toml::table* table : tables(root, "state", "[[state]]")) read_state(*table);
    for (const toml::table* table : tables(root, "sink", "[[sink]]")) read_sink(*table);
    read_feed(root);
    if (config_.streams.empty()) wrong(1, "no [[stream]]: binbus has nothing to do without one");
    const bool refused = config_.memory_bytes == 0;  // and said so already
    if (!refused && !config_.streams.empty() && config_.connections_per_stream() == 0) {
      wrong(root.contains("memory") ? line_of(*root.get("memory")) : 1,
            fmt::format("memory is too small for {} streams: it takes 16 MiB, 16 MiB per stream "
                        "and half a MiB per connection",
                        config_.streams.size()));
    }
    check_addresses(root);
    check_inline_passwords();
    if (errors_.empty()) return std::move(config_);

    std::ranges::stable_sort(errors_, {}, &Wrong::line);
    std::string message;
    for (const Wrong& error : errors_) {
      message += fmt::format("{}{}:{}: {}", message.empty() ? "" : "\n", config_.path, error.line,
                             error.what);
    }
    return fail(Code::kInvalid, message);
  }

 private:
  struct Wrong {
    size_t line;
    std::string what;
  };

  struct Address {
    std::string address;
    std::string owner;
    size_t line;
    bool listens;  // else a source
  };

  static size_t line_of(const toml::node& node) { return node.source().begin.line; }
  void wrong(size_t line, std::string what) { errors_.push_back({line, std::move(what)}); }

  std::string resolve(const std::string& path) const {
    const std::filesystem::path folder = std::filesystem::path(config_.path).parent_path();
    return (folder / path).lexically_normal().string();
  }

  // The tables of an array of tables; a plain table or value in its place is wrong.
  std::vector<const toml::table*> tables(const toml::table& in, std::string_view name,
                                         std::string_view shown) {
    std::vector<const toml::table*> out;
    const toml::node* node = in.get(name);
    if (node == nullptr) return out;
    const toml::array* array = node->as_array();
    if (array == nullptr || !array->is_homogeneous(toml::node_type::table)) {
      wrong(line_of(*node), fmt::format("{} is written with two brackets: {}", name, shown));
      return out;
    }
    for (const toml::node& element : *array) out.push_back(element.as_table());
    return out;
  }

  template <class T>
  void read_section(const toml::table& root, std::string_view name, std::span<const Key<T>> keys,
                    T& out) {
    static const toml::table kAbsent;
    const toml::node* node = root.get(name);
    if (node != nullptr && !node->is_table()) {
      wrong(line_of(*node), fmt::format("{} is a section, written [{}]", name, name));
      node = nullptr;
    }
    read_keys(node == nullptr ? kAbsent : *node->as_table(), keys, fmt::format("[{}]", name), out,
              {});
  }

  // Sets every key of the table from the file or its default; names what is unknown.
  template <class T>
  void read_keys(const toml::table& table, std::span<const Key<T>> keys, std::string_view section,
                 T& out, std::span<const std::string_view> subsections) {
    for (const auto& [key, node] : table) {
      const std::string_view name = key.str();
      if (has_key(keys, name) || std::ranges::find(subsections, name) != subsections.end())
        continue;
      unknown(line_of(node), name, section, keys, subsections);
    }
    for (const Key<T>& key : keys) {
      const toml::node* node = table.get(key.name);
      if (node != nullptr) {
        if (Status set = read_value(key, *node, out); !set) {
          const std::string& what = set.error().message;
          wrong(line_of(*node),
                what.starts_with(key.name) ? what : fmt::format("{} {}", key.name, what));
        }
      } else if (key.required) {
        wrong(std::max<size_t>(line_of(table), 1),
              fmt::format("{} is missing in {}: {}", key.name, section, key.help));
      } else if (!key.fallback.empty()) {
        BINBUS_CHECK(set_text(key, key.fallback, out));
      }
    }
  }

  template <class T>
  void unknown(size_t line, std::string_view name, std::string_view section,
               std::span<const Key<T>> keys, std::span<const std::string_view> subsections) {
    std::vector<std::string_view> known = names(keys);
    known.insert(known.end(), subsections.begin(), subsections.end());
    std::string hint;
    if (const std::string_view elsewhere = section_of(name); !elsewhere.empty()) {
      hint = fmt::format("it belongs to {}", elsewhere);
    } else if (const std::string_view close = nearest(name, known); !close.empty()) {
      hint = fmt::format("did you mean \"{}\"?", close);
    } else {
      hint = fmt::format("there are: {}", fmt::join(known, ", "));
    }
    wrong(line, fmt::format("unknown key \"{}\" in {}; {}", name, section, hint));
  }

  template <class T>
  Status read_value(const Key<T>& key, const toml::node& node, T& out) {
    const auto mismatch = [&] {
      return fail(Code::kInvalid, fmt::format("must be {}", kind_name(key.kind)));
    };
    if (const auto* flag = std::get_if<bool T::*>(&key.member)) {
      if (!node.is_boolean()) return mismatch();
      out.** flag = node.as_boolean()->get();
      return ok();
    }
    if (const auto* list = std::get_if<std::vector<std::string> T::*>(&key.member)) {
      return read_list(key, node, out.**list);
    }
    if (const auto* map = std::get_if<std::map<std::string, std::string> T::*>(&key.member)) {
      return read_map(key, node, out.**map);
    }
    if (node.is_integer() && (key.kind == KeyKind::kInteger || key.kind == KeyKind::kBytes)) {
      const int64_t number = node.as_integer()->get();
      if (number < 0)
        return fail(Code::kInvalid, fmt::format("is {}; must be {}", number, range_text(key)));
      return set_text(key, std::to_string(number), out);
    }
    if (!node.is_string() || key.kind == KeyKind::kInteger) return mismatch();
    const std::string& text = node.as_string()->get();
    if (text.empty()) {
      return fail(Code::kInvalid,
                  key.name == "password"
                      ? "must not be empty here; for an account that has none, give a "
                        "password_file whose first line is empty, or an empty password_env"
                      : "must not be empty; leave the line out for the default");
    }
    return set_text(key, text, out);
  }

  template <class T>
  Status read_list(const Key<T>& key, const toml::node& node, std::vector<std::string>& out) {
    const auto add = [&](const toml::node& element) -> Status {
      if (!element.is_string())
        return fail(Code::kInvalid, fmt::format("must be {}", kind_name(key.kind)));
      const std::string& text = element.as_string()->get();
      if (key.check != nullptr) BINBUS_RETURN_IF_ERROR(key.check(text));
      if (std::ranges::find(out, text) != out.end()) {
        return fail(Code::kInvalid, fmt::format("has \"{}\" twice", text));
      }
      out.push_back(text);
      return ok();
    };
    if (!node.is_array()) return add(node);
    if (node.as_array()->empty()) return fail(Code::kInvalid, "must not be empty");
    for (const toml::node& element : *node.as_array()) BINBUS_RETURN_IF_ERROR(add(element));
    return ok();
  }

  template <class T>
  Status read_map(const Key<T>& key, const toml::node& node,
                  std::map<std::string, std::string>& out) {
    const toml::table* table = node.as_table();
    if (table == nullptr)
      return fail(Code::kInvalid, fmt::format("must be {}", kind_name(key.kind)));
    for (const auto& [name, value] : *table) {
      if (!value.is_string() && !value.is_boolean() && !value.is_integer()) {
        return fail(Code::kInvalid,
                    fmt::format("has \"{}\", which is no text, number, true or false", name.str()));
      }
      out.emplace(name.str(), map_text(value));
    }
    return ok();
  }

  static std::string map_text(const toml::node& node) {
    if (node.is_string()) return node.as_string()->get();
    if (node.is_boolean()) return node.as_boolean()->get() ? "true" : "false";
    return std::to_string(node.as_integer()->get());
  }

  // Sets a key from its text, as a default is written in the table.
  template <class T>
  Status set_text(const Key<T>& key, std::string_view text, T& out) {
    if (const auto* member = std::get_if<std::string T::*>(&key.member)) {
      if (!key.choices.empty() && std::ranges::find(key.choices, text) == key.choices.end()) {
        return fail(Code::kInvalid, fmt::format("is \"{}\"; must be one of {}", text,
                                                fmt::join(key.choices, ", ")));
      }
      if (key.check != nullptr) BINBUS_RETURN_IF_ERROR(key.check(text));
      out.** member = key.kind == KeyKind::kPath && text != "-" ? resolve(std::string(text))
                                                                : std::string(text);
      return ok();
    }
    if (const auto* flag = std::get_if<bool T::*>(&key.member)) {
      out.** flag = text == "true";
      return ok();
    }
    if (auto* list = std::get_if<std::vector<std::string> T::*>(&key.member)) {
      out.** list = {std::string(text)};
      return ok();
    }
    BINBUS_TRY(number,
               key.kind == KeyKind::kDuration ? parse_duration_ms(text) : parse_bytes(text));
    if (number < key.min || number > key.max) {
      return fail(Code::kInvalid, fmt::format("is {}; must be {}", text, range_text(key)));
    }
    out.*std::get<uint64_t T::*>(key.member) = number;
    return ok();
  }

  template <class T>
  static std::string range_text(const Key<T>& key) {
    const std::string_view unit = key.kind == KeyKind::kDuration ? "ms" : "";
    if (key.max == UINT64_MAX) return fmt::format("at least {}{}", key.min, unit);
    return fmt::format("from {}{} to {}{}", key.min, unit, key.max, unit);
  }

  void check_node(const toml::table& root) {
    const NodeConfig& node = config_.node;
    const size_t line = root.contains("node") ? line_of(*root.get("node")) : size_t{1};
    if (!node.peers.empty() && node.listen.empty())
      wrong(line, "[node]: peers mean nothing without listen");
    std::set<std::string> names;
    for (const std::string& peer : node.peers) {
      if (!names.insert(peer.substr(0, peer.find('@'))).second)
        wrong(line, fmt::format("[node]: peers has {} twice", peer.substr(0, peer.find('@'))));
    }
    if (node.tls_cert.empty() != node.tls_key.empty() ||
        node.tls_cert.empty() != node.tls_ca.empty())
      wrong(line, "[node]: tls_cert, tls_key and tls_ca go together");
    if (!node.listen.empty() && root.contains("coordinator"))
      wrong(line, "[node]: listen makes a cluster of its own, which has no [coordinator]");
  }

  void read_coordinator(const toml::table& root) {
    CoordinatorConfig& coordinator = config_.coordinator;
    read_section(root, "coordinator", coordinator_keys(), coordinator);
    const toml::table* table = root["coordinator"].as_table();
    if (table == nullptr) return;
    const bool password = table->contains("password") || table->contains("password_file") ||
                          table->contains("password_env");
    if (table->contains("user") || password) read_password(*table, "[coordinator]", coordinator);
    if (password && !table->contains("user"))
      wrong(line_of(*table), "[coordinator]: a password needs a user");
    if (coordinator.tls_cert.empty() != coordinator.tls_key.empty())
      wrong(line_of(*table), "[coordinator]: tls_cert and tls_key go together");
    if (!coordinator.tls && !(coordinator.tls_ca + coordinator.tls_cert).empty())
      wrong(line_of(*table), "[coordinator]: tls_ca and tls_cert mean nothing without tls = true");
    if (coordinator.type == "zookeeper" && coordinator.tls) {
      wrong(line_of(*table),
            "[coordinator]: ZooKeeper's client library has no TLS; put a tunnel in "
            "front of it, and take tls out");
    }
  }

  void read_feed(const toml::table& root) {
    FeedConfig& feed = config_.feed;
    read_section(root, "feed", feed_keys(), feed);
    const size_t line = root.contains("feed") ? line_of(*root.get("feed")) : size_t{1};
    if (feed.tls_cert.empty() != feed.tls_key.empty())
      wrong(line, "[feed]: tls_cert and tls_key go together");
    if (!feed.tls_ca.empty() && feed.tls_cert.empty())
      wrong(line, "[feed]: tls_ca means nothing without tls_cert and tls_key");
    if (!feed.token.empty()) has_inline_password_ = true;
    if (!feed.token.empty() && !feed.token_file.empty())
      wrong(line, "[feed]: token and token_file are two ways to say it; leave one out");
    if (!feed.token_file.empty() && secrets_ == Secrets::kRead) {
      std::ifstream in(feed.token_file);
      if (!std::getline(in, feed.token) || feed.token.empty())
        wrong(line, fmt::format("[feed]: token_file: cannot read a line from {}", feed.token_file));
      warn_if_readable(feed.token_file);
    }
    if (feed.listen.empty()) return;
    if (feed.address.empty()) feed.address = feed.listen;
    config_.node.feed = feed.address;
    for (StreamConfig& stream : config_.streams) stream.fed = true;
    addresses_.push_back({feed.listen, "[feed]", line, true});
    if (!loopback(parts_of(feed.listen).host) && !feed.allow_remote) {
      wrong(line,
            fmt::format("listen = \"{}\" is not a loopback address, and who reads there reads "
                        "all row data; if that is meant, add allow_remote = true, and a token",
                        feed.listen));
    }
  }

  // Of streams and sinks that do not say it: beside a coordinator, others may have delivered everything before.
  void default_start(const toml::table& table, std::string& start) const {
    if (!config_.coordinator.type.empty() && !table.contains("start")) start = "latest";
  }

  void read_stream(const toml::table& table) {
    static constexpr std::string_view kSub[] = {"replica_user"};
    StreamConfig stream;
    read_keys(table, stream_keys(), "[[stream]]", stream, kSub);
    default_start(table, stream.start);
    read_password(table, fmt::format("stream \"{}\"", stream.name), stream);
    for (const toml::table* user_table : tables(table, "replica_user", "[[stream.replica_user]]")) {
      ReplicaUserConfig user;
      read_keys(*user_table, replica_user_keys(), "[[stream.replica_user]]", user, {});
      read_password(*user_table, fmt::format("replica_user \"{}\"", user.name), user);
      if (std::ranges::find(stream.replica_users, user.name, &ReplicaUserConfig::name) !=
          stream.replica_users.end()) {
        wrong(line_of(*user_table), fmt::format("replica_user \"{}\" is there twice", user.name));
      }
      stream.replica_users.push_back(std::move(user));
    }
    check_stream(table, stream);
    config_.streams.push_back(std::move(stream));
  }

  void read_state(const toml::table& table) {
    StateConfig state;
    read_keys(table, state_keys(), "[[state]]", state, {});
    if (const auto compiled = sink::PatternSet::compile(state.tables); !compiled)
      wrong(line_of(table), fmt::format("[[state]]: {}", compiled.error().message));
    if (state.stream.empty()) return;  // said already
    const auto stream = std::ranges::find(config_.streams, state.stream, &StreamConfig::name);
    if (stream == config_.streams.end()) {
      wrong(line_of(table), fmt::format("there is no [[stream]] \"{}\"", state.stream));
    } else if (stream->state) {
      wrong(line_of(table), fmt::format("stream \"{}\" has a [[state]] already; put all patterns "
                                        "into its tables",
                                        state.stream));
    } else {
      stream->state = std::move(state);
    }
  }

  void read_sink(const toml::table& table) {
    static constexpr std::string_view kSub[] = {"table"};
    const size_t errors_before = errors_.size();
    SinkConfig sink;
    sink::SinkOptions& options = sink;
    read_keys(table, sink_keys(), "[[sink]]", options, kSub);
    default_start(table, options.start);
    for (const toml::table* rule_table : tables(table, "table", "[[sink.table]]")) {
      sink::TableOptions rule;
      read_keys(*rule_table, sink_table_keys(), "[[sink.table]]", rule, {});
      sink.table_rules.push_back(std::move(rule));
    }
    check_sink(table, sink);
    // What is wrong between keys, when each on its own is right.
    if (errors_.size() == errors_before) {
      if (const Status checked = sink::Delivery::check(sink); !checked) {
        wrong(line_of(table), fmt::format("sink \"{}\": {}", sink.name, checked.error().message));
      }
    }
    std::ostringstream section;
    section << table;
    sink.section = section.str();
    config_.sinks.push_back(std::move(sink));
  }

  void check_sink(const toml::table& table, const sink::SinkOptions& sink) {
    const auto at = [&](std::string_view key) {
      const toml::node* node = table.get(key);
      return line_of(node == nullptr ? table : *node);
    };
    if (std::ranges::find(config_.sinks, sink.name, &sink::SinkOptions::name) !=
        config_.sinks.end()) {
      wrong(at("name"),
            fmt::format("a sink \"{}\" is there already; names must differ", sink.name));
    }
    if (!sink.stream.empty() && std::ranges::find(config_.streams, sink.stream,
                                                  &StreamConfig::name) == config_.streams.end()) {
      wrong(at("stream"), fmt::format("there is no [[stream]] \"{}\"", sink.stream));
    }
    for (const SinkKeyUse& use : sink_key_uses()) {
      const bool its = std::ranges::find(use.types, sink.type) != use.types.end();
      const bool known = !sink.type.empty();
      if (known && !its && table.contains(use.key)) {
        wrong(at(use.key), fmt::format("{} means nothing to a sink of type {}; it is for {}",
                                       use.key, sink.type, fmt::join(use.types, ", ")));
      }
      if (its && use.needed && !table.contains(use.key)) {
        wrong(line_of(table), fmt::format("a sink of type {} needs {}", sink.type, use.key));
      }
    }
    if (sink.type == "file" && sink.path != "-") {
      const auto same = std::ranges::find_if(config_.sinks, [&](const sink::SinkOptions& other) {
        return other.type == "file" && other.path == sink.path;
      });
      if (same != config_.sinks.end()) {
        wrong(at("path"),
              fmt::format("path is that of sink \"{}\", too; each needs its own", same->name));
      }
    }
    const bool secret = !sink.hash_salt.empty() || sink.url.find('@') != std::string::npos ||
                        std::ranges::any_of(sink.properties, [](const auto& property) {
                          return property.first.find("password") != std::string::npos;
                        });
    if (secret) has_inline_password_ = true;
  }

  // Exactly one of the three keys; fetches the secret when that is wanted.
  void read_password(const toml::table& table, const std::string& whose, PasswordConfig& out) {
    const int given = table.contains("password") + table.contains("password_file") +
                      table.contains("password_env");
    if (given != 1) {
      wrong(line_of(table),
            fmt::format("{} needs one of password, password_file, password_env; it has {}", whose,
                        given == 0 ? "none" : "several"));
    }
    if (table.contains("password")) has_inline_password_ = true;
    if (secrets_ == Secrets::kLeave) return;
    if (!out.password_env.empty()) {
      const char* value = std::getenv(out.password_env.c_str());
      if (value == nullptr) {
        wrong(line_of(*table.get("password_env")),
              fmt::format("password_env: the environment has no variable {}", out.password_env));
      } else {
        out.password = value;
      }
    }
    if (!out.password_file.empty()) {
      std::ifstream in(out.password_file);
      if (!std::getline(in, out.password)) {
        wrong(line_of(*table.get("password_file")),
              fmt::format("password_file: cannot read a line from {}", out.password_file));
      }
      warn_if_readable(out.password_file);
    }
  }

  void check_stream(const toml::table& table, StreamConfig& stream) {
    const std::string owner = fmt::format("stream \"{}\"", stream.name);
    const auto at = [&](std::string_view key) {
      const toml::node* node = table.get(key);
      return line_of(node == nullptr ? table : *node);
    };
    if (std::ranges::find(config_.streams, stream.name, &StreamConfig::name) !=
        config_.streams.end()) {
      wrong(at("name"),
            fmt::format("a stream \"{}\" is there already; names must differ", stream.name));
    }
    if (stream.tls.empty()) stream.tls = mysql::default_tls_mode(!stream.tls_ca.empty());
    if (stream.tls.starts_with("verify_") && stream.tls_ca.empty()) {
      wrong(at("tls"),
            fmt::format("tls = \"{}\" needs tls_ca: the file of the authorities to trust",
                        stream.tls));
    }
    if (stream.tls_cert.empty() != stream.tls_key.empty()) {
      wrong(at(stream.tls_cert.empty() ? "tls_key" : "tls_cert"),
            "tls_cert and tls_key go together");
    }
    if (stream.listen_tls_cert.empty() != stream.listen_tls_key.empty()) {
      wrong(at(stream.listen_tls_cert.empty() ? "listen_tls_key" : "listen_tls_cert"),
            "listen_tls_cert and listen_tls_key go together");
    }
    if (stream.copies > 0 && config_.node.listen.empty())
      wrong(at("copies"), "copies means nothing without [node] listen: there is no other node");
    if (!stream.listen.empty() && stream.replica_users.empty()) {
      wrong(at("listen"),
            "listen needs a [[stream.replica_user]]: without one nobody could log in");
    }
    if (!table.contains("listen") && !stream.replica_users.empty()) {
      wrong(line_of(table),
            "a [[stream.replica_user]] without listen: replicas have nowhere to connect to");
    }
    for (const std::string& source : stream.source)
      addresses_.push_back({source, owner, at("source"), false});
    if (!stream.listen.empty()) addresses_.push_back({stream.listen, owner, at("listen"), true});
  }

  // Ports taken twice, and a source that is binbus itself.
  void check_addresses(const toml::table& root) {
    if (const AdminConfig& admin = config_.admin; !admin.listen.empty()) {
      const size_t line = root["admin"]["listen"].node()->source().begin.line;
      addresses_.push_back({admin.listen, "[admin]", line, true});
      if (!loopback(parts_of(admin.listen).host) && !admin.allow_remote) {
        wrong(line, fmt::format("listen = \"{}\" is not a loopback address, and the endpoint has "
                                "no password; if that is meant, add allow_remote = true",
                                admin.listen));
      }
    }
    for (size_t i = 0; i < addresses_.size(); ++i) {
      for (size_t j = 0; j < addresses_.size(); ++j) {
        const Address& left = addresses_[i];
        const Address& right = addresses_[j];
        if (!left.listens) continue;
        if (!right.listens && leads_to(right.address, left.address)) {
          wrong(right.line, fmt::format("source \"{}\" is binbus's own listen address, of {}",
                                        right.address, left.owner));
        } else if (right.listens && i < j && same_port(left.address, right.address)) {
          wrong(std::max(left.line, right.line),
                fmt::format("{} and {} both listen on port {}", left.owner, right.owner,
                            parts_of(left.address).port));
        }
      }
    }
  }

  void check_inline_passwords() {
    if (has_inline_password_) warn_if_readable(config_.path);
  }

  void warn_if_readable(const std::string& path) {
    if (!readable_by_all(path)) return;
    config_.warnings.push_back(
        fmt::format("{} holds a password and every user of this machine can read it; chmod o-r {}",
                    path, path));
  }

  const Secrets secrets_;
  Config config_;
  std::vector<Wrong> errors_;
  std::vector<Address> addresses_;
  bool has_inline_password_ = false;
};

}  // namespace

size_t Config::connections_per_stream() const {
  const uint64_t count = streams.size();
  const uint64_t taken = kProcessBytes + count * kStreamBytes;
  if (count == 0 || memory_bytes < taken) return 0;
  return (memory_bytes - taken) / count / kConnectionBytes;
}

uint64_t Config::stalled_after_ms() const {
  uint64_t longest_ms = 0;
  for (const StreamConfig& stream : streams) longest_ms = std::max(longest_ms, stream.heartbeat_ms);
  return std::max(admin.stalled_after_ms, 2 * longest_ms + kSilenceMarginMs);
}

Result<Config> parse_config(const std::string& text, const std::string& path, Secrets secrets) {
  const toml::parse_result parsed = toml::parse(std::string_view(text), std::string_view(path));
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return fail(Code::kInvalid,
                fmt::format("{}:{}: {}", path, error.source().begin.line, error.description()));
  }
  return Reader(path, secrets).read(parsed.table());
}

Result<SinkConfig> parse_sink(const std::string& section, const Config& beside) {
  const toml::parse_result parsed = toml::parse(std::string_view(section));
  if (!parsed) return fail(Code::kInvalid, std::string(parsed.error().description()));
  return Reader(beside).read_one_sink(parsed.table());
}

Result<Config> load_config(const std::string& path, Secrets secrets) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return fail(
        Code::kNotFound,
        fmt::format(
            "{}: no such file, or not readable; name one with -c, and see examples/binbus.toml",
            path));
  }
  std::stringstream text;
  text << in.rdbuf();
  return parse_config(text.str(), path, secrets);
}

}  // namespace binbus::app
