#include <set>

#include "binlog/gtid_events.h"
#include "binlog/transaction_tracker.h"
#include "serve/event_filter.h"
#include "serve/old_replica.h"

namespace binbus::serve {
namespace {

using mysql::MariadbGtid;

constexpr uint8_t kStandalone = 1;  // a GTID event's flag: one statement, no COMMIT at its end

class MariadbFilter final : public EventFilter {
 public:
  MariadbFilter(const DumpRequest& request, const ReaderTraits& traits, const DumpStart& start,
                const store::Log& log, const Wording& wording)
      : log_(log),
        wording_(wording),
        capability_(traits.capability),
        annotate_(request.flags & DumpRequest::kAnnotateRows),
        by_gtid_(traits.connect_state.has_value()),
        strict_(traits.strict) {
    const mysql::Executed executed = log.executed();
    for (const auto& [domain, places] : start.skip.domains()) {
      skip_[domain] = start.skip.newest(domain);
      if (!executed.mariadb() || !executed.mariadb()->domains().contains(domain))
        unknown_.insert(domain);
    }
    if (by_gtid_ && traits.until) {
      until_.emplace();
      for (const auto& [domain, places] : start.until.domains())
        (*until_)[domain] = start.until.newest(domain);
      // It has what it wants: the end is told after the segment's head.
      if (until_->empty()) stopping_ = true;
    }
  }

  Result<bool> wants(store::EventFeed& feed) override {
    const uint8_t type = feed.header().type;
    const bool at_gtid = type == binlog::kMariadbGtidEvent && by_gtid_;
    if (type == binlog::kMariadbGtidListEvent && by_gtid_) BINBUS_RETURN_IF_ERROR(load_state(feed));
    if (at_gtid && (!skip_.empty() || until_)) BINBUS_RETURN_IF_ERROR(on_gtid(feed));
    group_ended_ = true;
    if (follows_group()) BINBUS_RETURN_IF_ERROR(follow_group(feed));
    if (skipping_) {
      if (group_ended_) skipping_ = false;
      return false;
    }
    return capability_ >= kKnowsGtid && type != binlog::kMariadbAnnotateRowsEvent ? true
                                                                                  : adapt(feed);
  }

  void on_segment_start(bool /*creation_hidden*/) override {
    skipping_ = false;
    tracker_.reset();
  }
  bool hides_creation() const override { return skip_.size() > unknown_.size(); }

  After after_event() override {
    if (skipping_) return {};
    return {.state = &state_,
            .tell_state = std::exchange(list_due_, false),
            .until_reached = stopping_ && group_ended_ && head_seen_};
  }

 private:
  bool follows_group() const { return skipping_ || stopping_; }

  Status load_state(store::EventFeed& feed) {
    head_seen_ = true;
    if (!until_)
      return ok();  // the state counts from the first segment's start then, as the servers do it
    if (!feed.whole()) return fail(Code::kLimit, "a Gtid_list of more than 256 KiB");
    BINBUS_TRY(list, binlog::parse_previous_gtids(feed.head(), feed.checksummed()));
    if (list.mariadb()) state_ = *list.mariadb();
    return ok();
  }

  Status on_gtid(store::EventFeed& feed) {
    BINBUS_TRY(event, binlog::parse_gtid_event(feed.header(), feed.prefix()));
    const auto* gtid = std::get_if<MariadbGtid>(&event.gtid);
    if (!gtid) return fail(Code::kCorrupt, "a GTID event without a GTID");
    head_seen_ = true;
    state_.add(*gtid);
    BINBUS_RETURN_IF_ERROR(compare_with_start(*gtid));
    if (until_) compare_with_until(*gtid);
    if (follows_group()) tracker_.reset();
    return ok();
  }

  Status compare_with_start(const MariadbGtid& gtid) {
    const auto found = skip_.find(gtid.domain);
    if (found == skip_.end()) return ok();
    const MariadbGtid start = found->second;
    if (unknown_.erase(gtid.domain) > 0 && !log_has(start)) {
      return wording_.fatal(Code::kDiverged,
                            "Error: connecting {replica} requested to start from GTID " +
                                start.to_string() + ", which is not in the {source}'s binlog");
    }
    const bool same_server = gtid.server_id == start.server_id;
    skipping_ = !same_server || gtid.sequence <= start.sequence;
    if (same_server && gtid.sequence >= start.sequence) {
      if (strict_ && gtid.sequence > start.sequence) {
        return wording_.fatal(
            Code::kDiverged,
            "The binlog on the {source} is missing the GTID " + start.to_string() +
                " requested by the {replica} (even though both a prior and a subsequent sequence "
                "number does exist), and GTID strict mode is enabled");
      }
      list_due_ = true;
      skip_.erase(found);
    }
    return ok();
  }

