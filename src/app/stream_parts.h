// What a running stream is made of; for stream.cc and stream_status.cc only.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/kept_patterns.h"
#include "app/lag_meter.h"
#include "app/log_destination.h"
#include "app/stream.h"
#include "changes/log_changes.h"
#include "changes/schema_keeper.h"
#include "feed/cursors.h"
#include "feed/subscribers.h"
#include "feed/tail.h"
#include "ingest/ingest.h"
#include "raft/group_runner.h"
#include "serve/server.h"
#include "sink/runner.h"
#include "state/past_rows.h"
#include "state/table_keeper.h"
#include "store/local_log.h"
#include "store/log_writer.h"

namespace binbus::app {

// What the node does that writes the log: it takes in the source, and feeds the sinks. Members in the order in which one is
// built on the other.
struct Stream::Work {
  Work(uint64_t led_term, store::LogWriter& writes)
      : term(led_term), writer(writes), recorder(writer) {}
  // As the leader of that term.
  Work(raft::GroupRunner& group, uint64_t led_term)
      : term(led_term),
        leadership(std::make_unique<raft::Leadership>(group, term)),
        own_writer(std::make_unique<store::LogWriter>(group.log(), *leadership)),
        writer(*own_writer),
        recorder(writer) {}

  const uint64_t term;  // 0: of a log that is no group's
  std::unique_ptr<raft::Leadership> leadership;
  std::unique_ptr<store::LogWriter> own_writer;
  store::LogWriter& writer;
  SchemaRecorder recorder;
  std::unique_ptr<LogDestination> destination;
  std::unique_ptr<ingest::Ingest> ingest;
  std::unique_ptr<changes::SchemaKeeper> keeper;
  std::shared_ptr<feed::Cursors> cursors;  // of a leader
  struct Sink {
    sink::SinkOptions options;
    std::shared_ptr<sink::Runner> runner;
  };
  mutable std::mutex sinks_mutex;
  std::vector<Sink> sinks;  // guarded by sinks_mutex
  bool ended = false;       // guarded by sinks_mutex; no sink is added or removed any more
  std::vector<Sink> sinks_now() const {
    const std::lock_guard lock(sinks_mutex);
    return sinks;
  }
};

// Members in the order in which one is built on the other.
struct Stream::Parts {
  Parts(std::unique_ptr<store::LocalLog> opened, std::string uuid, uint32_t id)
      : server_uuid(std::move(uuid)),
        server_id(id),
        local(std::move(opened)),
        log(local.get()),
        meter({log->visible_end(), log->last_commit_us(), false}),
        history(*log) {}
  Parts(std::shared_ptr<raft::GroupRunner> opened, std::string uuid, uint32_t id)
      : server_uuid(std::move(uuid)),
        server_id(id),
        group(std::move(opened)),
        log(&group->log()),
        meter({log->visible_end(), log->last_commit_us(), false}),
        history(*log) {}
  // Its host has it until then.
  ~Parts() {
    if (group) group->stop();
  }

  // The tables at a place of the log, and what statements mean there.
  changes::SchemaAt schema_at() {
    return [this](binlog::Position at) -> Result<changes::SchemaThere> {
      BINBUS_TRY(catalog, history.at(at));
      BINBUS_TRY(facts, history.facts(at));
      return changes::SchemaThere{std::move(catalog), std::move(facts)};
    };
  }

  std::string server_uuid;  // ours, towards replicas
  uint32_t server_id;
  std::unique_ptr<store::LocalLog> local;  // one of the two
  std::shared_ptr<raft::GroupRunner> group;
  store::Log* const log;
  LagMeter meter;
  changes::SchemaHistory history;
  std::shared_ptr<Work> work;  // guarded by the stream's mutex; null: another node leads, or none
  // Those before, whose dumps may be there for a moment more; the stream's thread's own.
  std::vector<std::shared_ptr<Work>> retired;
  std::unique_ptr<serve::Server> server;      // set once, under the stream's mutex
  std::unique_ptr<KeptPatterns> kept;         // null: no rows are kept
  std::unique_ptr<state::TableKeeper> state;  // the same
  std::shared_ptr<feed::Cursors> cursors;     // null: there is no feed
  const std::shared_ptr<feed::Subscribers> subscribers = std::make_shared<feed::Subscribers>();
  const std::shared_ptr<feed::Tails> tails = std::make_shared<feed::Tails>();
  std::stop_source closing;  // of who reads and is not waited for

  // Names of the log's segments by number, read again when one is asked for that is not known.
  std::mutex names_mutex;
  std::map<uint64_t, std::string> names;  // guarded by names_mutex
};

}  // namespace binbus::app
