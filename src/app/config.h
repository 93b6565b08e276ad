// What binbus.toml says, checked. The keys themselves, with type, default and help: config_keys.cc;
// for users:
// docs/configuration.md, which a test compares with that table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sink/options.h"

namespace binbus::app {

// One of `password`, `password_file`, `password_env` is given; load_config() leaves the secret
// itself in `password`, when it is told to read secrets.
struct PasswordConfig {
  std::string password;
  std::string password_file;
  std::string password_env;
};

struct ReplicaUserConfig : PasswordConfig {
  std::string name;
};

// Tables whose current rows are kept.
struct StateConfig {
  std::string stream;
  std::vector<std::string> tables;  // patterns
  uint64_t tables_at_once = 0;
  uint64_t rows_per_second = 0;      // read at the source; 0: no limit
  uint64_t bytes_per_second = 0;     // the same
  uint64_t threads_running_max = 0;  // the same
  uint64_t cache_bytes = 0;
  uint64_t snapshot_every_ms = 0;  // 0: when asked only
  uint64_t snapshots_kept = 0;     // of those
  bool fill_images = false;
};

struct StreamConfig : PasswordConfig {
  std::string name;

  // Towards the source.
  std::vector<std::string> source;  // HOST:PORT, in order of preference
  std::string user;
  std::string
      tls;  // disabled, preferred, required, verify_ca, verify_identity; never "" once loaded
  std::string tls_ca;
  std::string tls_cert;
  std::string tls_key;
  std::string flavor;          // auto, mysql, mariadb
  std::string start;           // earliest, latest, gtid:SET, FILE:POS
  std::string semi_sync;       // auto, off
  std::string on_source_loss;  // stop, accept
  uint64_t server_id = 0;      // 0: derived from the stream's server UUID
  std::string server_uuid;     // "": made at first start and kept in the data folder
  uint64_t heartbeat_ms = 0;
  uint64_t failover_after_ms = 0;

  // Towards replicas and tools; `listen` "": none are served.
  std::string listen;
  std::string listen_tls_cert;
  std::string listen_tls_key;
  std::string listen_tls_ca;  // given: who connects must show a certificate of this authority
  bool listen_tls_required = false;
  uint64_t replica_timeout_ms = 0;
  std::vector<ReplicaUserConfig> replica_users;

  // The log; 0: no limit.
  uint64_t retain_bytes = 0;
  uint64_t retain_hours = 0;
  uint64_t keep_free_bytes = 0;
  uint64_t copies = 0;  // of a cluster's nodes; 0: all keep it

  std::optional<StateConfig> state;  // none: no rows are kept
  bool fed = false;                  // there is a [feed]
};

struct LogConfig {
  std::string level;   // debug, info, warn, error
  std::string format;  // text, json
};

struct AdminConfig {
  std::string listen;  // "": no endpoint
  bool allow_remote = false;
  uint64_t stalled_after_ms = 0;  // as written; see Config::stalled_after_ms()
  uint64_t ready_lag_ms = 0;
};

// The gRPC service for applications.
struct FeedConfig {
  std::string listen;   // "": none
  std::string address;  // as clients know it; never "" once loaded, unless `listen` is
  bool allow_remote = false;
  std::string token, token_file;  // once loaded, `token` has it
  std::string tls_cert, tls_key, tls_ca;
};

// This node among others.
struct NodeConfig {
  std::string name;    // never "" once loaded
  std::string listen;  // HOST:PORT; "": no cluster, streams' logs are this node's alone
  // NAME@HOST:PORT, for the first start: those that begin the cluster; without this node those that it is to join.
  std::vector<std::string> peers;
  bool votes = true;
  std::string site;
  uint64_t lead_priority = 0;
  uint64_t bytes_per_second = 0;  // of entries towards this node; 0: no limit
  std::string tls_cert, tls_key, tls_ca;
  std::string feed;  // [feed] address, which the others tell clients
};

// An etcd or a ZooKeeper that decides which node works on which stream.
struct CoordinatorConfig : PasswordConfig {
  std::string type;  // etcd, zookeeper; "": there is none
  std::vector<std::string> endpoints;
  std::string group;
  uint64_t ttl_ms = 0;
  std::string user;  // "": none
  bool tls = false;
  std::string tls_ca;
  std::string tls_cert;
  std::string tls_key;
};

struct SinkConfig : sink::SinkOptions {
  std::string section;  // what was said of it, as TOML: what stands below [[sink]]
};

struct Config {
  std::string path;  // of the file itself
  std::string data;  // folder
  uint64_t memory_bytes = 0;
  LogConfig log;
  AdminConfig admin;
  FeedConfig feed;
  NodeConfig node;
  CoordinatorConfig coordinator;
  std::vector<StreamConfig> streams;
  std::vector<SinkConfig> sinks;      // each of one of the streams
  std::vector<std::string> warnings;  // to be logged at start

  // How many connections `memory` allows each stream.
  size_t connections_per_stream() const;
  // After how long without progress a stream counts as stalled: `stalled_after`, but longer than an
  // idle source may be silent before ingest itself takes it for lost.
  uint64_t stalled_after_ms() const;
};

// Whether passwords are fetched from their files and the environment: by who logs in somewhere or
// lets others in. Who only asks for addresses or folders may not be allowed to read them.
enum class Secrets : uint8_t { kRead, kLeave };

// Reads and checks the file; paths come out relative to the working folder. kInvalid lists
// everything wrong, one "FILE:LINE: ..." per line; kNotFound when there is no such file.
Result<Config> load_config(const std::string& path, Secrets secrets);
// The same for text that came from `path`.
Result<Config> parse_config(const std::string& text, const std::string& path,
                            Secrets secrets = Secrets::kRead);

// One sink, checked like one of the configuration `beside`, which has it not. kInvalid lists everything wrong.
Result<SinkConfig> parse_sink(const std::string& section, const Config& beside);

}  // namespace binbus::app
