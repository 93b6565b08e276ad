#include "app/stream.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "app/data_folder.h"
#include "app/feed_cursors.h"
#include "app/fenced_target.h"
#include "app/group_cursors.h"
#include "app/ingest_options.h"
#include "app/lease_writes.h"
#include "app/schema_surroundings.h"
#include "app/sink_targets.h"
#include "app/source_client.h"
#include "app/stream_parts.h"
#include "base/error_table.h"
#include "base/log.h"
#include "ingest/baseline.h"
#include "ingest/dump_plan.h"

namespace binbus::app {
namespace {

constexpr auto kEvery = std::chrono::seconds(5);  // retention, and another try at what failed
constexpr uint64_t kSoonMs = 200;
constexpr uint64_t kUpToDateMs = 5'000;  // of lag: who has no more of it is not behind
constexpr uint32_t kRowsAnswerMs =
    60'000;  // how long a source may think before a chunk's first row
constexpr uint32_t kFactsAnswerMs = 5'000;

serve::ServerOptions server_options(const StreamConfig& config, const std::string& server_uuid,
                                    uint32_t server_id, size_t connections_max) {
  serve::ServerOptions options;
  options.stream = config.name;
  options.listen = config.listen;
  for (const ReplicaUserConfig& user : config.replica_users) {
    options.accounts.push_back(
        {.name = user.name, .password = mysql::StoredPassword::from_plain(user.password)});
  }
  options.tls.certificate_file = config.listen_tls_cert;
  options.tls.key_file = config.listen_tls_key;
  options.tls.ca_file = config.listen_tls_ca;
  options.require_tls = config.listen_tls_required || !config.listen_tls_ca.empty();
  options.write_timeout_ms = static_cast<int>(config.replica_timeout_ms);
  options.server_id = server_id;
  options.server_uuid = server_uuid;
  options.connections_max = connections_max;
  return options;
}

}  // namespace

Stream::Stream(StreamConfig config, std::vector<sink::SinkOptions> sinks, const DataFolder& data,
               size_t connections_max, io::FileSystem& files, io::Clock& clock)
    : config_(std::move(config)),
      sinks_(std::move(sinks)),
      data_(data),
      cluster_(nullptr),
      folder_(data.stream_folder(config_.name)),
      connections_max_(connections_max),
      files_(files),
      clock_(clock) {}

Stream::Stream(StreamConfig config, SinksOfLog sinks, const DataFolder& data,
               size_t connections_max, io::FileSystem& files, io::Clock& clock, Cluster& cluster)
    : config_(std::move(config)),
      sinks_of_log_(std::move(sinks)),
      data_(data),
      cluster_(&cluster),
      folder_(data.stream_folder(config_.name)),
      connections_max_(connections_max),
      files_(files),
      clock_(clock) {}

Stream::~Stream() { stop(); }

void Stream::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Stream::start(std::shared_ptr<coordinate::Lease> lease, const std::string& from,
                   std::vector<sink::SinkOptions> sinks) {
  lease_ = std::move(lease);
  from_ = from;
  sinks_ = std::move(sinks);
  {
    const std::lock_guard lock(mutex_);
    fault_.reset();
  }
  start();
}

void Stream::stop() {
  thread_.request_stop();
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  refusal_.reset();
  if (!parts()) return lease_.reset();
  close();
  lease_.reset();
  log::info("stream_stopped", {{"stream", config_.name}});
}

void Stream::close() {
  std::shared_ptr<Parts> parts;
  {
    const std::lock_guard lock(mutex_);
    parts = std::move(parts_);
  }
  parts->closing.request_stop();
  if (parts->state) parts->state->stop();
  if (parts->server) parts->server->stop();
  if (parts->work) {
    end_sinks(*parts->work);
    parts->work->ingest->stop();  // which ends soon too where no majority is left
  }
  for (const auto& work : parts->retired) work->ingest->stop();
  if (!parts->group) return;
  parts->group->stop();
  cluster_->closed(config_.name);
}

void Stream::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "stream");
  bool try_again = true;
  while (!stop.stop_requested()) {
    const bool aside = cluster_ != nullptr && stands_aside();
    try_again = try_again || aside;  // should it come back
    const std::shared_ptr<Parts> open_parts = parts();
    if (open_parts) {
      const uint64_t term = lead(*open_parts);
      listen(*open_parts);
      keep(*open_parts);
      if (open_parts->group) {
        if (const auto failed = open_parts->group->status().error) {
          close();  // replicas and readers go to other nodes
          report_fault(*failed);
          try_again = retry_of(failed->code) == Retry::kLater;
          continue;
        }
        give_way(*open_parts);
        const auto now = work(*open_parts);
        const store::Log& log = *open_parts->log;
        if (!now) open_parts->meter.seen({log.visible_end(), log.last_commit_us(), false});
        open_parts->group->wait_leading(term, wait_ms(*open_parts), stop);
        continue;
      }
    } else if (try_again && !aside) {
      Status opened = open();
      if (opened || (cluster_ != nullptr && stands_aside())) continue;
      report_fault(opened.error());
      try_again = retry_of(opened.error().code) == Retry::kLater;
    }
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, kEvery, [] { return false; });
  }
}

