// What a stream tells of itself: the questions to Stream, which change nothing.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>

#include "app/config_keys.h"
#include "app/feed_cursors.h"
#include "app/group_cursors.h"
#include "app/saved_place.h"
#include "app/stream.h"
#include "app/stream_parts.h"
#include "app/table_rows.h"
#include "app/tail.h"
#include "app/verify_tail.h"
#include "base/error_table.h"
#include "base/log.h"
#include "base/utc_time.h"
#include "binlog/position.h"
#include "feed/place.h"
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

// The age of the first transaction that its target has not confirmed. Of what was stored before the meter began, only what the
// sink reads just now tells.
uint64_t sink_lag_ms(const sink::RunnerStatus& status, const LagMeter& meter, uint64_t now_us) {
  const auto at = position_of(status.delivered);  // none of one that has not begun
  return std::max(status.read_lag_us / 1000, at ? meter.reader_lag_ms(*at, now_us) : 0);
}

admin::SinkStatus sink_status(const sink::SinkOptions& options, const sink::RunnerStatus& status,
                              uint64_t lag_ms) {
  return {.name = options.name,
          .type = options.type,
          .format = options.format,
          .state = std::string(sink::state_name(status.state)),
          .reason = status.reason,
          .since_us = status.since_us,
          .position = status.committed,
          .read = status.read,
          .lag_ms = lag_ms,
          .messages = status.counts.messages,
          .bytes = status.counts.bytes,
          .filtered = status.counts.filtered,
          .rejected = status.counts.rejected,
          .skipped = status.counts.skipped,
          .revision = status.revision,
          .revision_from = status.revision_from};
}

