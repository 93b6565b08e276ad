#include "admin/status_json.h"

#include <nlohmann/json.hpp>

#include "base/error_table.h"

namespace binbus::admin {
namespace {

using Json = nlohmann::ordered_json;

// Text from outside (user names, a server's messages) may be no UTF-8; it must not make us throw.
std::string print(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json place(const Place& at) {
  if (at.file.empty()) return nullptr;
  return Json{{"file", at.file}, {"offset", at.offset}};
}

template <class T>
Json known(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

template <class T>
std::optional<T> read_known(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional(json.get<T>());
}

Json replica(const ReplicaStatus& r) {
  return Json{{"peer", r.peer},
              {"user", r.user},
              {"server_id", r.server_id},
              {"server_uuid", r.server_uuid},
              {"mode", r.mode},
              {"state", r.state},
              {"position", place(r.position)},
              {"lag_ms", r.lag_ms},
              {"lag_bytes", r.lag_bytes},
              {"bytes_sent", r.bytes_sent},
              {"connected_us", r.connected_us},
              {"semi_sync", r.semi_sync}};
}

Json source(const SourceStatus& s) {
  return Json{{"address", s.address},
              {"server_uuid", s.server_uuid},
              {"server_id", s.server_id},
              {"version", s.version},
              {"tls", s.tls},
              {"position", place(s.position)},
              {"semi_sync", s.semi_sync}};
}

Json sink(const SinkStatus& s) {
  return Json{{"name", s.name},         {"type", s.type},
              {"format", s.format},     {"state", s.state},
              {"reason", s.reason},     {"since_us", s.since_us},
              {"position", s.position}, {"read", s.read},
              {"lag_ms", s.lag_ms},     {"messages", s.messages},
              {"bytes", s.bytes},       {"filtered", s.filtered},
              {"rejected", s.rejected}, {"skipped", s.skipped},
              {"revision", s.revision}, {"revision_from", s.revision_from}};
}

Json group(const GroupStatus& g) {
  Json json{{"node", g.node},
            {"role", g.role},
            {"leader", g.leader},
            {"term", g.term},
            {"last_index", g.last_index},
            {"commit_index", g.commit_index},
            {"reason", g.reason},
            {"members", Json::array()},
            {"placed", g.placed},
            {"busy_ms", g.busy_ms},
            {"lag_ms", g.lag_ms}};
  for (const MemberStatus& m : g.members) {
    json["members"].push_back({{"name", m.name},
                               {"voter", m.voter},
                               {"lag_entries", known(m.lag_entries)},
                               {"active", known(m.active)}});
  }
  return json;
}

Json cluster(const ClusterStatus& c) {
  Json json{{"node", c.node},
            {"name", c.name},
            {"reason", c.reason},
            {"busy_ms", c.busy_ms},
            {"nodes", Json::array()}};
  for (const NodeStatus& n : c.nodes) {
    json["nodes"].push_back({{"name", n.name},
                             {"id", n.id},
                             {"address", n.address},
                             {"connected", n.connected},
                             {"votes", n.votes},
                             {"site", n.site},
                             {"drained", n.drained},
                             {"leaving", n.leaving}});
  }
  return json;
}

Json lease(const std::optional<LeaseStatus>& l) {
  if (!l) return nullptr;
  return Json{{"coordinator", l->coordinator},
              {"group", l->group},
              {"connected", l->connected},
              {"error", l->error},
              {"node", l->node},
              {"nodes", l->nodes},
              {"owner", l->owner},
              {"epoch", l->epoch},
              {"held", l->held},
              {"remaining_ms", l->remaining_ms}};
}

Json kept(const std::optional<KeptStatus>& k) {
  if (!k) return nullptr;
  Json json{
      {"position", k->position},           {"caught_up", k->caught_up},   {"reason", k->reason},
      {"fill_reason", k->fill_reason},     {"disk_bytes", k->disk_bytes}, {"patterns", k->patterns},
      {"patterns_told", k->patterns_told}, {"tables", Json::array()}};
  for (const KeptTable& table : k->tables) {
    json["tables"].push_back({{"name", table.name},
                              {"phase", table.phase},
                              {"error", table.error},
                              {"paused", table.paused},
                              {"rows_read", table.rows_read},
                              {"rows_expected", table.rows_expected},
                              {"bytes_read", table.bytes_read},
                              {"chunks", table.chunks},
                              {"since_us", table.since_us}});
  }
  return json;
}

Json feed(const std::optional<FeedStatus>& f) {
  if (!f) return nullptr;
  Json json{{"bytes_sent", f->bytes_sent}, {"subscribers", Json::array()}};
  for (const SubscriberStatus& each : f->subscribers) {
    json["subscribers"].push_back({{"client", each.client},
                                   {"peer", each.peer},
                                   {"cursor", each.cursor},
                                   {"parts", each.parts},
                                   {"state", each.state},
                                   {"reason", each.reason},
                                   {"position", each.position},
                                   {"lag_ms", each.lag_ms},
                                   {"bytes_sent", each.bytes_sent},
                                   {"connected_us", each.connected_us}});
  }
  return json;
}

Json stream(const StreamStatus& s) {
  Json json{{"name", s.name},
            {"state", state_name(s.state)},
            {"reason", s.reason},
            {"error_code", s.error_code},
            {"flavor", s.flavor},
            {"source", source(s.source)},
            {"candidates", s.candidates},
            {"position", place(s.position)},
            {"gtid_executed", s.gtid_executed},
            {"server_uuid", s.server_uuid},
            {"server_id", s.server_id},
            {"lag_ms", known(s.lag_ms)},
            {"lag_bytes", known(s.lag_bytes)},
            {"last_commit_us", s.last_commit_us},
            {"last_activity_us", s.last_activity_us},
            {"transactions", s.transactions},
            {"bytes_received", s.bytes_received},
            {"connects", s.connects},
            {"semi_sync_acks", s.semi_sync_acks},
            {"segments", s.segments},
            {"log_bytes", s.log_bytes},
            {"oldest", place(s.oldest)},
            {"disk_free_bytes", known(s.disk_free_bytes)},
            {"listen", s.listen},
            {"listen_error", s.listen_error},
            {"replicas", Json::array()},
            {"sinks", Json::array()},
            {"feed", feed(s.feed)},
            {"snapshot", kept(s.kept)},
            {"lease", lease(s.lease)},
            {"cluster", s.cluster ? group(*s.cluster) : Json()},
            {"kept_at", s.kept_at}};
  for (const ReplicaStatus& r : s.replicas) json["replicas"].push_back(replica(r));
  for (const SinkStatus& each : s.sinks) json["sinks"].push_back(sink(each));
  return json;
}

}  // namespace

std::string_view state_name(StreamState state) {
  switch (state) {
    case StreamState::kStarting:
      return "starting";
    case StreamState::kConnecting:
      return "connecting";
    case StreamState::kStreaming:
      return "streaming";
    case StreamState::kWaiting:
      return "waiting";
    case StreamState::kStopped:
      return "stopped";
    case StreamState::kStandby:
      return "standby";
  }
  return "stopped";
}

std::string to_json(const Snapshot& snapshot) {
  Json json{{"version", snapshot.version},
            {"now_us", snapshot.now_us},
            {"started_us", snapshot.started_us},
            {"cluster", snapshot.cluster ? cluster(*snapshot.cluster) : Json()},
            {"streams", Json::array()}};
  for (const StreamStatus& s : snapshot.streams) json["streams"].push_back(stream(s));
  return print(json);
}

std::string to_json(const ClusterView& view) {
  Json json = cluster(view.cluster);
  json["streams"] = Json::array();
  for (const auto& [name, status] : view.streams) {
    Json each{{"name", name}};
    each.update(group(status));
    json["streams"].push_back(std::move(each));
  }
  return print(json);
}

std::string to_json(const GroupStatus& status) { return print(group(status)); }

Result<GroupStatus> parse_group(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  try {
    GroupStatus status{.node = json.at("node"),
                       .role = json.at("role"),
                       .leader = json.at("leader"),
                       .term = json.at("term"),
                       .last_index = json.at("last_index"),
                       .commit_index = json.at("commit_index"),
                       .reason = json.at("reason"),
                       .members = {},
                       .placed = json.at("placed"),
                       .busy_ms = json.value("busy_ms", uint64_t{0}),
                       .lag_ms = json.value("lag_ms", uint64_t{0})};
    for (const Json& member : json.at("members")) {
      status.members.push_back({.name = member.at("name"),
                                .voter = member.at("voter"),
                                .lag_entries = read_known<uint64_t>(member.at("lag_entries")),
                                .active = read_known<bool>(member.at("active"))});
    }
    return status;
  } catch (const Json::exception& error) {
    return fail(Code::kCorrupt, std::string("a group's status: ") + error.what());
  }
}

std::string to_json(const std::vector<SegmentStatus>& segments) {
  Json json{{"segments", Json::array()}};
  for (const SegmentStatus& s : segments) {
    json["segments"].push_back(Json{{"name", s.name},
                                    {"bytes", s.bytes},
                                    {"sealed", s.sealed},
                                    {"first_us", s.first_us},
                                    {"last_commit_us", s.last_commit_us},
                                    {"previous_gtids", s.previous_gtids}});
  }
  return print(json);
}

std::string to_json(const std::vector<CursorStatus>& cursors) {
  Json json{{"cursors", Json::array()}};
  for (const CursorStatus& each : cursors) {
    Json workers = Json::array();
    for (const CursorStatus::Worker& worker : each.workers)
      workers.push_back({{"client", worker.client}, {"parts", worker.parts}});
    json["cursors"].push_back({{"name", each.name},
                               {"position", each.position},
                               {"client", each.client},
                               {"lag_ms", known(each.lag_ms)},
                               {"purged", each.purged},
                               {"shared", each.shared},
                               {"workers", std::move(workers)}});
  }
  return print(json);
}

std::string to_json(const Location& location) {
  return print(Json{{"position", place(location.position)},
                    {"source", Json{{"server_uuid", location.server_uuid},
                                    {"server_id", location.server_id},
                                    {"position", place(location.source)}}}});
}

std::string to_json(const MadeSnapshot& made) {
  return print(
      Json{{"name", made.name}, {"position", made.position}, {"not_ready", made.not_ready}});
}

std::string to_json(const Health& health) {
  return print(Json{{"ok", health.ok}, {"reasons", health.reasons}});
}

std::string to_json(const Error& error) {
  return print(Json{{"error", code_name(error.code)}, {"message", error.message}});
}

}  // namespace binbus::admin
