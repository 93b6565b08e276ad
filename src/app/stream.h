// One stream at work: its log, what feeds it, and the server that hands it on.
//
// A fault of one stream is its own: what may mend itself (a port in use, a full disk) is tried
// again every few seconds, what cannot is said once in the log and all the time in the status, and
// the other streams go on.
//
// Owner:  borrows data folder, file system and clock.
// Thread: its own, named "stream", opens the log, keeps the port and applies retention; status(),
//         segments() and locate() from any.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "admin/status.h"
#include "app/config.h"
#include "app/data_folder.h"
#include "app/refusal.h"
#include "io/clock.h"
#include "io/file.h"
#include "store/log.h"

namespace binbus::sink {
class Runner;
}

namespace binbus::app {

class Stream {
 public:
  // `sinks` are those of this stream.
  Stream(StreamConfig config, std::vector<sink::SinkOptions> sinks, const DataFolder& data,
         size_t connections_max, io::FileSystem& files, io::Clock& clock);
  ~Stream();
  void start();
  // Stops serving and receiving, and leaves everything received whole and durable; may be called
  // twice.
  void stop();
  void reload_tls();

  const std::string& name() const { return config_.name; }
  admin::StreamStatus status() const;
  Result<std::vector<admin::SegmentStatus>> segments() const;
  Result<admin::Location> locate(const admin::LocateQuery& query) const;
  Status rebuild_schema() const;
  Result<std::string> show_table(const std::string& table, const std::string& at) const;
  Result<std::unique_ptr<admin::Tail>> tail(const admin::TailQuery& query) const;
  // Adds the sink or tells it what to do from now on; the revision that its status will tell.
  Result<uint64_t> put_sink(const sink::SinkOptions& options) const;
  // Ends it and forgets how far it came.
  Status remove_sink(const std::string& sink) const;
  Status command_sink(const std::string& sink, const admin::SinkCommand& command) const;

 private:
  struct Parts;  // stream_parts.h

  void run(const std::stop_token& stop);
  Status open();
  // Listens when it does not yet; what fails here is tried again.
  void listen(Parts& parts);
  void keep(Parts& parts);
  static uint64_t held_from(const Parts& parts);
  void report_fault(const Error& error);
  std::shared_ptr<Parts> parts() const;
  Error no_log() const;
  Result<std::shared_ptr<Parts>> open_parts() const;
  Status start_sinks(Parts& parts) const;
  Result<std::unique_ptr<sink::Runner>> make_sink(Parts& parts,
                                                  const sink::SinkOptions& options) const;
  const StreamConfig config_;
  const std::vector<sink::SinkOptions> sinks_;  // at the start
  const DataFolder& data_;
  const std::string folder_;
  const size_t connections_max_;
  io::FileSystem& files_;
  io::Clock& clock_;

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::shared_ptr<Parts> parts_;             // guarded by mutex_; null until the log is open
  std::optional<Error> fault_;               // guarded by mutex_; why it is not
  std::string listen_error_;                 // guarded by mutex_
  std::string retention_error_;              // the stream thread's; said once
  std::optional<uint64_t> disk_free_bytes_;  // guarded by mutex_
  std::unique_ptr<Refusal> refusal_;         // the stream thread's
  std::jthread thread_;
};

}  // namespace binbus::app