  void compare_with_until(const MariadbGtid& gtid) {
    const auto found = until_->find(gtid.domain);
    if (found == until_->end()) {
      skipping_ = true;  // the domain is done
      return;
    }
    const MariadbGtid until = found->second;
    if (gtid.server_id != until.server_id || gtid.sequence < until.sequence) return;
    until_->erase(found);
    if (until_->empty()) stopping_ = true;
    if (gtid.sequence > until.sequence) skipping_ = true;
  }

  bool log_has(const MariadbGtid& gtid) const {
    const mysql::Executed executed = log_.executed();
    if (!executed.mariadb()) return false;
    const auto domain = executed.mariadb()->domains().find(gtid.domain);
    if (domain == executed.mariadb()->domains().end()) return false;
    const auto last = domain->second.last_by_server.find(gtid.server_id);
    return last != domain->second.last_by_server.end() && last->second >= gtid.sequence;
  }

  // Finds the group's last event.
  Status follow_group(store::EventFeed& feed) {
    if (tracker_.carries(feed.header().type)) {
      group_ended_ = false;
      return ok();
    }
    Bytes prefix = feed.prefix();
    prefix = prefix.first(std::min(prefix.size(), binlog::TransactionTracker::kPrefixBytes));
    BINBUS_TRY(end, tracker_.on_event(feed.header(), prefix));
    group_ended_ = end != nullptr;
    return ok();
  }

  // Events that the reader does not know, or did not ask for.
  Result<bool> adapt(store::EventFeed& feed) {
    int needed = 0;
    switch (feed.header().type) {
      case binlog::kMariadbAnnotateRowsEvent:
        if (annotate_) return true;
        if (capability_ >= kToleratesHoles) return false;
        needed = kKnowsAnnotate;
        break;
      case binlog::kMariadbBinlogCheckpointEvent:
        needed = kKnowsCheckpoint;
        break;
      case binlog::kMariadbGtidListEvent:
      case binlog::kMariadbGtidEvent:
        needed = kKnowsGtid;
        break;
      default:
        return true;
    }
    if (capability_ >= needed) return true;
    return replace(feed);
  }

  Result<bool> replace(store::EventFeed& feed) {
    if (feed.header().type == binlog::kMariadbGtidEvent) {
      BINBUS_TRY(event, binlog::parse_gtid_event(feed.header(), feed.prefix()));
      if (!(event.mariadb_flags & kStandalone)) {
        BINBUS_RETURN_IF_ERROR(make_begin(feed.head(), feed.checksummed()));
        return true;
      }
    }
    if (capability_ >= kToleratesHoles) return false;
    if (!feed.whole()) {
      return wording_.fatal(Code::kLimit,
                            "an event of " + std::to_string(feed.header().size) +
                                " bytes that this {replica} does not know: upgrade it");
    }
    BINBUS_RETURN_IF_ERROR(make_dummy(feed.head(), feed.checksummed()));
    return true;
  }

  const store::Log& log_;
  const Wording& wording_;
  const int capability_;
  const bool annotate_;
  const bool by_gtid_;
  const bool strict_;
  std::map<uint32_t, MariadbGtid> skip_;  // by domain: where the reader is, until that is found
  std::set<uint32_t> unknown_;            // of them: domains of which the log had nothing
  std::optional<std::map<uint32_t, MariadbGtid>>
      until_;                    // by domain: where the reader wants to stop
  mysql::MariadbGtidSet state_;  // the log's at this place
  binlog::TransactionTracker tracker_;
  bool skipping_ = false;
  bool stopping_ = false;    // this group, or the segment's head, is the last
  bool group_ended_ = true;  // with the current event
  bool head_seen_ = false;
  bool list_due_ = false;
};

}  // namespace

std::unique_ptr<EventFilter> make_mariadb_filter(const DumpRequest& request,
                                                 const ReaderTraits& traits, const DumpStart& start,
                                                 const store::Log& log, const Wording& wording) {
  const bool knows_all =
      traits.capability >= kKnowsGtid && (request.flags & DumpRequest::kAnnotateRows);
  if (knows_all && !traits.connect_state) return nullptr;
  return std::make_unique<MariadbFilter>(request, traits, start, log, wording);
}

}  // namespace binbus::serve
