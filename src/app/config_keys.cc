#include "app/config_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>

#include "ingest/options.h"
#include "io/address.h"

namespace binbus::app {
namespace {

using Kind = KeyKind;

constexpr uint64_t kMemoryMin = 32u << 20;

constexpr std::string_view kLevels[] = {"debug", "info", "warn", "error"};
constexpr std::string_view kFormats[] = {"text", "json"};
constexpr std::string_view kTlsModes[] = {"disabled", "preferred", "required", "verify_ca",
                                          "verify_identity"};
constexpr std::string_view kFlavors[] = {"auto", "mysql", "mariadb"};
constexpr std::string_view kSemiSync[] = {"auto", "off"};
constexpr std::string_view kSourceLoss[] = {"stop", "accept"};

Status check_stream_name(std::string_view name) {
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  if (plain && !name.empty() && name.size() <= 64) return ok();
  return fail(Code::kInvalid, "must be 1 to 64 letters, digits, \"_\" or \"-\": it names a folder");
}

Status check_source(std::string_view text) {
  BINBUS_RETURN_IF_ERROR(mysql::Endpoint::parse(std::string(text)));
  return ok();
}

Status check_listen(std::string_view text) {
  BINBUS_RETURN_IF_ERROR(io::HostPort::parse(std::string(text)));
  return ok();
}

Status check_start(std::string_view text) {
  BINBUS_RETURN_IF_ERROR(ingest::Start::parse(std::string(text)));
  return ok();
}

Status check_uuid(std::string_view text) {
  BINBUS_RETURN_IF_ERROR(mysql::Uuid::parse(text));
  return ok();
}

const Key<Config> kRootKeys[] = {
    {.name = "data",
     .kind = Kind::kPath,
     .member = &Config::data,
     .fallback = "",
     .help = "Folder that holds the logs, one folder per stream. Made when absent; only one binbus "
             "may use it.",
     .required = true},
    {.name = "memory",
     .kind = Kind::kBytes,
     .member = &Config::memory_bytes,
     .fallback = "256 MiB",
     .help = "Budget of all buffers together, whatever the size of a transaction or row. Decides "
             "how many replicas and tools may be connected at once: half a MiB goes to each, after "
             "16 MiB and 16 MiB per stream.",
     .min = kMemoryMin},
};

const Key<LogConfig> kLogKeys[] = {
    {.name = "level",
     .kind = Kind::kChoice,
     .member = &LogConfig::level,
     .fallback = "info",
     .help = "The least important lines that are written.",
     .choices = kLevels},
    {.name = "format",
     .kind = Kind::kChoice,
     .member = &LogConfig::format,
     .fallback = "text",
     .help = "`text`: event name and key=value pairs; `json`: one object per line.",
     .choices = kFormats},
};

const Key<AdminConfig> kAdminKeys[] = {
    {.name = "listen",
     .kind = Kind::kAddress,
     .member = &AdminConfig::listen,
     .fallback = "",
     .help = "Where `/status`, `/metrics`, `/live` and `/ready` answer; none without it.",
     .check = check_listen},
    {.name = "allow_remote",
     .kind = Kind::kBool,
     .member = &AdminConfig::allow_remote,
     .fallback = "false",
     .help = "Lets `listen` be another address than loopback. The endpoint has no password, "
             "shows all row data and can change sinks: put it behind something that has one."},
    {.name = "stalled_after",
     .kind = Kind::kDuration,
     .member = &AdminConfig::stalled_after_ms,
     .fallback = "60s",
     .help = "`/live` turns unhealthy when a stream's thread made no progress for this long though "
             "it had work; never before two of the longest `heartbeat` and 5 s.",
     .min = 1000},
    {.name = "ready_lag",
     .kind = Kind::kDuration,
     .member = &AdminConfig::ready_lag_ms,
     .fallback = "30s",
     .help = "`/ready` turns unready when a stream is further than this behind its source, or in a "
             "cluster behind its leader.",
     .min = 1},
};

const Key<StateConfig> kStateKeys[] = {
    {.name = "stream",
     .kind = Kind::kText,
     .member = &StateConfig::stream,
     .fallback = "",
     .help = "The `[[stream]]` whose tables these are.",
     .required = true},
    {.name = "tables",
     .kind = Kind::kTexts,
     .member = &StateConfig::tables,
     .fallback = "",
     .help = "Patterns of the tables whose current rows are kept, as `shop.*`.",
     .required = true},
    {.name = "tables_at_once",
     .kind = Kind::kInteger,
     .member = &StateConfig::tables_at_once,
     .fallback = "2",
     .help = "How many tables are read at the source at a time, each over a connection of its own.",
     .min = 1,
     .max = 64},
    {.name = "rows_per_second",
     .kind = Kind::kInteger,
     .member = &StateConfig::rows_per_second,
     .fallback = "0",
     .help = "How many rows are read at the source; 0: as many as it gives."},
    {.name = "bytes_per_second",
     .kind = Kind::kBytes,
     .member = &StateConfig::bytes_per_second,
     .fallback = "0",
     .help = "The same in bytes."},
    {.name = "threads_running_max",
     .kind = Kind::kInteger,
     .member = &StateConfig::threads_running_max,
     .fallback = "0",
     .help = "Nothing is read while the source's `Threads_running` is higher; 0: whatever it is."},
    {.name = "cache",
     .kind = Kind::kBytes,
     .member = &StateConfig::cache_bytes,
     .fallback = "64 MiB",
     .help = "Memory for rows that were read or written lately, beside `memory`.",
     .min = 8u << 20},
    {.name = "snapshot_every",
     .kind = Kind::kDuration,
     .member = &StateConfig::snapshot_every_ms,
     .fallback = "0s",
     .help =
         "How often a snapshot of the rows is kept on disk, as \"24h\"; 0: only when asked for."},
    {.name = "snapshots_kept",
     .kind = Kind::kInteger,
     .member = &StateConfig::snapshots_kept,
     .fallback = "7",
     .help = "How many of these stay; older ones go, but not while somebody reads them.",
     .min = 1},
    {.name = "fill_images",
     .kind = Kind::kBool,
     .member = &StateConfig::fill_images,
     .fallback = "false",
     .help = "Of changes of which the source's log has a part (binlog_row_image not FULL, partial "
             "JSON) "
             "the whole rows are kept as long as the log, for sinks and clients that ask with "
             "full_rows."},
};

const Key<StreamConfig> kStreamKeys[] = {
    {.name = "name",
     .kind = Kind::kText,
     .member = &StreamConfig::name,
     .fallback = "",
     .help = "Names the stream in commands, logs and metrics, and its folder under `data`.",
     .required = true,
     .check = check_stream_name},
    {.name = "source",
     .kind = Kind::kAddresses,
     .member = &StreamConfig::source,
     .fallback = "",
     .help = "The servers that may be the source, in order of preference: the first that answers "
             "and fits is used, the next after it is lost. A unix socket's path will do.",
     .required = true,
     .check = check_source},
    {.name = "user",
     .kind = Kind::kText,
     .member = &StreamConfig::user,
     .fallback = "",
     .help = "Account at the source; needs REPLICATION SLAVE and REPLICATION CLIENT.",
     .required = true},
    {.name = "password",
     .kind = Kind::kText,
     .member = &StreamConfig::password,
     .fallback = "",
     .help = "Its password. One of `password`, `password_file`, `password_env` is needed."},
    {.name = "password_file",
     .kind = Kind::kPath,
     .member = &StreamConfig::password_file,
     .fallback = "",
     .help = "File whose first line is the password."},
    {.name = "password_env",
     .kind = Kind::kText,
     .member = &StreamConfig::password_env,
     .fallback = "",
     .help = "Environment variable that holds the password."},
    {.name = "tls",
     .kind = Kind::kChoice,
     .member = &StreamConfig::tls,
     .fallback = "",
     .help = "TLS to the source. Default: `verify_identity` when `tls_ca` is given, else "
             "`preferred`, which "
             "goes without where the source has none, unless `tls_ca`, `tls_cert` or `tls_key` is "
             "given.",
     .choices = kTlsModes},
    {.name = "tls_ca",
     .kind = Kind::kPath,
     .member = &StreamConfig::tls_ca,
     .fallback = "",
     .help = "PEM file of the authorities that may sign the source's certificate."},
    {.name = "tls_cert",
     .kind = Kind::kPath,
     .member = &StreamConfig::tls_cert,
     .fallback = "",
     .help = "PEM file of binbus's own certificate towards the source."},
    {.name = "tls_key",
     .kind = Kind::kPath,
     .member = &StreamConfig::tls_key,
     .fallback = "",
     .help = "PEM file of that certificate's key."},
    {.name = "flavor",
     .kind = Kind::kChoice,
     .member = &StreamConfig::flavor,
     .fallback = "auto",
     .help = "What the source must be; `auto` takes what it is.",
     .choices = kFlavors},
    {.name = "start",
     .kind = Kind::kText,
     .member = &StreamConfig::start,
     .fallback = "earliest",
     .help = "Where an empty log begins: `earliest`, `latest`, `gtid:SET` (what is in the set is "
             "not needed) or `FILE:POS`. Always from the head of the file that holds the place. "
             "Not used once something is stored. With a `[coordinator]` the default is `latest`, "
             "and a place that is saved there counts first.",
     .check = check_start},
    {.name = "server_id",
     .kind = Kind::kInteger,
     .member = &StreamConfig::server_id,
     .fallback = "0",
     .help =
         "The stream's id as a replica and as a source; must differ from every server's around. 0: "
         "derived from `server_uuid` towards replicas, drawn at every start towards the source.",
     .max = UINT32_MAX},
    {.name = "server_uuid",
     .kind = Kind::kText,
     .member = &StreamConfig::server_uuid,
     .fallback = "",
     .help = "The stream's UUID as a server. Default: made at the first start and kept in the data "
             "folder.",
     .check = check_uuid},
    {.name = "semi_sync",
     .kind = Kind::kChoice,
     .member = &StreamConfig::semi_sync,
     .fallback = "auto",
     .help = "`auto`: acknowledges what is durable whenever the source has semi-sync on.",
     .choices = kSemiSync},
    {.name = "on_source_loss",
     .kind = Kind::kChoice,
     .member = &StreamConfig::on_source_loss,
     .fallback = "stop",
     .help = "What to do when the source lacks transactions that it had sent before (a crash that "
             "lost its newest, a restored backup): `stop` and name them, or `accept` and go on "
             "from what it has.",
     .choices = kSourceLoss},
    {.name = "heartbeat",
     .kind = Kind::kDuration,
     .member = &StreamConfig::heartbeat_ms,
     .fallback = "5s",
     .help = "How often an idle source is asked to say that it lives; silent for twice as long, it "
             "is lost.",
     .min = 100,
     .max = 3600 * 1000},
    {.name = "failover_after",
     .kind = Kind::kDuration,
     .member = &StreamConfig::failover_after_ms,
     .fallback = "30s",
     .help = "How long the source must be away before the next candidate's log is taken up.",
     .max = 24 * 3600 * 1000},
    {.name = "retain_bytes",
     .kind = Kind::kBytes,
     .member = &StreamConfig::retain_bytes,
     .fallback = "0",
     .help = "Oldest segments go when the log is larger than this. 0: no limit."},
    {.name = "retain_hours",
     .kind = Kind::kInteger,
     .member = &StreamConfig::retain_hours,
     .fallback = "0",
     .help = "Segments go when all they hold is older than this. 0: no limit.",
     .max = 24 * 3660},
    {.name = "keep_free",
     .kind = Kind::kBytes,
     .member = &StreamConfig::keep_free_bytes,
     .fallback = "64 MiB",
     .help = "Space left free on the disk: nothing is stored while there is less."},
    {.name = "copies",
     .kind = Kind::kInteger,
     .member = &StreamConfig::copies,
     .fallback = "0",
     .help =
         "In a cluster: how many of the nodes that vote keep the stream. 0: all. It counts when "
         "the stream begins; afterwards `binbus cluster place`.",
     .max = 15},
    {.name = "listen",
     .kind = Kind::kAddress,
     .member = &StreamConfig::listen,
     .fallback = "",
     .help = "Where replicas and tools connect; none are served without it. A name is all "
             "addresses that it stands for, `:3307` all of this machine.",
     .check = check_listen},
    {.name = "listen_tls_cert",
     .kind = Kind::kPath,
     .member = &StreamConfig::listen_tls_cert,
     .fallback = "",
     .help = "PEM file of the certificate shown to replicas. Default: one that is made at every "
             "start."},
    {.name = "listen_tls_key",
     .kind = Kind::kPath,
     .member = &StreamConfig::listen_tls_key,
     .fallback = "",
     .help = "PEM file of that certificate's key."},
    {.name = "listen_tls_ca",
     .kind = Kind::kPath,
     .member = &StreamConfig::listen_tls_ca,
     .fallback = "",
     .help = "PEM file of the authorities one of which must have signed the certificate of who "
             "connects. Given: nobody gets in without TLS and such a certificate."},
    {.name = "listen_tls_required",
     .kind = Kind::kBool,
     .member = &StreamConfig::listen_tls_required,
     .fallback = "false",
     .help = "Refuses replicas and tools that connect without TLS."},
    {.name = "replica_timeout",
     .kind = Kind::kDuration,
     .member = &StreamConfig::replica_timeout_ms,
     .fallback = "60s",
     .help =
         "A replica or tool that takes nothing of what is sent for so long is disconnected, and no "
         "longer keeps segments from being removed.",
     .min = 1000,
     .max = 24 * 3600 * 1000},
};

const Key<ReplicaUserConfig> kReplicaUserKeys[] = {
    {.name = "name",
     .kind = Kind::kText,
     .member = &ReplicaUserConfig::name,
     .fallback = "",
     .help = "Account with which replicas and tools log in.",
     .required = true},
    {.name = "password",
     .kind = Kind::kText,
     .member = &ReplicaUserConfig::password,
     .fallback = "",
     .help = "Its password. One of `password`, `password_file`, `password_env` is needed."},
    {.name = "password_file",
     .kind = Kind::kPath,
     .member = &ReplicaUserConfig::password_file,
     .fallback = "",
     .help = "File whose first line is the password."},
    {.name = "password_env",
     .kind = Kind::kText,
     .member = &ReplicaUserConfig::password_env,
     .fallback = "",
     .help = "Environment variable that holds the password."},
};

struct Unit {
  std::string_view name;
  uint64_t factor;
};
constexpr Unit kByteUnits[] = {{"", 1},
                               {"B", 1},
                               {"KB", 1000},
                               {"MB", 1000 * 1000},
                               {"GB", 1000ull * 1000 * 1000},
                               {"TB", 1000ull * 1000 * 1000 * 1000},
                               {"KiB", 1ull << 10},
                               {"MiB", 1ull << 20},
                               {"GiB", 1ull << 30},
                               {"TiB", 1ull << 40}};
constexpr Unit kTimeUnits[] = {
    {"ms", 1}, {"s", 1000}, {"min", 60 * 1000}, {"h", 3600 * 1000}, {"d", 24 * 3600 * 1000}};

// "12 MiB" -> 12 * factor.
Result<uint64_t> parse_with_unit(std::string_view text, std::span<const Unit> units,
                                 std::string_view wanted) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view rest = text.substr(static_cast<size_t>(end - text.data()));
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  const auto unit = std::ranges::find(units, rest, &Unit::name);
  if (error != std::errc() || unit == units.end() || number > UINT64_MAX / unit->factor) {
    return fail(Code::kInvalid, fmt::format("\"{}\" is not {}", text, wanted));
  }
  return number * unit->factor;
}

std::string choices_text(std::span<const std::string_view> choices) {
  std::string text;
  for (const std::string_view choice : choices) {
    text += fmt::format("{}`{}`", text.empty() ? "" : ", ", choice);
  }
  return text;
}

template <class T>
void append_table(std::string& out, std::string_view title, std::string_view intro,
                  std::span<const Key<T>> keys) {
  out +=
      fmt::format("## {}\n\n{}\n\n| key | type | default | |\n|---|---|---|---|\n", title, intro);
  for (const Key<T>& key : keys) {
    const std::string type =
        key.choices.empty() ? std::string(kind_name(key.kind)) : choices_text(key.choices);
    const std::string fallback = key.required           ? "**needed**"
                                 : key.fallback.empty() ? ""
                                                        : fmt::format("`{}`", key.fallback);
    out += fmt::format("| `{}` | {} | {} | {} |\n", key.name, type, fallback, key.help);
  }
  out += '\n';
}

}  // namespace

