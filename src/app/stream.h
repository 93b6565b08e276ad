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
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "admin/status.h"
#include "app/cluster.h"
#include "app/config.h"
#include "app/data_folder.h"
#include "app/patience.h"
#include "app/refusal.h"
#include "app/saved_place.h"
#include "coordinate/lease.h"
#include "feed/streams.h"
#include "io/clock.h"
#include "io/file.h"
#include "store/log.h"

namespace binbus::sink {
class Runner;
}
namespace binbus::state {
class PastRows;
class TableKeeper;
}  // namespace binbus::state

namespace binbus::app {

class Stream {
 public:
  // `sinks` are those of this stream.
  Stream(StreamConfig config, std::vector<sink::SinkOptions> sinks, const DataFolder& data,
         size_t connections_max, io::FileSystem& files, io::Clock& clock);
  // The log is a group's, and the stream works where its leader is; `sinks` says what they are by the log.
  using SinksOfLog = std::function<std::vector<sink::SinkOptions>(const store::Log&)>;
  Stream(StreamConfig config, SinksOfLog sinks, const DataFolder& data, size_t connections_max,
         io::FileSystem& files, io::Clock& clock, Cluster& cluster);
  ~Stream();
  void start();
  // The same under a lease: an empty log begins at `from`, unless that is "", and its sinks are these.
  void start(std::shared_ptr<coordinate::Lease> lease, const std::string& from,
             std::vector<sink::SinkOptions> sinks);
  // Stops serving and receiving, and leaves everything received whole and durable; may be called
  // twice.
  void stop();
  void reload_tls();

  const std::string& name() const { return config_.name; }
  const StreamConfig& config() const { return config_; }
  admin::StreamStatus status() const;
  Result<std::vector<admin::SegmentStatus>> segments() const;
  Result<admin::Location> locate(const admin::LocateQuery& query) const;
  Status rebuild_schema() const;
  Result<std::string> show_table(const std::string& table, const std::string& at) const;
  Result<std::unique_ptr<admin::Tail>> tail(const admin::TailQuery& query) const;
  // Rows that are kept, as lines; of one key, or all.
  Result<std::unique_ptr<admin::Tail>> rows(const admin::RowsQuery& query) const;
  // What subscribers read. kUnavailable while the log is not open.
  Result<feed::Stream> feed() const;
  Result<std::vector<admin::CursorStatus>> cursors() const;
  Status remove_cursor(const std::string& cursor) const;
  // What another node asks of its leader.
  Result<std::string> answer_cursors(const std::string& question) const;
  Status keep_tables(const std::vector<std::string>& patterns) const;
  Result<std::unique_ptr<admin::Tail>> verify(const admin::VerifyQuery& query) const;
  Status command_snapshot(const admin::SnapshotCommand& command) const;
  Result<admin::MadeSnapshot> make_snapshot(const std::string& purpose,
                                            const std::string& at) const;
  // Adds the sink or tells it what to do from now on; the revision that its status will tell.
  Result<uint64_t> put_sink(const sink::SinkOptions& options) const;
  // Whether what only the leader does is another node's to do.
  bool works_elsewhere() const;
  // Keeps a sink's section in the log for whoever leads next; none: what binbus.toml says.
  Status keep_section(const std::string& sink, const std::optional<std::string>& section) const;
  // Those at work now; none while the log is not open.
  std::optional<std::vector<sink::SinkOptions>> sinks() const;
  // Whether another log may take the place of this one, and begin at the first of these places: all are beyond its end, the source has
  // what follows them, and who else needs what is here is told that it is gone. Asks the source.
  Status check_new_log(const std::vector<SavedPlace>& places) const;
  // Puts the log aside: where to. To be called while it is stopped.
  Result<std::string> set_log_aside() const { return data_.set_aside(files_, config_.name); }
  // The log's visible end as FILE:POS, for who keeps it elsewhere; "" while there is none.
  Result<std::string> saved_place(uint64_t epoch) const;
  // Ends it and forgets how far it came.
  Status remove_sink(const std::string& sink) const;
  Status command_sink(const std::string& sink, const admin::SinkCommand& command) const;

