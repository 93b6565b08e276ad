#include "serve/dump_start.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "binlog/gtid_events.h"
#include "mysql/server_replies.h"
#include "serve/event_start.h"
#include "serve/mariadb_position.h"
#include "store/event_feed.h"

namespace binbus::serve {
namespace {

using mysql::GtidSet;
using mysql::MariadbGtid;
using mysql::MariadbGtidSet;

// The part of a set that has the UUIDs of the log's sources: what only they can have written.
GtidSet of_sources(const GtidSet& set, const std::vector<store::SourceSpan>& sources) {
  GtidSet part;
  for (const auto& [tsid, intervals] : set.members()) {
    for (const store::SourceSpan& source : sources) {
      if (source.server_uuid != tsid.uuid.to_string()) continue;
      for (const GtidSet::Interval& interval : intervals)
        part.add(tsid, interval.first, interval.last);
    }
  }
  return part;
}

// One search for a start. Every attempt looks anew, as the log grows meanwhile.
class Search {
 public:
  Search(const DumpRequest& request, const ReaderTraits& traits, const Catalog& catalog,
         const Wording& wording)
      : request_(request),
        traits_(traits),
        catalog_(catalog),
        log_(catalog.log()),
        wording_(wording) {}

  Result<DumpStart> attempt() {
    ahead_ = false;
    if (request_.executed && request_.file.empty()) return by_gtids();
    if (!request_.executed && traits_.connect_state) return by_mariadb_gtids();
    return by_position();
  }
  // The last attempt failed for want of something that may yet come from the source.
  bool ahead() const { return ahead_; }

 private:
  Result<DumpStart> by_gtids() {
    const GtidSet& replica = *request_.executed;
    const mysql::Executed log_executed = log_.executed();
    const GtidSet ours = log_executed.mysql() ? *log_executed.mysql() : GtidSet();
    if (log_executed.mariadb()) {
      return wording_.fatal(
          Code::kUnsupported,
          "The replication sender thread cannot start in AUTO_POSITION mode: this server's log is "
          "MariaDB's. Connect by file and position");
    }
    const GtidSet extra = mysql::difference(of_sources(replica, log_.sources()), ours);
    if (!extra.empty()) {
      ahead_ = true;
      return wording_.fatal(Code::kDiverged,
                            "{Replica} has more GTIDs than the {source} has, using the {source}'s "
                            "SERVER_UUID. The {source} lacks '{first}'. Either this log lags "
                            "behind its source, or the source lost "
                            "transactions that the {replica} had received: rebuild the {replica}, "
                            "or commit empty transactions with these GTIDs on the source",
                            extra.to_string());
    }
    const mysql::Executed purged = catalog_.purged();
    if (purged.mysql() && !replica.contains(*purged.mysql())) {
      return purged_error(mysql::difference(*purged.mysql(), replica));
    }
    auto found = log_.find_gtids(mysql::Executed(replica));
    if (!found) {
      if (found.error().code == Code::kPurged)
        return wording_.fatal(Code::kPurged, found.error().message);
      return fail(std::move(found).error());
    }
    BINBUS_TRY(clear, has_first_transaction(found->segment, replica));
    return DumpStart{.at = {found->segment, binlog::kMagic.size()},
                     .skip_to = found->offset,
                     .clear_created = clear,
                     .skip = {},
                     .until = {}};
  }

  tl::unexpected<Error> purged_error(const GtidSet& missing) const {
    return wording_.fatal(Code::kPurged,
                          "Cannot replicate because the {source} purged required binary logs. "
                          "Replicate the missing transactions from elsewhere, or provision a new "
                          "{replica} from backup. Consider increasing the {source}'s binary log "
                          "expiration period. The missing transactions are '{first}', and the "
                          "GTID set sent by the {replica} is '{second}'",
                          missing.to_string(), request_.executed->to_string());
  }

