// What a stream tells of itself: the questions to Stream, which change nothing.

#include <fmt/format.h>

#include <algorithm>

#include "app/config_keys.h"
#include "app/stream.h"
#include "app/stream_parts.h"
#include "app/tail.h"
#include "base/error_table.h"
#include "base/utc_time.h"
#include "binlog/position.h"
#include "schema/show_create.h"

namespace binbus::app {
namespace {

using store::Position;

admin::StreamState state_of(const ingest::IngestStatus& status) {
  using ingest::IngestState;
  switch (status.state) {
    case IngestState::kConnecting:
      return admin::StreamState::kConnecting;
    case IngestState::kStreaming:
      return admin::StreamState::kStreaming;
    case IngestState::kBackingOff:
    case IngestState::kDiskFull:
      return admin::StreamState::kWaiting;
    case IngestState::kHalted:
    case IngestState::kFailed:
    case IngestState::kStopped:
      return admin::StreamState::kStopped;
  }
  return admin::StreamState::kStopped;
}

admin::SinkStatus sink_status(const sink::SinkOptions& options, const sink::RunnerStatus& status) {
  return {.name = options.name,
          .type = options.type,
          .format = options.format,
          .state = std::string(sink::state_name(status.state)),
          .reason = status.reason,
          .since_us = status.since_us,
          .position = status.committed,
          .read = status.read,
          .lag_ms = status.lag_us / 1000,
          .messages = status.counts.messages,
          .bytes = status.counts.bytes,
          .filtered = status.counts.filtered,
          .rejected = status.counts.rejected,
          .skipped = status.counts.skipped,
          .revision = status.revision,
          .revision_from = status.revision_from};
}

uint64_t ms_since(uint64_t now_us, uint64_t then_us) {
  return now_us > then_us ? (now_us - then_us) / 1000 : 0;
}

// Behind the source: measured while it is connected; else anything may have been committed there
// since we last knew. Not known before the first contact with an empty log.
std::optional<uint64_t> lag_ms(const ingest::IngestStatus& status, const LagMeter& meter,
                               uint64_t last_commit_us, uint64_t now_us) {
  if (status.state == ingest::IngestState::kStreaming) return meter.source_lag_ms(now_us);
  const uint64_t known_us = std::max(status.last_heard_us, last_commit_us);
  return known_us == 0 ? std::nullopt : std::optional(ms_since(now_us, known_us));
}

void fill_source(admin::StreamStatus& out, const ingest::IngestStatus& status,
                 const store::Log& log) {
  out.source.address = status.address;
  out.source.server_uuid = status.source.server_uuid;
  out.source.server_id = status.source.server_id;
  out.source.version = status.source.server_version;
  out.source.tls = status.tls;
  out.source.semi_sync = status.semi_sync;
  const auto ours = log.to_source(log.visible_end());
  if (!ours) return;
  out.source.position = {ours->file, ours->offset};
  if (status.state == ingest::IngestState::kStreaming && status.source.file == ours->file &&
      status.source.offset >= ours->offset) {
    out.lag_bytes = status.source.offset - ours->offset;
  }
}

void fill_ingest(admin::StreamStatus& out, const ingest::IngestStatus& status) {
  out.state = state_of(status);
  if (status.error && out.state != admin::StreamState::kStreaming) {
    out.reason = status.error->message;
    out.error_code = code_name(status.error->code);
  }
  out.flavor = status.flavor;
  out.last_activity_us = status.last_heard_us;
  out.transactions = status.received.transactions;
  out.bytes_received = status.received.bytes;
  out.connects = status.connects;
  out.semi_sync_acks = status.acks;
}

// The name of the segment with that number; "" when it is not there.
std::string segment_name(const store::Log& log, std::mutex& mutex,
                         std::map<uint64_t, std::string>& names, uint64_t number) {
  const std::lock_guard lock(mutex);
  auto found = names.find(number);
  if (found == names.end() && number != 0) {
    for (const store::SegmentInfo& segment : log.segments())
      names.insert_or_assign(segment.number, segment.name);
    found = names.find(number);
  }
  return found == names.end() ? "" : found->second;
}

}  // namespace

admin::StreamStatus Stream::status() const {
  admin::StreamStatus out;
  out.name = config_.name;
  out.candidates = config_.source;
  out.listen = config_.listen;

  std::shared_ptr<Parts> parts;
  const serve::Server* server = nullptr;
  {
    const std::lock_guard lock(mutex_);
    parts = parts_;
    out.listen_error = listen_error_;
    out.disk_free_bytes = disk_free_bytes_;
    if (parts) server = parts->server.get();
    if (fault_) {
      out.state = retry_of(fault_->code) == Retry::kLater ? admin::StreamState::kWaiting
                                                          : admin::StreamState::kStopped;
      out.reason = fault_->message;
      out.error_code = code_name(fault_->code);
    }
  }
  if (!parts) return out;

  out.server_uuid = parts->server_uuid;
  out.server_id = parts->server_id;
  const store::Log& log = *parts->log;
  const auto place_of = [&](Position at) {
    return admin::Place{segment_name(log, parts->names_mutex, parts->names, at.segment), at.offset};
  };
  const uint64_t now_us = clock_.wall_us();
  const ingest::IngestStatus ingest = parts->ingest->status();
  fill_ingest(out, ingest);
  fill_source(out, ingest, log);
  out.position = place_of(log.visible_end());
  out.gtid_executed = log.executed().to_string();
  out.last_commit_us = log.last_commit_us();
  out.lag_ms = lag_ms(ingest, parts->meter, out.last_commit_us, now_us);
  out.store_delay = parts->meter.delays();
  const store::LogSize size = log.size();
  out.segments = size.segments;
  out.log_bytes = size.bytes;
  out.oldest = place_of({size.oldest, 4});
  for (const Parts::Sink& sink : parts->sinks_now()) {
    out.sinks.push_back(sink_status(sink.options, sink.runner->status()));
  }
  if (server == nullptr) return out;
  for (const serve::ReplicaStatus& replica : server->replicas()) {
    if (replica.mode.empty()) continue;  // only asks questions
    out.replicas.push_back(
        {.peer = replica.peer,
         .user = replica.user,
         .server_id = replica.server_id,
         .server_uuid = replica.server_uuid,
         .mode = replica.mode,
         .state = replica.caught_up ? "caught_up" : "sending",
         .position = place_of(replica.position),
         .lag_bytes = replica.lag_bytes,
         .lag_ms = replica.caught_up ? 0 : parts->meter.reader_lag_ms(replica.position, now_us),
         .bytes_sent = replica.bytes_sent,
         .connected_us = replica.connected_us,
         .semi_sync = replica.semi_sync});
  }
  return out;
}

Result<std::vector<admin::SegmentStatus>> Stream::segments() const {
  const std::shared_ptr<Parts> now = parts();
  if (!now)
    return fail(Code::kNotFound,
                fmt::format("stream {} has no open log: see its status", config_.name));
  std::vector<admin::SegmentStatus> out;
  for (const store::SegmentInfo& segment : now->log->segments()) {
    out.push_back({.name = segment.name,
                   .bytes = segment.bytes,
                   .sealed = segment.sealed,
                   .first_us = uint64_t{segment.first_timestamp} * 1'000'000,
                   .last_commit_us = segment.last_commit_us,
                   .previous_gtids = segment.previous.to_string()});
  }
  return out;
}

namespace {

// Of the newest server that has the place, unless one is named.
Result<Position> from_source(const store::Log& log, const admin::LocateQuery& query) {
  const admin::Place& theirs = *query.theirs;
  if (!query.server_uuid.empty())
    return log.from_source(query.server_uuid, theirs.file, theirs.offset);
  const std::vector<store::SourceSpan> spans = log.sources();
  for (auto span = spans.rbegin(); span != spans.rend(); ++span) {
    auto found = log.from_source(span->server_uuid, theirs.file, theirs.offset);
    if (found || std::next(span) == spans.rend()) return found;
  }
  return fail(Code::kNotFound, "the log is empty");
}

Result<Position> find(const store::Log& log, const admin::LocateQuery& query) {
  if (query.theirs) return from_source(log, query);
  if (query.time_us) return log.find_time(*query.time_us);
  if (query.gtid_set) {
    BINBUS_TRY(executed, mysql::Executed::parse(log.executed().flavor(), *query.gtid_set));
    return log.find_gtids(executed);
  }
  BINBUS_TRY(name, binlog::SegmentName::parse(query.ours->file));
  return Position{name.number, query.ours->offset};
}

}  // namespace

Result<admin::Location> Stream::locate(const admin::LocateQuery& query) const {
  const std::shared_ptr<Parts> now = parts();
  if (!now)
    return fail(Code::kNotFound,
                fmt::format("stream {} has no open log: see its status", config_.name));
  const store::Log& log = *now->log;
  BINBUS_TRY(at, find(log, query));
  const std::string name = segment_name(log, now->names_mutex, now->names, at.segment);
  if (name.empty() || (query.ours && query.ours->file != name) || at > log.visible_end()) {
    return fail(Code::kNotFound,
                fmt::format("stream {} does not hold {}", config_.name,
                            query.ours ? fmt::format("{}:{}", query.ours->file, query.ours->offset)
                                       : "that place"));
  }
  BINBUS_TRY(source, log.to_source(at));
  return admin::Location{.position = {name, at.offset},
                         .server_uuid = source.server_uuid,
                         .server_id = source.server_id,
                         .source = {source.file, source.offset}};
}

Status Stream::command_sink(const std::string& sink, const admin::SinkCommand& command) const {
  using Kind = admin::SinkCommand::Kind;
  const std::shared_ptr<Parts> now = parts();
  if (!now) return fail(no_log());
  for (const Parts::Sink& each : now->sinks_now()) {
    if (each.options.name != sink) continue;
    sink::Runner& runner = *each.runner;
    switch (command.kind) {
      case Kind::kPause:
        runner.pause();
        break;
      case Kind::kResume:
        runner.resume();
        break;
      case Kind::kSeek:
        // What names no place leaves the sink where it is.
        BINBUS_RETURN_IF_ERROR(LogChanges(*now->log, now->schema_at()).start(command.where));
        runner.seek(command.where);
        break;
      case Kind::kRewind: {
        BINBUS_TRY(by_ms, parse_duration_ms(command.where));
        const uint64_t delivered_us = clock_.wall_us() - runner.status().lag_us;
        runner.seek("time:" + utc_text(delivered_us - std::min(by_ms * 1000, delivered_us)));
        break;
      }
      case Kind::kReplay:
        runner.replay_dead_letters();
        break;
    }
    return ok();
  }
  return fail(Code::kNotFound, fmt::format("stream {} has no sink \"{}\"", config_.name, sink));
}

Status Stream::rebuild_schema() const {
  const std::shared_ptr<Parts> now = parts();
  if (!now || now->sinks_now().empty()) {
    return fail(Code::kNotFound,
                fmt::format("stream {} keeps no schema history: it has no sink", config_.name));
  }
  now->keeper->ask(changes::BaselineReason::kAsked);
  return ok();
}

Result<std::string> Stream::show_table(const std::string& table, const std::string& at) const {
  const std::shared_ptr<Parts> now = parts();
  if (!now) return fail(no_log());
  const size_t dot = table.find('.');
  if (dot == std::string::npos) {
    return fail(Code::kInvalid, fmt::format("\"{}\": must be DATABASE.TABLE", table));
  }
  BINBUS_TRY(place, LogChanges(*now->log, now->schema_at()).find(at));
  BINBUS_TRY(state, now->history.table(table.substr(0, dot), table.substr(dot + 1), place));
  if (!state.reread.empty()) {
    return fail(Code::kNotFound,
                fmt::format("the columns of {} are not known there: {}", table, state.reread));
  }
  if (state.version == nullptr) {
    return fail(Code::kNotFound, fmt::format("there is no table {} at {}", table, at));
  }
  return schema::show_create(*state.version) + "\n";
}

Result<std::unique_ptr<admin::Tail>> Stream::tail(const admin::TailQuery& query) const {
  const std::shared_ptr<Parts> now = parts();
  if (!now) return fail(no_log());
  auto changes = std::make_unique<LogChanges>(*now->log, now->schema_at());
  return make_tail(config_.name, query, std::move(changes), now);
}

}  // namespace binbus::app
