#include "serve/catalog.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "store/event_feed.h"

namespace binbus::serve {
namespace {

using mysql::Flavor;

enum class Of : uint8_t { kBoth, kMysql, kMariadb };

struct UsualValue {
  std::string_view name;
  std::string_view value;
  Of of = Of::kBoth;
};

// What clients ask for before they read the log, and drivers when they connect, as SHOW VARIABLES says it; sorted by name.
constexpr UsualValue kUsualValues[] = {
    {"auto_increment_increment", "1"},
    {"auto_increment_offset", "1"},
    {"autocommit", "ON"},
    {"binlog_format", "ROW"},
    {"binlog_gtid_simple_recovery", "ON", Of::kMysql},
    {"binlog_row_image", "FULL"},
    {"binlog_row_metadata", "MINIMAL"},
    {"binlog_row_value_options", "", Of::kMysql},
    {"binlog_rows_query_log_events", "OFF", Of::kMysql},
    {"character_set_client", "utf8mb4"},
    {"character_set_connection", "utf8mb4"},
    {"character_set_results", "utf8mb4"},
    {"character_set_server", "utf8mb4"},
    {"collation_connection", "utf8mb4_general_ci"},
    {"collation_server", "utf8mb4_general_ci"},
    {"enforce_gtid_consistency", "ON", Of::kMysql},
    {"gtid_domain_id", "0", Of::kMariadb},
    {"gtid_next", "AUTOMATIC", Of::kMysql},
    {"gtid_owned", "", Of::kMysql},
    {"gtid_strict_mode", "ON", Of::kMariadb},
    {"have_ssl", "YES"},
    {"init_connect", ""},
    {"interactive_timeout", "28800"},
    {"license", "Apache-2.0"},
    {"log_bin", "ON"},
    {"log_bin_compress", "OFF", Of::kMariadb},
    {"log_replica_updates", "ON", Of::kMysql},
    {"log_slave_updates", "ON"},
    {"lower_case_table_names", "0"},
    {"max_allowed_packet", "1073741824"},
    {"net_buffer_length", "16384"},
    {"net_read_timeout", "30"},
    {"net_write_timeout", "60"},
    {"performance_schema", "OFF"},
    {"query_cache_size", "0"},
    {"query_cache_type", "OFF"},
    {"read_only", "ON"},
    {"session_track_schema", "ON"},
    {"session_track_system_variables", ""},
    {"skip_replication", "OFF", Of::kMariadb},
    {"sql_mode", ""},
    {"super_read_only", "ON", Of::kMysql},
    {"system_time_zone", "UTC"},
    {"time_zone", "SYSTEM"},
    {"transaction_isolation", "REPEATABLE-READ"},
    {"transaction_read_only", "OFF"},
    {"tx_isolation", "REPEATABLE-READ"},
    {"tx_read_only", "OFF"},
    {"version_comment", "binbus"},
    {"version_compile_machine", "x86_64"},
    {"version_compile_os", "Linux"},
    {"wait_timeout", "28800"},
};

// Answered by Catalog::computed().
constexpr std::string_view kComputedNames[] = {
    "binlog_checksum",
    "datadir",
    "gtid_binlog_pos",
    "gtid_binlog_state",
    "gtid_current_pos",
    "gtid_executed",
    "gtid_mode",
    "gtid_purged",
    "gtid_slave_pos",
    "hostname",
    "log_bin_basename",
    "port",
    "rpl_semi_sync_master_enabled",
    "rpl_semi_sync_source_enabled",
    "server_id",
    "server_uuid",
    "version",
};

bool is_of(Of of, Flavor flavor) {
  return of == Of::kBoth || (of == Of::kMysql) == (flavor == Flavor::kMysql);
}

// Whether MySQL's newest transaction has a GTID. None: there is no transaction, or it cannot be read.
std::optional<bool> newest_has_gtid(store::Log& log) {
  const auto before = log.find_time(log.last_commit_us());
  if (!before) return std::nullopt;
  auto feed = store::EventFeed::open(log, *before);
  if (!feed) return std::nullopt;
  for (;;) {
    const auto there = feed->next();
    if (!there || (!*there && !feed->next_segment())) return std::nullopt;
    if (!*there) continue;
    const uint8_t type = feed->header().type;
    if (type == binlog::kGtidEvent || type == binlog::kGtidTaggedEvent) return true;
    if (type == binlog::kAnonymousGtidEvent || type == binlog::kQueryEvent) return false;
    if (!feed->skip()) return std::nullopt;
  }
}

}  // namespace

Result<binlog::FormatDescription> read_format(store::Log& log, uint64_t segment) {
  BINBUS_TRY(feed, store::EventFeed::open(log, {segment, 0}));
  BINBUS_TRY(there, feed.next());
  if (!there) return fail(Code::kNotFound, "no format description yet");
  return binlog::parse_format_description(feed.head());
}

Result<binlog::FormatDescription> Catalog::newest_format() const {
  const std::vector<store::SegmentInfo> segments = log_.segments();
  for (auto at = segments.rbegin(); at != segments.rend(); ++at) {
    if (auto format = read_format(log_, at->number)) return format;
  }
  return fail(Code::kNotFound, "nothing has come from the source yet");
}

std::string Catalog::version() const {
  if (!options_.version.empty()) return options_.version;
  if (const auto format = newest_format()) return format->server_version;
  return facts_().version;
}

Flavor Catalog::flavor() const {
  return version().find("MariaDB") != std::string::npos ? Flavor::kMariadb : Flavor::kMysql;
}

mysql::Executed Catalog::purged() const {
  const std::vector<store::SegmentInfo> segments = log_.segments();
  return segments.empty() ? mysql::Executed() : segments.front().previous;
}

std::string Catalog::gtid_mode() const {
  const std::string known = facts_().gtid_mode;
  if (!known.empty()) return known;
  // Before ingest has asked the source, what its newest transaction was written with.
  const auto newest = newest_has_gtid(log_);
  return newest.value_or(!log_.executed().empty()) ? "ON" : "OFF";
}

std::optional<std::string> Catalog::computed(const std::string& name) const {
  const bool mariadb = flavor() == Flavor::kMariadb;
  if (name == "version") return version();
  if (name == "server_id") return std::to_string(options_.server_id);
  if (name == "binlog_checksum") {
    const auto format = newest_format();
    return !format || format->checksum == binlog::Checksum::kCrc32 ? "CRC32" : "NONE";
  }
  if (name == "hostname") return "binbus";
  if (name == "datadir") return "/";
  if (name == "port") return options_.listen.substr(options_.listen.rfind(':') + 1);
  if (name == "log_bin_basename") {
    const auto segments = log_.segments();
    return segments.empty() ? ""
                            : "/" + segments.back().name.substr(0, segments.back().name.rfind('.'));
  }
  if (name == "rpl_semi_sync_master_enabled") return options_.semi_sync ? "ON" : "OFF";
  if (mariadb) {
    const mysql::Executed executed = log_.executed();
    if (name == "gtid_binlog_state")
      return executed.mariadb() ? executed.mariadb()->state_string() : "";
    if (name == "gtid_binlog_pos" || name == "gtid_current_pos") return executed.to_string();
    if (name == "gtid_slave_pos") return "";
    return std::nullopt;
  }
  if (name == "server_uuid") return options_.server_uuid;
  if (name == "gtid_mode") return gtid_mode();
  if (name == "gtid_executed") return log_.executed().to_string();
  if (name == "gtid_purged") return purged().to_string();
  if (name == "rpl_semi_sync_source_enabled") return options_.semi_sync ? "ON" : "OFF";
  return std::nullopt;
}

std::optional<std::string> Catalog::variable(const std::string& name) const {
  if (std::ranges::find(kComputedNames, name) != std::end(kComputedNames)) return computed(name);
  const std::map<std::string, std::string> source = facts_().variables;
  if (const auto found = source.find(name); found != source.end()) return found->second;
  const auto usual = std::ranges::lower_bound(kUsualValues, name, {}, &UsualValue::name);
  if (usual == std::end(kUsualValues) || usual->name != name || !is_of(usual->of, flavor())) {
    return std::nullopt;
  }
  return std::string(usual->value);
}

std::vector<std::pair<std::string, std::string>> Catalog::variables() const {
  std::map<std::string, std::string> all = facts_().variables;
  const Flavor ours = flavor();
  for (const UsualValue& usual : kUsualValues) {
    if (is_of(usual.of, ours)) all.emplace(usual.name, usual.value);
  }
  for (const std::string_view name : kComputedNames) {
    if (auto value = computed(std::string(name))) all[std::string(name)] = *value;
  }
  return {all.begin(), all.end()};
}

}  // namespace binbus::serve
