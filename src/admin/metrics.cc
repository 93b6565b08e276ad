#include "admin/metrics.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>
#include <optional>

namespace binbus::admin {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr StreamState kStates[] = {StreamState::kStarting,  StreamState::kConnecting,
                                   StreamState::kStreaming, StreamState::kWaiting,
                                   StreamState::kStopped,   StreamState::kStandby};

template <class Count>
double number(Count value) {
  return static_cast<double>(value);
}
double seconds(uint64_t ms) { return number(ms) / 1000; }
double seconds_us(uint64_t us) { return number(us) / 1'000'000; }
std::optional<double> time_us(uint64_t us) {
  return us == 0 ? std::nullopt : std::optional(seconds_us(us));
}

template <class T>
std::optional<double> known(const std::optional<T>& value) {
  return value ? std::optional(number(*value)) : std::nullopt;
}

// None without a coordinator.
std::optional<double> of_lease(const StreamStatus& stream, double (*value)(const LeaseStatus&)) {
  return stream.lease ? std::optional(value(*stream.lease)) : std::nullopt;
}

// None without a cluster.
std::optional<double> of_group(const StreamStatus& stream, double (*value)(const GroupStatus&)) {
  return stream.cluster ? std::optional(value(*stream.cluster)) : std::nullopt;
}

void add(MetricFamily& family, Labels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  family.metric.push_back(std::move(metric));
}

void add(MetricFamily& family, Labels labels, const DelayHistogram& delays) {
  ClientMetric metric;
  metric.label = std::move(labels);
  uint64_t count = 0;
  for (size_t i = 0; i < delays.counts.size(); ++i) {
    count += delays.counts[i];
    const double bound = i < delays.kBoundsUs.size() ? seconds_us(delays.kBoundsUs[i])
                                                     : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({count, bound});
  }
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum = seconds_us(delays.sum_us);
  family.metric.push_back(std::move(metric));
}

// One metric of T: its name without "binbus_", and how to read it; nullopt where it is not known.
template <class T>
struct Metric {
  const char* name;
  MetricType type;
  const char* help;
  std::optional<double> (*value)(const T&);
};

const Metric<StreamStatus> kStreamMetrics[] = {
    {"lag_seconds", MetricType::Gauge, "Behind the source, by commit time; 0 when caught up.",
     [](const StreamStatus& s) {
       return s.lag_ms ? std::optional(seconds(*s.lag_ms)) : std::nullopt;
     }},
    {"lag_bytes", MetricType::Gauge, "Behind the source, where it has told its position.",
     [](const StreamStatus& s) { return known(s.lag_bytes); }},
    {"last_commit_timestamp_seconds", MetricType::Gauge,
     "Commit time at the source of the newest stored transaction.",
     [](const StreamStatus& s) { return time_us(s.last_commit_us); }},
    {"last_activity_timestamp_seconds", MetricType::Gauge, "When the source last said anything.",
     [](const StreamStatus& s) { return time_us(s.last_activity_us); }},
    {"transactions_total", MetricType::Counter, "Transactions stored since start.",
     [](const StreamStatus& s) -> std::optional<double> { return number(s.transactions); }},
    {"received_bytes_total", MetricType::Counter, "Binlog bytes received since start.",
     [](const StreamStatus& s) -> std::optional<double> { return number(s.bytes_received); }},
    {"source_connects_total", MetricType::Counter, "Connections made to a source since start.",
     [](const StreamStatus& s) -> std::optional<double> { return number(s.connects); }},
    {"semi_sync_acks_total", MetricType::Counter,
     "Semi-sync acknowledgements sent to the source since start.",
     [](const StreamStatus& s) -> std::optional<double> { return number(s.semi_sync_acks); }},
    {"segments", MetricType::Gauge, "Segments in the log.",
     [](const StreamStatus& s) -> std::optional<double> { return number(s.segments); }},
    {"log_bytes", MetricType::Gauge, "Size of the log.",
     [](const StreamStatus& s) -> std::optional<double> { return number(s.log_bytes); }},
    {"disk_free_bytes", MetricType::Gauge, "Space left on the log's disk.",
     [](const StreamStatus& s) { return known(s.disk_free_bytes); }},
    {"replicas", MetricType::Gauge, "Connections that follow the log.",
     [](const StreamStatus& s) -> std::optional<double> { return number(s.replicas.size()); }},
    {"coordinator_connected", MetricType::Gauge, "1 while the coordinator answers.",
     [](const StreamStatus& s) {
       return of_lease(s, [](auto& l) { return number(l.connected); });
     }},
    {"lease_held", MetricType::Gauge, "1 while this node has the stream's lease.",
     [](const StreamStatus& s) { return of_lease(s, [](auto& l) { return number(l.held); }); }},
    {"lease_epoch", MetricType::Gauge, "How often the stream was taken over.",
     [](const StreamStatus& s) { return of_lease(s, [](auto& l) { return number(l.epoch); }); }},
    {"lease_remaining_seconds", MetricType::Gauge,
     "Until this node's lease ends, unless the coordinator answers.",
     [](const StreamStatus& s) {
       return of_lease(s, [](auto& l) { return seconds(l.remaining_ms); });
     }},
    {"cluster_leads", MetricType::Gauge, "1 while this node leads the stream.",
     [](const StreamStatus& s) {
       return of_group(s, [](auto& g) { return number(g.role == "leader"); });
     }},
    {"cluster_term", MetricType::Gauge, "Raft's term: it grows with each election.",
     [](const StreamStatus& s) { return of_group(s, [](auto& g) { return number(g.term); }); }},
    {"cluster_commit_index", MetricType::Gauge, "The last entry that a majority has.",
     [](const StreamStatus& s) {
       return of_group(s, [](auto& g) { return number(g.commit_index); });
     }},
};

const Metric<MemberStatus> kMemberMetrics[] = {
    {"cluster_member_lag_entries", MetricType::Gauge,
     "How far the node is behind; told by the stream's leader.",
     [](const MemberStatus& m) { return known(m.lag_entries); }},
    {"cluster_member_active", MetricType::Gauge,
     "1 while the node answers; told by the stream's leader.",
     [](const MemberStatus& m) { return known(m.active); }},
};

const Metric<ReplicaStatus> kReplicaMetrics[] = {
    {"replica_lag_seconds", MetricType::Gauge,
     "Age of the oldest transaction not sent to it yet; 0 when caught up.",
     [](const ReplicaStatus& r) -> std::optional<double> { return seconds(r.lag_ms); }},
    {"replica_lag_bytes", MetricType::Gauge, "Bytes of the log not sent to it yet.",
     [](const ReplicaStatus& r) -> std::optional<double> { return number(r.lag_bytes); }},
    {"replica_sent_bytes_total", MetricType::Counter, "Bytes sent to it on its connections of now.",
     [](const ReplicaStatus& r) -> std::optional<double> { return number(r.bytes_sent); }},
};

constexpr std::string_view kSinkStates[] = {"starting", "running", "retrying",
                                            "paused",   "stopped", "standby"};

const Metric<SinkStatus> kSinkMetrics[] = {
    {"sink_lag_seconds", MetricType::Gauge,
     "Age of the oldest transaction that its target has not confirmed yet; 0 when it has confirmed "
     "all.",
     [](const SinkStatus& s) -> std::optional<double> { return seconds(s.lag_ms); }},
    {"sink_messages_total", MetricType::Counter, "Messages given to the target since start.",
     [](const SinkStatus& s) -> std::optional<double> { return number(s.messages); }},
    {"sink_bytes_total", MetricType::Counter, "Bytes of these messages.",
     [](const SinkStatus& s) -> std::optional<double> { return number(s.bytes); }},
    {"sink_filtered_total", MetricType::Counter,
     "Changes of its tables that its filters keep back, since start.",
     [](const SinkStatus& s) -> std::optional<double> { return number(s.filtered); }},
    {"sink_rejected_total", MetricType::Counter,
     "Messages that the target takes from nobody, since start.",
     [](const SinkStatus& s) -> std::optional<double> { return number(s.rejected); }},
    {"sink_skipped_total", MetricType::Counter,
     "Of these, what was dropped; the rest is dead letters.",
     [](const SinkStatus& s) -> std::optional<double> { return number(s.skipped); }},
};

constexpr std::string_view kPhases[] = {"filling", "ready", "failed", "cancelled"};

const Metric<KeptStatus> kKeptMetrics[] = {
    {"snapshot_disk_bytes", MetricType::Gauge, "What the kept rows take on the disk.",
     [](const KeptStatus& k) -> std::optional<double> { return number(k.disk_bytes); }},
    {"snapshot_rows_read", MetricType::Gauge,
     "Rows read at the source, of the tables that are kept now.",
     [](const KeptStatus& k) -> std::optional<double> {
       uint64_t rows = 0;
       for (const KeptTable& table : k.tables) rows += table.rows_read;
       return number(rows);
     }},
    {"snapshot_waits", MetricType::Gauge,
     "1 while the rows cannot be kept current, or tables not be read; 0 else.",
     [](const KeptStatus& k) -> std::optional<double> {
       return k.reason.empty() && k.fill_reason.empty() ? 0 : 1;
     }},
};

const Metric<FeedStatus> kFeedMetrics[] = {
    {"feed_subscribers", MetricType::Gauge, "Clients of the feed that this node serves.",
     [](const FeedStatus& f) -> std::optional<double> { return number(f.subscribers.size()); }},
    {"feed_lag_seconds", MetricType::Gauge,
     "Of the one that is behind most: age of the oldest transaction that it has not got.",
     [](const FeedStatus& f) -> std::optional<double> {
       uint64_t lag_ms = 0;
       for (const SubscriberStatus& each : f.subscribers) lag_ms = std::max(lag_ms, each.lag_ms);
       return seconds(lag_ms);
     }},
    {"feed_sent_bytes_total", MetricType::Counter, "Bytes sent to clients of the feed.",
     [](const FeedStatus& f) -> std::optional<double> { return number(f.bytes_sent); }},
};

MetricFamily family(const std::string& name, MetricType type, const std::string& help) {
  MetricFamily made;
  made.name = "binbus_" + name;
  made.type = type;
  made.help = help;
  return made;
}

// "10.0.0.7" of "10.0.0.7:51234": a label that changes with every connection would make a new series
// each time.
std::string host_of(const std::string& peer) { return peer.substr(0, peer.rfind(':')); }

// The stream's replicas as series: connections that only their ports tell apart are one.
std::vector<ReplicaStatus> replica_series(const StreamStatus& stream) {
  std::vector<ReplicaStatus> series;
  for (const ReplicaStatus& replica : stream.replicas) {
    const std::string host = host_of(replica.peer);
    const auto same = std::ranges::find_if(series, [&](const ReplicaStatus& other) {
      return other.peer == host && other.server_id == replica.server_id;
    });
    if (same == series.end()) {
      series.push_back(replica);
      series.back().peer = host;
      continue;
    }
    same->lag_ms = std::max(same->lag_ms, replica.lag_ms);
    same->lag_bytes = std::max(same->lag_bytes, replica.lag_bytes);
    same->bytes_sent += replica.bytes_sent;
  }
  return series;
}

Labels replica_labels(const StreamStatus& stream, const ReplicaStatus& replica) {
  return {{"stream", stream.name},
          {"peer", replica.peer},
          {"server_id", std::to_string(replica.server_id)}};
}

}  // namespace

