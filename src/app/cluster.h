// This node among others: who it is, whom it talks to, the groups of its streams, and the one that tells who belongs to the
// cluster, the control group.
//
//   data/node                  JSON: the id, drawn at the first start, and the cluster's name. A node without it is a new one
//   data/.cluster/             the control group's log; what its cursors say: cluster_state.h
//   data/.cluster/STREAM.began this node has been a member of the stream's group: without its log it may not begin with it again
//
// Owner:  borrows file system and clock; owns the transport and its threads. Streams' groups must be stopped before it.
// Thread: one of its own, named "cluster", which carries out what the control log wants; the functions from any.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "admin/status.h"
#include "app/cluster_state.h"
#include "app/config.h"
#include "app/data_folder.h"
#include "io/clock.h"
#include "io/file.h"
#include "raft/group_runner.h"

namespace binbus::app {

inline constexpr std::string_view kControlFolder = ".cluster";
inline constexpr int kAskMs = 2000;  // how long another node may take to say what it knows

// Whether this node has been a member of the group whose log is in the folder.
bool has_group(io::FileSystem& files, const std::string& folder);

class Cluster {
 public:
  static Result<std::unique_ptr<Cluster>> open(const NodeConfig& config, const DataFolder& data,
                                               io::FileSystem& files, io::Clock& clock);
  ~Cluster();
  void stop();

  // The stream's group at this node. kUnavailable, naming what is missing, as long as this node is in no cluster or no majority
  // answers that could begin the group; it waits a little for that. `copies`: at how many nodes the stream begins; 0: at all.
  Result<std::shared_ptr<raft::GroupRunner>> open_group(const std::string& stream, uint64_t copies,
                                                        store::LogOptions options,
                                                        store::RecoveryReport* report);
  // The stream's group is open here no more.
  void closed(const std::string& stream);
  // The nodes that keep the stream, where this one is not to; none: it is, or that is not known yet.
  std::vector<std::string> kept_at(const std::string& stream) const;
  // Whether this node, which is not to keep the stream, may have it closed: it has no part in its group, as the leader says, which
  // is asked, for some seconds at most. `group`: null where it is not open.
  bool may_close(const std::string& stream, const raft::GroupRunner* group) const;
  admin::GroupStatus describe(const std::string& stream, const raft::GroupRunner& group) const;
  // Whether another node could lead the stream instead of this one, which does.
  bool another_could_lead(const std::string& stream, const raft::GroupRunner& group) const;
  // Leaves the lead to others for so long; of the leader in that term.
  Status give_way(raft::GroupRunner& group, uint64_t term, uint64_t for_us) const;
  // "" while nobody is known to lead.
  std::string leader_name(const raft::GroupRunner& group) const;
  admin::ClusterStatus status() const;
  // Where nodes feed clients, by their names; those that do.
  std::map<std::string, std::string> feeds() const;
  // As its leader sees it, asked there; of this node, when the leader does not answer.
  admin::GroupStatus describe_at_leader(const std::string& stream) const;
  // A question to the stream's leader, answered there by what was set: JSON both ways.
  using Answer = std::function<Result<std::string>(const std::string& question)>;
  void set_answer(Answer answer);
  Result<std::string> ask_leader(const std::string& stream, const std::string& question) const;
  // Carried out by the control group's leader, wherever it is; returns when the control log has it.
  Status command(const admin::ClusterCommand& command);
  void reload_tls();

 private:
  struct Known {
    raft::NodeId id = 0;
    std::string name;
    std::string address;
    bool connected = false;
  };
  using Json = nlohmann::json;
  using Group = std::shared_ptr<raft::GroupRunner>;

