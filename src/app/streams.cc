#include "app/streams.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/group_cursors.h"
#include "app/sink_targets.h"

namespace binbus::app {
namespace {

using Json = nlohmann::json;

}  // namespace

Result<std::unique_ptr<Streams>> Streams::open(const Config& config, io::FileSystem& files,
                                               io::Clock& clock) {
  BINBUS_TRY(folder, DataFolder::lock(config.data));
  std::unique_ptr<Streams> streams(new Streams(std::move(folder), files, clock));
  streams->feed_node_ = {config.node.name, config.feed.address};
  SinkSettings::Tell tell;
  if (!config.coordinator.type.empty()) {
    BINBUS_TRY(ownership, Ownership::open(config, files, clock));
    streams->ownership_ = std::move(ownership);
    tell = streams->ownership_->tell();
  }
  if (!config.node.listen.empty()) {
    BINBUS_TRY(cluster, Cluster::open(config.node, streams->folder_, files, clock));
    streams->cluster_ = std::move(cluster);
    // In the stream's log, which every node has.
    tell = [self = streams.get()](const std::string& stream, const std::string& sink,
                                  const std::optional<std::string>& section) -> Status {
      BINBUS_TRY(found, self->find(stream));
      return found->keep_section(sink, section);
    };
  }
  BINBUS_TRY(sinks, SinkSettings::load(config, streams->folder_, files, std::move(tell)));
  streams->sinks_ = std::move(sinks);
  const MakeTarget make_target = target_maker(files, clock);
  for (const StreamConfig& stream : config.streams) {
    for (const sink::SinkOptions& sink : streams->sinks_->of_stream(stream.name)) {
      if (const auto made = make_target(sink); !made)
        return fail_in("sink " + sink.name, made.error());
    }
  }
  for (const StreamConfig& stream : config.streams) {
    const size_t connections = config.connections_per_stream();
    if (!streams->cluster_) {
      streams->streams_.push_back(
          std::make_unique<Stream>(stream, streams->sinks_->of_stream(stream.name),
                                   streams->folder_, connections, files, clock));
      continue;
    }
    const auto by_log = [settings = streams->sinks_.get(),
                         name = stream.name](const store::Log& log) {
      settings->follow(name, sink_sections(log));
      return settings->of_stream(name);
    };
    streams->streams_.push_back(std::make_unique<Stream>(
        stream, by_log, streams->folder_, connections, files, clock, *streams->cluster_));
  }
  if (streams->ownership_) streams->ownership_->manage(streams->streams_, *streams->sinks_);
  if (streams->cluster_) {
    streams->cluster_->set_answer(
        [self = streams.get()](const std::string& question) { return self->answer(question); });
  }
  return streams;
}

void Streams::start() {
  if (ownership_) return ownership_->start();
  for (const auto& stream : streams_) stream->start();
}

void Streams::stop() {
  if (ownership_) ownership_->stop();
  if (cluster_) cluster_->set_answer({});
  std::vector<std::jthread> stopping;
  for (const auto& stream : streams_) stopping.emplace_back([&stream] { stream->stop(); });
  stopping.clear();
  if (cluster_) cluster_->stop();
}

void Streams::reload_tls() {
  for (const auto& stream : streams_) stream->reload_tls();
  if (cluster_) cluster_->reload_tls();
}

admin::Snapshot Streams::snapshot() const {
  admin::Snapshot snapshot{.version = BINBUS_VERSION,
                           .now_us = clock_.wall_us(),
                           .started_us = started_us_,
                           .streams = {},
                           .cluster = {}};
  for (const auto& stream : streams_) snapshot.streams.push_back(stream->status());
  if (cluster_) snapshot.cluster = cluster_->status();
  if (ownership_) {
    for (admin::StreamStatus& stream : snapshot.streams) ownership_->describe(stream);
  }
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
  if (!found->works_elsewhere()) return found->command_sink(sink, command);
  const Json question{{"do", "command_sink"},
                      {"stream", stream},
                      {"sink", sink},
                      {"kind", command.kind},
                      {"where", command.where}};
  const auto answer = cluster_->ask_leader(stream, question.dump());
  return answer ? ok() : fail(answer.error());
}

Result<uint64_t> Streams::change_sink(const std::string& stream, const std::string& sink,
                                      const admin::SinkChange& change) const {
  BINBUS_TRY(found, find(stream));
  if (found->works_elsewhere()) {
    const Json question{{"do", "change_sink"}, {"stream", stream},    {"sink", sink},
                        {"kind", change.kind}, {"keys", change.keys}, {"unset", change.unset}};
    const auto answer = cluster_->ask_leader(stream, question.dump());
    return answer ? Result<uint64_t>(0) : fail(answer.error());  // its revision is told there
  }
  // A stream that stands by does what its owner is told when its turn comes.
  const bool elsewhere = ownership_ && !found->sinks();
  return sinks_->change(stream, sink, change,
                        {.put = [&](const sink::SinkOptions& options) -> Result<uint64_t> {
                           if (!elsewhere) return found->put_sink(options);
                           BINBUS_RETURN_IF_ERROR(target_maker(files_, clock_)(options));
                           return 0;
                         },
                         .remove = [&](const std::string& name) -> Status {
                           return elsewhere ? ownership_->forget_checkpoint(name)
                                            : found->remove_sink(name);
                         }});
}

Result<std::string> Streams::show_sink(const std::string& stream, const std::string& sink) const {
  return sinks_->show(stream, sink);
}

Status Streams::hand_over(const std::string& stream) const {
  BINBUS_TRY(found, find(stream));
  if (ownership_) return ownership_->hand_over(found->name());
  return fail(Code::kNotFound, "there is no other node: the configuration has no [coordinator]");
}

Result<admin::ClusterView> Streams::cluster() const {
  if (!cluster_) return fail(Code::kNotFound, "there is no cluster: [node] has no listen");
  admin::ClusterView view{.cluster = cluster_->status(), .streams = {}};
  for (const auto& stream : streams_)
    view.streams.emplace_back(stream->name(), cluster_->describe_at_leader(stream->name()));
  return view;
}

Status Streams::command_cluster(const admin::ClusterCommand& command) const {
  if (!cluster_) return fail(Code::kNotFound, "there is no cluster: [node] has no listen");
  return cluster_->command(command);
}

Status Streams::rebuild_schema(const std::string& stream) const {
  BINBUS_TRY(found, find(stream));
  if (!found->works_elsewhere()) return found->rebuild_schema();
  const Json question{{"do", "rebuild_schema"}, {"stream", stream}};
  const auto answer = cluster_->ask_leader(stream, question.dump());
  return answer ? ok() : fail(answer.error());
}

Result<std::string> Streams::answer(const std::string& question) const {
  const Json asked = Json::parse(question, nullptr, false);
  try {
    const std::string what = asked.at("do"), stream = asked.at("stream");
    BINBUS_TRY(found, find(stream));
    // Not to be passed on in a circle.
    if (found->works_elsewhere())
      return fail(Code::kUnavailable, "the lead of stream " + stream + " is changing hands");
    if (what == "rebuild_schema") {
      BINBUS_RETURN_IF_ERROR(found->rebuild_schema());
      return "";
    }
    if (what == "cursor") return found->answer_cursors(question);
    if (what == "command_sink") {
      BINBUS_RETURN_IF_ERROR(found->command_sink(
          asked.at("sink"),
          {.kind = asked.at("kind").get<admin::SinkCommand::Kind>(), .where = asked.at("where")}));
      return "";
    }
    if (what == "change_sink") {
      BINBUS_TRY(revision, change_sink(stream, asked.at("sink"),
                                       {.kind = asked.at("kind").get<admin::SinkChange::Kind>(),
                                        .keys = asked.at("keys"),
                                        .unset = asked.at("unset")}));
      return std::to_string(revision);
    }
    return fail(Code::kUnsupported, "nothing to do is called " + what);
  } catch (const Json::exception& error) {
    return fail(Code::kInvalid, std::string("what a leader was asked: ") + error.what());
  }
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

Result<std::unique_ptr<admin::Tail>> Streams::rows(const std::string& stream,
                                                   const admin::RowsQuery& query) const {
  BINBUS_TRY(found, find(stream));
  return found->rows(query);
}

Result<std::vector<admin::CursorStatus>> Streams::cursors(const std::string& stream) const {
  BINBUS_TRY(found, find(stream));
  return found->cursors();
}

Status Streams::remove_cursor(const std::string& stream, const std::string& cursor) const {
  BINBUS_TRY(found, find(stream));
  return found->remove_cursor(cursor);
}

Result<feed::Stream> Streams::feed(const std::string& stream) {
  BINBUS_TRY(found, find(stream));
  return found->feed();
}

std::vector<feed::Node> Streams::feed_nodes() const {
  std::vector<feed::Node> nodes{feed_node_};
  if (!cluster_) return nodes;
  for (auto& [name, address] : cluster_->feeds()) {
    if (name != feed_node_.name) nodes.push_back({name, address});
  }
  return nodes;
}

Status Streams::keep_tables(const std::string& stream,
                            const std::vector<std::string>& patterns) const {
  BINBUS_TRY(found, find(stream));
  return found->keep_tables(patterns);
}

Result<std::unique_ptr<admin::Tail>> Streams::verify(const std::string& stream,
                                                     const admin::VerifyQuery& query) const {
  BINBUS_TRY(found, find(stream));
  return found->verify(query);
}

Status Streams::command_snapshot(const std::string& stream,
                                 const admin::SnapshotCommand& command) const {
  BINBUS_TRY(found, find(stream));
  return found->command_snapshot(command);
}

Result<admin::MadeSnapshot> Streams::make_snapshot(const std::string& stream,
                                                   const std::string& purpose,
                                                   const std::string& at) const {
  BINBUS_TRY(found, find(stream));
  return found->make_snapshot(purpose, at);
}

}  // namespace binbus::app