std::string to_prometheus(const Snapshot& snapshot) {
  std::vector<MetricFamily> families;
  families.push_back(family("build_info", MetricType::Gauge, "1; the version is the label."));
  add(families.back(), {{"version", snapshot.version}}, 1);
  families.push_back(
      family("start_timestamp_seconds", MetricType::Gauge, "When the process started."));
  add(families.back(), {}, seconds_us(snapshot.started_us));

  families.push_back(family("stream_state", MetricType::Gauge,
                            "1 for the state that the stream is in, 0 for the others."));
  for (const StreamStatus& stream : snapshot.streams) {
    for (const StreamState state : kStates) {
      add(families.back(), {{"stream", stream.name}, {"state", std::string(state_name(state))}},
          stream.state == state ? 1 : 0);
    }
  }
  for (const auto& metric : kStreamMetrics) {
    families.push_back(family(metric.name, metric.type, metric.help));
    for (const StreamStatus& stream : snapshot.streams) {
      if (const auto value = metric.value(stream))
        add(families.back(), {{"stream", stream.name}}, *value);
    }
  }
  for (const auto& metric : kMemberMetrics) {
    families.push_back(family(metric.name, metric.type, metric.help));
    for (const StreamStatus& stream : snapshot.streams) {
      if (!stream.cluster) continue;
      for (const MemberStatus& member : stream.cluster->members) {
        if (const auto value = metric.value(member))
          add(families.back(), {{"stream", stream.name}, {"node", member.name}}, *value);
      }
    }
  }
  families.push_back(family("store_delay_seconds", MetricType::Histogram,
                            "From the commit at the source to binbus's disk; of each sync, its "
                            "newest transaction."));
  for (const StreamStatus& stream : snapshot.streams)
    add(families.back(), {{"stream", stream.name}}, stream.store_delay);
  for (const auto& metric : kReplicaMetrics) {
    families.push_back(family(metric.name, metric.type, metric.help));
    for (const StreamStatus& stream : snapshot.streams) {
      for (const ReplicaStatus& replica : replica_series(stream)) {
        if (const auto value = metric.value(replica))
          add(families.back(), replica_labels(stream, replica), *value);
      }
    }
  }
  families.push_back(family("sink_state", MetricType::Gauge,
                            "1 for the state that the sink is in, 0 for the others."));
  for (const StreamStatus& stream : snapshot.streams) {
    for (const SinkStatus& sink : stream.sinks) {
      for (const std::string_view state : kSinkStates) {
        add(families.back(),
            {{"stream", stream.name}, {"sink", sink.name}, {"state", std::string(state)}},
            sink.state == state ? 1 : 0);
      }
    }
  }
  for (const auto& metric : kSinkMetrics) {
    families.push_back(family(metric.name, metric.type, metric.help));
    for (const StreamStatus& stream : snapshot.streams) {
      for (const SinkStatus& sink : stream.sinks) {
        if (const auto value = metric.value(sink))
          add(families.back(), {{"stream", stream.name}, {"sink", sink.name}}, *value);
      }
    }
  }
  // Of what not every stream has.
  const auto add_of_part = [&](const auto& metrics, const auto part) {
    for (const auto& metric : metrics) {
      families.push_back(family(metric.name, metric.type, metric.help));
      for (const StreamStatus& stream : snapshot.streams) {
        if (!(stream.*part)) continue;
        if (const auto value = metric.value(*(stream.*part)))
          add(families.back(), {{"stream", stream.name}}, *value);
      }
    }
  };
  add_of_part(kFeedMetrics, &StreamStatus::feed);
  families.push_back(
      family("snapshot_tables", MetricType::Gauge, "Tables whose rows are kept, by their state."));
  for (const StreamStatus& stream : snapshot.streams) {
    for (const std::string_view phase : kPhases) {
      if (!stream.kept) break;
      const auto count = std::ranges::count(stream.kept->tables, phase, &KeptTable::phase);
      add(families.back(), {{"stream", stream.name}, {"state", std::string(phase)}},
          static_cast<double>(count));
    }
  }
  add_of_part(kKeptMetrics, &StreamStatus::kept);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace binbus::admin