  Cluster(const NodeConfig& config, const DataFolder& data, io::FileSystem& files, io::Clock& clock)
      : config_(config), folder_(data.path()), files_(files), clock_(clock) {}
  Status open();
  Status load_identity();
  Status keep_identity(const std::string& cluster);
  std::string control_folder() const { return folder_ + "/" + std::string(kControlFolder); }
  std::string name_of(raft::NodeId node) const;
  bool connected(raft::NodeId node) const;
  // How long the group has been busy with what it is being told.
  uint64_t busy_ms(const raft::GroupStatus& group) const;
  // How far its log is behind its leader's, at most.
  uint64_t lag_ms(const raft::GroupStatus& group, const store::Log& log) const;
  void seen(const raft::NodeIdentity& node, const std::string& address);
  void lost(raft::NodeId node);
  Group control() const;
  Result<Group> find_group(const std::string& stream) const;
  // As the control log tells it by now; never null.
  std::shared_ptr<const ClusterState> state() const;
  // Others that are to keep the stream, and answer.
  std::vector<raft::NodeId> keepers(const std::string& stream) const;
  struct Led {
    raft::NodeId leader = 0;
    uint64_t term = 0;
    std::vector<raft::NodeId> members;
  };
  // As the stream's leader says, this node or another, which is asked; none: nobody says that it leads.
  std::optional<Led> find_leader(const std::string& stream) const;
  raft::GroupOptions group_options(store::LogOptions log) const;

  // cluster_control.cc
  void run(const std::stop_token& stop);
  Status open_control();
  // Who begins the cluster; none: there is one already, or this node is to join one.
  Result<raft::Members> founders();
  Result<raft::Members> stream_founders(const std::string& stream, uint64_t copies);
  void follow_nodes(const ClusterState& state);
  void announce(const ClusterState& state);
  void ask_whether_removed();
  Unfit unfit(const raft::GroupRunner& group) const;
  LedGroup led(const raft::GroupRunner& group, const raft::GroupStatus& now) const;
  // Has the group the members and the leader that are wanted; of a leader.
  void tend(const std::string& stream, raft::GroupRunner& group, const ClusterState& state);
  void forget_removed();
  // Of the control group's leader: others keep what those who are gone have kept.
  void fill_places();

  // cluster_commands.cc
  Result<ByteVector> answer(const raft::NodeIdentity& from, std::string_view method, Bytes body);
  Status try_command(const admin::ClusterCommand& command);
  // At the control group's leader, also over there.
  Status order(const Json& order);
  Status carry_out(uint64_t term, const Json& order);
  Status put_node(uint64_t term, const ClusterNode& node);
  Status begin_stream(uint64_t term, const Json& order);
  Status place(uint64_t term, const Json& order);
  Status admit(uint64_t term, const Json& order);
  Json own_record() const;

  const NodeConfig config_;
  const std::string folder_;
  io::FileSystem& files_;
  io::Clock& clock_;
  raft::NodeIdentity self_;  // cluster: guarded by mutex_
  std::unique_ptr<raft::GroupHost> host_;
  std::mutex order_mutex_;  // of who reads the control log and then writes it; before mutex_
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool stopping_ = false;                // guarded by mutex_, as all below
  std::map<raft::NodeId, Known> known_;  // this node as well
  std::string cluster_of_peer_;          // some peer's, while this node has none
  Group control_;                        // null: not open yet
  std::string control_error_;            // why not
  std::map<std::string, std::weak_ptr<raft::GroupRunner>> groups_;  // of streams, by name
  Answer answer_;
  mutable std::shared_ptr<const ClusterState>
      state_;  // as of that commit index; null: not asked yet
  mutable uint64_t state_index_ = 0;
  std::string removed_;  // why the others take it for no member any more; "": nobody said so
  // The "cluster" thread's.
  std::vector<raft::Peer> peers_;
  uint64_t asked_us_ = 0;   // monotonic
  uint64_t forgot_us_ = 0;  // the same
  struct Tended {
    uint64_t term = 0;
    uint64_t handed_over_us = 0;  // monotonic: when it began to lead, or asked another to
    bool first = true;            // it has not asked yet
  };
  std::map<std::string, Tended> tended_;  // by stream; "": the control group
  std::jthread thread_;
};

}  // namespace binbus::app
