// Thousands of random lives of a whole group, each from a seed that repeats it: nodes fail, forget, fill up and come back, are
// added and replaced, while a source's transactions are written through whoever leads. docs/simulation.md.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "base/seeds_testing.h"
#include "binlog/event.h"
#include "raft/sim_oracle_testing.h"
#include "store/control.h"

namespace binbus::raft {
namespace {

using store::LogWriter;

constexpr char kServer[] = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
constexpr int kAgreeRoundsMax = 300;  // then the operator restarts the node
constexpr int kHealRoundsMax = 1500;
constexpr int kCallsMax = 3;  // of writers at different nodes, each within another's wait
constexpr size_t kNodesMax = 7;

class Life {
 public:
  Life(uint64_t seed, bool lying_disks)
      : random_(seed), seed_(seed), cluster_(random_, options()), oracle_(cluster_, source()) {
    cluster_.lying_disks_ = lying_disks;
    cluster_.before_end_ = [this](SimNode& node) {
      writers_.erase(node.id);
      oracle_.ended(node);
    };
    cluster_.meanwhile_ = [this] { others_go_on(); };
    cluster_.loss_percent_ = one_in(2) ? 0 : below(20);
    cluster_.repeat_percent_ = one_in(2) ? 0 : below(10);
    cluster_.delay_percent_ = one_in(2) ? 0 : below(50);
    cluster_.slow_percent_ = one_in(2) ? 0 : below(10);
  }
  ~Life() {
    for (auto& [id, node] : cluster_.nodes_) oracle_.ended(*node);
  }

  std::string run() {
    const uint64_t count = one_in(3) ? 1 + below(5) : 3;
    std::vector<NodeId> founders;
    for (NodeId id = 1; id <= count; ++id) founders.push_back(id);
    for (const NodeId id : founders) cluster_.add(id, founders);
    for (int i = 0; i < 150 && right(); ++i) step();
    if (right()) finish();
    return right() ? "" : "seed " + std::to_string(seed_) + ": " + cluster_.wrong_;
  }

  const SimCounts& counts() const { return cluster_.counts_; }
  // What the nodes are at after each round, and the random number that would come next.
  std::vector<std::string>* trace = nullptr;

 private:
  // A leader's writer, in one term.
  struct Writer final : store::Agreement {
    Writer(Life& of, SimNode& at, uint64_t in_term, std::shared_ptr<const SimSource> from)
        : life(of), node(at), term(in_term), source(std::move(from)), log(at.log(), *this) {}
    Tail tail() const override { return {node.log().end(), node.log().last_end()}; }
    Status stage(Bytes bytes) override { return node.group->stage(term, bytes); }
    Result<uint64_t> propose(std::vector<store::Proposal> proposals) override {
      return life.propose(node, term, std::move(proposals));
    }
    Result<bool> settled(uint64_t proposed) override {
      if (!node.up()) return fail(Code::kStopped, "stopped");
      return node.group->settled(term, proposed);
    }
    Status wait(uint64_t proposed) override { return life.wait(node, term, proposed); }
    const MadeFile& file() const { return (*source)[log.end().segment - 1]; }
    bool between_transactions() const {
      const Position end = log.end();
      return end.segment != 0 && file().end_before(end.offset) == end.offset;
    }

    Life& life;
    SimNode& node;
    const uint64_t term;
    std::shared_ptr<const SimSource> source;
    LogWriter log;
  };
  // While it lives, the node's group stays.
  struct Call {
    Call(SimCluster& of, SimNode& at) : cluster(of), node(at) { ++node.calls; }
    ~Call() {
      if (--node.calls == 0 && node.end != SimNode::End::kNone) cluster.end(node, node.end);
    }
    SimCluster& cluster;
    SimNode& node;
  };

  uint64_t below(uint64_t limit) { return random_() % limit; }
  bool one_in(uint64_t count) { return below(count) == 0; }
  bool right() const { return cluster_.wrong_.empty(); }

