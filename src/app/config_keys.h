// The table of configuration keys: drives parsing, error messages, defaults and
// docs/configuration.md.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "app/config.h"

namespace binbus::app {

enum class KeyKind : uint8_t {
  kText,
  kPath,       // relative to the file's folder
  kAddress,    // "HOST:PORT"
  kAddresses,  // one or a list
  kTexts,      // one or a list
  kMap,        // { name = "text", ... }
  kChoice,
  kBool,
  kInteger,
  kBytes,     // 1048576, "512 MiB", "200 GB"
  kDuration,  // milliseconds, "500ms", "30s", "5min", "2h", "7d"
};

// A key of section struct T.
template <class T>
struct Key {
  std::string_view name;
  KeyKind kind;
  std::variant<std::string T::*, std::vector<std::string> T::*, bool T::*, uint64_t T::*,
               std::map<std::string, std::string> T::*>
      member;
  std::string_view fallback;  // the default as written in the file; "" none
  std::string_view help;
  bool required = false;
  std::span<const std::string_view> choices = {};
  uint64_t min = 0;
  uint64_t max = UINT64_MAX;
  Status (*check)(std::string_view value) = nullptr;  // of text
};

std::span<const Key<Config>> root_keys();
std::span<const Key<LogConfig>> log_keys();
std::span<const Key<AdminConfig>> admin_keys();
std::span<const Key<FeedConfig>> feed_keys();
std::span<const Key<NodeConfig>> node_keys();
std::span<const Key<CoordinatorConfig>> coordinator_keys();
std::span<const Key<StreamConfig>> stream_keys();
std::span<const Key<StateConfig>> state_keys();
std::span<const Key<ReplicaUserConfig>> replica_user_keys();
std::span<const Key<sink::SinkOptions>> sink_keys();
std::span<const Key<sink::TableOptions>> sink_table_keys();

// Which types of sinks a key is for, where that is not all.
struct SinkKeyUse {
  std::string_view key;
  std::span<const std::string_view> types;
  bool needed = false;
};
std::span<const SinkKeyUse> sink_key_uses();

// "text", "yes or no", ... as documentation calls the kind.
std::string_view kind_name(KeyKind kind);
// The Markdown tables of all sections, as docs/configuration.md holds them; a test compares.
std::string keys_markdown();

// Parsers of values; kInvalid says what would be right.
Result<uint64_t> parse_bytes(std::string_view text);
Result<uint64_t> parse_duration_ms(std::string_view text);

// The candidate that looks most like `word`: what the user meant. "" when none comes near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace binbus::app
