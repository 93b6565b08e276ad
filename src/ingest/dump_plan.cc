#include "ingest/dump_plan.h"

#include <algorithm>
#include <map>

#include "binlog/position.h"

namespace binbus::ingest {
namespace {

using mysql::Executed;
using mysql::Flavor;

using Servers = std::map<uint32_t, uint64_t>;  // of one MariaDB domain: the last sequence of each

Servers servers_of(const Executed& executed, uint32_t domain) {
  if (executed.mariadb() == nullptr) return {};
  const auto found = executed.mariadb()->domains().find(domain);
  return found == executed.mariadb()->domains().end() ? Servers() : found->second.last_by_server;
}

Executed minus(const mysql::GtidSet& set, const Executed& other) {
  return Executed(other.mysql() != nullptr ? difference(set, *other.mysql()) : set);
}

// The domains' places of a MariaDB set that `there` does not reach, by `reaches`.
template <class Reaches>
Executed unreached(const mysql::MariadbGtidSet& wanted, const Reaches& reaches) {
  mysql::MariadbGtidSet out;
  for (const auto& [domain, servers] : wanted.domains()) {
    const mysql::MariadbGtid place = wanted.newest(domain);
    if (!reaches(place)) out.add(place);
  }
  return Executed(std::move(out));
}

// What of `wanted` was never executed by a server that has `there`. MariaDB: who has a domain's newest has what came
// before it, whoever wrote it.
Executed missing(const Executed& wanted, const Executed& there) {
  if (wanted.mysql() != nullptr) return minus(*wanted.mysql(), there);
  return unreached(*wanted.mariadb(), [&](const mysql::MariadbGtid& place) {
    const Servers servers = servers_of(there, place.domain);
    const auto last = servers.find(place.server_id);
    return last != servers.end() && last->second >= place.sequence;
  });
}

// What of `purged` lies behind one who has `executed`. MariaDB: by the domains' sequences, which ascend.
Executed needed_of(const Executed& purged, const Executed& executed) {
  if (purged.mysql() != nullptr) return minus(*purged.mysql(), executed);
  return unreached(*purged.mariadb(), [&](const mysql::MariadbGtid& place) {
    return executed.mariadb() != nullptr && executed.mariadb()->contains(place);
  });
}

// What of `theirs` is not in `ours`, by every server that wrote.
Executed new_in(const Executed& theirs, const Executed& ours) {
  if (theirs.mysql() != nullptr) return minus(*theirs.mysql(), ours);
  mysql::MariadbGtidSet set = *theirs.mariadb();
  if (ours.mariadb() != nullptr) set.subtract(*ours.mariadb());
  return Executed(std::move(set));
}

// What of `ours` is also in `theirs`; MariaDB: of each domain the furthest place that both have passed.
Executed common(const Executed& ours, const Executed& theirs) {
  if (const mysql::GtidSet* set = ours.mysql()) {
    return Executed(theirs.mysql() ? intersection(*set, *theirs.mysql()) : mysql::GtidSet());
  }
  mysql::MariadbGtidSet out;
  for (const auto& [domain, members] : ours.mariadb()->domains()) {
    const Servers there = servers_of(theirs, domain);
    mysql::MariadbGtid furthest{domain, 0, 0};
    for (const auto& [server, last] : members.last_by_server) {
      const auto found = there.find(server);
      if (found == there.end()) continue;
      const uint64_t both = std::min(last, found->second);
      if (both > furthest.sequence) furthest = {domain, server, both};
    }
    if (furthest.sequence > 0) out.add(furthest);
  }
  return Executed(std::move(out));
}

// MariaDB: what is new to us though it stands before the place that the dump begins at.
Executed passed_over(const Executed& brings, const Executed& place) {
  mysql::MariadbGtidSet out;
  if (brings.mariadb() == nullptr || place.mariadb() == nullptr) return Executed();
  for (const auto& [domain, members] : brings.mariadb()->domains()) {
    for (const auto& [server, last] : members.last_by_server) {
      if (last <= place.mariadb()->newest(domain).sequence) out.add({domain, server, last});
    }
  }
  return out.empty() ? Executed() : Executed(std::move(out));
}

std::string name_of(const SourceFacts& facts) {
  return facts.server_uuid.empty() ? "server_id " + std::to_string(facts.server_id)
                                   : "server " + facts.server_uuid;
}
std::string name_of(const SourceIdentity& source) {
  return source.server_uuid.empty() ? "server_id " + std::to_string(source.server_id)
                                    : "server " + source.server_uuid;
}

// By UUID where both are known: imported files do not tell theirs, nor do MariaDB and MySQL before 5.6.
bool same_server(const SourceIdentity& source, const SourceFacts& facts) {
  if (source.server_uuid.empty() || facts.server_uuid.empty())
    return source.server_id == facts.server_id;
  return source.server_uuid == facts.server_uuid;
}

std::string place(const std::string& file, uint64_t offset) {
  return file + ":" + std::to_string(offset);
}

const BinlogFile* find_file(const SourceFacts& facts, const std::string& name) {
  const auto found = std::ranges::find(facts.files, name, &BinlogFile::name);
  return found == facts.files.end() ? nullptr : &*found;
}

DumpPlan from_file(std::string file, uint64_t offset) {
  DumpPlan plan;
  plan.file = std::move(file);
  plan.offset = offset;
  return plan;
}

// Asks which file these begin in.
DumpPlan locate(Executed executed) {
  DumpPlan plan;
  plan.by = DumpPlan::By::kLocate;
  plan.executed = std::move(executed);
  return plan;
}

// The source's files cannot be listed now; it begins with its oldest when none is named.
Result<DumpPlan> plan_start_blindly(const SourceFacts& facts, const Start& start) {
  switch (start.at) {
    case Start::At::kEarliest:
      return from_file("", 4);
    case Start::At::kFile:
      return from_file(start.file, 4);
    case Start::At::kLatest:
      if (facts.by_gtid()) return locate(facts.executed);
      break;
    case Start::At::kGtid:
      BINBUS_TRY(executed, Executed::parse(facts.flavor, start.executed));
      if (executed.empty()) return from_file("", 4);
      if (facts.by_gtid()) return locate(executed);
      break;
  }
  return fail(Code::kTimeout,
              name_of(facts) +
                  " does not list its binlog files while its commits wait for an acknowledgement; "
                  "start at earliest or FILE:POS");
}

Result<DumpPlan> plan_start(const SourceFacts& facts, const Start& start) {
  if (facts.commits_wait) return plan_start_blindly(facts, start);
  if (facts.files.empty()) return fail(Code::kNotFound, name_of(facts) + " lists no binlog files");
  switch (start.at) {
    case Start::At::kEarliest:
      return from_file(facts.files.front().name, 4);
    case Start::At::kLatest:
      return from_file(facts.files.back().name, 4);
    case Start::At::kFile: {
      const BinlogFile* file = find_file(facts, start.file);
      if (file == nullptr || file->bytes < start.offset) {
        return fail(Code::kInvalid,
                    "start " + place(start.file, start.offset) + ": " + name_of(facts) +
                        " has no such place; its files: " + facts.files.front().name + " to " +
                        place(facts.files.back().name, facts.files.back().bytes));
      }
      return from_file(start.file, 4);
    }
    case Start::At::kGtid:
      break;
  }
  BINBUS_TRY(executed, Executed::parse(facts.flavor, start.executed));
  if (executed.empty()) return from_file(facts.files.front().name, 4);
  if (!facts.by_gtid()) {
    return fail(Code::kInvalid,
                "start gtid: " + name_of(facts) +
                    " has no GTIDs (gtid_mode = ON is needed): start at earliest or FILE:POS");
  }
  if (const Executed gone = needed_of(facts.purged, executed); !gone.empty()) {
    return fail(Code::kPurged, "start gtid: " + name_of(facts) + " has purged " + gone.to_string() +
                                   "; start at earliest, or at a set that contains these");
  }
  return locate(executed);
}

constexpr char kAcceptHint[] =
    "; name a source that has it, or set on_source_loss = \"accept\" to keep what is stored and go "
    "on with what the "
    "source has";

DumpPlan from_gtids(Executed executed) {
  DumpPlan plan;
  plan.by = DumpPlan::By::kGtid;
  plan.executed = std::move(executed);
  plan.own_numbering = true;
  return plan;
}

// As another server's log: what it has and we lack, in segments of our own numbering.
DumpPlan as_new_source(const Held& held, const SourceFacts& facts) {
  DumpPlan plan = from_gtids(common(held.executed, facts.executed));
  plan.new_source = true;
  plan.brings = new_in(facts.executed, held.executed);
  plan.passed_over = passed_over(plan.brings, plan.executed);
  plan.lacks = missing(held.executed, facts.executed).to_string();
  return plan;
}

// What we hold and the source lacks, but for what was accepted before.
Executed lost(const Held& held, const SourceFacts& facts) {
  return missing(missing(held.executed, facts.executed), held.accepted);
}

Error lost_error(const Held& held, const SourceFacts& facts) {
  const std::string lacks = lost(held, facts).to_string();
  return {Code::kDiverged, name_of(facts) + " came back with less than it had sent: it is not at " +
                               place(held.source.file, held.source.offset) + " any more" +
                               (lacks.empty() ? "" : ", and lacks " + lacks) + kAcceptHint};
}

// The source's next file, when the one where the log goes on is behind us for good.
const BinlogFile* later_file(const SourceFacts& facts, const std::string& name) {
  const auto ours = binlog::SegmentName::parse(name);
  if (!ours) return nullptr;
  const auto later = [&](const BinlogFile& file) {
    const auto theirs = binlog::SegmentName::parse(file.name);
    return theirs && theirs->number > ours->number;
  };
  const auto found = std::ranges::find_if(facts.files, later);
  return found == facts.files.end() ? nullptr : &*found;
}

// The source's file is gone or shorter than what it had sent: purged, reset, or lost in a crash?
Result<DumpPlan> plan_after_loss(const Held& held, const SourceFacts& facts, OnSourceLoss on_loss) {
  const BinlogFile* const next = later_file(facts, held.source.file);
  if (next != nullptr && find_file(facts, held.source.file) == nullptr) {
    const std::string gone = needed_of(facts.purged, held.executed).to_string();
    if (facts.by_gtid() && gone.empty() && lost(held, facts).empty()) {
      // The rest of the purged file held nothing that we lack.
      if (held.own_numbering()) return from_gtids(common(held.executed, facts.executed));
      return from_file(next->name, 4);
    }
    return fail(Code::kPurged, name_of(facts) + " has purged " + held.source.file +
                                   ", where the log goes on; its oldest file is " +
                                   facts.files.front().name +
                                   (gone.empty() ? "" : "; missing: " + gone) +
                                   "; name a source that still has these, or start a new stream");
  }
  if (on_loss == OnSourceLoss::kStop) return fail(lost_error(held, facts));
  if (facts.by_gtid() && !held.executed.empty()) return as_new_source(held, facts);
  if (next == nullptr) return fail(lost_error(held, facts));
  return from_file(next->name, 4);
}

Result<DumpPlan> plan_resume(const Held& held, const SourceFacts& facts, OnSourceLoss on_loss,
                             const Past& past) {
  const BinlogFile* const file = find_file(facts, held.source.file);
  const bool there =
      file != nullptr && file->name != past.replaced_file && file->bytes >= held.source.offset;
  if (!there && !facts.commits_wait) return plan_after_loss(held, facts, on_loss);
  if (on_loss == OnSourceLoss::kStop && !lost(held, facts).empty()) {
    return fail(lost_error(held, facts));
  }
  const BinlogFile* const after_torn =
      held.source.file == past.torn_file ? later_file(facts, past.torn_file) : nullptr;
  DumpPlan plan = after_torn != nullptr ? from_file(after_torn->name, 4)
                                        : from_file(held.source.file, held.source.offset);
  if (!held.own_numbering()) return plan;
  // A replica may have written its transactions in another order than the server before it: only the set tells which
  // of them we have.
  if (facts.by_gtid()) return from_gtids(common(held.executed, facts.executed));
  plan.own_numbering = true;
  return plan;
}

Result<DumpPlan> plan_failover(const Held& held, const SourceFacts& facts, OnSourceLoss on_loss,
                               bool may_fail_over) {
  const std::string change =
      "the log comes from " + name_of(held.source) + ", and this is " + name_of(facts);
  if (held.executed.empty() || held.executed.flavor() != facts.flavor || !facts.by_gtid()) {
    return fail(Code::kDiverged,
                change +
                    " without GTIDs in common to go by: name the server that the log comes from (" +
                    place(held.source.file, held.source.offset) + "), or start a new stream");
  }
  if (!may_fail_over)
    return fail(Code::kTimeout,
                change + ": waiting for the first to come back before failing over");
  if (const Executed lacks = lost(held, facts); !lacks.empty() && on_loss == OnSourceLoss::kStop) {
    return fail(Code::kDiverged, change + ", which lacks " + lacks.to_string() + kAcceptHint);
  }
  if (const Executed gone = needed_of(facts.purged, held.executed); !gone.empty()) {
    return fail(Code::kPurged, change + ", which has purged " + gone.to_string() +
                                   "; name a source that still has these, or start a new stream");
  }
  return as_new_source(held, facts);
}

// What of MySQL's gtid_purged no file tells of: a server that was restored from a backup has not written it. Purged files
// were written before those that we take, which begin with a set of what was in them.
Executed seeded(const Held& held, const SourceFacts& facts, const DumpPlan& plan) {
  if (facts.flavor != mysql::Flavor::kMysql) return {};
  if (held.empty() || plan.new_source) return facts.purged;
  Executed all = held.source.seeded;
  // By GTID the source itself refuses when what is purged is missing here.
  if (plan.by == DumpPlan::By::kFile) all.add(needed_of(facts.purged, held.executed));
  return all;
}

}  // namespace

Held Held::of(const Destination& destination) {
  Held held{destination.end(),
            destination.segment_name(),
            destination.executed(),
            destination.source_at_end(),
            {}};
  auto accepted = Executed::parse(held.executed.flavor(), held.source.lacks);
  if (accepted) held.accepted = std::move(*accepted);
  return held;
}

Result<DumpPlan> plan_dump(const Held& held, const SourceFacts& facts, const Start& start,
                           OnSourceLoss on_loss, const Past& past) {
  if (!facts.log_bin) {
    return fail(Code::kUnsupported, name_of(facts) + " writes no binlog: start it with --log-bin");
  }
  auto plan = held.empty() ? plan_start(facts, start)
              : same_server(held.source, facts)
                  ? plan_resume(held, facts, on_loss, past)
                  : plan_failover(held, facts, on_loss, past.may_fail_over);
  if (!plan) return plan;
  if (!plan->new_source) plan->lacks = held.source.lacks;
  plan->seeded = seeded(held, facts, *plan);
  return plan;
}

}  // namespace binbus::ingest