bool Stream::stands_aside() {
  std::vector<std::string> nodes = cluster_->kept_at(config_.name);
  const std::shared_ptr<Parts> open = parts();
  const bool closed = !open && !kept_at().empty();  // as may_close() said
  if (!nodes.empty() && !closed &&
      !cluster_->may_close(config_.name, open ? open->group.get() : nullptr))
    nodes.clear();
  if (open && !nodes.empty()) {
    close();
    log::info("stream_left", {{"stream", config_.name}});
  }
  const bool aside = !nodes.empty();
  const std::string names = fmt::format("{}", fmt::join(nodes, ", "));
  {
    const std::lock_guard lock(mutex_);
    if (nodes != kept_at_) {
      fault_.reset();
      refusal_.reset();
    }
    kept_at_ = std::move(nodes);
  }
  if (aside && !refusal_) refuse("it is not kept at this node: connect to " + names);
  return aside;
}

std::vector<std::string> Stream::kept_at() const {
  const std::lock_guard lock(mutex_);
  return kept_at_;
}

Status Stream::open() {
  BINBUS_TRY(opened, open_parts());
  refusal_.reset();
  const std::lock_guard lock(mutex_);
  parts_ = opened;
  fault_.reset();
  return ok();
}

Result<std::shared_ptr<Stream::Parts>> Stream::open_parts() const {
  std::string uuid = config_.server_uuid;
  if (uuid.empty()) {
    BINBUS_TRY(kept, data_.server_uuid(files_, config_.name));
    uuid = std::move(kept);
  }
  const uint32_t server_id =
      config_.server_id != 0 ? static_cast<uint32_t>(config_.server_id) : server_id_of(uuid);
  store::RecoveryReport report;
  store::LogOptions options;
  options.directory = folder_;
  options.retain_bytes = config_.retain_bytes;
  options.retain_seconds = config_.retain_hours * 3600;
  options.keep_free_bytes = config_.keep_free_bytes;
  std::shared_ptr<Parts> parts;
  if (cluster_ != nullptr) {
    BINBUS_TRY(group,
               cluster_->open_group(config_.name, config_.copies, std::move(options), &report));
    parts = std::make_shared<Parts>(std::move(group), std::move(uuid), server_id);
  } else {
    BINBUS_TRY(opened, store::LocalLog::open(files_, clock_, std::move(options), &report));
    parts = std::make_shared<Parts>(std::move(opened), std::move(uuid), server_id);
  }
  const auto segments = parts->log->segments();
  log::info("log_opened",
            {{"stream", config_.name},
             {"folder", folder_},
             {"segments", segments.size()},
             {"end", segments.empty() ? "-"
                                      : fmt::format("{}:{}", segments.back().name,
                                                    parts->log->visible_end().offset)},
             {"gtid_executed", parts->log->executed().to_string()}});
  for (const std::string& note : report.notes)
    log::warn("log_recovered", {{"stream", config_.name}, {"note", note}});
  if (config_.state) BINBUS_RETURN_IF_ERROR(begin_state(*parts));
  if (config_.fed) {
    BINBUS_TRY(cursors, make_cursors(*parts));
    parts->cursors = std::move(cursors);
  }
  if (parts->local) {
    BINBUS_TRY(work,
               begin_work(*parts, std::make_shared<Work>(uint64_t{0}, parts->local->writer())));
    parts->work = std::move(work);
  }
  if (parts->state) parts->state->start();
  return parts;
}

