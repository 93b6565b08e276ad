// A stream's log as a replication source: real MySQL and MariaDB replicas, mysqlbinlog and other readers connect here.
//
// Owner:  borrows the Log, which must outlive the server.
// Thread: one thread listens, one serves each connection; every function may be called from any.
// Memory: two blocks of 256 KiB for each connection that reads the log, whatever the events' sizes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "binlog/position.h"
#include "io/tls.h"
#include "mysql/server_login.h"
#include "store/log.h"

namespace binbus::serve {

struct ServerOptions {
  std::string stream;  // for logs
  std::string listen;  // HOST:PORT; port 0 takes a free one
  std::vector<mysql::Account> accounts;
  io::TlsServerOptions tls;  // without files a self-signed certificate is made at start
  bool require_tls = false;  // of every account
  // What replicas see as their source's identity: it stays the same however often the real source behind it changes.
  // Must differ from every replica's own, and from the real source's.
  uint32_t server_id = 0;
  std::string server_uuid;
  // Offer semi-synchronous replication; nobody's commit waits for the acknowledgements.
  bool semi_sync = true;
  // For readers that ask for no period of their own; 0: none, as real servers do.
  uint64_t default_heartbeat_ms = 0;
  // A reader that takes no byte for so long is dropped.
  int write_timeout_ms = 60'000;
  // How long to wait for what a replica has already and this log not yet.
  uint64_t catch_up_ms = 5'000;
  size_t connections_max = 1000;
  std::string version;  // presented instead of the source's own
};

// What a stream's ingest knows of its source beyond the log. Empty fields: taken from the log, or a usual value.
struct SourceFacts {
  std::string version;
  std::string gtid_mode;  // MySQL: ON, OFF, ON_PERMISSIVE, OFF_PERMISSIVE
  // More of its global variables, names in lower case.
  std::map<std::string, std::string> variables;
  // The log may lack what the source has: a replica that is ahead of it is to try again. Ahead of another log, it has
  // diverged.
  bool behind = false;
};

struct ReplicaStatus {
  uint32_t connection_id = 0;
  std::string peer;
  std::string user;
  uint32_t server_id = 0;
  std::string server_uuid;  // "" when it told none
  std::string mode;  // "gtid", "mariadb_gtid", "position"; "" while it has not asked for the log
  bool caught_up = false;     // waiting for more
  binlog::Position position;  // of the next byte to be sent
  uint64_t lag_bytes = 0;
  uint64_t bytes_sent = 0;
  uint64_t connected_us = 0;  // wall time
  bool semi_sync = false;
  binlog::Position acknowledged;  // semi-sync replicas: durable there up to here
  std::string report_host;        // as it registered; "" when it did not
  uint16_t report_port = 0;
};

class Server {
 public:
  // Listens from here on. `facts` is asked now and then from connections' threads.
  // Errors: those of listening and of the TLS files.
  static Result<std::unique_ptr<Server>> start(ServerOptions options, store::Log& log,
                                               io::Clock& clock,
                                               std::function<SourceFacts()> facts);
  ~Server();
  // Ends all connections and waits for their threads; again does nothing. Replicas by MySQL's GTIDs have two seconds to
  // take the rest of the transaction that they are in.
  void stop();
  uint16_t port() const;
  // Connections that are logged in, oldest first.
  std::vector<ReplicaStatus> replicas() const;
  // Reads the TLS files again, for new connections.
  Status reload_tls();

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace binbus::serve
