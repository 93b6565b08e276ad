// What a running stream is made of; for stream.cc and stream_status.cc only.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/lag_meter.h"
#include "app/log_changes.h"
#include "app/log_destination.h"
#include "app/stream.h"
#include "changes/schema_keeper.h"
#include "ingest/ingest.h"
#include "serve/server.h"
#include "sink/runner.h"
#include "store/log.h"

namespace binbus::app {

// Members in the order in which one is built on the other.
struct Stream::Parts {
  Parts(std::unique_ptr<store::Log> opened, std::string uuid, uint32_t id)
      : server_uuid(std::move(uuid)),
        server_id(id),
        log(std::move(opened)),
        meter({log->visible_end(), log->last_commit_us(), false}),
        recorder(*log),
        history(*log) {}

  // The tables at a place of the log, and what statements mean there.
  SchemaAt schema_at() {
    return [this](binlog::Position at) -> Result<SchemaThere> {
      BINBUS_TRY(catalog, history.at(at));
      BINBUS_TRY(facts, history.facts(at));
      return SchemaThere{std::move(catalog), std::move(facts)};
    };
  }

  const std::string server_uuid;  // ours, towards replicas
  const uint32_t server_id;
  std::unique_ptr<store::Log> log;
  LagMeter meter;
  SchemaRecorder recorder;
  changes::SchemaHistory history;
  std::unique_ptr<LogDestination> destination;
  std::unique_ptr<ingest::Ingest> ingest;
  std::unique_ptr<changes::SchemaKeeper> keeper;
  struct Sink {
    sink::SinkOptions options;
    std::shared_ptr<sink::Runner> runner;
  };
  mutable std::mutex sinks_mutex;
  std::vector<Sink> sinks;  // guarded by sinks_mutex
  std::vector<Sink> sinks_now() const {
    const std::lock_guard lock(sinks_mutex);
    return sinks;
  }
  std::unique_ptr<serve::Server> server;  // set once, under the stream's mutex

  // Names of the log's segments by number, read again when one is asked for that is not known.
  std::mutex names_mutex;
  std::map<uint64_t, std::string> names;  // guarded by names_mutex
};

}  // namespace binbus::app