admin::KeptStatus kept_status(const state::KeeperStatus& status, const KeptPatterns& patterns) {
  admin::KeptStatus out{.position = status.place.text,
                        .caught_up = status.caught_up,
                        .reason = status.reason,
                        .fill_reason = status.fill_reason,
                        .disk_bytes = status.disk_bytes,
                        .patterns = patterns.list(),
                        .patterns_told = patterns.is_told(),
                        .tables = {}};
  for (const state::TableRecord& table : *status.tables) {
    const state::FillProgress& fill = table.fill;
    out.tables.push_back({.name = table.full_name(),
                          .phase = std::string(state::phase_name(table.phase)),
                          .error = table.error,
                          .paused = fill.paused,
                          .rows_read = fill.rows,
                          .rows_expected = fill.rows_expected,
                          .bytes_read = fill.bytes,
                          .chunks = fill.chunks,
                          .since_us = fill.since_us});
  }
  return out;
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

void fill_fault(admin::StreamStatus& out, const Error& fault) {
  out.state = retry_of(fault.code) == Retry::kLater ? admin::StreamState::kWaiting
                                                    : admin::StreamState::kStopped;
  out.reason = fault.message;
  out.error_code = code_name(fault.code);
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

void Stream::give_way(Parts& parts) {
  const uint64_t now_us = clock_.monotonic_us(), term = parts.group->leading();
  if (term == 0) return patience_.taken(now_us);
  admin::StreamStatus seen;
  if (const auto here = work(parts)) {
    fill_ingest(seen, here->ingest->status());
  } else if (work_error_) {
    fill_fault(seen, *work_error_);
  }
  patience_.look(seen, now_us);
  if (!patience_.has_ended() || !cluster_->another_could_lead(config_.name, *parts.group)) return;
  log::warn("stream_offered", {{"stream", config_.name}, {"reason", patience_.why()}});
  static_cast<void>(cluster_->give_way(*parts.group, term, patience_.leave(now_us)));  // or later
  patience_.taken(now_us);
}

admin::StreamStatus Stream::status() const {
  admin::StreamStatus out;
  out.name = config_.name;
  out.candidates = config_.source;
  out.listen = config_.listen;

  std::shared_ptr<Parts> parts;
  std::shared_ptr<Work> here;
  const serve::Server* server = nullptr;
  std::optional<Error> work_error;
  {
    const std::lock_guard lock(mutex_);
    parts = parts_;
    work_error = work_error_;
    out.listen_error = listen_error_;
    out.disk_free_bytes = disk_free_bytes_;
    if (parts) server = parts->server.get();
    if (parts) {
      here = parts->work;
      out.server_uuid = parts->server_uuid;
      out.server_id = parts->server_id;
    }
    if (!kept_at_.empty()) {
      out.state = admin::StreamState::kStandby;
      out.kept_at = kept_at_;
      out.reason = fmt::format("kept at {}", fmt::join(kept_at_, ", "));
    }
    if (fault_) fill_fault(out, *fault_);
  }
  if (!parts) return out;

  const store::Log& log = *parts->log;
  const auto place_of = [&](Position at) {
    return admin::Place{segment_name(log, parts->names_mutex, parts->names, at.segment), at.offset};
  };
  const uint64_t now_us = clock_.wall_us();
  if (parts->group) out.cluster = cluster_->describe(config_.name, *parts->group);
  const ingest::IngestStatus ingest = here ? here->ingest->status() : ingest::IngestStatus();
  if (here) {
    fill_ingest(out, ingest);
    fill_source(out, ingest, log);
  } else {
    out.state = admin::StreamState::kStandby;
    out.reason = out.cluster->reason;
    const raft::GroupStatus group = parts->group->status();
    if (group.blocked) fill_fault(out, *group.blocked);
    if (work_error && group.leads) fill_fault(out, *work_error);
    parts->meter.seen({log.visible_end(), log.last_commit_us(), false});
  }
  out.position = place_of(log.visible_end());
  out.gtid_executed = log.executed().to_string();
  out.last_commit_us = log.last_commit_us();
  if (here) out.lag_ms = lag_ms(ingest, parts->meter, out.last_commit_us, now_us);
  out.store_delay = parts->meter.delays();
  const store::LogSize size = log.size();
  out.segments = size.segments;
  out.log_bytes = size.bytes;
  out.oldest = place_of({size.oldest, 4});
  if (here) {
    for (const Work::Sink& sink : here->sinks_now()) {
      const sink::RunnerStatus status = sink.runner->status();
      out.sinks.push_back(
          sink_status(sink.options, status, sink_lag_ms(status, parts->meter, now_us)));
    }
  } else {
    for (const sink::SinkOptions& sink : sinks_of(*parts)) {
      admin::SinkStatus& standby = out.sinks.emplace_back();
      standby.name = sink.name;
      standby.type = sink.type;
      standby.format = sink.format;
      standby.state = "standby";
      standby.position = log.cursor(cursor_name(sink.name));
    }
  }
  if (parts->state) out.kept = kept_status(parts->state->status(), *parts->kept);
  if (parts->cursors) {
    admin::FeedStatus& feed = out.feed.emplace();
    feed.bytes_sent = parts->subscribers->bytes_sent();
    for (feed::SubscriberStatus& each : parts->subscribers->list())
      feed.subscribers.push_back(
          {.client = std::move(each.client),
           .peer = std::move(each.peer),
           .cursor = std::move(each.cursor),
           .parts = each.parts,
           .state = std::move(each.state),
           .reason = std::move(each.reason),
           .position = each.position,
           .lag_ms = each.position.empty() ? 0 : parts->meter.reader_lag_ms(each.read, now_us),
           .bytes_sent = each.bytes_sent,
           .connected_us = each.connected_us});
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
  if (!now) return fail(no_log());
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
  if (!now) return fail(no_log());
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
  BINBUS_TRY(here, work_here());
  Parts* const now = here.parts.get();
  for (const Work::Sink& each : here.work->sinks_now()) {
    if (each.options.name != sink) continue;
    sink::Runner& runner = *each.runner;
    switch (command.kind) {
      case Kind::kPause:
        if (now->group)  // whoever leads next knows of it
          BINBUS_RETURN_IF_ERROR(now->group->put(here.work->term, {paused_cursor(sink), "1"}));
        runner.pause();
        break;
      case Kind::kResume:
        if (now->group)
          BINBUS_RETURN_IF_ERROR(
              now->group->put(here.work->term, {paused_cursor(sink), std::nullopt}));
        runner.resume();
        break;
      case Kind::kSeek:
        // What names no place leaves the sink where it is.
        BINBUS_RETURN_IF_ERROR(
            changes::LogChanges(*now->log, now->schema_at()).start(command.where));
        runner.seek(command.where);
        break;
      case Kind::kRewind: {
        BINBUS_TRY(by_ms, parse_duration_ms(command.where));
        const sink::RunnerStatus status = runner.status();
        const uint64_t now_us = clock_.wall_us();
        const uint64_t back_us = (sink_lag_ms(status, now->meter, now_us) + by_ms) * 1000;
        const std::string where = "time:" + utc_text(now_us - std::min(back_us, now_us));
        // Never forward: of what was stored before a restart the lag tells too little.
        const auto to = changes::LogChanges(*now->log, now->schema_at()).find(where);
        const auto at = position_of(status.committed);
        runner.seek(to && at && *at < *to ? status.committed : where);
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
  BINBUS_TRY(here, work_here());
  if (here.work->sinks_now().empty() && !config_.state) {
    return fail(Code::kNotFound,
                fmt::format("stream {} keeps no schema history: it has no sink and no [[state]]",
                            config_.name));
  }
  here.work->keeper->ask(changes::BaselineReason::kAsked);
  return ok();
}

Result<std::string> Stream::show_table(const std::string& table, const std::string& at) const {
  const std::shared_ptr<Parts> now = parts();
  if (!now) return fail(no_log());
  const size_t dot = table.find('.');
  if (dot == std::string::npos) {
    return fail(Code::kInvalid, fmt::format("\"{}\": must be DATABASE.TABLE", table));
  }
  BINBUS_TRY(place, changes::LogChanges(*now->log, now->schema_at()).find(at));
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

Result<std::unique_ptr<admin::Tail>> Stream::rows(const admin::RowsQuery& query) const {
  const std::shared_ptr<Parts> now = parts();
  if (!now) return fail(no_log());
  BINBUS_TRY(keeper, kept(*now));
  if (!query.at.empty()) {
    const state::PastRows past = past_rows(*now, *keeper);
    BINBUS_TRY(place, past.find(query.at));
    BINBUS_TRY(view, past.view(place, now->closing.get_token()));
    return make_rows(config_.name, query, view);
  }
  const auto view = keeper->view();
  if (view == nullptr) return fail(Code::kUnavailable, "no table is ready yet");
  return make_rows(config_.name, query, view);
}

Result<feed::Stream> Stream::feed() const {
  const std::shared_ptr<Parts> now = parts();
  if (!now) return fail(Code::kUnavailable, no_log().message);
  return feed::Stream{.keep = now,
                      .log = now->log,
                      .schema_at = now->schema_at(),
                      .on_diverged =
                          [this, parts = now.get()] {
                            if (const auto here = work(*parts))
                              here->keeper->ask(changes::BaselineReason::kReread);
                          },
                      .state = now->state.get(),
                      .cursors = now->cursors,
                      .subscribers = now->subscribers,
                      .tails = now->tails,
                      .closing = now->closing.get_token()};
}

namespace {

Result<std::shared_ptr<feed::Cursors>> cursors_of(const std::shared_ptr<feed::Cursors>& cursors) {
  if (cursors) return cursors;
  return fail(Code::kNotFound, "there is no [feed], and so no cursors");
}

}  // namespace

Result<std::vector<admin::CursorStatus>> Stream::cursors() const {
  const std::shared_ptr<Parts> now = parts();
  if (!now) return fail(no_log());
  BINBUS_TRY(cursors, cursors_of(now->cursors));
  BINBUS_TRY(all, cursors->list());
  changes::LogChanges changes(*now->log, now->schema_at());
  std::vector<admin::CursorStatus> out;
  for (feed::CursorStatus& each : all) {
    admin::CursorStatus& told = out.emplace_back();
    told.name = std::move(each.name);
    told.position =
        each.shared ? feed::furthest_behind(changes, each.places) : std::move(each.position);
    told.client = std::move(each.client);
    told.shared = each.shared;
    for (feed::Worker& worker : each.workers)
      told.workers.push_back({std::move(worker.client), std::popcount(worker.parts)});
    const auto place = feed::Place::parse(told.position);
    const auto at = place ? changes.find(place->at) : fail(place.error());
    if (at) told.lag_ms = now->meter.reader_lag_ms(*at, clock_.wall_us());
    told.purged = place && !at && at.error().code == Code::kPurged;
  }
  return out;
}

Status Stream::remove_cursor(const std::string& cursor) const {
  const std::shared_ptr<Parts> now = parts();
  if (!now) return fail(no_log());
  BINBUS_TRY(cursors, cursors_of(now->cursors));
  return cursors->remove(cursor);
}

Result<std::string> Stream::answer_cursors(const std::string& question) const {
  BINBUS_TRY(here, work_here());
  if (!here.work->cursors) return fail(Code::kUnsupported, "this node has no [feed]");
  return answer_of_cursors(*here.work->cursors, question);
}

Result<state::TableKeeper*> Stream::kept(const Parts& parts) const {
  if (parts.state) return parts.state.get();
  return fail(Code::kNotFound,
              fmt::format("stream {} keeps no rows: it has no [[state]]", config_.name));
}

Status Stream::keep_tables(const std::vector<std::string>& patterns) const {
  const std::shared_ptr<Parts> now = parts();
  if (!now) return fail(no_log());
  BINBUS_TRY(keeper, kept(*now));
  BINBUS_RETURN_IF_ERROR(now->kept->tell(patterns));
  log::info(
      "state_tables_told",
      {{"stream", config_.name}, {"tables", fmt::format("{}", fmt::join(now->kept->list(), " "))}});
  keeper->list_anew();
  return ok();
}

Result<std::unique_ptr<admin::Tail>> Stream::verify(const admin::VerifyQuery& query) const {
  const std::shared_ptr<Parts> now = parts();
  if (!now) return fail(no_log());
  BINBUS_TRY(keeper, kept(*now));
  BINBUS_TRY(run, make_verification(*keeper, query));
  BINBUS_RETURN_IF_ERROR(keeper->verify(run));
  return make_verify_tail(config_.name, std::move(run));
}

Status Stream::command_snapshot(const admin::SnapshotCommand& command) const {
  const std::shared_ptr<Parts> now = parts();
  if (!now) return fail(no_log());
  BINBUS_TRY(keeper, kept(*now));
  switch (command.kind) {
    case admin::SnapshotCommand::Kind::kStart:
      return keeper->fill_anew(command.table);
    case admin::SnapshotCommand::Kind::kPause:
      return keeper->pause(command.table);
    case admin::SnapshotCommand::Kind::kResume:
      return keeper->resume(command.table);
    case admin::SnapshotCommand::Kind::kCancel:
      return keeper->cancel(command.table);
  }
  return ok();
}

state::PastRows Stream::past_rows(Parts& parts, const state::TableKeeper& keeper) const {
  return {config_.name, *parts.log, parts.schema_at(),
          [&keeper](std::string_view database, std::string_view table) {
            return keeper.keeps(database, table);
          },
          state::SnapshotFolder(files_, snapshots_folder(folder_))};
}

Result<admin::MadeSnapshot> Stream::make_snapshot(const std::string& purpose,
                                                  const std::string& at) const {
  const std::shared_ptr<Parts> now = parts();
  if (!now) return fail(no_log());
  BINBUS_TRY(keeper, kept(*now));
  const auto make = [&]() -> Result<state::SnapshotInfo> {
    if (at.empty()) return keeper->make_snapshot(purpose);
    const state::PastRows past = past_rows(*now, *keeper);
    BINBUS_TRY(place, past.find(at));
    return past.keep(place, purpose, clock_.wall_us(), now->closing.get_token());
  };
  BINBUS_TRY(made, make());
  return admin::MadeSnapshot{
      .name = made.name, .position = made.position, .not_ready = made.not_ready};
}

Result<std::unique_ptr<admin::Tail>> Stream::tail(const admin::TailQuery& query) const {
  const std::shared_ptr<Parts> now = parts();
  if (!now) return fail(no_log());
  auto changes = std::make_unique<changes::LogChanges>(*now->log, now->schema_at());
  return make_tail(config_.name, query, std::move(changes), now, now->closing.get_token());
}

}  // namespace binbus::app
