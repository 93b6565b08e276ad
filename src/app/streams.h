// All streams of the process, as the endpoint sees them.
#pragma once

#include <memory>
#include <vector>

#include "admin/status.h"
#include "app/cluster.h"
#include "app/config.h"
#include "app/data_folder.h"
#include "app/ownership.h"
#include "app/sink_settings.h"
#include "app/stream.h"

namespace binbus::app {

// Owner:  borrows file system and clock; owns the data folder's lock.
// Thread: start() and stop() from one; the questions from any.
class Streams final : public admin::Observed, public feed::Streams {
 public:
  // Locks the data folder. Starts nothing yet.
  static Result<std::unique_ptr<Streams>> open(const Config& config, io::FileSystem& files,
                                               io::Clock& clock);
  ~Streams() override { stop(); }
  void start();
  // All at the same time; may be called twice.
  void stop();
  void reload_tls();

  admin::Snapshot snapshot() const override;
  Result<std::vector<admin::SegmentStatus>> segments(const std::string& stream) const override;
  Result<admin::Location> locate(const std::string& stream,
                                 const admin::LocateQuery& query) const override;
  Status command_sink(const std::string& stream, const std::string& sink,
                      const admin::SinkCommand& command) const override;
  Result<uint64_t> change_sink(const std::string& stream, const std::string& sink,
                               const admin::SinkChange& change) const override;
  Result<std::string> show_sink(const std::string& stream, const std::string& sink) const override;
  Status hand_over(const std::string& stream) const override;
  Result<admin::ClusterView> cluster() const override;
  Status command_cluster(const admin::ClusterCommand& command) const override;
  Status rebuild_schema(const std::string& stream) const override;
  Result<std::string> show_table(const std::string& stream, const std::string& table,
                                 const std::string& at) const override;
  Result<std::unique_ptr<admin::Tail>> tail(const std::string& stream,
                                            const admin::TailQuery& query) const override;
  Result<std::unique_ptr<admin::Tail>> rows(const std::string& stream,
                                            const admin::RowsQuery& query) const override;
  Status keep_tables(const std::string& stream,
                     const std::vector<std::string>& patterns) const override;
  Result<std::unique_ptr<admin::Tail>> verify(const std::string& stream,
                                              const admin::VerifyQuery& query) const override;
  Status command_snapshot(const std::string& stream,
                          const admin::SnapshotCommand& command) const override;
  Result<admin::MadeSnapshot> make_snapshot(const std::string& stream, const std::string& purpose,
                                            const std::string& at) const override;

  Result<std::vector<admin::CursorStatus>> cursors(const std::string& stream) const override;
  Status remove_cursor(const std::string& stream, const std::string& cursor) const override;

  Result<feed::Stream> feed(const std::string& stream) override;
  std::vector<feed::Node> feed_nodes() const override;

 private:
  Streams(DataFolder folder, io::FileSystem& files, io::Clock& clock)
      : folder_(std::move(folder)), files_(files), clock_(clock), started_us_(clock.wall_us()) {}
  Result<const Stream*> find(const std::string& name) const;
  // What another node asks of this one as a stream's leader.
  Result<std::string> answer(const std::string& question) const;

  DataFolder folder_;
  io::FileSystem& files_;
  io::Clock& clock_;
  const uint64_t started_us_;
  feed::Node feed_node_;              // this one
  std::unique_ptr<Cluster> cluster_;  // null: without one
  std::unique_ptr<SinkSettings> sinks_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::unique_ptr<Ownership> ownership_;  // null: without a coordinator
};

}  // namespace binbus::app