std::span<const Key<Config>> root_keys() { return kRootKeys; }
std::span<const Key<LogConfig>> log_keys() { return kLogKeys; }
std::span<const Key<AdminConfig>> admin_keys() { return kAdminKeys; }
std::span<const Key<StreamConfig>> stream_keys() { return kStreamKeys; }
std::span<const Key<StateConfig>> state_keys() { return kStateKeys; }
std::span<const Key<ReplicaUserConfig>> replica_user_keys() { return kReplicaUserKeys; }

std::string_view kind_name(KeyKind kind) {
  switch (kind) {
    case Kind::kText:
      return "text";
    case Kind::kPath:
      return "path";
    case Kind::kAddress:
      return "\"HOST:PORT\"";
    case Kind::kAddresses:
      return "list of \"HOST:PORT\"";
    case Kind::kTexts:
      return "list of texts";
    case Kind::kMap:
      return "names and texts, as { name = \"text\" }";
    case Kind::kChoice:
      return "a word";
    case Kind::kBool:
      return "true or false";
    case Kind::kInteger:
      return "number";
    case Kind::kBytes:
      return "size, as \"200 GB\" or \"64 MiB\"";
    case Kind::kDuration:
      return "time, as \"500ms\", \"30s\", \"5min\", \"2h\"";
  }
  return "";
}

