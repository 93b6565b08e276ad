// What binbus knows about itself at one moment, by value: `app` fills it from the streams, and
// everything that is shown (JSON, metrics, health, the command line) is made of it. Field names
// here are the names in the JSON.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "admin/delay_histogram.h"
#include "base/result.h"

namespace binbus::admin {

struct Place {
  std::string file;  // "" : none
  uint64_t offset = 0;
};

// A connection that follows the stream's log.
struct ReplicaStatus {
  std::string peer;  // "10.0.0.7:51234"
  std::string user;
  uint32_t server_id = 0;
  std::string server_uuid;
  std::string mode;   // how it asked: "gtid", "position", "mariadb_gtid"
  std::string state;  // "sending", "caught_up"
  Place position;     // next byte to be sent
  uint64_t lag_bytes = 0;
  uint64_t lag_ms = 0;  // age of the oldest transaction not sent yet; 0 when caught up
  uint64_t bytes_sent = 0;
  uint64_t connected_us = 0;  // wall time of its connection
  bool semi_sync = false;
};

struct SourceStatus {
  std::string address;  // of the candidate in use or tried last
  std::string server_uuid;
  uint32_t server_id = 0;
  std::string version;
  std::string tls;  // of the newest connection: "TLSv1.3"; "" without
  Place position;   // of ours in the source's coordinates
  bool semi_sync = false;
};

// A table whose rows are kept.
struct KeptTable {
  std::string name;   // DATABASE.TABLE
  std::string phase;  // "filling", "ready", "failed", "cancelled"
  std::string error;  // of failed and cancelled
  bool paused = false;
  uint64_t rows_read = 0;  // at the source, for the newest filling; the same
  uint64_t rows_expected = 0;
  uint64_t bytes_read = 0;
  uint64_t chunks = 0;
  uint64_t since_us = 0;  // when it began; 0: not yet
};

// The rows that a stream keeps.
struct KeptStatus {
  std::string position;  // FILE:POS that all rows are of
  bool caught_up = false;
  std::string reason;       // why it does not go on
  std::string fill_reason;  // why nothing is read at the source
  uint64_t disk_bytes = 0;
  std::vector<std::string> patterns;  // of the tables that are wanted
  bool patterns_told = false;         // while binbus ran: they are not binbus.toml's
  std::vector<KeptTable> tables;
};

// A client of the feed.
struct SubscriberStatus {
  std::string client;    // as it calls itself
  std::string peer;      // "10.0.0.7:51234"
  std::string cursor;    // "": none
  uint32_t parts = 0;    // of a shared cursor, how many of the keys' 64 parts are its
  std::string state;     // "waiting", "snapshot", "sending", "caught_up"
  std::string reason;    // of waiting
  std::string position;  // FILE:POS up to which it has all; "": not known yet
  uint64_t lag_ms = 0;   // age of the oldest transaction behind that
  uint64_t bytes_sent = 0;
  uint64_t connected_us = 0;
};

struct FeedStatus {
  uint64_t bytes_sent = 0;  // since the log was opened, to all that were ever served here
  std::vector<SubscriberStatus> subscribers;  // of this node
};

// A position that is kept for a client of the feed, or positions for several that share them.
struct CursorStatus {
  struct Worker {
    std::string client;
    int parts = 0;  // of 64
  };
  std::string name;
  std::string position;                 // "": nothing is committed yet; shared: the first
  std::string client;                   // who is served with it; "": nobody
  std::optional<uint64_t> lag_ms = {};  // age of the oldest transaction behind it; none: not known
  bool purged = false;                  // what comes next is no longer in the log
  bool shared = false;                  // by workers
  std::vector<Worker> workers = {};
};

// What delivers a stream's changes.
struct SinkStatus {
  std::string name;
  std::string type;    // "file", "kafka", "rabbitmq"
  std::string format;  // "maxwell", ...
  std::string state;   // "starting", "running", "retrying", "paused", "stopped", "standby"
  std::string reason;  // of retrying and stopped
  uint64_t since_us = 0;
  std::string position;   // FILE:POS that everything before is delivered
  std::string read;       // what lies between both is under way
  uint64_t lag_ms = 0;    // age of the oldest transaction that is not delivered
  uint64_t messages = 0;  // these since the start
  uint64_t bytes = 0;
  uint64_t filtered = 0;
  uint64_t rejected = 0;
  uint64_t skipped = 0;
  // How often it was told something else since the start, and the place from which the newest holds.
  uint64_t revision = 0;
  std::string revision_from;
};

enum class StreamState : uint8_t {
  kStarting,    // the log is being opened
  kConnecting,  // towards a source
  kStreaming,   // receives
  kWaiting,     // before the next try; `reason` says why
  kStopped,     // somebody must act; `reason` says what
  kStandby,     // another node has it, or none; `reason` says what keeps this one from it
};
std::string_view state_name(StreamState state);

// Of a stream that nodes share beside a coordinator.
struct LeaseStatus {
  std::string coordinator;  // "etcd", "zookeeper"
  std::string group;
  bool connected = false;
  std::string error;               // why not
  std::string node;                // this one
  std::vector<std::string> nodes;  // that live
  std::string owner = {};          // who has the stream; "": nobody
  uint64_t epoch = 0;              // of its lease
  bool held = false;               // by this node
  uint64_t remaining_ms = 0;       // of ours: until it ends, unless the coordinator answers
};

// A node of a stream's group.
struct MemberStatus {
  std::string name;
  bool voter = true;  // false: a learner
  // What the leader alone knows.
  std::optional<uint64_t> lag_entries = {};  // behind it
  std::optional<bool> active = {};           // heard of lately
};

// Of a stream whose log a cluster keeps: its Raft group, as this node sees it.
struct GroupStatus {
  std::string node;    // this one
  std::string role;    // "leader", "follower", "candidate"
  std::string leader;  // "": not known
  uint64_t term = 0;
  uint64_t last_index = 0;
  uint64_t commit_index = 0;
  std::string reason;  // why this node does not lead, or cannot go on
  std::vector<MemberStatus> members;
  std::vector<std::string> placed = {};  // the voters that are to keep it; none: all
  // For how long it has been at one thing, mostly a write: when it is long, the disk hangs, and the rest is as of before.
  uint64_t busy_ms = 0;
  uint64_t lag_ms = 0;  // behind its leader, at most
};

struct NodeStatus {
  std::string name;
  uint64_t id = 0;  // 0: not known yet
  std::string address;
  bool connected = false;
  bool votes = true;
  std::string site = {};
  bool drained = false;  // leads nothing
  bool leaving = false;  // is being removed
};

struct ClusterStatus {
  std::string node;         // this one
  std::string name;         // the cluster's; "": not known yet
  std::string reason = {};  // why this node is in none
  uint64_t busy_ms = 0;     // with the control log, as a stream's group
  std::vector<NodeStatus> nodes = {};
};

// A cluster as `binbus cluster status` tells it: its streams' groups as their leaders see them.
struct ClusterView {
  ClusterStatus cluster;
  std::vector<std::pair<std::string, GroupStatus>> streams;  // by name
};

struct ClusterCommand {
  enum class Kind : uint8_t {
    kJoin,      // this node is to be taken in
    kAdd,       // another one
    kRemove,    // for good
    kTransfer,  // a stream's lead
    kDrain,     // a node leads nothing
    kPlace,     // which nodes keep a stream
  };
  Kind kind = Kind::kJoin;
  std::string node;                     // name; kAdd: NAME@HOST:PORT
  std::string stream;                   // kTransfer, kPlace
  bool end = false;                     // kDrain: it may lead again
  std::vector<std::string> nodes = {};  // kPlace; none: all
};

struct StreamStatus {
  std::string name;
  StreamState state = StreamState::kStarting;
  std::string reason;      // of waiting or stopped: what, where, and the mend
  std::string error_code;  // code_name() of the same
  std::string flavor;
  SourceStatus source;
  std::vector<std::string> candidates;

