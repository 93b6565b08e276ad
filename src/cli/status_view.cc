#include "cli/status_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/json_text.h"
#include "cli/units.h"

namespace binbus::cli {
namespace {

std::string place_text(const Json& place) {
  if (place.is_null()) return "-";
  return fmt::format("{}:{}", text(place, "file"), number(place, "offset"));
}

// A GTID set can be pages long; this shows its end, which moves.
std::string short_set(std::string set) {
  constexpr size_t kShown = 100;
  std::erase(set, '\n');
  if (set.size() <= kShown) return set.empty() ? "-" : set;
  return "... " + set.substr(set.size() - kShown);
}

const Json* stream_in(const Json& status, const std::string& name) {
  if (!status.is_object()) return nullptr;
  for (const Json& stream : status.at("streams")) {
    if (text(stream, "name") == name) return &stream;
  }
  return nullptr;
}

// ", 12 MB/s, 4,100 transactions/s" since the earlier document.
std::string rates_text(const Json& now, const Json& before, const std::string& name) {
  const Json* later = stream_in(now, name);
  const Json* earlier = stream_in(before, name);
  if (later == nullptr || earlier == nullptr) return "";
  const uint64_t elapsed_us = number(now, "now_us") - number(before, "now_us");
  if (elapsed_us == 0 || number(now, "started_us") != number(before, "started_us")) return "";
  const auto rate = [&](const char* key) {
    return (number(*later, key) - number(*earlier, key)) * 1'000'000 / elapsed_us;
  };
  return fmt::format(", {}/s, {} transactions/s", bytes_text(rate("bytes_received")),
                     count_text(rate("transactions")));
}

std::string source_text(const Json& stream) {
  const Json& source = stream.at("source");
  std::string out = text(source, "address");
  if (out.empty()) out = stream.at("candidates").at(0).get<std::string>();
  if (text(source, "version").empty()) return out;
  out += fmt::format("  {} {}, server_id {}", text(stream, "flavor"), text(source, "version"),
                     number(source, "server_id"));
  if (!text(source, "server_uuid").empty()) out += ", " + text(source, "server_uuid");
  const std::string tls = text(source, "tls");
  out += ", " + (tls.empty() ? "without TLS" : tls);
  if (source.at("semi_sync").get<bool>()) out += ", semi-sync";
  return out;
}

std::string position_text(const Json& stream) {
  const std::string ours = place_text(stream.at("position"));
  const std::string theirs = place_text(stream.at("source").at("position"));
  return theirs == "-" || theirs == ours ? ours
                                         : fmt::format("{}  ({} at the source)", ours, theirs);
}

std::string lag_text(const Json& stream) {
  const Json& lag = stream.at("lag_ms");
  if (lag.is_null()) return "lag -";
  const auto lag_ms = lag.get<uint64_t>();
  std::string out = lag_ms == 0 ? "caught up" : duration_text(lag_ms) + " behind";
  if (const Json& bytes = stream.at("lag_bytes"); !bytes.is_null() && bytes.get<uint64_t>() > 0) {
    out += fmt::format(" ({})", bytes_text(bytes.get<uint64_t>()));
  }
  return out;
}

std::string replicas_text(const Json& stream, uint64_t now_us) {
  std::vector<std::vector<std::string>> rows = {
      {"SERVER_ID", "PEER", "USER", "BY", "STATE", "POSITION", "LAG", "SENT", "CONNECTED"}};
  for (const Json& replica : stream.at("replicas")) {
    const uint64_t since_us = number(replica, "connected_us");
    rows.push_back({std::to_string(number(replica, "server_id")), text(replica, "peer"),
                    text(replica, "user"), text(replica, "mode"), text(replica, "state"),
                    place_text(replica.at("position")), duration_text(number(replica, "lag_ms")),
                    bytes_text(number(replica, "bytes_sent")),
                    duration_text(now_us > since_us ? (now_us - since_us) / 1000 : 0)});
  }
  return rows.size() == 1 ? "" : table(rows, "    ");
}

std::string sink_rows(const Json& stream) {
  std::vector<std::vector<std::string>> rows = {
      {"SINK", "TYPE", "FORMAT", "STATE", "POSITION", "LAG", "MESSAGES", "SENT", "REJECTED"}};
  std::string reasons;
  for (const Json& sink : stream.at("sinks")) {
    const std::string position = text(sink, "position");
    rows.push_back({text(sink, "name"), text(sink, "type"), text(sink, "format"),
                    text(sink, "state"), or_dash(position), duration_text(number(sink, "lag_ms")),
                    count_text(number(sink, "messages")), bytes_text(number(sink, "bytes")),
                    count_text(number(sink, "rejected"))});
    if (!text(sink, "reason").empty()) {
      reasons += fmt::format("    {}: {}\n", text(sink, "name"), text(sink, "reason"));
    }
  }
  return rows.size() == 1 ? "" : table(rows, "    ") + reasons;
}

std::string subscriber_rows(const Json& feed, uint64_t now_us) {
  std::vector<std::vector<std::string>> rows = {
      {"CLIENT", "PEER", "CURSOR", "STATE", "POSITION", "LAG", "SENT", "CONNECTED"}};
  std::string reasons;
  for (const Json& each : feed.at("subscribers")) {
    const uint64_t since_us = number(each, "connected_us");
    const uint64_t parts = number(each, "parts");
    const std::string share = parts == 0 ? "" : fmt::format(" ({}/64)", parts);
    rows.push_back({text(each, "client"), text(each, "peer"), or_dash(text(each, "cursor")) + share,
                    text(each, "state"), or_dash(text(each, "position")),
                    duration_text(number(each, "lag_ms")), bytes_text(number(each, "bytes_sent")),
                    duration_text(now_us > since_us ? (now_us - since_us) / 1000 : 0)});
    if (!text(each, "reason").empty())
      reasons += fmt::format("    {}: {}\n", text(each, "client"), text(each, "reason"));
  }
  return rows.size() == 1 ? "" : table(rows, "    ") + reasons;
}

std::string group_text(const Json& group) {
  if (group.is_null()) return "";
  const std::string leader = text(group, "leader");
  return fmt::format("  cluster   {} leads, term {}; this is {}; nodes: {}\n",
                     leader.empty() ? "no node" : leader, number(group, "term"),
                     text(group, "node"), members_text(group));
}

std::string lease_text(const Json& lease) {
  if (lease.is_null()) return "";
  const std::string owner = text(lease, "owner");
  std::string out = fmt::format("  lease     {}", owner.empty() ? "of no node" : owner);
  if (number(lease, "epoch") > 0) out += fmt::format(", epoch {}", number(lease, "epoch"));
  if (lease.at("held").get<bool>())
    out += fmt::format(", {} left", duration_text(number(lease, "remaining_ms")));
  out += fmt::format("; this is {}, in group {} at {}", text(lease, "node"), text(lease, "group"),
                     text(lease, "coordinator"));
  if (!lease.at("connected").get<bool>()) out += ", which is away: " + text(lease, "error");
  return out + "\n";
}

std::string stream_text(const Json& stream, const Json& now, const Json& before) {
  const std::string name = text(stream, "name");
  const std::string state = text(stream, "state");
  const bool streaming = state == "streaming";
  std::string out =
      fmt::format("{}: {}{}{}\n", name, state, streaming ? ", " + lag_text(stream) : "",
                  streaming ? rates_text(now, before, name) : "");
  if (!text(stream, "reason").empty())
    out += fmt::format("  why       {}\n", text(stream, "reason"));
  out += lease_text(stream.at("lease"));
  out += group_text(stream.at("cluster"));
  out += fmt::format("  source    {}\n", source_text(stream));
  out += fmt::format("  position  {}\n", position_text(stream));
  out += fmt::format("  gtid      {}\n", short_set(text(stream, "gtid_executed")));
  out += fmt::format("  newest    {} UTC\n", time_text(number(stream, "last_commit_us")));
  const Json& free_bytes = stream.at("disk_free_bytes");
  out += fmt::format("  log       {} segments, {}; {} free on the disk\n",
                     number(stream, "segments"), bytes_text(number(stream, "log_bytes")),
                     free_bytes.is_null() ? "-" : bytes_text(free_bytes.get<uint64_t>()));
  if (!text(stream, "listen").empty()) {
    const std::string refused = text(stream, "listen_error");
    out += fmt::format("  replicas  {} on {}{}{}\n", stream.at("replicas").size(),
                       text(stream, "listen"), refused.empty() ? "" : ": ", refused);
    out += replicas_text(stream, number(now, "now_us"));
  }
  if (!stream.at("sinks").empty()) {
    out += fmt::format("  sinks     {}\n", stream.at("sinks").size());
    out += sink_rows(stream);
  }
  if (const Json& feed = stream.at("feed"); !feed.is_null()) {
    out += fmt::format("  feed      {}\n", feed.at("subscribers").size());
    out += subscriber_rows(feed, number(now, "now_us"));
  }
  return out;
}

}  // namespace

Result<std::string> status_text(std::string_view status, std::string_view before) {
  return reading<std::string>(status, [&](const Json& now) {
    const Json earlier = before.empty() ? Json() : Json::parse(before);
    std::string out =
        fmt::format("binbus {}, up {}, {} UTC\n", text(now, "version"),
                    duration_text((number(now, "now_us") - number(now, "started_us")) / 1000),
                    time_text(number(now, "now_us")));
    for (const Json& stream : now.at("streams")) out += "\n" + stream_text(stream, now, earlier);
    return out;
  });
}

namespace {

// Of each stream, or of one, the part that `key` names: as JSON, or as text() prints it.
Result<std::string> part_text(
    std::string_view status, const std::string& stream, bool json, const char* key,
    const std::function<std::string(const Json& now, const Json& stream)>& print) {
  BINBUS_TRY(names, stream_names(status));
  if (!stream.empty() && std::ranges::find(names, stream) == names.end()) {
    return fail(Code::kNotFound, fmt::format("there is no stream \"{}\"", stream));
  }
  return reading<std::string>(status, [&](const Json& now) {
    Json all = Json::array();
    std::string out;
    for (const Json& each : now.at("streams")) {
      if (!stream.empty() && text(each, "name") != stream) continue;
      all.push_back(Json{{"stream", each.at("name")}, {key, each.at(key)}});
      out += print(now, each);
    }
    return json ? all.dump(2) + "\n" : out;
  });
}

// How far the reading of a table is, and what is left of it at its pace so far.
std::string progress_text(const Json& table, uint64_t now_us) {
  if (text(table, "phase") != "filling") return "";
  if (table.at("paused").get<bool>()) return "paused";
  const uint64_t rows = number(table, "rows_read"), expected = number(table, "rows_expected");
  const uint64_t since_us = number(table, "since_us");
  if (since_us == 0) return "waits";
  if (rows == 0 || expected <= rows || now_us <= since_us) return "reading";
  const uint64_t left_ms = (now_us - since_us) / 1000 * (expected - rows) / rows;
  return fmt::format("{}%, {} left", rows * 100 / expected, duration_text(left_ms));
}

std::string snapshot_rows(const Json& now, const Json& stream) {
  const std::string name = text(stream, "name");
  const Json& kept = stream.at("snapshot");
  if (kept.is_null()) return fmt::format("{}: no rows are kept; see [[state]]\n", name);
  const std::string position = text(kept, "position");
  std::string out =
      fmt::format("{}: {} tables as of {}, {} on disk\n", name, kept.at("tables").size(),
                  or_dash(position), bytes_text(number(kept, "disk_bytes")));
  std::vector<std::vector<std::string>> rows = {
      {"TABLE", "STATE", "ROWS READ", "BYTES", "PROGRESS"}};
  std::string reasons;
  for (const char* key : {"reason", "fill_reason"}) {
    if (!text(kept, key).empty()) reasons += fmt::format("    waits: {}\n", text(kept, key));
  }
  for (const Json& each : kept.at("tables")) {
    rows.push_back({text(each, "name"), text(each, "phase"), count_text(number(each, "rows_read")),
                    bytes_text(number(each, "bytes_read")),
                    progress_text(each, number(now, "now_us"))});
    if (!text(each, "error").empty())
      reasons += fmt::format("    {}: {}\n", text(each, "name"), text(each, "error"));
  }
  return out + (rows.size() == 1 ? "" : table(rows, "    ")) + reasons;
}

}  // namespace

Result<std::string> snapshot_text(std::string_view status, const std::string& stream, bool json) {
  return part_text(status, stream, json, "snapshot", snapshot_rows);
}

Result<std::string> kept_patterns_text(std::string_view status, const std::string& stream) {
  return part_text(status, stream, false, "snapshot", [](const Json&, const Json& each) {
    const Json& kept = each.at("snapshot");
    std::string out = text(each, "name") + ":";
    if (kept.is_null()) return out + " no rows are kept; see [[state]]\n";
    for (const Json& pattern : kept.at("patterns")) out += " " + pattern.get<std::string>();
    if (kept.at("patterns_told").get<bool>()) out += " (told live, not those of binbus.toml)";
    return out + "\n";
  });
}

Result<std::string> feed_text(std::string_view status, const std::string& stream, bool json) {
  return part_text(status, stream, json, "feed", [](const Json& now, const Json& each) {
    const std::string name = text(each, "name");
    const Json& feed = each.at("feed");
    if (feed.is_null()) return fmt::format("{}: nobody is fed; see [feed]\n", name);
    return fmt::format("{}: {} clients\n", name, feed.at("subscribers").size()) +
           subscriber_rows(feed, number(now, "now_us"));
  });
}

Result<std::string> cursors_text(std::string_view cursors) {
  return reading<std::string>(cursors, [&](const Json& json) {
    std::vector<std::vector<std::string>> rows = {{"CURSOR", "POSITION", "CLIENT", "LAG"}};
    for (const Json& each : json.at("cursors")) {
      const Json& lag = each.at("lag_ms");
      const Json& workers = each.at("workers");
      rows.push_back({text(each, "name"), or_dash(text(each, "position")),
                      each.at("shared").get<bool>() ? fmt::format("{} worker{}", workers.size(),
                                                                  workers.size() == 1 ? "" : "s")
                                                    : or_dash(text(each, "client")),
                      each.at("purged").get<bool>() ? "what comes next was removed by retention"
                      : lag.is_null()               ? "-"
                                                    : duration_text(lag.get<uint64_t>())});
      for (const Json& worker : workers) {
        rows.push_back({"", "",
                        fmt::format("{} ({}/64)", text(worker, "client"), number(worker, "parts")),
                        ""});
      }
    }
    return table(rows, "");
  });
}

Result<std::string> sinks_text(std::string_view status, const std::string& stream, bool json) {
  return part_text(status, stream, json, "sinks", [](const Json&, const Json& each) {
    return fmt::format("{}: {} sinks\n", text(each, "name"), each.at("sinks").size()) +
           sink_rows(each);
  });
}

Result<std::string> the_stream(std::string_view status, const std::string& given) {
  if (!given.empty()) return given;
  BINBUS_TRY(names, stream_names(status));
  if (names.size() == 1) return names.front();
  return fail(Code::kInvalid,
              fmt::format("there are several streams; name one of: {}", fmt::join(names, ", ")));
}

Result<std::string> stream_of_sink(std::string_view status, const std::string& sink) {
  std::vector<std::string> names;
  std::string elsewhere;
  BINBUS_TRY(found, reading<std::string>(status, [&](const Json& now) -> std::string {
               for (const Json& stream : now.at("streams")) {
                 const auto nodes = stream.at("kept_at").get<std::vector<std::string>>();
                 if (!nodes.empty()) {
                   elsewhere += fmt::format("; those of stream {} are known at {}",
                                            text(stream, "name"), fmt::join(nodes, ", "));
                 }
                 for (const Json& each : stream.at("sinks")) {
                   if (text(each, "name") == sink) return text(stream, "name");
                   names.push_back(text(each, "name"));
                 }
               }
               return "";
             }));
  if (!found.empty()) return found;
  return fail(Code::kNotFound,
              (names.empty() ? "there are no sinks"
                             : fmt::format("there is no sink \"{}\"; there are: {}", sink,
                                           fmt::join(names, ", "))) +
                  elsewhere);
}

Result<std::optional<std::string>> revision_place(std::string_view status, std::string_view answer,
                                                  const std::string& sink) {
  using Place = std::optional<std::string>;
  return reading<Place>(status, [&](const Json& now) -> Place {
    const uint64_t wanted = Json::parse(answer).at("revision");
    for (const Json& each : now.at("streams")) {
      for (const Json& its : each.at("sinks")) {
        if (text(its, "name") == sink && number(its, "revision") >= wanted)
          return text(its, "revision_from");
      }
    }
    return std::nullopt;
  });
}

std::string fitted(std::string_view text, size_t columns, size_t rows) {
  auto left = static_cast<size_t>(std::ranges::count(text, '\n'));
  std::string out;
  for (size_t row = 1; left > 0; ++row, --left) {
    if (row >= rows && left > 1)
      return out +
             fmt::format("... {} more lines; a larger window shows them", left).substr(0, columns) +
             "\n";
    const size_t end = text.find('\n');
    out += text.substr(0, std::min(end, columns));
    out += '\n';
    text.remove_prefix(end + 1);
  }
  return out;
}

Result<std::string> segments_text(const std::string& stream, std::string_view segments) {
  return reading<std::string>(segments, [&](const Json& json) {
    std::vector<std::vector<std::string>> rows = {
        {"STREAM", "SEGMENT", "BYTES", "FROM", "NEWEST COMMIT", ""}};
    for (const Json& segment : json.at("segments")) {
      rows.push_back({stream, text(segment, "name"), count_text(number(segment, "bytes")),
                      time_text(number(segment, "first_us")),
                      time_text(number(segment, "last_commit_us")),
                      segment.at("sealed").get<bool>() ? "" : "open"});
    }
    return table(rows, "");
  });
}

Result<std::string> location_text(std::string_view location) {
  return reading<std::string>(location, [&](const Json& json) {
    const Json& source = json.at("source");
    return fmt::format("binbus  {}\nsource  {}  (server_id {}{}{})\n",
                       place_text(json.at("position")), place_text(source.at("position")),
                       number(source, "server_id"), text(source, "server_uuid").empty() ? "" : ", ",
                       text(source, "server_uuid"));
  });
}

Result<std::vector<std::string>> stream_names(std::string_view status) {
  return reading<std::vector<std::string>>(status, [](const Json& json) {
    std::vector<std::string> names;
    for (const Json& stream : json.at("streams")) names.push_back(text(stream, "name"));
    return names;
  });
}

}  // namespace binbus::cli