// Every node keeps its own, from its own log.
Status Stream::begin_state(Parts& parts) const {
  const StateConfig& state = *config_.state;
  BINBUS_TRY(kept, KeptPatterns::load(files_, folder_ + "/state.tables", state.tables));
  parts.kept = std::move(kept);
  if (parts.kept->is_told()) {
    log::info("state_tables_told",
              {{"stream", config_.name},
               {"tables", fmt::format("{}", fmt::join(parts.kept->list(), " "))},
               {"not",
                "those of binbus.toml; `binbus snapshot tables "
                "--reset` takes it back"}});
  }
  const state::KeeperOptions options{
      .stream = config_.name,
      .store = {.folder = folder_ + "/state", .cache_bytes = state.cache_bytes},
      .fill = {.tables_at_once = state.tables_at_once,
               .rows_per_second = state.rows_per_second,
               .bytes_per_second = state.bytes_per_second,
               .threads_running_max = state.threads_running_max},
      .snapshots = {.folder = snapshots_folder(folder_),
                    .every_ms = state.snapshot_every_ms,
                    .kept = state.snapshots_kept},
      .fill_images = state.fill_images};
  const auto connect = [this, &parts]() -> Result<std::unique_ptr<mysql::Client>> {
    if (const auto here = work(parts))
      return connect_to_source(config_, *here->ingest, kRowsAnswerMs);
    const auto sources = parts.log->sources();
    if (sources.empty()) return fail(Code::kUnavailable, "the log has nothing yet");
    return connect_to_source(config_, sources.back(), kRowsAnswerMs);
  };
  const auto on_diverged = [this, &parts] {
    if (const auto here = work(parts)) here->keeper->ask(changes::BaselineReason::kReread);
  };
  parts.state = std::make_unique<state::TableKeeper>(
      options,
      state::KeeperSurroundings{
          .log = *parts.log,
          .files = files_,
          .clock = clock_,
          .schema_at = parts.schema_at(),
          .on_diverged = on_diverged,
          .wants = [&patterns = *parts.kept](
                       std::string_view database,
                       std::string_view table) { return patterns.matches(database, table); },
          .source = {.connect = connect, .place = ingest::ask_place}});
  return ok();
}

Result<std::shared_ptr<feed::Cursors>> Stream::make_cursors(Parts& parts) const {
  if (parts.group) {
    return leaders_cursors(
        config_.name,
        [this, &parts] {
          const auto here = work(parts);
          return here ? here->cursors : nullptr;
        },
        [this](const std::string& question) {
          return cluster_->ask_leader(config_.name, question);
        });
  }
  BINBUS_TRY(store, feed::open_cursor_files(files_, folder_ + "/feed"));
  return std::shared_ptr<feed::Cursors>(
      std::make_shared<feed::CursorTable>(std::move(store), clock_, 0));
}

Result<std::shared_ptr<Stream::Work>> Stream::begin_work(Parts& parts,
                                                         std::shared_ptr<Work> work) const {
  if (parts.group)
    BINBUS_RETURN_IF_ERROR(take_over_files(files_, folder_, *parts.group, work->term));
  work->destination = std::make_unique<LogDestination>(*parts.log, work->writer, parts.meter,
                                                       work->recorder, clock_);
  ingest::IngestOptions to_source = ingest_options(config_, parts.server_uuid);
  if (!from_.empty()) {
    BINBUS_TRY(saved, ingest::Start::parse(from_));
    to_source.start = std::move(saved);
  }
  if (parts.group) {
    // A quorum agrees to it: who was deposed and does not know yet takes the source from nobody.
    to_source.take_turn = [&group = *parts.group,
                           term = work->term](const std::string& connection) -> Status {
      BINBUS_RETURN_IF_ERROR(group.put(term, {std::string(kIngestCursor), connection}));
      // What it proposed may have been agreed to after it was deposed.
      return group.leading() == term ? ok() : fail(Code::kUnavailable, "another node leads");
    };
    to_source.has_turn = [&group = *parts.group, term = work->term] {
      return group.leading() == term && group.status().core.transferee == 0;
    };
    to_source.predecessor = parts.log->cursor(std::string(kIngestCursor));
  }
  work->ingest = ingest::Ingest::start(std::move(to_source), *work->destination, clock_);
  work->keeper = std::make_unique<changes::SchemaKeeper>(
      config_.name, *parts.log, parts.history, clock_,
      schema_surroundings(config_, *work->ingest, work->recorder));
  if (parts.group && config_.fed) {
    work->cursors = std::make_shared<feed::CursorTable>(
        group_cursor_store(*parts.group, work->term), clock_, feed::Cursors::kLeaseMs);
  }
  start_sinks(parts, *work);
  return work;
}

