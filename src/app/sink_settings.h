// What sinks are told to do now: what binbus.toml says, until somebody says otherwise while binbus runs; that is kept, and stands
// in the place of the sink's whole section from then on.
//
//   data/STREAM/sinks/SINK.toml    such a section, as TOML
//
// Beside a coordinator it is kept there instead, in a cluster in the streams' logs, and follow() takes what anybody has put there.
//
// Owner:  borrows data folder and file system.
// Thread: any; a change holds up the others.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
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
  // `tell`: where it is kept, when that is not in files.
  using Tell = std::function<Status(const std::string& stream, const std::string& sink,
                                    const std::optional<std::string>& section)>;
  static Result<std::unique_ptr<SinkSettings>> load(const Config& config, const DataFolder& data,
                                                    io::FileSystem& files, Tell tell = {});
  // What the coordinator has, by a sink's name: from now on each of these sinks does that, and all others what binbus.toml says.
  // A section may leave out `name`, and `stream` where there is only one. One that is wrong changes nothing of its sink, and is
  // said in the log once.
  void follow(const std::map<std::string, std::string>& told);
  // The same of one stream's sinks alone.
  void follow(const std::string& stream, const std::map<std::string, std::string>& told);

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
  SinkSettings(const Config& config, const DataFolder& data, io::FileSystem& files, Tell tell)
      : config_(config), now_(config.sinks), data_(data), files_(files), tell_(std::move(tell)) {}
  Result<SinkConfig> told(const std::string& sink, const std::string& text) const;
  Status keep(const SinkConfig& sink);
  Status forget(const std::string& stream, const std::string& sink);
  Status load_kept(const std::string& stream);
  std::string path(const std::string& stream, const std::string& sink) const;
  void follow_locked(const std::map<std::string, std::string>& told);
  // The configuration without this sink.
  Config beside(const std::string& sink) const;

  const Config config_;  // as the file says
  mutable std::mutex mutex_;
  std::vector<SinkConfig> now_;                                         // guarded by mutex_
  std::map<std::string, std::map<std::string, std::string>> followed_;  // by stream; the same
  const DataFolder& data_;
  io::FileSystem& files_;
  const Tell tell_;
  std::map<std::string, std::string>
      refused_;  // guarded by mutex_; what was said of wrong sections
};

}  // namespace binbus::app
