#include "raft/group.h"

#include <algorithm>

#include "base/check.h"
#include "raft/entry_data.h"

namespace binbus::raft {

using store::Entry;
using store::EntryKind;

namespace {

// What was to be written can be, later.
bool passes(const Error& error) {
  return error.code == Code::kDiskFull || error.code == Code::kLimit;
}

}  // namespace

Result<std::unique_ptr<Group>> Group::open(io::FileSystem& files, io::Clock& clock,
                                           GroupOptions options, Network& network,
                                           store::RecoveryReport* report) {
  std::unique_ptr<Group> group(new Group(files, network, std::move(options)));
  BINBUS_RETURN_IF_ERROR(group->open(clock, report));
  return group;
}

Status Group::open(io::Clock& clock, store::RecoveryReport* report) {
  const std::string& directory = options_.log.directory;
  BINBUS_TRY(kept, HardStateFile::open(files_, directory));
  store::LogOptions log_options = options_.log;
  log_options.members = kept ? Members() : options_.founders;
  log_options.committed = kept && !options_.alone ? kept->state().commit : UINT64_MAX;
  log_options.node = options_.core.id;
  BINBUS_TRY(log, store::Log::open(files_, clock, log_options, report));
  log_ = std::move(log);
  members_ = log_->members();
  if (kept) {
    hard_state_.emplace(std::move(*kept));
  } else {
    BINBUS_RETURN_IF_ERROR(begin());
  }
  HardState state = hard_state_->state();
  state.commit = known_commit();
  // Members as of the newest segment's start: the core is told again of the changes since.
  uint64_t applied = blank() ? 0 : log_->commit_index();
  for (const uint64_t index : log_->member_entries()) applied = std::min(applied, index - 1);
  members_index_ = applied;
  for (const uint64_t index : log_->member_entries()) {
    if (index > state.commit) changes_.insert(index);
  }
  BINBUS_TRY(core, Core::make(options_.core, *this, state, members_, applied));
  core_ = std::move(core);
  BINBUS_RETURN_IF_ERROR(drive());
  if (options_.alone) return stand_alone();
  if (members_.voters == std::vector{options_.core.id} && members_.outgoing.empty())
    return unwritten_ ? ok() : campaign();
  return ok();
}

// Members are as of there, so nothing that is known may be left out: not what a full disk keeps from taking effect, nor that a
// change of members proves the one before it to be committed.
uint64_t Group::known_commit() const {
  if (blank()) return 0;
  uint64_t commit = std::min(hard_state_->state().commit, log_->last_index());
  const std::vector<uint64_t> changes = log_->member_entries();
  if (changes.size() > 1) commit = std::max(commit, changes[changes.size() - 2]);
  return std::max(commit, log_->commit_index());
}

// The first time: with the founders, with nothing, or with a log that was this node's alone.
Status Group::begin() {
  const std::string& directory = options_.log.directory;
  const bool used = log_->last_index() >= log_->first_index();
  const Members alone{.voters = {options_.core.id}};
  if (used && members_.empty() && options_.founders == alone) {
    BINBUS_RETURN_IF_ERROR(log_->found(alone));
    members_ = alone;
  } else if (used && members_ != alone) {
    return fail(Code::kInvalid,
                directory +
                    " has a log, and none of its group: start this node alone, without peers, and "
                    "let the others join it; or import into an empty folder");
  }
  HardState first;
  if (!blank()) {
    BINBUS_TRY(last_term, log_->term(log_->last_index()));
    first = {.term = last_term, .vote = 0, .commit = log_->last_index()};
  }
  BINBUS_TRY(created, HardStateFile::create(files_, directory, first));
  hard_state_.emplace(std::move(created));
  return ok();
}

// The core begins once more, with this node as the only voter there ever was; as such it decides that the others go. Whoever
// replays the log comes to the same.
Status Group::stand_alone() {
  if (unwritten_) return fail(*blocked_);
  const NodeId self = options_.core.id;
  std::vector<MemberChange> changes = {{MemberChange::Kind::kAddVoter, self}};
  for (const NodeId node : members_.all()) {
    if (node != self) changes.push_back({MemberChange::Kind::kRemove, node});
  }
  members_ = Members{.voters = {self}};
  members_index_ = log_->commit_index();
  HardState state = hard_state_->state();
  state.commit = log_->commit_index();
  BINBUS_TRY(core, Core::make(options_.core, *this, state, members_, state.commit));
  core_ = std::move(core);
  BINBUS_RETURN_IF_ERROR(campaign());
  return propose_members(changes);
}

bool Group::blank() const {
  return members_.empty() && log_->first_index() == store::kFirstIndex &&
         log_->last_index() < log_->first_index();
}

Status Group::tick() {
  if (resting_) return ok();
  if (unwritten_) return go_on();
  blocked_.reset();
  if (log_->commit_index() < core_->status().applied) {  // it found the disk full
    if (auto done = log_->commit(core_->status().applied); !done) {
      BINBUS_RETURN_IF_ERROR(log_->alive());
      blocked_ = done.error();
    }
  }
  if (fall_asleep()) return ok();
  ++unheard_ticks_;
  for (int due = ticks_due(); due > 0; --due) BINBUS_RETURN_IF_ERROR(core_->tick());
  return drive();
}

Status Group::receive(std::span<const Received> messages) {
  if (unwritten_) return ok();  // sent again later
  for (const Received& message : messages) {
    if (heed(message)) continue;
    std::vector<CoreEntry> entries;
    Bytes head;
    if (!take(message, entries, head)) continue;
    if (!received_snapshot_.empty() && !store::Log::read_snapshot(received_snapshot_)) {
      received_snapshot_.clear();
      continue;
    }
    const Status stepped = core_->step(message.from, head, entries);
    if (core_->is_dead()) return stepped;
    if (core_->has_ready() && !received_snapshot_.empty()) BINBUS_RETURN_IF_ERROR(drive());
    if (unwritten_) return ok();
    received_snapshot_.clear();
  }
  return drive();
}

Status Group::unreachable(NodeId node) {
  if (unwritten_) return ok();
  wake();
  BINBUS_RETURN_IF_ERROR(core_->report_unreachable(node));
  return drive();
}

uint64_t Group::leading() const {
  const CoreStatus& status = core_->status();
  return status.role == Role::kLeader && prepared_term_ == status.term ? status.term : 0;
}

std::vector<PeerProgress> Group::progress() {
  std::vector<PeerProgress> nodes = core_->progress();
  for (PeerProgress& node : nodes) {
    if (node.id != options_.core.id && !network_.connected(node.id)) node.recent_active = false;
  }
  return nodes;
}

Status Group::stage(uint64_t term, Bytes bytes) {
  if (leading() != term || term == 0) return fail(Code::kUnavailable, "this node does not lead");
  if (blocked_) return refuse(*blocked_);
  wake();  // before the disk is touched: should that hang, the others are to miss this node
  if (auto staged = log_->stage(bytes); !staged) {
    if (!log_->alive()) return staged;
    return refuse(staged.error());
  }
  return ok();
}

// The writer goes on from its last sync(): nothing of it stays staged, unless an entry that waits for room is of that.
Status Group::refuse(Error error) {
  const auto waits = [this](const CoreEntry& each) {
    const auto entry = entry_of(each);
    return each.index > log_->last_index() && entry && entry->kind == EntryKind::kEvents;
  };
  if (!unwritten_ || std::ranges::none_of(unwritten_->entries, waits))
    BINBUS_RETURN_IF_ERROR(log_->unstage());
  if (error.code == Code::kDiskFull) BINBUS_RETURN_IF_ERROR(hand_over());
  return fail(std::move(error));
}

// To another that may have room: one without has stopped to answer.
Status Group::hand_over() {
  if (unwritten_ || core_->status().transferee != 0) return ok();
  const PeerProgress* best = nullptr;
  const std::vector<PeerProgress> peers = progress();
  for (const PeerProgress& peer : peers) {
    const bool fits =
        peer.id != options_.core.id && peer.recent_active && members_.is_voter(peer.id);
    if (fits && (best == nullptr || peer.match > best->match)) best = &peer;
  }
  return best == nullptr ? ok() : transfer_leader(best->id);
}

Result<uint64_t> Group::propose(uint64_t term, std::vector<store::Proposal> proposals) {
  if (leading() != term || term == 0) return fail(Code::kUnavailable, "this node does not lead");
  // What others propose meanwhile must not take what a writer has staged.
  const bool staged = std::ranges::any_of(
      proposals, [](const store::Proposal& each) { return each.entry.kind == EntryKind::kEvents; });
  const auto refused = [&](Error error) -> Result<uint64_t> {
    if (!staged) return fail(std::move(error));
    return fail(refuse(std::move(error)).error());
  };
  if (blocked_) return refused(*blocked_);
  if (log_->barrier_waits())
    return refused({Code::kUnavailable, "a new segment or a cut is being agreed on"});
  if (core_->status().transferee != 0)
    return refused({Code::kUnavailable, "this node hands the lead over"});
  wake();
  uint64_t last = log_->last_index();
  uint64_t offset = log_->entries_end().offset;
  for (store::Proposal& proposal : proposals) {
    if (proposal.entry.kind == EntryKind::kControl) proposal.entry.offset = offset;
    offset = proposal.entry.end();
    BINBUS_TRY(index, core_->propose(describe(proposal.entry)));
    carried_[{index, term}] = {proposal.payload, std::move(proposal.payload),
                               std::move(proposal.ends)};
    last = index;
  }
  BINBUS_RETURN_IF_ERROR(drive());
  return last;
}

Result<bool> Group::settled(uint64_t term, uint64_t index) const {
  if (index <= log_->commit_index()) {
    const auto found = log_->term(index);
    if (found && *found == term) return true;
    return fail(Code::kUnavailable, "another node leads, and has not taken it over");
  }
  const CoreStatus& status = core_->status();
  if (status.term != term || status.role != Role::kLeader)
    return fail(Code::kUnavailable, "this node does not lead any more");
  return false;
}

Status Group::propose_members(std::span<const MemberChange> changes) {
  if (unwritten_) return fail(*blocked_);
  // It would step down at once, and might be the only one to know that the change is committed.
  for (const MemberChange& change : changes) {
    if (change.node == options_.core.id && change.kind != MemberChange::Kind::kAddVoter)
      return fail(Code::kInvalid, "this node leads the group: hand the lead over first");
  }
  wake();
  BINBUS_TRY(index, core_->propose_members(changes));
  static_cast<void>(index);
  return drive();
}

Status Group::transfer_leader(NodeId to) {
  if (unwritten_) return fail(*blocked_);
  wake();
  BINBUS_RETURN_IF_ERROR(core_->transfer_leader(to));
  return drive();
}

Status Group::campaign() {
  if (unwritten_) return fail(*blocked_);
  wake();
  BINBUS_RETURN_IF_ERROR(core_->campaign());
  return drive();
}

Status Group::set_priority(uint64_t priority) {
  if (unwritten_) return fail(*blocked_);
  BINBUS_RETURN_IF_ERROR(core_->set_priority(priority));
  return drive();
}

// A barrier may have taken effect before the core learns that it is committed; it looks through those for changes of members.
Result<std::vector<std::string>> Group::apply_retention(uint64_t now_us, uint64_t keep_from) {
  const uint64_t needed = std::max(core_->status().applied + 1, log_->first_index());
  return log_->apply_retention(now_us, std::min(keep_from, log_->segment_of(needed)));
}

Status Group::drive() {
  while (!unwritten_ && core_->has_ready()) {
    BINBUS_TRY(ready, core_->ready());
    BINBUS_RETURN_IF_ERROR(or_end(give_way(ready)));
    BINBUS_RETURN_IF_ERROR(or_end(handle(ready)));
  }
  if (unwritten_) {
    own_carried();
    return ok();
  }
  carried_.clear();  // all that was proposed or came along is written, or is not wanted
  return prepare_to_lead();
}

// A Ready of which something could not be done is not tried again, also when it is for lack of room.
Status Group::or_end(Status done) {
  ended_ = ended_ || !done;
  return done;
}

Status Group::give_way(const Ready& ready) {
  if (!ready.snapshot && !ready.entries.empty() &&
      ready.entries.front().index <= log_->last_index())
    BINBUS_RETURN_IF_ERROR(log_->truncate(ready.entries.front().index));
  return core_->status().role == Role::kLeader ? ok() : log_->unstage();
}

void Group::own_carried() {
  for (auto& [entry, each] : carried_) {
    if (each.owned.empty()) each.owned = to_owned(each.payload);
    each.payload = each.owned;
  }
}

Status Group::take_snapshot(Ready& ready) {
  if (!ready.snapshot) return ok();
  BINBUS_TRY(received, store::Log::read_snapshot(received_snapshot_));
  if (received.index != ready.snapshot->index || received.term != ready.snapshot->term)
    return fail(Code::kCorrupt, "a snapshot is not the one that its message tells of");
  BINBUS_RETURN_IF_ERROR(log_->restore(received_snapshot_));
  members_ = ready.snapshot->members;
  log_->set_members(members_, ready.snapshot->index);
  members_index_ = ready.snapshot->index;
  ready.snapshot.reset();
  return ok();
}

// May be called again with the same one after a full disk: what is written stays.
Status Group::handle(Ready& ready) {
  Status written = take_snapshot(ready);
  for (const CoreEntry& entry : ready.entries) {
    if (!written) break;
    if (entry.index <= log_->last_index()) continue;
    written = append(entry);
  }
  if (written) {
    send(ready.messages);
    ready.messages.clear();
    written = keep(ready);
  }
  if (!written) {
    if (!passes(written.error())) return written;
    blocked_ = written.error();
    unwritten_ = std::move(ready);
    return ok();
  }
  send(ready.persisted_messages);
  const std::vector<CoreEntry> committed = std::move(ready.committed);
  BINBUS_TRY(light, core_->advance());
  if (light.commit) {
    HardState state = hard_state_->state();
    state.commit = *light.commit;
    const Status kept = hard_state_->store(state);
    if (!kept && !passes(kept.error())) return kept;  // it need not be: the next one will
  }
  send(light.messages);
  BINBUS_RETURN_IF_ERROR(apply(committed));
  return apply(light.committed);
}

Status Group::keep(const Ready& ready) {
  if (ready.hard_state) BINBUS_RETURN_IF_ERROR(hard_state_->store(*ready.hard_state));
  BINBUS_RETURN_IF_ERROR(keep_changes());
  return ready.must_sync || !ready.entries.empty() ? log_->sync() : ok();
}

Status Group::go_on() {
  Ready ready = std::move(*unwritten_);
  unwritten_.reset();
  blocked_.reset();
  BINBUS_RETURN_IF_ERROR(or_end(handle(ready)));
  return drive();
}

Status Group::append(const CoreEntry& from) {
  const auto carried = carried_.find({from.index, from.term});
  const bool known = carried != carried_.end();
  BINBUS_TRY(entry, entry_of(from));
  if (!store::is_rafts_own(entry.kind)) BINBUS_RETURN_IF_ERROR(pass_barrier());
  changes_.erase(changes_.lower_bound(from.index), changes_.end());
  if (from.members) {
    changes_.insert(from.index);
    return log_->write(entry, from.data);
  }
  if (entry.length > 0 && !known) return fail(Code::kCorrupt, "an entry came without its payload");
  // One that is void may also have come with its events.
  const Bytes payload = known && entry.length > 0 ? carried->second.payload : Bytes();
  return log_->write(entry, payload, known ? carried->second.ends : std::nullopt);
}

Status Group::apply(const std::vector<CoreEntry>& committed) {
  for (const CoreEntry& entry : committed) {
    if (entry.members) BINBUS_RETURN_IF_ERROR(apply_members(entry.index, entry.data));
  }
  if (committed.empty()) return ok();
  if (auto done = log_->commit(committed.back().index); !done) {
    BINBUS_RETURN_IF_ERROR(log_->alive());
    blocked_ = done.error();
  }
  return core_->advance_apply(committed.back().index);
}

Status Group::apply_members(uint64_t index, Bytes change) {
  if (index <= members_index_) return ok();
  BINBUS_TRY(members, core_->apply_members(change));
  members_ = std::move(members);
  members_index_ = index;
  log_->set_members(members_, index);
  return ok();
}

// Members change when the change is known to be committed, one change after the other. Whoever has acknowledged what follows one
// must not come back as a voter of before it: it could win with those who know of none of them.
Status Group::keep_changes() {
  const auto known = changes_.upper_bound(hard_state_->state().commit);
  if (known == changes_.begin()) return ok();
  BINBUS_RETURN_IF_ERROR(hard_state_->sync());
  changes_.erase(changes_.begin(), known);
  return ok();
}

// What follows a barrier proves that it is committed, and so are the changes of members before it, of which the core will
// tell later: the segment that begins there has to know them.
Status Group::pass_barrier() {
  const uint64_t barrier = log_->waiting_barrier();
  if (barrier == 0) return ok();
  BINBUS_RETURN_IF_ERROR(log_->sync());
  uint64_t at = std::max({members_index_, core_->status().applied, log_->first_index() - 1}) + 1;
  while (at < barrier) {
    BINBUS_TRY(found, log_->entries(at, barrier, SIZE_MAX));
    for (const Entry& entry : found) {
      at = entry.index + 1;
      if (entry.kind != EntryKind::kMembers) continue;
      BINBUS_TRY(change, log_->read_inline(entry.index));
      BINBUS_RETURN_IF_ERROR(apply_members(entry.index, change));
    }
  }
  return ok();
}

// A new leader's own first entry commits what is of before. A transaction that its predecessor left unfinished is cut; its
// source will send it again.
Status Group::prepare_to_lead() {
  const CoreStatus& status = core_->status();
  if (status.role != Role::kLeader) {
    prepared_term_ = 0;
    return ok();
  }
  if (prepared_term_ == status.term || log_->commit_index() == 0) return ok();
  BINBUS_TRY(committed_term, log_->term(log_->commit_index()));
  if (committed_term != status.term || log_->barrier_waits()) return ok();
  if (log_->end() == log_->last_end()) {
    prepared_term_ = status.term;
    return ok();
  }
  if (abort_term_ == status.term || status.transferee != 0) return ok();
  const uint64_t term = status.term;
  Entry abort{.offset = log_->last_end().offset, .kind = EntryKind::kAbort};
  BINBUS_TRY(index, core_->propose(describe(abort)));
  abort_term_ = term;
  carried_[{index, term}] = {{}, {}, std::vector<store::TransactionEnd>()};
  return drive();
}

Result<std::vector<CoreEntry>> Group::entries(uint64_t from, uint64_t to, uint64_t max) {
  BINBUS_TRY(found, log_->entries(from, to, max));
  std::vector<CoreEntry> out;
  for (const Entry& entry : found) {
    CoreEntry each{.index = entry.index,
                   .term = entry.term,
                   .members = entry.kind == EntryKind::kMembers,
                   .data = {}};
    if (each.members) {
      BINBUS_TRY(data, log_->read_inline(entry.index));
      each.data = std::move(data);
    } else if (entry.kind != EntryKind::kEmpty) {
      each.data = describe(entry);
    }
    out.push_back(std::move(each));
  }
  return out;
}

Result<uint64_t> Group::term(uint64_t index) {
  if (blank()) {
    if (index == 0) return 0;
    return fail(Code::kNotFound, "there are no entries yet");
  }
  return log_->term(index);
}

uint64_t Group::first_index() { return blank() ? 1 : log_->first_index(); }
uint64_t Group::last_index() { return blank() ? 0 : log_->last_index(); }

SnapshotMeta Group::snapshot() {
  if (blank()) return {};
  const store::LogSnapshot from = log_->snapshot();
  return {from.index, from.term, from.members};
}

}  // namespace binbus::raft