void Stream::end_sinks(Work& work) {
  {
    const std::lock_guard lock(work.sinks_mutex);
    work.ended = true;
  }
  for (const Work::Sink& sink : work.sinks_now()) sink.runner->stop();
  work.keeper->stop();
}

// A node works for one term; when it leads in another, it begins anew.
uint64_t Stream::lead(Parts& parts) {
  if (!parts.group) return 0;
  // They hold what they have read of the log.
  std::erase_if(parts.retired, [](const std::shared_ptr<Work>& each) {
    return each->ingest->status().state == ingest::IngestState::kStopped;
  });
  const uint64_t term = parts.group->leading();
  std::shared_ptr<Work> now = work(parts);
  if (now && now->term != term) {
    {
      const std::lock_guard lock(mutex_);
      parts.work.reset();
    }
    end_sinks(*now);
    now->ingest->retire();
    log::info("leads_no_more", {{"stream", config_.name}, {"term", now->term}});
    parts.retired.push_back(std::exchange(now, nullptr));
  }
  if (now || term == 0) return term;
  auto begun = begin_work(parts, std::make_shared<Work>(*parts.group, term));
  if (!begun) {
    if (!work_error_ || work_error_->message != begun.error().message)
      log::error("cannot_lead", {{"stream", config_.name}, {"error", begun.error()}});
    const std::lock_guard lock(mutex_);
    work_error_ = begun.error();
    return term;
  }
  log::info("leads", {{"stream", config_.name}, {"term", term}});
  // All nodes are one server to replicas.
  const std::string uuid_cursor(kServerUuidCursor);
  if (parts.log->cursor(uuid_cursor).empty())
    static_cast<void>(parts.group->put(term, {uuid_cursor, parts.server_uuid}));
  const std::lock_guard lock(mutex_);
  work_error_.reset();
  parts.work = std::move(*begun);
  return term;
}

// Until nothing is missing that replicas may ask for, it looks often.
uint64_t Stream::wait_ms(const Parts& parts) const {
  const bool known = !parts.log->cursor(std::string(kSourceFactsCursor)).empty();
  const bool serves = config_.listen.empty() || parts.server;
  return known && serves ? std::chrono::milliseconds(kEvery).count() : kSoonMs;
}

std::shared_ptr<Stream::Work> Stream::work(const Parts& parts) const {
  const std::lock_guard lock(mutex_);
  return parts.work;
}

Result<Stream::Here> Stream::work_here() const {
  Here here{.parts = parts(), .work = {}};
  if (!here.parts) return fail(no_log());
  here.work = work(*here.parts);
  if (here.work) return here;
  const std::string leader = cluster_->leader_name(*here.parts->group);
  return fail(Code::kUnavailable,
              fmt::format("this node does not lead stream {}; {}", config_.name,
                          leader.empty() ? "no node does, for now" : leader + " does: ask there"));
}

