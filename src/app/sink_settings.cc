#include "app/sink_settings.h"

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 1
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

#include "base/log.h"
#include "io/durable_file.h"

namespace binbus::app {
namespace {

using Kind = admin::SinkChange::Kind;

constexpr std::string_view kSuffix = ".toml";
constexpr const char* kHidden = "***";

Result<toml::table> parse(const std::string& text) {
  toml::parse_result parsed = toml::parse(std::string_view(text));
  if (parsed) return std::move(parsed).table();
  const toml::parse_error& error = parsed.error();
  return fail(Code::kInvalid, fmt::format("line {}: {}", error.source().begin.line,
                                          std::string(error.description())));
}

std::string text_of(const toml::table& table) {
  std::ostringstream out;
  out << table;
  return out.str();
}

// Of the [[sink.table]] with that pattern; none.
toml::array::iterator find_rule(toml::array& rules, std::string_view match) {
  return std::find_if(rules.begin(), rules.end(), [&](const toml::node& rule) {
    return rule.is_table() && (*rule.as_table())["match"].value<std::string_view>() == match;
  });
}

// What was written as a [[sink]], or as what stands below one.
Result<toml::table> parse_keys(const std::string& text) {
  BINBUS_TRY(keys, parse(text));
  const toml::node* sinks = keys.get("sink");
  if (sinks == nullptr) return std::move(keys);
  const toml::array* array = sinks->as_array();
  if (keys.size() == 1 && array != nullptr && array->size() == 1 && array->front().is_table())
    return toml::table(*array->front().as_table());
  return fail(Code::kInvalid, "must be one [[sink]], or what stands below one");
}

// Keys take the place of those of that name; rules that of the rule with that pattern, key by key, or come last; what a map has
// is put into that of the section.
void put_keys(toml::table& section, toml::table&& keys) {
  for (auto&& [key, node] : keys) {
    if (node.is_table() && section[key.str()].is_table()) {
      put_keys(*section[key.str()].as_table(), std::move(*node.as_table()));
      continue;
    }
    toml::array* rules = key.str() == "table" ? node.as_array() : nullptr;
    if (rules == nullptr) {
      section.insert_or_assign(key.str(), std::move(node));
      continue;
    }
    toml::array* there = section["table"].as_array();
    if (there == nullptr) {
      section.insert_or_assign("table", std::move(node));
      continue;
    }
    for (toml::node& rule : *rules) {
      toml::table* given = rule.as_table();
      const auto match =
          given == nullptr ? std::nullopt : (*given)["match"].value<std::string_view>();
      const auto found = match ? find_rule(*there, *match) : there->end();
      if (found == there->end()) {
        there->push_back(std::move(rule));
      } else {
        put_keys(*found->as_table(), std::move(*given));
      }
    }
  }
}

// `what`: KEY, MAP.KEY, table[PATTERN] or table[PATTERN].KEY.
Status unset_key(toml::table& section, const std::string& what) {
  constexpr std::string_view kRule = "table[";
  const auto erase = [&](toml::table& from, std::string_view key) -> Status {
    if (from.erase(key) > 0) return ok();
    const size_t dot = key.find('.');
    toml::table* map = from[key.substr(0, dot)].as_table();
    if (dot != std::string_view::npos && map != nullptr && map->erase(key.substr(dot + 1)) > 0)
      return ok();
    return fail(Code::kNotFound, fmt::format("{} is not set", what));
  };
  const size_t end = what.rfind(']');
  if (!what.starts_with(kRule) || end == std::string::npos) return erase(section, what);
  toml::array* rules = section["table"].as_array();
  const std::string match = what.substr(kRule.size(), end - kRule.size());
  if (rules == nullptr || find_rule(*rules, match) == rules->end())
    return fail(Code::kNotFound, fmt::format("there is no [[sink.table]] \"{}\"", match));
  const auto rule = find_rule(*rules, match);
  if (end + 1 < what.size()) return erase(*rule->as_table(), what.substr(end + 2));
  rules->erase(rule);
  if (rules->empty()) section.erase("table");
  return ok();
}

// Names of secrets among properties are the libraries' own.
bool is_secret(std::string_view key) {
  return key == "hash_salt" || key == "url" || key.find("password") != std::string_view::npos ||
         key.find("secret") != std::string_view::npos || key.ends_with("key.pem");
}

void hide_secrets(toml::table& section) {
  for (auto&& [key, node] : section) {
    if (toml::table* inner = node.as_table()) hide_secrets(*inner);
    if (!is_secret(key.str()) || !node.is_string()) continue;
    std::string& text = node.as_string()->get();
    const size_t at = text.rfind('@');
    const size_t scheme = text.find("://");
    // Of a URL only who logs in.
    const bool url = at != std::string::npos && scheme != std::string::npos && scheme < at;
    text = url ? text.substr(0, scheme + 3) + kHidden + text.substr(at) : kHidden;
  }
}

// Null: there is none.
const SinkConfig* find(const std::vector<SinkConfig>& sinks, const std::string& stream,
                       const std::string& sink) {
  const auto found = std::ranges::find_if(
      sinks, [&](const SinkConfig& each) { return each.stream == stream && each.name == sink; });
  return found == sinks.end() ? nullptr : &*found;
}

}  // namespace

Result<std::unique_ptr<SinkSettings>> SinkSettings::load(const Config& config,
                                                         const DataFolder& data,
                                                         io::FileSystem& files, Tell tell) {
  std::unique_ptr<SinkSettings> settings(new SinkSettings(config, data, files, std::move(tell)));
  if (settings->tell_) return settings;
  for (const StreamConfig& stream : config.streams) {
    BINBUS_RETURN_IF_ERROR(settings->load_kept(stream.name));
  }
  return settings;
}

std::string SinkSettings::path(const std::string& stream, const std::string& sink) const {
  return fmt::format("{}/sinks/{}{}", data_.stream_folder(stream), sink, kSuffix);
}

Config SinkSettings::beside(const std::string& sink) const {
  Config out = config_;
  out.sinks = now_;
  std::erase_if(out.sinks, [&](const SinkConfig& each) { return each.name == sink; });
  return out;
}

Status SinkSettings::load_kept(const std::string& stream) {
  const std::string folder = data_.stream_folder(stream) + "/sinks";
  const auto entries = files_.list(folder);
  if (!entries)
    return entries.error().code == Code::kNotFound ? ok() : Status(fail(entries.error()));
  for (const io::DirectoryEntry& entry : *entries) {
    if (!entry.name.ends_with(kSuffix)) continue;
    const std::string name = entry.name.substr(0, entry.name.size() - kSuffix.size());
    BINBUS_TRY(text, io::read_if_there(files_, folder + "/" + entry.name));
    auto kept = parse_sink(*text, beside(name));
    if (!kept) {
      return fail(Code::kInvalid,
                  fmt::format("{}/{}, which `binbus sink set` or `sink add` has written: {}; move "
                              "the file away, and what binbus.toml says holds",
                              folder, entry.name, kept.error().message));
    }
    const bool added = find(config_.sinks, stream, name) == nullptr;
    log::info(added ? "sink_was_added" : "sink_was_set",
              {{"stream", stream},
               {"sink", name},
               {"note", added ? "it is not in the configuration file"
                              : "its section in the configuration file is not used, until `binbus "
                                "sink reset`"}});
    std::erase_if(now_, [&](const SinkConfig& each) { return each.name == name; });
    now_.push_back(std::move(*kept));
  }
  return ok();
}

std::vector<sink::SinkOptions> SinkSettings::of_stream(const std::string& stream) const {
  const std::lock_guard lock(mutex_);
  std::vector<sink::SinkOptions> out;
  for (const SinkConfig& each : now_) {
    if (each.stream == stream) out.push_back(each);
  }
  return out;
}

Result<uint64_t> SinkSettings::change(const std::string& stream, const std::string& sink,
                                      const admin::SinkChange& change, const Apply& apply) {
  const std::lock_guard lock(mutex_);
  const SinkConfig* there = find(now_, stream, sink);
  const SinkConfig* written = find(config_.sinks, stream, sink);
  if (change.kind == Kind::kAdd && there != nullptr)
    return fail(Code::kExists, fmt::format("there is a sink \"{}\" already", sink));
  if (change.kind != Kind::kAdd && there == nullptr)
    return fail(Code::kNotFound, fmt::format("stream {} has no sink \"{}\"", stream, sink));

  if (change.kind == Kind::kRemove) {
    if (written != nullptr) {
      return fail(Code::kInvalid, fmt::format("sink \"{}\" is in the configuration file: take it "
                                              "out there and restart; until then, pause it",
                                              sink));
    }
    BINBUS_RETURN_IF_ERROR(forget(stream, sink));
    BINBUS_RETURN_IF_ERROR(apply.remove(sink));
    std::erase_if(now_, [&](const SinkConfig& each) { return each.name == sink; });
    return 0;
  }
  if (change.kind == Kind::kReset && written == nullptr) {
    return fail(
        Code::kInvalid,
        fmt::format("sink \"{}\" is not in the configuration file: remove it instead", sink));
  }

  const bool as_written = change.kind == Kind::kReset;
  const SinkConfig* base = as_written ? written : there;
  BINBUS_TRY(section, parse(base == nullptr ? "" : base->section));
  BINBUS_TRY(keys, parse_keys(change.keys));
  put_keys(section, std::move(keys));
  for (const std::string& what : change.unset) BINBUS_RETURN_IF_ERROR(unset_key(section, what));
  if (change.kind == Kind::kAdd) {
    section.insert("name", sink);
    section.insert("stream", stream);
  }
  BINBUS_TRY(wanted, parse_sink(text_of(section), beside(sink)));
  if (wanted.name != sink || wanted.stream != stream ||
      (there != nullptr && wanted.type != there->type)) {
    return fail(Code::kInvalid,
                "a sink keeps its name, its stream and its type; add another sink instead");
  }

  BINBUS_TRY(revision, apply.put(wanted));
  Status kept = as_written ? forget(stream, sink) : keep(wanted);
  if (!kept) {  // what does not last does not hold
    if (there != nullptr) {
      BINBUS_RETURN_IF_ERROR(apply.put(*there));
    } else {
      BINBUS_RETURN_IF_ERROR(apply.remove(sink));
    }
    return fail(std::move(kept).error());
  }
  std::erase_if(now_, [&](const SinkConfig& each) { return each.name == sink; });
  now_.push_back(std::move(wanted));
  return revision;
}

Status SinkSettings::keep(const SinkConfig& sink) {
  if (tell_) return tell_(sink.stream, sink.name, sink.section + "\n");
  return io::write_durably(files_, path(sink.stream, sink.name), sink.section + "\n");
}

Status SinkSettings::forget(const std::string& stream, const std::string& sink) {
  return tell_ ? tell_(stream, sink, std::nullopt)
               : io::remove_if_there(files_, path(stream, sink));
}

Result<SinkConfig> SinkSettings::told(const std::string& sink, const std::string& text) const {
  BINBUS_TRY(section, parse_keys(text));
  if (!section.contains("name")) section.insert("name", sink);
  if (!section.contains("stream") && config_.streams.size() == 1)
    section.insert("stream", config_.streams.front().name);
  BINBUS_TRY(wanted, parse_sink(text_of(section), beside(sink)));
  if (wanted.name != sink)
    return fail(Code::kInvalid,
                "name is \"" + wanted.name + "\"; it must be the key's, or left out");
  const auto there = std::ranges::find(now_, sink, &SinkConfig::name);
  if (there != now_.end() && (there->stream != wanted.stream || there->type != wanted.type)) {
    return fail(Code::kInvalid,
                "a sink keeps its name, its stream and its type; add another sink instead");
  }
  return wanted;
}

void SinkSettings::follow(const std::map<std::string, std::string>& all) {
  const std::lock_guard lock(mutex_);
  follow_locked(all);
}

void SinkSettings::follow(const std::string& stream,
                          const std::map<std::string, std::string>& told) {
  const std::lock_guard lock(mutex_);
  const auto known = followed_.find(stream);
  if (known == followed_.end() ? told.empty() : known->second == told) return;
  followed_[stream] = told;
  std::map<std::string, std::string> all;
  for (const auto& [name, sections] : followed_) all.insert(sections.begin(), sections.end());
  follow_locked(all);
}

void SinkSettings::follow_locked(const std::map<std::string, std::string>& all) {
  std::map<std::string, std::string> refused;
  std::vector<SinkConfig> next;
  for (const auto& [name, text] : all) {
    auto wanted = told(name, text);
    if (wanted) {
      next.push_back(std::move(*wanted));
      continue;
    }
    refused[name] = wanted.error().message;
    if (refused_[name] != refused[name])
      log::error("sink_key_refused", {{"sink", name}, {"error", wanted.error()}});
    const auto there = std::ranges::find(now_, name, &SinkConfig::name);
    if (there != now_.end()) next.push_back(*there);
  }
  for (const SinkConfig& written : config_.sinks) {
    if (std::ranges::find(next, written.name, &SinkConfig::name) == next.end())
      next.push_back(written);
  }
  refused_ = std::move(refused);
  now_ = std::move(next);
}

Result<std::string> SinkSettings::show(const std::string& stream, const std::string& sink) const {
  const std::lock_guard lock(mutex_);
  const SinkConfig* there = find(now_, stream, sink);
  if (there == nullptr)
    return fail(Code::kNotFound, fmt::format("stream {} has no sink \"{}\"", stream, sink));
  BINBUS_TRY(section, parse(there->section));
  hide_secrets(section);
  toml::table root;
  root.insert("sink", toml::array{std::move(section)});
  return text_of(root) + "\n";
}

}  // namespace binbus::app
