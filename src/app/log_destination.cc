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

LogDestination::LogDestination(store::Log& log, LagMeter& meter, SchemaRecorder& schemas,
                               io::Clock& clock)
    : log_(log), meter_(meter), schemas_(schemas), clock_(clock) {
  const auto segments = log.segments();
  if (!segments.empty()) segment_name_ = segments.back().name;
}

Status LogDestination::begin_segment(const std::string& name,
                                     const ingest::SourceIdentity& source) {
  BINBUS_RETURN_IF_ERROR(log_.begin_segment(name, span_of(source, {})));
  segment_name_ = name;
  return ok();
}

Status LogDestination::append(Bytes bytes, std::span<const binlog::TransactionEnd> ends) {
  return log_.append(bytes, ends);
}

Status LogDestination::sync() {
  BINBUS_RETURN_IF_ERROR(log_.sync());
  const binlog::Position visible = log_.visible_end();
  meter_.stored({visible, log_.last_commit_us(), log_.end() != visible}, clock_.wall_us());
  return ok();
}

Status LogDestination::abort_transaction() { return log_.abort_transaction(); }

Status LogDestination::record_source(const ingest::SourceIdentity& source) {
  return log_.record_source(span_of(source, log_.end()));
}

binlog::Position LogDestination::end() const { return log_.end(); }
std::string LogDestination::segment_name() const { return segment_name_; }
uint32_t LogDestination::segment_made_s() const {
  const auto segments = log_.segments();
  return segments.empty() ? 0 : segments.back().first_timestamp;
}
mysql::Executed LogDestination::executed() const { return log_.executed(); }

ingest::SourceIdentity LogDestination::source_at_end() const {
  const auto span = log_.to_source(log_.end());
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
