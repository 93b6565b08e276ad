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
  kReread,     // a table of the log was not as its schema here
};
std::string_view reason_name(BaselineReason reason);  // "first", "new_source", ...

// What is known when it is decided. Servers: server_uuid, or MariaDB's server_id as text.
struct KeeperFacts {
  std::string connected;                       // the server whose log comes in; "": none
  std::optional<std::string> baseline_server;  // where the newest was read; none: there is none
  std::optional<BaselineReason> asked;
};
// Pure. A baseline is taken whatever the row metadata: FULL metadata lacks facts (src/schema/README.md), and a source may
// change it at any time.
std::optional<BaselineReason> baseline_wanted(const KeeperFacts& facts);

// What the keeper needs from its surroundings; `app` plugs it in. Called on the keeper's thread.
struct KeeperSurroundings {
  std::function<std::string()> connected_server;
  // Reads all tables (ingest::read_baseline).
  std::function<Result<schema::Baseline>()> read;
  // Reads these again, into the baseline, with its places (ingest::read_again).
  std::function<Status(const std::vector<schema::TableName>& tables, schema::Baseline& baseline)>
      reread;
  // Has the log's writer record it: Log::record_schema, or record_same_schema when nothing changed. Returns when that is done.
  std::function<Status(SchemaHistory::SegmentStart record, const std::stop_token& stop)> record;
};

struct KeeperStatus {
  std::optional<Position> newest;  // baseline
  uint64_t taken = 0;              // since the start
  std::optional<Error> error;      // why the last attempt failed
};

// Reads baselines and has them recorded, and has each segment's start given one (SchemaHistory::missing_start).
//
// A baseline holds where no statement changed a table between the source's places before and after it was read; those that
// changed are read again, some times.
//
// Owner:  borrows the log, the history and the clock.
// Thread: its own, "schema"; public functions from any.
class SchemaKeeper {
 public:
  SchemaKeeper(std::string stream, store::Log& log, SchemaHistory& history, io::Clock& clock,
               KeeperSurroundings surroundings);
  ~SchemaKeeper();
  void start();  // may be called again
  void stop();
  // Asks for a new baseline: kAsked for `binbus schema rebuild`, kReread from who met a table that is not as its schema.
  void ask(BaselineReason reason);
  KeeperStatus status() const;

 private:
  void run(const std::stop_token& stop);
  Status keep(const std::stop_token& stop);
  Result<KeeperFacts> learn();
  void keep_what_is_known(schema::Baseline& baseline, Position at, const std::stop_token& stop);
  Status take(BaselineReason reason, const std::stop_token& stop);
  Result<Position> reach(const schema::Baseline& baseline, const schema::SourcePlace& place,
                         const std::stop_token& stop);

  const std::string stream_;
  store::Log& log_;
  SchemaHistory& history_;
  io::Clock& clock_;
  const KeeperSurroundings around_;
  std::string baseline_server_;  // the thread's own; "": not known yet

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::optional<BaselineReason> asked_;  // guarded by mutex_
  bool woken_ = false;                   // guarded by mutex_
  uint64_t retry_at_us_ = 0;             // guarded by mutex_
  KeeperStatus public_;                  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace binbus::changes