std::unique_ptr<sink::Runner> Stream::make_sink(Parts& parts, Work& work,
                                                const sink::SinkOptions& options) const {
  auto changes = std::make_unique<changes::LogChanges>(
      *parts.log, parts.schema_at(),
      [&work] { work.keeper->ask(changes::BaselineReason::kReread); },
      parts.state ? parts.state->filler() : changes::FillRow());
  sink::Surroundings around{.source = std::move(changes),
                            .make_target = target_maker(files_, clock_),
                            .files = files_,
                            .clock = clock_,
                            .folder = folder_ + "/sinks",
                            .read_filter_table = [this, &work](const std::string& table) {
                              return read_filter_table(config_, *work.ingest, table);
                            }};
  if (parts.group) {
    const auto still = [group = parts.group, term = work.term]() -> Status {
      if (group->leading() == term) return ok();
      return fail(Code::kStopped, "this node does not lead any more");
    };
    around.make_target = fenced(std::move(around.make_target), still, std::to_string(work.term));
    around.checkpoints = cursor_checkpoints(options.name, *parts.group, work.term);
    around.filter_store = cursor_filter_store(options.name, *parts.group, work.term);
  }
  if (lease_) {
    around.make_target = fenced(
        std::move(around.make_target), [lease = lease_] { return lease->check(); },
        std::string(lease_->epoch_text()));
    around.checkpoints = coordinated_checkpoints(
        options, lease_, *parts.log,
        sink::file_checkpoints(files_, around.folder + "/" + options.name + ".checkpoint"));
    around.filter_store = coordinated_filter_store(
        options.name, lease_, *parts.log,
        sink::file_filter_store(files_, around.folder + "/" + options.name + ".filter_table.json"));
  }
  sink::SinkOptions now = options;
  now.paused = now.paused || !parts.log->cursor(paused_cursor(options.name)).empty();
  return std::make_unique<sink::Runner>(now, std::move(around));
}

std::vector<sink::SinkOptions> Stream::sinks_of(const Parts& parts) const {
  return sinks_of_log_ ? sinks_of_log_(*parts.log) : sinks_;
}

bool Stream::works_elsewhere() const {
  const std::shared_ptr<Parts> now = parts();
  if (now) return now->group && !work(*now);
  return !kept_at().empty();
}

Status Stream::keep_section(const std::string& sink,
                            const std::optional<std::string>& section) const {
  BINBUS_TRY(here, work_here());
  return here.parts->group->put(here.work->term, {section_cursor(sink), section});
}

bool Stream::keeps_schema(const Work& work) const {
  return !work.sinks_now().empty() || config_.state || config_.fed;
}

void Stream::start_sinks(Parts& parts, Work& work) const {
  for (const sink::SinkOptions& options : sinks_of(parts))
    work.sinks.push_back({options, make_sink(parts, work, options)});
  // Nobody else asks for it, and the source keeps one connection of ours.
  if (keeps_schema(work)) work.keeper->start();
  for (const Work::Sink& sink : work.sinks) sink.runner->start();
}

Result<uint64_t> Stream::put_sink(const sink::SinkOptions& options) const {
  BINBUS_TRY(here, work_here());
  Work* const work = here.work.get();
  const std::lock_guard lock(work->sinks_mutex);
  if (work->ended) return fail(work_ends());
  const auto found = std::ranges::find_if(
      work->sinks, [&](const Work::Sink& sink) { return sink.options.name == options.name; });
  if (found != work->sinks.end()) {
    BINBUS_TRY(revision, found->runner->reconfigure(options));
    found->options = options;
    return revision;
  }
  auto runner = make_sink(*here.parts, *work, options);
  if (Status checked = runner->check(); !checked)
    return fail_in("sink " + options.name, checked.error());
  work->keeper->start();
  runner->start();
  work->sinks.push_back({options, std::move(runner)});
  return 0;
}

Status Stream::remove_sink(const std::string& sink) const {
  BINBUS_TRY(here, work_here());
  Work* const work = here.work.get();
  std::shared_ptr<sink::Runner> runner;
  {
    const std::lock_guard lock(work->sinks_mutex);
    if (work->ended) return fail(work_ends());
    const auto found = std::ranges::find_if(
        work->sinks, [&](const Work::Sink& each) { return each.options.name == sink; });
    if (found == work->sinks.end()) return ok();
    runner = std::move(found->runner);
    work->sinks.erase(found);
  }
  runner->stop();  // which may take a while; nobody else waits
  if (here.parts->group)
    BINBUS_RETURN_IF_ERROR(here.parts->group->put(work->term, {paused_cursor(sink), std::nullopt}));
  return runner->forget();
}

std::optional<std::vector<sink::SinkOptions>> Stream::sinks() const {
  const std::shared_ptr<Parts> now = parts();
  const auto here = now ? work(*now) : nullptr;
  if (!here) return std::nullopt;
  std::vector<sink::SinkOptions> out;
  for (const Work::Sink& sink : here->sinks_now()) out.push_back(sink.options);
  return out;
}

