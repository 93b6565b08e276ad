// What sinks are told to do now: what binbus.toml says, until somebody says otherwise while binbus runs; that is kept, and stands
// in the place of the sink's whole section from then on.
//
//   data/STREAM/sinks/SINK.toml    such a section, as TOML
//
// Owner:  borrows data folder and file system.
// Thread: any; a change holds up the others.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "admin/status.h"
#include "app/config.h"
#include "app/data_folder.h"
#include "io/file.h"

namespace binbus::app {

class SinkSettings {
 public:
  // kInvalid names the file that is wrong, and how to be rid of it. Says in the log which sinks do not do what binbus.toml says.
  static Result<std::unique_ptr<SinkSettings>> load(const Config& config, const DataFolder& data,
                                                    io::FileSystem& files);

  std::vector<sink::SinkOptions> of_stream(const std::string& stream) const;

  // What has effect: a sink is made or told otherwise, or taken away.
  struct Apply {
    std::function<Result<uint64_t>(const sink::SinkOptions&)> put;
    std::function<Status(const std::string& sink)> remove;
  };
  // Durable when it returns; nothing is changed after an error. Returns what `put` does, 0 for a removal.
  Result<uint64_t> change(const std::string& stream, const std::string& sink,
                          const admin::SinkChange& change, const Apply& apply);
  // Its section as TOML, without secrets.
  Result<std::string> show(const std::string& stream, const std::string& sink) const;

 private:
  SinkSettings(const Config& config, const DataFolder& data, io::FileSystem& files)
      : config_(config), now_(config.sinks), data_(data), files_(files) {}
  Status load_kept(const std::string& stream);
  std::string path(const std::string& stream, const std::string& sink) const;
  // The configuration without this sink.
  Config beside(const std::string& sink) const;

  const Config config_;  // as the file says
  mutable std::mutex mutex_;
  std::vector<SinkConfig> now_;  // guarded by mutex_
  const DataFolder& data_;
  io::FileSystem& files_;
};

}  // namespace binbus::app