  Place position;  // visible end of the log
  std::string gtid_executed;
  std::string server_uuid;  // ours
  uint32_t server_id = 0;
  std::optional<uint64_t> lag_ms;     // behind the source by commit time; 0 when caught up
  std::optional<uint64_t> lag_bytes;  // where the source has told its position
  uint64_t last_commit_us = 0;    // source's commit time of the newest stored transaction; 0: none
  DelayHistogram store_delay;     // from commit to our disk, since start; in the metrics only
  uint64_t last_activity_us = 0;  // wall time when the source last said anything
  uint64_t transactions = 0;      // since start
  uint64_t bytes_received = 0;    // since start
  uint64_t connects = 0;          // to a source, since start
  uint64_t semi_sync_acks = 0;

  uint64_t segments = 0;
  uint64_t log_bytes = 0;
  Place oldest;
  std::optional<uint64_t> disk_free_bytes;

  std::string listen;        // "": replicas are not served
  std::string listen_error;  // why nobody is served there now
  std::vector<ReplicaStatus> replicas;
  std::vector<SinkStatus> sinks;
  std::optional<FeedStatus> feed;      // none: nobody is fed
  std::optional<KeptStatus> kept;      // none: it keeps no rows
  std::optional<LeaseStatus> lease;    // without a coordinator: none
  std::optional<GroupStatus> cluster;  // without a cluster: none
  std::vector<std::string>
      kept_at;  // in a cluster: other nodes, while this one does not keep the stream
};

struct Snapshot {
  std::string version;
  uint64_t now_us = 0;
  uint64_t started_us = 0;
  std::vector<StreamStatus> streams;
  std::optional<ClusterStatus> cluster;  // without one: none
};

struct SegmentStatus {
  std::string name;
  uint64_t bytes = 0;
  bool sealed = false;
  uint64_t first_us = 0;        // when its first event was written at the source
  uint64_t last_commit_us = 0;  // 0: no transaction in it
  std::string previous_gtids;
};

// A place of the log in both servers' coordinates.
struct Location {
  Place position;  // ours
  std::string server_uuid;
  uint32_t server_id = 0;
  Place source;  // theirs
};

// What to look for; exactly one is given.
struct LocateQuery {
  std::optional<Place> ours;
  std::optional<Place> theirs;
  std::string server_uuid;              // of `theirs`; "": the newest source that has it
  std::optional<std::string> gtid_set;  // what is executed: the place to go on from
  std::optional<uint64_t> time_us;
};

// Which changes to show.
struct TailQuery {
  std::string format = "binbus";
  std::string from = "latest";      // earliest, latest, gtid:SET, time:..., FILE:POS
  std::vector<std::string> tables;  // patterns; none: all but the system schemas
  bool ddl = true;
  bool transactions = false;  // BEGIN and COMMIT, too
  bool sql_text = false;
  bool schemas = false;
  bool follow = true;  // false: to the log's end as it is
};

struct SinkCommand {
  enum class Kind : uint8_t { kPause, kResume, kSeek, kRewind, kReplay };
  Kind kind = Kind::kPause;
  std::string where;  // kSeek: earliest, latest, gtid:SET, time:..., FILE:POS; kRewind: "10min"
};

// What a sink is told to do from now on.
struct SinkChange {
  enum class Kind : uint8_t {
    kAdd,
    kSet,     // some keys
    kReset,   // to what the configuration file says
    kRemove,  // what was added
  };
  Kind kind = Kind::kSet;
  std::string keys;                // kAdd, kSet: as below [[sink]], in TOML
  std::vector<std::string> unset;  // kSet: KEY, table[PATTERN], table[PATTERN].KEY
};

// A stream's changes as text. Thread: one.
struct RowsQuery {
  std::string table;  // DATABASE.TABLE
  // Of one row, as text, in the key's order; none: all rows.
  std::vector<std::string> key;
  std::string format = "binbus";
  std::string at = {};  // FILE:POS, a UTC time, a GTID set; "": now
};

// Which kept rows to compare with the source's, and whether to put those right that differ.
struct VerifyQuery {
  std::vector<std::string> tables;  // patterns; none: all
  bool repair = false;
};

struct SnapshotCommand {
  enum class Kind : uint8_t { kStart, kPause, kResume, kCancel } kind = Kind::kStart;
  std::string table;  // DATABASE.TABLE; "": all
};

// Rows that were kept on disk as of one place.
struct MadeSnapshot {
  std::string name;
  std::string position;                     // FILE:POS
  std::vector<std::string> not_ready = {};  // tables whose rows were not known there
};

class Tail {
 public:
  virtual ~Tail() = default;
  // Gives whole lines as they come, a long transaction's in pieces; returns when some came, or after `wait_ms`. False: at the
  // end. What `give` fails with is returned.
  virtual Result<bool> next(const std::function<Status(std::string_view)>& give, uint64_t wait_ms,
                            const std::stop_token& stop) = 0;
};

// Where the endpoint gets its answers; implemented by `app`. Any thread; never blocks for I/O with
// a lock held.
class Observed {
 public:
  virtual ~Observed() = default;
  virtual Snapshot snapshot() const = 0;
  virtual Result<std::vector<SegmentStatus>> segments(const std::string& stream) const = 0;
  virtual Result<Location> locate(const std::string& stream, const LocateQuery& query) const = 0;
  virtual Status command_sink(const std::string& stream, const std::string& sink,
                              const SinkCommand& command) const = 0;
  // Durable on return. The revision that the sink's status will tell when it does so.
  virtual Result<uint64_t> change_sink(const std::string& stream, const std::string& sink,
                                       const SinkChange& change) const = 0;
  // What it was told, as TOML without secrets.
  virtual Result<std::string> show_sink(const std::string& stream,
                                        const std::string& sink) const = 0;
  // Another node is to take the stream from this one. kNotFound when it is not this one's, or there is no other.
  virtual Status hand_over(const std::string& stream) const = 0;
  // kNotFound without a cluster. The same of any node.
  virtual Result<ClusterView> cluster() const = 0;
  // Returns when the cluster has decided it; it is carried out soon after.
  virtual Status command_cluster(const ClusterCommand& command) const = 0;
  // Reads the tables at the source again.
  virtual Status rebuild_schema(const std::string& stream) const = 0;
  // CREATE TABLE of "database.table" at a place: FILE:POS, latest, earliest.
  virtual Result<std::string> show_table(const std::string& stream, const std::string& table,
                                         const std::string& at) const = 0;
  virtual Result<std::unique_ptr<Tail>> tail(const std::string& stream,
                                             const TailQuery& query) const = 0;
  // Rows that are kept, as messages of a snapshot. kNotFound when there is no such table or row.
  virtual Result<std::unique_ptr<Tail>> rows(const std::string& stream,
                                             const RowsQuery& query) const = 0;
  // Which tables are kept from now on; none: those of the configuration. kInvalid names the pattern that is none. Done soon after.
  virtual Status keep_tables(const std::string& stream,
                             const std::vector<std::string>& patterns) const = 0;
  // Compares them: lines of JSON, {"progress": ...} as it goes and {"result": ...} at its end (docs/operations.md). It goes on as long
  // as the Tail is there. kNotFound for a pattern that no kept table fits, kExists while another one is under way.
  virtual Result<std::unique_ptr<Tail>> verify(const std::string& stream,
                                               const VerifyQuery& query) const = 0;
  // Returns when it is noted; done soon after.
  virtual Status command_snapshot(const std::string& stream,
                                  const SnapshotCommand& command) const = 0;
  // Keeps the rows on disk as they are, or as they were at a place (as RowsQuery::at), for that purpose: a word. kUnavailable: not
  // now; kNotFound, kPurged: that place cannot be had, with the oldest that can.
  virtual Result<MadeSnapshot> make_snapshot(const std::string& stream, const std::string& purpose,
                                             const std::string& at) const = 0;
  // Of the feed; the same of any node.
  virtual Result<std::vector<CursorStatus>> cursors(const std::string& stream) const = 0;
  // kExists while somebody is served with it.
  virtual Status remove_cursor(const std::string& stream, const std::string& cursor) const = 0;
};

}  // namespace binbus::admin