Result<std::string> Stream::saved_place(uint64_t epoch) const {
  const std::shared_ptr<Parts> now = parts();
  if (!now || now->log->visible_end().segment == 0) return "";
  const store::Position end = now->log->visible_end();
  BINBUS_TRY(
      place,
      SavedPlace::of(*now->log,
                     fmt::format("{}:{}", now->log->segment_name(end.segment), end.offset), epoch));
  return place.print();
}

Status Stream::check_new_log(const std::vector<SavedPlace>& places) const {
  if (config_.fed || config_.state)
    return fail(Code::kUnsupported,
                "the feed's cursors and the kept rows need the log that is there");
  const std::shared_ptr<Parts> now = parts();
  if (!now) return fail(no_log());
  for (const SavedPlace& place : places) {
    if (!place.is_beyond(*now->log))
      return fail(Code::kExists, fmt::format("{} is not beyond the log's end", place.position));
  }
  const ingest::IngestOptions options = ingest_options(config_, "");
  BINBUS_TRY(start, ingest::Start::parse(places.front().start()));
  BINBUS_TRY(client, connect_to_source(config_, now->log->sources().back(), kFactsAnswerMs));
  BINBUS_TRY(facts, ingest::learn_source(*client, options.flavor));
  if (facts.commits_wait) return fail(Code::kTimeout, "the source does not list its files now");
  const auto plan = ingest::plan_dump({}, facts, start, options.on_source_loss, {});
  return plan ? ok() : fail(plan.error());
}

Error Stream::work_ends() const {
  return {Code::kUnavailable, fmt::format("the work on stream {} ends here", config_.name)};
}

Error Stream::no_log() const {
  if (const std::vector<std::string> nodes = kept_at(); !nodes.empty()) {
    return {Code::kUnavailable, fmt::format("stream {} is not kept at this node: ask {}",
                                            config_.name, fmt::join(nodes, ", "))};
  }
  return {Code::kNotFound, fmt::format("stream {} has no open log: see its status", config_.name)};
}

void Stream::listen(Parts& parts) {
  if (config_.listen.empty() || parts.server) return;
  if (parts.group && config_.server_uuid.empty()) {
    const std::string uuid = parts.log->cursor(std::string(kServerUuidCursor));
    const bool known = !parts.log->cursor(std::string(kSourceFactsCursor)).empty();
    if (uuid.empty() || !known) return;  // no node has led and reached the source yet
    const std::lock_guard lock(mutex_);
    parts.server_uuid = uuid;
    if (config_.server_id == 0) parts.server_id = server_id_of(uuid);
  }
  const auto facts = [this, &parts] {
    const auto here = work(parts);
    if (!here) {
      serve::SourceFacts kept = decode_facts(parts.log->cursor(std::string(kSourceFactsCursor)));
      kept.behind = true;  // another node has the newest
      return kept;
    }
    ingest::IngestStatus status = here->ingest->status();
    return serve::SourceFacts{.version = std::move(status.source.server_version),
                              .gtid_mode = std::move(status.gtid_mode),
                              .variables = std::move(status.variables),
                              .behind = status.state != ingest::IngestState::kStreaming ||
                                        parts.meter.source_lag_ms(clock_.wall_us()) > kUpToDateMs};
  };
  auto server = serve::Server::start(
      server_options(config_, parts.server_uuid, parts.server_id, connections_max_), *parts.log,
      clock_, facts);
  std::string error = server ? "" : server.error().message;
  if (server) {
    log::info(
        "serving",
        {{"stream", config_.name}, {"listen", config_.listen}, {"server_id", parts.server_id}});
  } else if (error != listen_error_) {
    log::error("cannot_serve",
               {{"stream", config_.name}, {"listen", config_.listen}, {"error", server.error()}});
  }
  const std::lock_guard lock(mutex_);
  if (server) parts.server = std::move(*server);
  listen_error_ = std::move(error);
}

