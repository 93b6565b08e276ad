#include "app/stream.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>

#include "app/data_folder.h"
#include "app/ingest_options.h"
#include "app/schema_surroundings.h"
#include "app/sink_targets.h"
#include "app/source_client.h"
#include "app/stream_parts.h"
#include "base/error_table.h"
#include "base/log.h"

namespace binbus::app {
namespace {

constexpr auto kEvery = std::chrono::seconds(5);  // retention, and another try at what failed

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

store::LogOptions log_options(const StreamConfig& config, const std::string& folder) {
  store::LogOptions options;
  options.directory = folder;
  options.retain_bytes = config.retain_bytes;
  options.retain_seconds = config.retain_hours * 3600;
  options.keep_free_bytes = config.keep_free_bytes;
  return options;
}

}  // namespace

Stream::Stream(StreamConfig config, std::vector<sink::SinkOptions> sinks, const DataFolder& data,
               size_t connections_max, io::FileSystem& files, io::Clock& clock)
    : config_(std::move(config)),
      sinks_(std::move(sinks)),
      data_(data),
      folder_(data.stream_folder(config_.name)),
      connections_max_(connections_max),
      files_(files),
      clock_(clock) {}

Stream::~Stream() { stop(); }

void Stream::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Stream::stop() {
  thread_.request_stop();
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  refusal_.reset();
  std::shared_ptr<Parts> parts;
  {
    const std::lock_guard lock(mutex_);
    parts = std::move(parts_);
  }
  if (!parts) return;
  if (parts->server) parts->server->stop();
  for (const Parts::Sink& sink : parts->sinks_now()) sink.runner->stop();
  parts->keeper->stop();
  parts->ingest->stop();
  log::info("stream_stopped", {{"stream", config_.name}});
}

void Stream::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "stream");
  bool try_again = true;
  while (!stop.stop_requested()) {
    const std::shared_ptr<Parts> open_parts = parts();
    if (open_parts) {
      listen(*open_parts);
      keep(*open_parts);
    } else if (try_again) {
      Status opened = open();
      if (opened) continue;
      report_fault(opened.error());
      try_again = retry_of(opened.error().code) == Retry::kLater;
    }
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, kEvery, [] { return false; });
  }
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
  BINBUS_TRY(opened, store::Log::open(files_, clock_, log_options(config_, folder_), &report));
  auto parts = std::make_shared<Parts>(std::move(opened), std::move(uuid), server_id);
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
  parts->destination =
      std::make_unique<LogDestination>(*parts->log, parts->meter, parts->recorder, clock_);
  parts->ingest = ingest::Ingest::start(ingest_options(config_, parts->server_uuid),
                                        *parts->destination, clock_);
  parts->keeper = std::make_unique<changes::SchemaKeeper>(
      config_.name, *parts->log, parts->history, clock_,
      schema_surroundings(config_, *parts->ingest, parts->recorder));
  BINBUS_RETURN_IF_ERROR(start_sinks(*parts));
  return parts;
}

Result<std::unique_ptr<sink::Runner>> Stream::make_sink(Parts& parts,
                                                        const sink::SinkOptions& options) const {
  auto changes = std::make_unique<LogChanges>(*parts.log, parts.schema_at(), [&parts] {
    parts.keeper->ask(changes::BaselineReason::kReread);
  });
  sink::Surroundings around{.source = std::move(changes),
                            .make_target = target_maker(files_, clock_),
                            .files = files_,
                            .clock = clock_,
                            .folder = folder_ + "/sinks",
                            .read_filter_table = [this, &parts](const std::string& table) {
                              return read_filter_table(config_, *parts.ingest, table);
                            }};
  auto runner = sink::Runner::make(options, std::move(around));
  if (!runner) return fail_in("sink " + options.name, runner.error());
  return runner;
}

Status Stream::start_sinks(Parts& parts) const {
  for (const sink::SinkOptions& options : sinks_) {
    BINBUS_TRY(runner, make_sink(parts, options));
    parts.sinks.push_back({options, std::move(runner)});
  }
  // Nobody else asks for it, and the source keeps one connection of ours.
  if (!parts.sinks.empty()) parts.keeper->start();
  for (const Parts::Sink& sink : parts.sinks) sink.runner->start();
  return ok();
}

Result<uint64_t> Stream::put_sink(const sink::SinkOptions& options) const {
  const std::shared_ptr<Parts> now = parts();
  if (!now) return fail(no_log());
  const std::lock_guard lock(now->sinks_mutex);
  const auto found = std::ranges::find_if(
      now->sinks, [&](const Parts::Sink& sink) { return sink.options.name == options.name; });
  if (found != now->sinks.end()) {
    BINBUS_TRY(revision, found->runner->reconfigure(options));
    found->options = options;
    return revision;
  }
  BINBUS_TRY(runner, make_sink(*now, options));
  now->keeper->start();
  runner->start();
  now->sinks.push_back({options, std::move(runner)});
  return 0;
}

Status Stream::remove_sink(const std::string& sink) const {
  const std::shared_ptr<Parts> now = parts();
  if (!now) return fail(no_log());
  std::shared_ptr<sink::Runner> runner;
  {
    const std::lock_guard lock(now->sinks_mutex);
    const auto found = std::ranges::find_if(
        now->sinks, [&](const Parts::Sink& each) { return each.options.name == sink; });
    if (found == now->sinks.end()) return ok();
    runner = std::move(found->runner);
    now->sinks.erase(found);
  }
  runner->stop();  // which may take a while; nobody else waits
  return runner->forget();
}

Error Stream::no_log() const {
  return {Code::kNotFound, fmt::format("stream {} has no open log: see its status", config_.name)};
}

void Stream::listen(Parts& parts) {
  if (config_.listen.empty() || parts.server) return;
  const auto facts = [&parts] {
    ingest::IngestStatus status = parts.ingest->status();
    return serve::SourceFacts{.version = std::move(status.source.server_version),
                              .gtid_mode = std::move(status.gtid_mode),
                              .variables = std::move(status.variables)};
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
uint64_t Stream::held_from(const Parts& parts) {
  uint64_t held_from = UINT64_MAX;
  const bool has_baseline = !parts.log->schemas().empty();
  for (const Parts::Sink& sink : parts.sinks_now()) {
    if (!sink.options.hold) continue;
    if (!has_baseline) return 0;
    const sink::Checkpoint place = sink.runner->status().committed;
    if (place.empty() && sink.options.start == "earliest") return 0;  // it has not begun
    if (const auto segment = binlog::SegmentName::parse(place.substr(0, place.rfind(':'))))
      held_from = std::min(held_from, segment->number);
  }
  return held_from;
}

// Retention, and the disk's free space.
void Stream::keep(Parts& parts) {
  const auto removed = parts.log->apply_retention(clock_.wall_us(), held_from(parts));
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
  if (!config_.listen.empty() && (!known || !refusal_)) {
    refusal_.reset();
    auto refusal =
        Refusal::open(config_.listen, fmt::format("stream {}: {}", config_.name, error.message));
    if (refusal) refusal_ = std::move(*refusal);
  }
  const std::lock_guard lock(mutex_);
  fault_ = error;
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
