// When a stream's schema baseline is to be read at the source, and a thread that sees to it.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "changes/schema_history.h"
#include "io/clock.h"

namespace binbus::changes {

enum class BaselineReason : uint8_t {
  kFirst,      // the log has none
  kNewSource,  // the newest was read at another server
  kAsked,      // `binbus schema rebuild`
  kReread,     // a table's columns are not known
};
std::string_view reason_name(BaselineReason reason);  // "first", "new_source", ...

// What is known when it is decided.
struct KeeperFacts {
  bool connected = false;                      // the source's log is coming in
  std::string server;                          // server_uuid, or MariaDB's server_id as text
  std::optional<std::string> baseline_server;  // of the newest baseline; none: there is none
  bool asked = false;
  bool reread = false;  // the newest catalog has a table whose columns are not known
};
// Pure. A baseline is taken whatever the row metadata: FULL metadata lacks facts (src/schema/README.md), and a source may
// change it at any time.
std::optional<BaselineReason> baseline_wanted(const KeeperFacts& facts);

// What the keeper needs from its surroundings; `app` plugs it in. Called on the keeper's thread.
struct KeeperSurroundings {
  // The server that streams now: server_uuid, or MariaDB's server_id as text. "": none.
  std::function<std::string()> connected_server;
  // Reads all tables.
  std::function<Result<schema::Baseline>()> read;
  // Reads these again, into the baseline, with its places.
  std::function<Status(const std::vector<schema::TableName>& tables, schema::Baseline& baseline)>
      reread;
  // Has the log's writer record it (Log::record_schema); returns when that is done.
  std::function<Status(Position at, ByteVector encoded, const std::stop_token& stop)> record;
};

struct KeeperStatus {
  std::optional<Position> newest;  // baseline
  uint64_t taken = 0;              // since the start
  std::optional<Error> error;      // why the last attempt failed
};

// Thread: its own, "schema"; public functions from any.
class SchemaKeeper {
 public:
  SchemaKeeper(std::string stream, store::Log& log, SchemaHistory& history, io::Clock& clock,
               KeeperSurroundings surroundings);
  ~SchemaKeeper();
  void start();
  void stop();
  // Asks for a new baseline: `binbus schema rebuild`.
  void rebuild();
  KeeperStatus status() const;

 private:
  void run(const std::stop_token& stop);
  Result<KeeperFacts> learn();
  Status take(BaselineReason reason, const std::stop_token& stop);

  const std::string stream_;
  store::Log& log_;
  SchemaHistory& history_;
  io::Clock& clock_;
  const KeeperSurroundings around_;

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  bool asked_ = false;   // guarded by mutex_
  KeeperStatus status_;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace binbus::changes
