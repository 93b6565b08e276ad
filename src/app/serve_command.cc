#include "app/serve_command.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/resource.h>

#include <csignal>
#include <optional>

#include "admin/server.h"
#include "app/config.h"
#include "app/crash_report.h"
#include "app/streams.h"
#include "base/log.h"
#include "cli/command_line.h"
#include "feed/server.h"
#include "io/clock.h"

namespace binbus::app {
namespace {

using cli::ExitCode;

log::Level level_of(const std::string& name) {
  if (name == "debug") return log::Level::kDebug;
  if (name == "warn") return log::Level::kWarn;
  if (name == "error") return log::Level::kError;
  return log::Level::kInfo;
}

// The signals that serve() takes with sigwait(): blocked in this thread and in those that it
// starts.
class Signals {
 public:
  Signals() {
    ::sigemptyset(&set_);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set_, signal);
    ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  int wait() const {
    int signal = 0;
    ::sigwait(&set_, &signal);
    return signal;
  }
  // From now on they do what they do to any process: end it.
  void release() const { ::pthread_sigmask(SIG_UNBLOCK, &set_, nullptr); }

 private:
  sigset_t set_;
};

// As many as we may have: a connection takes one or two, and shells give 1024 by habit.
void raise_open_files_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
    log::warn("open_files_limit_not_raised", {{"wanted", limit.rlim_max}});
}

Status run(const Config& config) {
  report_crashes();
  raise_open_files_limit();
  const Signals signals;
  io::Clock& clock = io::system_clock();
  BINBUS_TRY(streams, Streams::open(config, io::posix_file_system(), clock));
  std::unique_ptr<admin::Server> admin;
  if (!config.admin.listen.empty()) {
    const admin::HealthLimits limits{.stalled_after_ms = config.stalled_after_ms(),
                                     .ready_lag_ms = config.admin.ready_lag_ms};
    BINBUS_TRY(opened, admin::Server::open(config.admin.listen, *streams, limits));
    admin = std::move(opened);
  }
  std::unique_ptr<feed::Server> feed;
  if (!config.feed.listen.empty()) {
    BINBUS_TRY(opened, feed::Server::open({.listen = config.feed.listen,
                                           .node = config.node.name,
                                           .token = config.feed.token,
                                           .tls_cert = config.feed.tls_cert,
                                           .tls_key = config.feed.tls_key,
                                           .tls_ca = config.feed.tls_ca},
                                          *streams, clock));
    feed = std::move(opened);
  }
  log::info("started", {{"version", BINBUS_VERSION},
                        {"config", config.path},
                        {"data", config.data},
                        {"streams", config.streams.size()},
                        {"admin", config.admin.listen}});
  streams->start();

  int signal = signals.wait();
  for (; signal == SIGHUP; signal = signals.wait()) streams->reload_tls();
  log::info("stopping", {{"signal", signal == SIGINT ? "INT" : "TERM"}});
  signals.release();
  const uint64_t began_us = clock.monotonic_us();
  if (feed) feed->stop();  // its subscribers read the streams
  streams->stop();
  if (admin) admin->stop();
  log::info("stopped", {{"took_ms", (clock.monotonic_us() - began_us) / 1000}});
  return ok();
}

}  // namespace

int serve(const std::string& config_path) {
  const auto config = load_config(config_path, Secrets::kRead);
  if (!config) {
    fmt::print(stderr, "binbus: configuration refused\n{}\n", config.error().message);
    return ExitCode::kUsage;
  }
  log::configure(level_of(config->log.level),
                 config->log.format == "json" ? log::Format::kJson : log::Format::kText);
  for (const std::string& warning : config->warnings)
    log::warn("configuration", {{"warning", warning}});
  if (Status ran = run(*config); !ran) {
    log::error("cannot_start", {{"error", ran.error()}});
    return ExitCode::kFailed;
  }
  return ExitCode::kOk;
}

}  // namespace binbus::app
