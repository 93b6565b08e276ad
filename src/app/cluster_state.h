// What the control log tells, as its cursors: who belongs to the cluster, and what is wanted of them; and what follows from it
// for a group. Pure.
//
//   node/ID            JSON, a ClusterNode without its id
//   founders/STREAM    JSON, the ids that the stream's group begins with
//   lead/STREAM        JSON, the id of the node that is to lead it when it can
//   place/STREAM       JSON, a Place: which of the nodes that vote keep the stream; without it all do. Learners keep all streams
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "raft/core.h"

namespace binbus::app {

struct ClusterNode {
  raft::NodeId id = 0;
  std::string name;
  std::string address;  // node to node
  bool votes = true;    // false: it keeps the logs, and neither decides nor leads
  std::string site = {};
  uint64_t lead_priority = 1;     // who leads is chosen among the highest
  uint64_t bytes_per_second = 0;  // of entries towards it; 0: no limit
  std::string feed = {};          // where clients are fed, for them; "": nowhere
  bool drained = false;           // leads nothing
  bool leaving = false;           // is to be in no group, and then forgotten
  bool operator==(const ClusterNode&) const = default;
};

// Where a stream is.
struct Place {
  uint64_t copies = 0;  // as many nodes are wanted
  std::vector<raft::NodeId> nodes;
  bool operator==(const Place&) const = default;
};

struct ClusterState {
  std::vector<raft::NodeId>
      members;  // of the control group; of these some may not have told of themselves yet
  std::map<raft::NodeId, ClusterNode> nodes;
  std::map<std::string, std::vector<raft::NodeId>> founders;  // by stream
  std::map<std::string, raft::NodeId> leads;                  // by stream
  std::map<std::string, Place> places;                        // by stream

  // Values that make no sense are left out.
  static ClusterState parse(const std::map<std::string, std::string>& cursors);
  // The one of that name that stays; null: none.
  const ClusterNode* find(const std::string& name) const;
  // Whether the node is to keep the stream; "" is the control group's log, which all keep.
  bool keeps(const std::string& stream, raft::NodeId node) const;
  // Neither told of nor a member: it was removed, and a group may not know that yet.
  bool forgotten(raft::NodeId node) const;
};

std::string node_cursor(raft::NodeId node);
std::string founders_cursor(const std::string& stream);
std::string lead_cursor(const std::string& stream);
std::string place_cursor(const std::string& stream);
std::string encode_node(const ClusterNode& node);
std::string encode_ids(const std::vector<raft::NodeId>& nodes);
std::string encode_place(const Place& place);
// Of the cluster that these nodes founded: the same at each of them.
std::string cluster_name(const std::vector<raft::NodeId>& founders);

// Who cannot work on a stream and leaves the lead to others, as it has said in the stream's own log, and until when: microseconds
// of wall clock. Those that are over are left out.
inline constexpr std::string_view kUnfitCursor = "unfit";
using Unfit = std::map<raft::NodeId, uint64_t>;
std::string encode_unfit(const Unfit& unfit);
Unfit parse_unfit(const std::string& text, uint64_t now_us);

// A group as its leader sees it.
struct LedGroup {
  raft::NodeId self = 0;
  raft::Members members;
  uint64_t last_index = 0;
  std::vector<raft::PeerProgress> progress;
  Unfit unfit = {};

  bool answers(raft::NodeId node) const;
  // So near to the leader that it could vote or lead at once.
  bool caught_up(raft::NodeId node) const;
};

// The place with those who are gone, or vote no more, left out, and others in their stead as far as there are any: at sites that have
// the stream least, then those that keep the fewest streams. `answers`: of a node; who does not is not taken.
Place filled(const ClusterState& state, const std::string& stream, Place place,
             const std::function<bool(raft::NodeId)>& answers);

// What the leader changes next for the group to have the members that are wanted; nothing: it has, or has to wait. New ones come in
// as learners, and vote when they have caught up; who leaves the cluster goes with the change that lets another vote, or as soon as
// most of those who stay answer, and so does a vote; who only keeps the stream no more goes when all who are to keep it vote.
std::vector<raft::MemberChange> next_changes(const ClusterState& state, const LedGroup& group,
                                             const std::string& stream);

// Who of the group is to lead it: a node that is to keep it, votes, is not drained nor unfit, and answers. `preferred` (0: none) when it can; else, among
// the highest priority, one drawn by the stream's name, so that streams are spread. 0: nobody can.
raft::NodeId wanted_leader(const ClusterState& state, const LedGroup& group,
                           const std::string& stream, raft::NodeId preferred);

// Why the node cannot be removed; "": the cluster has a majority without it, and no stream loses its own. `answers`: of a node.
std::string refuse_removal(const ClusterState& state, raft::NodeId node,
                           const std::function<bool(raft::NodeId)>& answers);

}  // namespace binbus::app