  GroupOptions options() {
    GroupOptions options;
    options.log.directory = "log";
    options.log.keep_free_bytes = one_in(2) ? 0 : below(3000);
    options.log.entry_bytes_max = 200 + below(2000);
    options.log.index_bytes = 300 + below(3000);
    options.log.verify_bytes = one_in(2) ? 0 : 1 << 20;
    options.log.retain_bytes = one_in(3) ? 0 : 1000 + below(12'000);
    // Of transactions in a life's first seconds: the clocks say whether they are so old.
    options.log.retain_seconds = one_in(2) ? 0 : 900 + below(120);
    options.rest_after_ticks = one_in(3) ? 10 : static_cast<int>(below(4));
    options.core.message_entries_max = 1 + below(20);
    options.core.inflight_messages_max = 1 + below(20);
    return options;
  }

  std::shared_ptr<const SimSource> source() {
    flavor_ = one_in(3) ? mysql::Flavor::kMariadb : mysql::Flavor::kMysql;
    checksum_ = one_in(4) ? binlog::Checksum::kNone : binlog::Checksum::kCrc32;
    // One after the other, for a seed to mean the same with every compiler.
    const uint64_t count = 2 + below(5);
    const uint64_t transactions = 1 + below(7);
    return std::make_shared<SimSource>(
        store::make_files(flavor_, count, transactions, 8 + below(900), checksum_));
  }

  // --- what happens -------------------------------------------------------------------------------------------------
  void step() {
    round();
    if (one_in(4)) trouble();
    if (idle_to_ == 0 && one_in(20)) idle_to_ = cluster_.round_ + below(60);
    if (idle_to_ > cluster_.round_) return;
    idle_to_ = 0;
    for (auto& [id, node] : cluster_.nodes_) {
      if (right() && one_in(2)) work(*node);
    }
  }

  void round() {
    cluster_.round();
    if (right()) oracle_.check();
    if (right() && one_in(5)) retain(any_node());  // of what was looked at
    if (tracing_) std::cerr << "round " << cluster_.round_ << state() << "\n";
    if (trace != nullptr) trace->push_back(state() + "\n  " + std::to_string(SimRandom(random_)()));
  }

  SimNode& any_node() {
    auto found = cluster_.nodes_.begin();
    std::advance(found, below(cluster_.nodes_.size()));
    return *found->second;
  }
  SimNode* leader() {
    SimNode* found = nullptr;
    for (auto& [id, node] : cluster_.nodes_) {
      if (!node->able() || node->group->leading() == 0) continue;
      if (found == nullptr || node->group->leading() > found->group->leading()) found = node.get();
    }
    return found;
  }

  void trouble() {
    SimNode& node = any_node();
    switch (below(15)) {
      case 0:
        if (node.up()) ++cluster_.counts_.power_cuts;
        return cluster_.end(node, SimNode::End::kPowerCut);
      case 1:
        return cluster_.end(node, SimNode::End::kStop);
      case 2:
        if (one_in(3)) node.disk.set_capacity(100 + below(40'000));
        return;
      case 3:
        return node.disk.set_capacity(UINT64_MAX);
      case 4:
        if (one_in(3)) node.disk.fail_sync(1 + below(6));
        return;
      case 5:
      case 6:
        return cut(node);
      case 7:
      case 8:
        return cluster_.cut_.clear();
      case 9:
        return take_the_lead(node);
      case 10:
      case 11:
        return change_members();
      case 12:
        if (one_in(2) && !node.syncing) oracle_.leave_reader(node);
        return retain(node);
      case 13:
        node.slow_percent = one_in(2) ? 0 : 1 + below(20);
        return;
      default:
        return one_in(3) ? wipe(node) : retain(node);
    }
  }

  void cut(SimNode& node) {
    const bool from = one_in(2), to = !from || one_in(2);
    if (from != to) ++cluster_.counts_.one_way_cuts;
    for (auto& [id, other] : cluster_.nodes_) {
      if (id == node.id || one_in(4)) continue;
      if (from) cluster_.cut_.emplace(node.id, id);
      if (to) cluster_.cut_.emplace(id, node.id);
    }
  }

  void take_the_lead(SimNode& node) {
    if (!node.able()) return;
    SimNode* leads = leader();
    if (one_in(3)) {
      cluster_.told(node, node.group->campaign());
    } else if (one_in(3)) {
      cluster_.told(node, node.group->set_priority(below(3)));
    } else if (leads != nullptr) {
      cluster_.told(*leads, leads->group->transfer_leader(node.id));
    }
  }

  void retain(SimNode& node) {
    if (!node.able()) return;
    const auto removed = node.group->apply_retention(node.clock.wall_us(), UINT64_MAX);
    if (!cluster_.told(node, removed ? ok() : Status(fail(removed.error())))) return;
    if (node.log().options().retain_bytes == 0) cluster_.counts_.too_old += removed->size();
  }

  // --- members --------------------------------------------------------------------------------------------------------
  NodeId lost_member(const Members& members) const {
    for (const auto& [id, node] : cluster_.nodes_) {
      if (node->wiped && members.has(id)) return id;
    }
    return 0;
  }

  NodeId new_node() {
    const NodeId id = cluster_.nodes_.rbegin()->first + 1;
    cluster_.add(id, {});
    return id;
  }

  // A member that is lost goes first, for the group must stay able to decide.
  void change_members() {
    SimNode* leads = leader();
    if (leads == nullptr) return;
    const Call call(cluster_, *leads);
    const Members members = leads->group->members();
    std::vector<MemberChange> changes;
    const bool room = cluster_.nodes_.size() < kNodesMax;
    if (const NodeId lost = lost_member(members); lost != 0) {
      changes.push_back({MemberChange::Kind::kRemove, lost});
      if (room && one_in(2)) changes.push_back({MemberChange::Kind::kAddVoter, new_node()});
    } else {
      for (uint64_t count = one_in(3) ? 1 + below(3) : 1; count > 0; --count) {
        const NodeId id = room && one_in(3) ? new_node() : any_node().id;
        const auto kind = static_cast<MemberChange::Kind>(below(3));
        if (!cluster_.nodes_.at(id)->wiped &&
            std::ranges::count(changes, id, &MemberChange::node) == 0)
          changes.push_back({kind, id});
      }
    }
    if (leads->able() && right() && cluster_.told(*leads, leads->group->propose_members(changes)))
      ++cluster_.counts_.members;
  }

  // Nobody else is lost, everyone agrees on who belongs to the group, and enough others are left.
  void wipe(SimNode& lost) {
    for (auto& [id, node] : cluster_.nodes_) {
      if (node->wiped) continue;
      if (!node->able()) return;
      const Members& members = node->group->members();
      const store::Log& log = node->log();
      if (members != lost_view(lost) || members.voters.size() < 3 || !members.outgoing.empty() ||
          !members.has(lost.id) || lost_member(members) != 0 ||
          log.last_index() != log.commit_index())
        return;
    }
    cluster_.wipe(lost);
    if (cluster_.nodes_.size() < kNodesMax && one_in(2)) new_node();
  }
  static Members lost_view(const SimNode& lost) {
    return lost.up() ? lost.group->members() : Members();
  }

  // --- writing --------------------------------------------------------------------------------------------------------
  // As GroupRunner does, with the others' lives going on meanwhile.
  Result<uint64_t> propose(SimNode& node, uint64_t term, std::vector<store::Proposal> proposals) {
    const Call call(cluster_, node);
    for (int rounds = 0;; ++rounds) {
      BINBUS_RETURN_IF_ERROR(go_on(node));
      if (node.group->leading() != term) return fail(Code::kUnavailable, "does not lead");
      if (!node.log().barrier_waits()) break;
      if (node.group->blocked()) return fail(*node.group->blocked());
      BINBUS_RETURN_IF_ERROR(meanwhile(node, rounds));
    }
    if (proposals.empty()) return 0;
    return node.group->propose(term, std::move(proposals));
  }

  Status wait(SimNode& node, uint64_t term, uint64_t index) {
    const Call call(cluster_, node);
    for (int rounds = 0;; ++rounds) {
      BINBUS_RETURN_IF_ERROR(go_on(node));
      BINBUS_TRY(settled, node.group->settled(term, index));
      if (settled) return ok();
      BINBUS_RETURN_IF_ERROR(meanwhile(node, rounds));
    }
  }

  Status meanwhile(SimNode& node, int rounds) {
    if (rounds > kAgreeRoundsMax) {
      cluster_.end(node, SimNode::End::kStop);
      return fail(Code::kStopped, "restarted");
    }
    others_go_on();
    return ok();
  }

  // A process that stands still sees nothing of what happens.
  Status go_on(SimNode& node) {
    while (right() && node.up() && node.stalled()) others_go_on();
    return right() && node.up() ? ok() : fail(Code::kStopped, "stopped");
  }

  void others_go_on() {
    round();
    if (!healing_ && one_in(6)) trouble();
    if (calls_ >= kCallsMax) return;
    for (auto& [id, other] : cluster_.nodes_) {
      if (!right() || !one_in(6)) continue;
      other->calls == 0 ? work(*other) : put_cursor(*other);
    }
  }

  // One thing that a leader does.
  void work(SimNode& node) {
    if (!node.able() || node.calls > 0) return;
    const uint64_t term = node.group->leading();
    auto& writer = writers_[node.id];
    if (writer && writer->term != term) writer.reset();
    if (term == 0) return;
    if (one_in(8)) return put_cursor(node);
    const Call call(cluster_, node);
    ++calls_;
    Status done = ok();
    if (!writer) {
      const bool again = led_[node.id] == term;  // its writer was refused, and it leads on
      led_[node.id] = term;
      if (!again) ++cluster_.counts_.leads;
      const Position end = node.log().visible_end();
      if (!again && node.log().end() != end)
        cluster_.wrong("node " + std::to_string(node.id) + " leads with something unfinished");
      writer = std::make_unique<Writer>(*this, node, term, oracle_.source_at(end));
      if (again) done = writer->log.abort_transaction();
    }
    bool usable = static_cast<bool>(done);
    if (usable && right()) {
      done = write(*writer);
      usable = done || done.error().code == Code::kDiskFull;
    }
    if (!done && done.error().code != Code::kStopped) cluster_.told(node, done);
    if (!usable) writers_.erase(node.id);
    --calls_;
  }

  Status write(Writer& writer) {
    const Position end = writer.log.end();
    const bool whole = end.segment != 0 && end.offset == writer.file().bytes.size();
    if (end.segment == 0 || whole) return begin(writer, end.segment);
    if (one_in(25) && !healing_) return abort(writer);
    if (one_in(12) && writer.between_transactions()) return record_schema(writer);
    if (one_in(3)) return sync(writer);
    if (one_in(3)) return begin_sync(writer);
    const uint64_t count =
        std::min<uint64_t>(1 + below(2500), writer.file().bytes.size() - end.offset);
    return writer.log.append(Bytes(writer.file().bytes).subspan(end.offset, count),
                             writer.file().ends_in(end.offset, end.offset + count));
  }

  // The sooner done the better.
  Status begin(Writer& writer, uint64_t segment) {
    BINBUS_RETURN_IF_ERROR(sync(writer));
    if (segment == writer.source->size()) return ok();
    const std::string& name = (*writer.source)[segment].name;
    const store::SourceSpan span{{}, kServer, 1, "8.0.32", name, 0};
    if (one_in(2)) return writer.log.begin_segment(name, span);
    BINBUS_RETURN_IF_ERROR(writer.log.begin_segment(name));
    return writer.log.record_source(span);
  }

  Status sync(Writer& writer) {
    const Position end = writer.log.end();
    BINBUS_RETURN_IF_ERROR(writer.log.sync());
    if (end.segment != 0) acknowledge(writer, {end.segment, writer.file().end_before(end.offset)});
    return ok();
  }

  // What has settled may be some of it, or none.
  Status begin_sync(Writer& writer) {
    BINBUS_RETURN_IF_ERROR(writer.log.begin_sync());
    BINBUS_TRY(synced, writer.log.synced());
    if (synced.segment != 0)
      acknowledge(writer, {synced.segment, writer.file().end_before(synced.offset)});
    return ok();
  }

  void acknowledge(Writer& writer, Position end) {
    if (writer.node.log().visible_end() < end)
      cluster_.wrong("a sync() at node " + std::to_string(writer.node.id) + " shows too little");
    oracle_.acknowledge(writer.term, end);
  }

  // The source broke off; half the time another follows, with other transactions from there on.
  Status abort(Writer& writer) {
    BINBUS_RETURN_IF_ERROR(writer.log.abort_transaction());
    const Position end = writer.log.end();
    if (end.segment == 0) return ok();
    acknowledge(writer, end);
    if (!writer.between_transactions())
      return fail(Code::kCorrupt, "aborted, yet in a transaction");
    if (one_in(2)) return ok();
    writer.source = other_source(*writer.source, end);
    oracle_.add_source(writer.source);
    ++cluster_.counts_.sources;
    return writer.log.record_source(
        {end, "other", 2, "8.0.33", "other" + std::to_string(++others_) + ".000001", below(9000)});
  }

  std::shared_ptr<const SimSource> other_source(const SimSource& from, Position end) {
    auto files = std::make_shared<SimSource>(from);
    store::FileMaker maker(flavor_, checksum_);
    mysql::Executed done;
    for (size_t i = 0; i < files->size(); ++i) {
      MadeFile& file = (*files)[i];
      const bool kept = i + 1 < end.segment;
      if (i + 1 == end.segment && end.offset > 0) {
        file.bytes.resize(end.offset);
        std::erase_if(file.ends, [&](const auto& found) { return found.offset > end.offset; });
      }
      if (kept || (i + 1 == end.segment && end.offset > 0)) {
        for (const auto& found : file.ends) done.add(found.gtid);
        if (kept) continue;
        maker.resume(std::move(file));
      } else {
        maker.start(file.name, done);
      }
      for (uint64_t count = 1 + below(6); count > 0; --count) {
        const uint64_t number = ++last_number_;
        const auto gtid = flavor_ == mysql::Flavor::kMysql ? store::mysql_gtid(number)
                                                           : store::mariadb_gtid(number);
        maker.transaction(gtid, number * 1'000'000, 8 + below(900));
        done.add(gtid);
      }
      file = maker.file();
    }
    return files;
  }

  Status record_schema(Writer& writer) {
    const Position end = writer.log.end();
    const auto known = writer.node.log().schemas();
    if (!known.empty() && one_in(4)) {
      // The one in force, which all nodes keep.
      const store::SchemaPlace from =
          *std::ranges::max_element(known.rbegin(), known.rend(), {}, &store::SchemaPlace::origin);
      const auto bytes = writer.node.log().read_schema(from.at);
      if (!bytes) return fail(Code::kCorrupt, "no schema: " + bytes.error().message);
      oracle_.tried_schema(end, *bytes);
      BINBUS_RETURN_IF_ERROR(writer.log.record_same_schema({end, from.origin}, from.at));
      oracle_.acknowledge_schema(writer.term, end, *bytes);
    } else {
      const uint64_t size = below(4000);
      const ByteVector bytes(size, static_cast<uint8_t>(random_()));
      oracle_.tried_schema(end, bytes);
      BINBUS_RETURN_IF_ERROR(writer.log.record_schema({end, end}, bytes));
      oracle_.acknowledge_schema(writer.term, end, bytes);
    }
    acknowledge(writer, end);
    return ok();
  }

  // As GroupRunner::put(); also while a writer waits.
  void put_cursor(SimNode& node) {
    const uint64_t term = node.able() ? node.group->leading() : 0;
    if (term == 0 || node.log().barrier_waits()) return;  // the values ascend in the log
    const std::string name(1, static_cast<char>('a' + below(3)));
    const uint64_t value = ++last_cursor_;
    std::vector<store::Proposal> proposals;
    proposals.push_back(store::inline_proposal(
        store::EntryKind::kControl, store::encode_cursor({name, std::to_string(value)})));
    oracle_.tried_cursor(name, value);
    ++calls_;
    const Call call(cluster_, node);
    const auto proposed = propose(node, term, std::move(proposals));
    const Status done = proposed ? wait(node, term, *proposed) : fail(proposed.error());
    --calls_;
    if (done) {
      oracle_.acknowledge_cursor(term, name, value);
    } else if (done.error().code != Code::kStopped) {
      cluster_.told(node, done);
    }
  }

  // --- the end --------------------------------------------------------------------------------------------------------
  // Everything works again: within bounds all is written, and all who belong to the group have it.
  void finish() {
    healing_ = true;
    for (int i = 0; i < kHealRoundsMax && right(); ++i) {
      cluster_.heal();
      if (i % 20 == 0) replace_lost();
      for (auto& [id, node] : cluster_.nodes_) work(*node);
      round();
      if (right() && converged()) return;
    }
    if (right()) cluster_.wrong("it does not come to rest: " + state());
  }

  void replace_lost() {
    SimNode* leads = leader();
    if (leads == nullptr || lost_member(leads->group->members()) == 0) return;
    change_members();
  }

  bool converged() {
    SimNode* leads = leader();
    if (leads == nullptr) return false;
    const auto writer = writers_.find(leads->id);
    if (writer == writers_.end() || !writer->second) return false;
    store::Log& log = leads->log();
    const SimSource& source = *writer->second->source;
    const Position all = {source.size(), source.back().bytes.size()};
    const Members& members = leads->group->members();
    if (log.visible_end() != all || log.commit_index() != log.last_index() ||
        !members.outgoing.empty() || lost_member(members) != 0)
      return false;
    for (const NodeId id : members.all()) {
      SimNode& node = *cluster_.nodes_.at(id);
      if (!node.up() || node.log().commit_index() != log.last_index()) return false;
    }
    for (const NodeId id : members.all()) oracle_.check_same(*leads, *cluster_.nodes_.at(id));
    return true;
  }

  std::string state() {
    std::string all;
    for (auto& [id, node] : cluster_.nodes_) {
      all += "\n  node " + std::to_string(id);
      if (!node->up()) {
        all += node->wiped ? " wiped" : " down: " + node->last_error;
        continue;
      }
      if (node->stalled()) all += " stands still";
      if (node->syncing) {
        all += " in a sync";
        continue;
      }
      const CoreStatus& status = node->group->status();
      const store::Log& log = node->log();
      all += " term " + std::to_string(status.term) + " role " +
             std::to_string(static_cast<int>(status.role)) + " leading " +
             std::to_string(node->group->leading()) + " entries " +
             std::to_string(log.first_index()) + " to " + std::to_string(log.last_index()) +
             ", committed " + std::to_string(log.commit_index()) + "; visible " +
             std::to_string(log.visible_end().segment) + ":" +
             std::to_string(log.visible_end().offset) + "; voters";
      for (const NodeId voter : node->group->members().voters) all += " " + std::to_string(voter);
      all += " outgoing";
      for (const NodeId voter : node->group->members().outgoing) all += " " + std::to_string(voter);
      all += " learners";
      for (const NodeId each : node->group->members().learners) all += " " + std::to_string(each);
      for (const PeerProgress& peer : node->group->progress()) {
        all += "; to " + std::to_string(peer.id) + " " + std::to_string(peer.match) + " of " +
               std::to_string(peer.next) + (peer.paused ? " paused in " : " in ") +
               std::to_string(static_cast<int>(peer.state));
      }
      if (node->group->blocked()) all += "; blocked: " + node->group->blocked()->message;
    }
    return all;
  }

  SimRandom random_;
  const uint64_t seed_;
  mysql::Flavor flavor_{};
  binlog::Checksum checksum_{};
  SimCluster cluster_;
  SimOracle oracle_;
  std::map<NodeId, std::unique_ptr<Writer>> writers_;
  std::map<NodeId, uint64_t> led_;  // the last term in which its writer began
  int calls_ = 0;
  uint64_t idle_to_ = 0;  // nobody writes until that round
  bool healing_ = false;
  const bool tracing_ = std::getenv("BINBUS_TRACE") != nullptr;
  uint64_t last_number_ = 1000;
  uint64_t last_cursor_ = 0;
  uint64_t others_ = 0;
};

// Under sanitizers 40 of them.
constexpr uint64_t kLives = kLivesDivisor == 1 ? 10'000 : 1000;

TEST(GroupSim, LosesNothingAndAgrees) {
  const Seeds seeds = Seeds::from_environment(0, kLives);
  for (uint64_t seed = seeds.first; seed < seeds.end; ++seed) {
    ASSERT_EQ(Life(seed, false).run(), "") << "BINBUS_SEED=" << seed << " repeats it";
  }
}

// The test itself: what it lets happen happens.
TEST(GroupSimItself, IsNotTooKind) {
  SimCounts all;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Life life(seed, false);
    EXPECT_EQ(life.run(), "");
    all += life.counts();
  }
  EXPECT_GT(all.rests, 100U);
  EXPECT_GT(all.slow_syncs, 100U);
  EXPECT_GT(all.ends_in_sync, 10U);
  EXPECT_GT(all.held, 1000U);
  EXPECT_GT(all.too_old, 20U);
  EXPECT_GT(all.power_cuts, 100U);
  EXPECT_GT(all.one_way_cuts, 100U);
  EXPECT_GT(all.leads, 200U);
  EXPECT_GT(all.members, 100U);
  EXPECT_GT(all.restores, 5U);
  EXPECT_GT(all.sources, 5U);
}

// The test itself: a seed repeats a life, with everything that the nodes are at and every number that is drawn.
TEST(GroupSimItself, RepeatsALife) {
  const auto trace = [](uint64_t seed) {
    std::vector<std::string> rounds;
    Life life(seed, false);
    life.trace = &rounds;
    EXPECT_EQ(life.run(), "");
    return rounds;
  };
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const std::vector<std::string> once = trace(seed), again = trace(seed);
    ASSERT_GT(once.size(), 150U);
    const auto [one, other] = std::ranges::mismatch(once, again);
    if (one != once.end() && other != again.end()) {
      ASSERT_EQ(*one, *other) << "round " << one - once.begin() << " of seed " << seed;
    }
    ASSERT_EQ(once.size(), again.size()) << "seed " << seed;
  }
}

// The test itself: disks whose syncs do nothing must be found out, soon.
TEST(GroupSimItself, NoticesSyncsThatDoNothing) {
  uint64_t seed = 0;
  while (seed < 100 && Life(seed, true).run().empty()) ++seed;
  EXPECT_LT(seed, 100U);
}

}  // namespace
}  // namespace binbus::raft
