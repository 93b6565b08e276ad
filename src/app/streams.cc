#include "app/streams.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "app/sink_targets.h"

namespace binbus::app {

Result<std::unique_ptr<Streams>> Streams::open(const Config& config, io::FileSystem& files,
                                               io::Clock& clock) {
  BINBUS_TRY(folder, DataFolder::lock(config.data));
  std::unique_ptr<Streams> streams(new Streams(std::move(folder), clock));
  BINBUS_TRY(sinks, SinkSettings::load(config, streams->folder_, files));
  streams->sinks_ = std::move(sinks);
  const MakeTarget make_target = target_maker(files, clock);
  for (const StreamConfig& stream : config.streams) {
    for (const sink::SinkOptions& sink : streams->sinks_->of_stream(stream.name)) {
      if (const auto made = make_target(sink); !made)
        return fail_in("sink " + sink.name, made.error());
    }
  }
  for (const StreamConfig& stream : config.streams) {
    streams->streams_.push_back(
        std::make_unique<Stream>(stream, streams->sinks_->of_stream(stream.name), streams->folder_,
                                 config.connections_per_stream(), files, clock));
  }
  return streams;
}

void Streams::start() {
  for (const auto& stream : streams_) stream->start();
}

void Streams::stop() {
  std::vector<std::jthread> stopping;
  for (const auto& stream : streams_) stopping.emplace_back([&stream] { stream->stop(); });
}

void Streams::reload_tls() {
  for (const auto& stream : streams_) stream->reload_tls();
}

admin::Snapshot Streams::snapshot() const {
  admin::Snapshot snapshot{.version = BINBUS_VERSION,
                           .now_us = clock_.wall_us(),
                           .started_us = started_us_,
                           .streams = {}};
  for (const auto& stream : streams_) snapshot.streams.push_back(stream->status());
  return snapshot;
}

Result<const Stream*> Streams::find(const std::string& name) const {
  const auto found =
      std::ranges::find_if(streams_, [&](const auto& stream) { return stream->name() == name; });
  if (found != streams_.end()) return found->get();
  std::vector<std::string> names;
  for (const auto& stream : streams_) names.push_back(stream->name());
  return fail(Code::kNotFound,
              fmt::format("no stream \"{}\"; there are: {}", name, fmt::join(names, ", ")));
}

Result<std::vector<admin::SegmentStatus>> Streams::segments(const std::string& stream) const {
  BINBUS_TRY(found, find(stream));
  return found->segments();
}

Result<admin::Location> Streams::locate(const std::string& stream,
                                        const admin::LocateQuery& query) const {
  BINBUS_TRY(found, find(stream));
  return found->locate(query);
}

Status Streams::command_sink(const std::string& stream, const std::string& sink,
                             const admin::SinkCommand& command) const {
  BINBUS_TRY(found, find(stream));
  return found->command_sink(sink, command);
}

Result<uint64_t> Streams::change_sink(const std::string& stream, const std::string& sink,
                                      const admin::SinkChange& change) const {
  BINBUS_TRY(found, find(stream));
  return sinks_->change(
      stream, sink, change,
      {.put = [found](const sink::SinkOptions& options) { return found->put_sink(options); },
       .remove = [found](const std::string& name) { return found->remove_sink(name); }});
}

Result<std::string> Streams::show_sink(const std::string& stream, const std::string& sink) const {
  return sinks_->show(stream, sink);
}

Status Streams::rebuild_schema(const std::string& stream) const {
  BINBUS_TRY(found, find(stream));
  return found->rebuild_schema();
}

Result<std::string> Streams::show_table(const std::string& stream, const std::string& table,
                                        const std::string& at) const {
  BINBUS_TRY(found, find(stream));
  return found->show_table(table, at);
}

Result<std::unique_ptr<admin::Tail>> Streams::tail(const std::string& stream,
                                                   const admin::TailQuery& query) const {
  BINBUS_TRY(found, find(stream));
  return found->tail(query);
}

}  // namespace binbus::app
