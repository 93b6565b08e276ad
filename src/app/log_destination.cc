#include "app/log_destination.h"

namespace binbus::app {
namespace {

store::SourceSpan span_of(const ingest::SourceIdentity& source, binlog::Position from) {
  return {.from = from,
          .server_uuid = source.server_uuid,
          .server_id = source.server_id,
          .server_version = source.server_version,
          .file = source.file,
          .offset = source.offset,
          .lacks = source.lacks,
          .seeded = source.seeded};
}

}  // namespace

LogDestination::LogDestination(store::Log& log, store::LogWriter& writer, LagMeter& meter,
                               SchemaRecorder& schemas, io::Clock& clock)
    : log_(log), writer_(writer), meter_(meter), schemas_(schemas), clock_(clock) {
  const auto segments = log.segments();
  if (!segments.empty()) segment_name_ = segments.back().name;
}

Status LogDestination::begin_segment(const std::string& name,
                                     const ingest::SourceIdentity& source) {
  BINBUS_RETURN_IF_ERROR(writer_.begin_segment(name, span_of(source, {})));
  segment_name_ = name;
  return ok();
}

Status LogDestination::append(Bytes bytes, std::span<const binlog::TransactionEnd> ends) {
  return writer_.append(bytes, ends);
}

Status LogDestination::sync() {
  BINBUS_RETURN_IF_ERROR(writer_.sync());
  tell();
  return ok();
}

Status LogDestination::begin_sync() {
  BINBUS_RETURN_IF_ERROR(writer_.begin_sync());
  tell();
  return ok();
}

Result<binlog::Position> LogDestination::synced() {
  BINBUS_TRY(synced, writer_.synced());
  if (log_.visible_end() != told_) tell();
  return synced;
}

void LogDestination::tell() {
  told_ = log_.visible_end();
  meter_.stored({told_, log_.last_commit_us(), writer_.end() != told_}, clock_.wall_us());
}

Status LogDestination::abort_transaction() { return writer_.abort_transaction(); }

Status LogDestination::record_source(const ingest::SourceIdentity& source) {
  return writer_.record_source(span_of(source, writer_.end()));
}

binlog::Position LogDestination::end() const { return writer_.end(); }
std::string LogDestination::segment_name() const { return segment_name_; }
uint32_t LogDestination::segment_made_s() const {
  const auto segments = log_.segments();
  return segments.empty() ? 0 : segments.back().first_timestamp;
}
mysql::Executed LogDestination::executed() const { return log_.executed(); }

ingest::SourceIdentity LogDestination::source_at_end() const {
  const auto span = log_.to_source(writer_.end());
  if (!span) return {};
  return {.server_uuid = span->server_uuid,
          .server_id = span->server_id,
          .server_version = span->server_version,
          .file = span->file,
          .offset = span->offset,
          .lacks = span->lacks,
          .seeded = span->seeded};
}

}  // namespace binbus::app