// The segment from which on sinks still have something to deliver. All of them while the log has no schema baseline: what
// the tables of a sink are is then told by the log's statements alone.
uint64_t Stream::held_from(const Parts& parts) const {
  uint64_t held_from = UINT64_MAX;
  const auto schemas = parts.log->schemas();
  const bool has_baseline = !schemas.empty();
  const auto here = work(parts);
  // The newest baseline is first carried on to the segments behind it: from what is left it could not be.
  if (here && has_baseline && !here->keeper->status().error && keeps_schema(*here))
    held_from = schemas.back().at.segment;
  std::vector<std::pair<sink::SinkOptions, sink::Checkpoint>> places;
  if (here) {
    for (const Work::Sink& sink : here->sinks_now())
      places.emplace_back(sink.options, sink.runner->status().committed);
  } else {  // the leader's; the next one may be this node
    for (const sink::SinkOptions& sink : sinks_of(parts))
      places.emplace_back(sink, parts.log->cursor(cursor_name(sink.name)));
  }
  if (parts.state) held_from = std::min(held_from, parts.state->needs_from());
  for (const auto& [options, place] : places) {
    if (!options.hold) continue;
    if (!has_baseline) return 0;
    if (place.empty() && options.start == "earliest") return 0;  // it has not begun
    if (const auto segment = binlog::SegmentName::parse(place.substr(0, place.rfind(':'))))
      held_from = std::min(held_from, segment->number);
  }
  return held_from;
}

// What who serves replicas at other nodes must know of the source.
void Stream::keep_facts(Parts& parts) const {
  const auto here = parts.group ? work(parts) : nullptr;
  if (!here) return;
  ingest::IngestStatus status = here->ingest->status();
  if (status.gtid_mode.empty() && status.variables.empty()) return;
  const std::string facts = encode_facts({.version = std::move(status.source.server_version),
                                          .gtid_mode = std::move(status.gtid_mode),
                                          .variables = std::move(status.variables)});
  const std::string cursor(kSourceFactsCursor);
  if (parts.log->cursor(cursor) != facts)
    static_cast<void>(parts.group->put(here->term, {cursor, facts}));
}

// Retention, and the disk's free space.
void Stream::keep(Parts& parts) {
  keep_facts(parts);
  const uint64_t keep_from = held_from(parts);
  const auto removed = parts.group ? parts.group->apply_retention(clock_.wall_us(), keep_from)
                                   : parts.local->apply_retention(clock_.wall_us(), keep_from);
  const std::string error = removed ? "" : removed.error().message;
  if (!error.empty() && error != retention_error_)
    log::error("retention_failed", {{"stream", config_.name}, {"error", error}});
  retention_error_ = error;
  for (const std::string& segment : removed.value_or(std::vector<std::string>())) {
    log::info("segment_removed", {{"stream", config_.name}, {"segment", segment}});
  }
  const auto free_bytes = files_.free_bytes(folder_);
  const std::lock_guard lock(mutex_);
  if (free_bytes) disk_free_bytes_ = *free_bytes;
}

void Stream::report_fault(const Error& error) {
  const bool known = fault_ && fault_->message == error.message;
  if (!known) {
    const ErrorRow& row = error_row(error.code);
    log::error("stream_failed", {{"stream", config_.name},
                                 {"code", row.name},
                                 {"retry", retry_name(row.retry)},
                                 {"error", error}});
  }
  if (!known || !refusal_) refuse(error.message);
  const std::lock_guard lock(mutex_);
  fault_ = error;
}

void Stream::refuse(const std::string& why) {
  if (config_.listen.empty()) return;
  refusal_.reset();
  auto refusal = Refusal::open(config_.listen, fmt::format("stream {}: {}", config_.name, why));
  if (refusal) refusal_ = std::move(*refusal);
}

std::shared_ptr<Stream::Parts> Stream::parts() const {
  const std::lock_guard lock(mutex_);
  return parts_;
}

void Stream::reload_tls() {
  std::shared_ptr<Parts> now;
  serve::Server* server = nullptr;
  {
    const std::lock_guard lock(mutex_);
    now = parts_;
    if (now) server = now->server.get();
  }
  if (server == nullptr) return;
  if (Status reloaded = server->reload_tls(); !reloaded) {
    log::error("tls_reload_failed", {{"stream", config_.name}, {"error", reloaded.error()}});
  } else {
    log::info("tls_reloaded", {{"stream", config_.name}});
  }
}

}  // namespace binbus::app