std::string keys_markdown() {
  std::string out;
  append_table(out, "At the top", "Before the first section.", root_keys());
  append_table(out, "[[stream]]",
               "One per source; a process can have many. Each has its own log, source and port.",
               stream_keys());
  append_table(
      out, "[[stream.replica_user]]",
      "Follows its `[[stream]]`, any number of times: who may connect to that stream's `listen`.",
      replica_user_keys());
  append_table(out, "[[state]]",
               "At most one per stream: the tables whose current rows are kept, see "
               "[snapshots](snapshots.md).",
               state_keys());
  append_table(out, "[[sink]]",
               "One per target that a stream's row changes are delivered to, and of any type; see "
               "[below](#sinks).",
               sink_keys());
  append_table(
      out, "[[sink.table]]",
      "Follows its `[[sink]]`, any number of times: what is different for some tables. The "
      "first that matches counts; what it leaves out is as `[[sink]]` says.",
      sink_table_keys());
  append_table(out, "[admin]", "The status and metrics endpoint.", admin_keys());
  append_table(out, "[feed]",
               "The service from which applications take rows and changes, see [feed](feed.md).",
               feed_keys());
  append_table(out, "[node]", "This process among others.", node_keys());
  append_table(out, "[coordinator]",
               "An etcd or a ZooKeeper beside which several nodes share the streams; see "
               "[coordination](coordination.md). Without this section the node works alone.",
               coordinator_keys());
  append_table(out, "[log]", "Log lines go to standard error.", log_keys());
  out.pop_back();
  return out;
}

Result<uint64_t> parse_bytes(std::string_view text) {
  return parse_with_unit(text, kByteUnits, "a size such as 1048576, \"512 MiB\" or \"200 GB\"");
}

Result<uint64_t> parse_duration_ms(std::string_view text) {
  return parse_with_unit(text, kTimeUnits,
                         "a time such as \"500ms\", \"30s\", \"5min\", \"2h\" or \"7d\"");
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  std::string_view best;
  // Two letters may be wrong, or a third of them; of three letters only one.
  size_t best_distance = std::max(std::min<size_t>(2, word.size() / 2), word.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    // Levenshtein's distance, one row at a time.
    std::vector<size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (size_t i = 0; i < word.size(); ++i) {
      size_t diagonal = row[0]++;
      for (size_t j = 0; j < candidate.size(); ++j) {
        const size_t change = diagonal + (word[i] == candidate[j] ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, change});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = candidate;
    }
  }
  return best;
}

}  // namespace binbus::app
