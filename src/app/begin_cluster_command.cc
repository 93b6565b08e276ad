#include "app/begin_cluster_command.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/cluster.h"
#include "app/config.h"
#include "io/clock.h"
#include "io/durable_file.h"
#include "store/control.h"

namespace binbus::app {
namespace {

using Json = nlohmann::json;

constexpr const char* kStreamWarning =
    R"(This begins the stream's group anew with this node alone: the other nodes that keep it are removed from that group, and what
only they had acknowledged is given up. It is the way back when a majority of the nodes that keep the stream is lost for
good, and the cluster still has one. Before:

  - have the lost nodes removed (`binbus cluster remove`), and make sure that none comes back with its old data folder;
  - stop this node; of several that are left take the one that is furthest ahead.

Afterwards start it: the stream goes to as many nodes as before. To do it: --yes
)";

constexpr const char* kWarning =
    R"(This begins the cluster anew with this node alone: the others are removed from it, and what only they had
acknowledged is given up. It is the way back when a majority of the nodes is lost for good. Before:

  - stop this node, and make sure that none of the others comes back with its old data folder;
  - take the node that is furthest ahead: `binbus cluster status` at each that runs (ENTRIES), or
    `binbus verify` in their data folders.

Afterwards start it, and let new nodes, with empty data folders, join it. To do it: --yes
)";

struct NoNetwork final : raft::Network {
  void send(raft::Message) override {}
};

struct Alone {
  io::FileSystem& files = io::posix_file_system();
  raft::NodeId self = 0;
  NoNetwork network = {};

  // Whether the log there, which stays as it is, knows of this node as one that votes.
  Result<bool> is_member(const std::string& folder) {
    BINBUS_TRY(group, open(folder, false));
    return group->members().is_voter(self);
  }

  Result<std::unique_ptr<raft::Group>> open(const std::string& folder, bool begins = true) {
    raft::GroupOptions options;
    options.log.directory = folder;
    options.core.id = self;
    options.alone = begins;
    return raft::Group::open(files, io::system_clock(), std::move(options), network, nullptr);
  }
};

// This node's record stays, and streams begin with it.
Status rewrite(raft::Group& control, raft::NodeId self) {
  const ClusterState told = ClusterState::parse(control.log().cursors(""));
  std::vector<store::Proposal> proposals;
  const auto put = [&](const std::string& name, std::optional<std::string> value) {
    proposals.push_back(store::inline_proposal(store::EntryKind::kControl,
                                               store::encode_cursor({name, std::move(value)})));
  };
  for (const auto& [id, node] : told.nodes) {
    if (id != self) put(node_cursor(id), std::nullopt);
  }
  for (const auto& [stream, founders] : told.founders)
    put(founders_cursor(stream), encode_ids({self}));
  for (const auto& [stream, leader] : told.leads) put(lead_cursor(stream), std::nullopt);
  for (const auto& [stream, place] : told.places) put(place_cursor(stream), std::nullopt);
  if (proposals.empty()) return ok();
  BINBUS_TRY(last, control.propose(control.leading(), std::move(proposals)));
  BINBUS_TRY(settled, control.settled(control.leading(), last));
  return settled ? ok() : fail(Code::kIo, "the control log was not written: is the disk full?");
}

Status begin(const Config& config, const std::string& only) {
  BINBUS_TRY(folder, DataFolder::lock(config.data));
  Alone alone;
  const std::string path = folder.path() + "/node";
  BINBUS_TRY(text, io::read_if_there(alone.files, path));
  Json node = Json::parse(text.value_or(""), nullptr, false);
  if (!node.is_object() || !node.contains("id") || !node.value("began", false)) {
    return fail(Code::kNotFound,
                folder.path() + " is no node of a cluster: there is nothing to come back from");
  }
  alone.self = node["id"];
  bool found = only.empty();
  for (const StreamConfig& stream : config.streams) {
    if (!only.empty() && stream.name != only) continue;
    const std::string its = folder.stream_folder(stream.name);
    if (!has_group(alone.files, its)) continue;
    if (!only.empty()) {
      const auto is_member = alone.is_member(its);
      if (!is_member) return fail_in("stream " + stream.name, is_member.error());
      if (!*is_member) continue;
    }
    found = true;
    auto group = alone.open(its);
    if (!group) return fail_in("stream " + stream.name, group.error());
    const store::Position end = (*group)->log().visible_end();
    fmt::print("stream {}: goes on from {}\n", stream.name,
               end.segment == 0
                   ? "its beginning"
                   : fmt::format("{}:{}", (*group)->log().segment_name(end.segment), end.offset));
  }
  if (!found)
    return fail(Code::kNotFound, fmt::format("this node has no part in a stream \"{}\"", only));
  if (!only.empty()) return ok();
  BINBUS_TRY(control, alone.open(folder.path() + "/" + std::string(kControlFolder)));
  BINBUS_RETURN_IF_ERROR(rewrite(*control, alone.self));
  // Last: until then the same command can be given again.
  const std::string before = node.value("cluster", "");
  node["cluster"] = cluster_name({alone.self, io::system_clock().wall_us()});
  BINBUS_RETURN_IF_ERROR(io::write_durably(alone.files, path, node.dump() + "\n"));
  fmt::print("cluster {} begins with this node, in the place of {}\n",
             node["cluster"].get<std::string>(), before);
  return ok();
}

}  // namespace

int begin_cluster(const cli::BeginCluster& command) {
  const auto config = load_config(command.config, Secrets::kLeave);
  if (!config) {
    fmt::print(stderr, "binbus: {}\n", config.error().message);
    return cli::ExitCode::kUsage;
  }
  if (!command.yes) {
    fmt::print(stderr, "{}", command.stream.empty() ? kWarning : kStreamWarning);
    return cli::ExitCode::kUsage;
  }
  if (Status begun = begin(*config, command.stream); !begun) {
    fmt::print(stderr, "binbus: {}\n", begun.error().message);
    return cli::ExitCode::kFailed;
  }
  return cli::ExitCode::kOk;
}

}  // namespace binbus::app
