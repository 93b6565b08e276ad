#include "ingest/dump_plan.h"

#include <algorithm>

#include "binlog/position.h"

namespace binbus::ingest {
namespace {

using mysql::Executed;
using mysql::Flavor;

// What of `wanted` is not in `there`, for messages and decisions.
Executed missing(const Executed& wanted, const Executed& there) {
  if (const mysql::GtidSet* set = wanted.mysql()) {
    const mysql::GtidSet* other = there.mysql();
    return Executed(other ? difference(*set, *other) : *set);
  }
  mysql::MariadbGtidSet set = *wanted.mariadb();
  if (const mysql::MariadbGtidSet* other = there.mariadb()) set.subtract(*other);
  return Executed(std::move(set));
}

// What of `ours` is also in `theirs`; MariaDB: the nearer place of each domain.
Executed common(const Executed& ours, const Executed& theirs) {
  if (const mysql::GtidSet* set = ours.mysql()) {
    return Executed(theirs.mysql() ? intersection(*set, *theirs.mysql()) : mysql::GtidSet());
  }
  mysql::MariadbGtidSet out;
  for (const auto& [domain, place] : ours.mariadb()->domains()) {
    const mysql::MariadbGtid here = ours.mariadb()->newest(domain);
    const mysql::MariadbGtid there =
        theirs.mariadb() ? theirs.mariadb()->newest(domain) : mysql::MariadbGtid();
    if (there.sequence > 0) out.add(here.sequence <= there.sequence ? here : there);
  }
  return Executed(std::move(out));
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
  if (const Executed gone = missing(facts.purged, executed); !gone.empty()) {
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
  plan.brings = missing(facts.executed, held.executed);
  return plan;
}

Error lost_error(const Held& held, const SourceFacts& facts) {
  const std::string lacks = missing(held.executed, facts.executed).to_string();
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
    const std::string gone = missing(facts.purged, held.executed).to_string();
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

Result<DumpPlan> plan_resume(const Held& held, const SourceFacts& facts, OnSourceLoss on_loss) {
  const BinlogFile* const file = find_file(facts, held.source.file);
  const bool there = file != nullptr && file->bytes >= held.source.offset;
  if (!there && !facts.commits_wait) return plan_after_loss(held, facts, on_loss);
  if (on_loss == OnSourceLoss::kStop && !missing(held.executed, facts.executed).empty()) {
    return fail(lost_error(held, facts));
  }
  if (!held.own_numbering()) return from_file(held.source.file, held.source.offset);
  // A replica may have written its transactions in another order than the server before it: only the set tells which
  // of them we have.
  if (facts.by_gtid()) return from_gtids(common(held.executed, facts.executed));
  DumpPlan plan = from_file(held.source.file, held.source.offset);
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
  if (const Executed lacks = missing(held.executed, facts.executed);
      !lacks.empty() && on_loss == OnSourceLoss::kStop) {
    return fail(Code::kDiverged, change + ", which lacks " + lacks.to_string() + kAcceptHint);
  }
  if (const Executed gone = missing(facts.purged, held.executed); !gone.empty()) {
    return fail(Code::kPurged, change + ", which has purged " + gone.to_string() +
                                   "; name a source that still has these, or start a new stream");
  }
  return as_new_source(held, facts);
}

}  // namespace

Held Held::of(const Destination& destination) {
  return {destination.end(), destination.segment_name(), destination.executed(),
          destination.source_at_end()};
}

Result<DumpPlan> plan_dump(const Held& held, const SourceFacts& facts, const Start& start,
                           OnSourceLoss on_loss, bool may_fail_over) {
  if (!facts.log_bin) {
    return fail(Code::kUnsupported, name_of(facts) + " writes no binlog: start it with --log-bin");
  }
  if (held.empty()) return plan_start(facts, start);
  if (same_server(held.source, facts)) return plan_resume(held, facts, on_loss);
  return plan_failover(held, facts, on_loss, may_fail_over);
}

}  // namespace binbus::ingest