  Result<bool> has_first_transaction(uint64_t segment, const GtidSet& replica) {
    BINBUS_TRY(feed, store::EventFeed::open(log_, {segment, 0}));
    for (;;) {
      BINBUS_TRY(there, feed.next());
      if (!there) return false;
      const uint8_t type = feed.header().type;
      if (type == binlog::kFormatDescriptionEvent) BINBUS_RETURN_IF_ERROR(feed.learn_format());
      if (type == binlog::kGtidEvent || type == binlog::kGtidTaggedEvent) {
        BINBUS_TRY(event, binlog::parse_gtid_event(feed.header(), feed.prefix()));
        const auto* gtid = std::get_if<mysql::Gtid>(&event.gtid);
        return gtid && replica.contains(*gtid);
      }
      if (type == binlog::kAnonymousGtidEvent || type == binlog::kQueryEvent) return false;
      BINBUS_RETURN_IF_ERROR(feed.skip());
    }
  }

  Result<DumpStart> by_position() {
    if (request_.position < binlog::kMagic.size()) {
      return impossible_position("position < 4");
    }
    // One list for the search and for what is made of its failing: a segment that begins meanwhile is waited for.
    const auto segments = log_.segments();
    const auto segment = find_segment(segments, request_.file);
    if (!segment) {
      const auto wanted = binlog::SegmentName::parse(request_.file);
      ahead_ = segments.empty() || (wanted && wanted->number > segments.back().number);
      return wording_.fatal(Code::kNotFound,
                            "Could not find first log file name in binary log index file");
    }
    if (request_.position > segment->bytes) {
      ahead_ = !segment->sealed;
      return impossible_position("position > file size");
    }
    BINBUS_RETURN_IF_ERROR(check_boundary(*segment));
    return DumpStart{
        .at = {segment->number, request_.position}, .skip_to = 0, .skip = {}, .until = {}};
  }

  tl::unexpected<Error> impossible_position(const std::string& what) const {
    const bool mariadb = catalog_.flavor() == mysql::Flavor::kMariadb;
    return wording_.fatal(Code::kNotFound, "Client requested {source} to start replication from " +
                                               (mariadb ? "impossible position" : what));
  }

  Status check_boundary(const store::SegmentInfo& segment) {
    Status checked = check_event_start(log_, segment, request_.position);
    if (checked || checked.error().code != Code::kNotFound) return checked;
    return wording_.fatal(Code::kInvalid, "bogus data in log event; no event starts at position " +
                                              std::to_string(request_.position) + " of '" +
                                              segment.name + "'");
  }

  Result<DumpStart> by_mariadb_gtids() {
    if (catalog_.flavor() == mysql::Flavor::kMysql) {
      return wording_.fatal(Code::kUnsupported,
                            "The replication sender thread cannot start from @slave_connect_state: "
                            "this server's log is MySQL's. Connect by file and position");
    }
    auto wanted = MariadbGtidSet::parse(*traits_.connect_state);
    auto until = MariadbGtidSet::parse(traits_.until.value_or(""));
    if (!wanted || !until) return fail(Code::kInvalid, "Could not parse GTID list", 1941);
    const mysql::Executed executed = log_.executed();
    const MariadbGtidSet state = executed.mariadb() ? *executed.mariadb() : MariadbGtidSet();
    for (const auto& [domain, places] : wanted->domains()) {
      BINBUS_RETURN_IF_ERROR(check_known(wanted->newest(domain), state, *until));
    }
    const auto segments = log_.segments();
    for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
      const MariadbGtidSet* before = segment->previous.mariadb();
      if (before && !covers(*wanted, *before)) continue;
      DumpStart start{
          .at = {segment->number, binlog::kMagic.size()}, .skip_to = 0, .skip = {}, .until = {}};
      // What ended just before the segment needs no skipping in it, and what was to end before has ended.
      for (const auto& [domain, places] : wanted->domains()) {
        const MariadbGtid gtid = wanted->newest(domain);
        if (!before || before->newest(domain) != gtid) start.skip.add(gtid);
      }
      for (const auto& [domain, places] : until->domains()) {
        const MariadbGtid gtid = until->newest(domain);
        if (!before || !has(*before, gtid)) start.until.add(gtid);
      }
      return start;
    }
    return wording_.fatal(
        Code::kPurged,
        "Could not find GTID state requested by {replica} in any binlog files. Probably the "
        "{replica} state is too old and required binlog files have been purged. It asked for "
        "'{first}'; the oldest file here starts after '{second}'",
        wanted->to_string(), catalog_.purged().to_string());
  }