 private:
  struct Work;  // stream_parts.h
  struct Parts;

  void run(const std::stop_token& stop);
  // Whether other nodes keep the stream and this one does not, and has it closed.
  bool stands_aside();
  std::vector<std::string> kept_at() const;
  // Ends all that is open.
  void close();
  Status open();
  // Listens when it does not yet; what fails here is tried again.
  void listen(Parts& parts);
  void keep(Parts& parts);
  void keep_facts(Parts& parts) const;
  uint64_t held_from(const Parts& parts) const;
  // Begins and ends the work of a node that leads. Returns the term that it leads in, 0 for none, whether or not the work could begin.
  uint64_t lead(Parts& parts);
  // Has another node lead where this one cannot do the work.
  void give_way(Parts& parts);
  uint64_t wait_ms(const Parts& parts) const;
  // Nothing of it is at work after an error.
  Result<std::shared_ptr<Work>> begin_work(Parts& parts, std::shared_ptr<Work> work) const;
  std::vector<sink::SinkOptions> sinks_of(const Parts& parts) const;
  // All but what takes in the source.
  static void end_sinks(Work& work);
  std::shared_ptr<Work> work(const Parts& parts) const;
  // The work is built on the parts, and goes first.
  struct Here {
    std::shared_ptr<Parts> parts;
    std::shared_ptr<Work> work;
  };
  // Of this node; or why there is none.
  Result<Here> work_here() const;
  void report_fault(const Error& error);
  // Tells who connects to the port.
  void refuse(const std::string& why);
  std::shared_ptr<Parts> parts() const;
  Error no_log() const;
  Error work_ends() const;
  Result<std::shared_ptr<Parts>> open_parts() const;
  Result<store::LogOptions> log_options() const;
  // kNotFound when no rows are kept.
  Result<state::TableKeeper*> kept(const Parts& parts) const;
  Status begin_state(Parts& parts) const;
  state::PastRows past_rows(Parts& parts, const state::TableKeeper& keeper) const;
  Result<std::shared_ptr<feed::Cursors>> make_cursors(Parts& parts) const;
  bool keeps_schema(const Work& work) const;  // somebody reads changes
  void start_sinks(Parts& parts, Work& work) const;
  std::unique_ptr<sink::Runner> make_sink(Parts& parts, Work& work,
                                          const sink::SinkOptions& options) const;
  const StreamConfig config_;
  // From start() to stop().
  std::vector<sink::SinkOptions> sinks_;      // at the start; in a cluster none
  const SinksOfLog sinks_of_log_;             // in a cluster
  std::shared_ptr<coordinate::Lease> lease_;  // null: without a coordinator
  std::string from_;
  const DataFolder& data_;
  Cluster* const cluster_;  // null: the log is this node's alone
  const std::string folder_;
  const size_t connections_max_;
  io::FileSystem& files_;
  io::Clock& clock_;

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::shared_ptr<Parts> parts_;      // guarded by mutex_; null until the log is open
  std::optional<Error> fault_;        // guarded by mutex_; why it is not
  std::vector<std::string> kept_at_;  // guarded by mutex_; other nodes, while it stands aside
  std::string listen_error_;          // guarded by mutex_
  std::optional<Error> work_error_;   // the same; why it leads and does not work
  std::string retention_error_;       // the stream thread's; said once
  std::optional<uint64_t> disk_free_bytes_;  // guarded by mutex_
  std::unique_ptr<Refusal> refusal_;         // the stream thread's
  // The stream thread's; of a leader.
  Patience patience_{clock_.wall_us(), Patience::kSourceAwayFromLeaderUs};
  std::jthread thread_;
};

}  // namespace binbus::app
