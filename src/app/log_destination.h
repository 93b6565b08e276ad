// Ingest's Destination over a stream's log.
#pragma once

#include "app/lag_meter.h"
#include "app/schema_recorder.h"
#include "ingest/destination.h"
#include "io/clock.h"
#include "store/log_writer.h"

namespace binbus::app {

// Owner:  borrows the log and its writer, the meter, the recorder and the clock.
// Thread: ingest's.
class LogDestination final : public ingest::Destination {
 public:
  LogDestination(store::Log& log, store::LogWriter& writer, LagMeter& meter,
                 SchemaRecorder& schemas, io::Clock& clock);
  Status begin_segment(const std::string& name, const ingest::SourceIdentity& source) override;
  Status append(Bytes bytes, std::span<const binlog::TransactionEnd> ends) override;
  Status sync() override;
  Status begin_sync() override;
  Result<binlog::Position> synced() override;
  Status settled() override { return schemas_.write(); }
  Status abort_transaction() override;
  Status record_source(const ingest::SourceIdentity& source) override;
  binlog::Position end() const override;
  std::string segment_name() const override;
  uint32_t segment_made_s() const override;
  mysql::Executed executed() const override;
  ingest::SourceIdentity source_at_end() const override;

 private:
  void tell();

  store::Log& log_;
  store::LogWriter& writer_;
  LagMeter& meter_;
  SchemaRecorder& schemas_;
  io::Clock& clock_;
  binlog::Position told_;  // the meter
  std::string segment_name_;
};

}  // namespace binbus::app