  // By its server's own last sequence, not the domain's.
  static bool has(const MariadbGtidSet& state, const MariadbGtid& gtid) {
    const auto domain = state.domains().find(gtid.domain);
    if (domain == state.domains().end()) return false;
    const auto last = domain->second.last_by_server.find(gtid.server_id);
    return last != domain->second.last_by_server.end() && last->second >= gtid.sequence;
  }

  // The log has `gtid`, or nothing of its domain, or the reader says that it need not.
  Status check_known(const MariadbGtid& gtid, const MariadbGtidSet& state,
                     const MariadbGtidSet& until) {
    const auto domain = state.domains().find(gtid.domain);
    if (domain == state.domains().end()) return ok();
    if (has(state, gtid)) return ok();
    const bool beyond = state.newest(gtid.domain).sequence < gtid.sequence;
    if (traits_.ignore_duplicates && beyond) return ok();
    // It stops before it starts.
    if (traits_.until &&
        (!until.domains().contains(gtid.domain) || state.contains(until.newest(gtid.domain)))) {
      return ok();
    }
    ahead_ = beyond;
    std::string text = "Error: connecting {replica} requested to start from GTID " +
                       gtid.to_string() + ", which is not in the {source}'s binlog";
    if (!beyond) {
      text +=
          ". Since the {source}'s binlog contains GTIDs with higher sequence numbers, it probably "
          "means that the "
          "{replica} has diverged due to executing extra erroneous transactions";
    }
    return wording_.fatal(Code::kDiverged, text);
  }

  // Every transaction after `wanted` is in the segment that starts after `before`, or later.
  static bool covers(const MariadbGtidSet& wanted, const MariadbGtidSet& before) {
    for (const auto& [number, places] : before.domains()) {
      if (!wanted.domains().contains(number)) return false;
      const MariadbGtid gtid = wanted.newest(number);
      const auto last = places.last_by_server.find(gtid.server_id);
      if (last == places.last_by_server.end()) continue;
      if (gtid.sequence < last->second) return false;
      if (gtid.sequence == last->second && places.newest_server != gtid.server_id) return false;
    }
    return true;
  }

  const DumpRequest& request_;
  const ReaderTraits& traits_;
  const Catalog& catalog_;
  store::Log& log_;
  const Wording& wording_;
  bool ahead_ = false;
};

}  // namespace

Result<DumpStart> find_dump_start(const DumpRequest& request, const ReaderTraits& traits,
                                  const Catalog& catalog, const Wording& wording,
                                  const std::stop_token& stop) {
  constexpr auto kStep = std::chrono::milliseconds(50);
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(catalog.options().catch_up_ms);
  Search search(request, traits, catalog, wording);
  const bool behind = catalog.behind();
  std::mutex mutex;
  std::condition_variable_any stopped;
  Result<DumpStart> start = search.attempt();
  while (!start && search.ahead() && !stop.stop_requested() &&
         std::chrono::steady_clock::now() < deadline) {
    std::unique_lock lock(mutex);
    stopped.wait_for(lock, stop, kStep, [] { return false; });
    start = search.attempt();
  }
  // A log that was up to date all the while will not get there.
  if (start || !search.ahead() || !(behind || catalog.behind())) return start;
  return fail(Code::kUnavailable,
              "this log may be behind its source, try again: " + start.error().message,
              mysql::kErrorServerShutdown);
}

}  // namespace binbus::serve
