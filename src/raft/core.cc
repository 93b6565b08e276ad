#include "raft/core.h"

#include <type_traits>
#include <utility>

#include "raft/core/abi.h"

namespace binbus::raft {
namespace {

template <class T>
abi::Slice<T> slice_of(const std::vector<T>& items) {
  return {items.data(), items.size()};
}
abi::Bytes slice_of(Bytes bytes) { return {bytes.data(), bytes.size()}; }

template <class T>
std::span<const T> span_of(abi::Slice<T> slice) {
  return {slice.at, slice.size};
}
template <class T>
std::vector<T> copy_of(abi::Slice<T> slice) {
  return {slice.at, slice.at + slice.size};
}

std::vector<abi::Entry> to_abi(std::span<const CoreEntry> entries) {
  std::vector<abi::Entry> out;
  out.reserve(entries.size());
  for (const CoreEntry& entry : entries)
    out.push_back({entry.index, entry.term, entry.members, slice_of(entry.data)});
  return out;
}

std::vector<CoreEntry> from_abi(abi::Slice<abi::Entry> entries) {
  std::vector<CoreEntry> out;
  out.reserve(entries.size);
  for (const abi::Entry& entry : span_of(entries))
    out.push_back({entry.index, entry.term, entry.members, copy_of(entry.data)});
  return out;
}

abi::Members to_abi(const Members& members) {
  return {slice_of(members.voters), slice_of(members.outgoing), slice_of(members.learners),
          slice_of(members.learners_next), members.auto_leave};
}

Members from_abi(const abi::Members& members) {
  return {copy_of(members.voters), copy_of(members.outgoing), copy_of(members.learners),
          copy_of(members.learners_next), members.auto_leave};
}

std::vector<CoreMessage> from_abi(abi::Slice<abi::Message> messages) {
  std::vector<CoreMessage> out;
  out.reserve(messages.size);
  for (const abi::Message& message : span_of(messages)) {
    out.push_back({message.to, static_cast<MessageType>(message.type), copy_of(message.head),
                   from_abi(message.entries), message.snapshot_index});
  }
  return out;
}

void take_ready(void* to, const abi::Ready* from) {
  auto& ready = *static_cast<Ready*>(to);
  ready.number = from->number;
  ready.must_sync = from->must_sync;
  if (from->has_hard_state) {
    const auto& [term, vote, commit] = from->hard_state;
    ready.hard_state = HardState{term, vote, commit};
  }
  (from->messages_wait ? ready.persisted_messages : ready.messages) = from_abi(from->messages);
  if (const auto& [index, term, members] = from->snapshot; index > 0)
    ready.snapshot = SnapshotMeta{index, term, from_abi(members)};
  ready.entries = from_abi(from->entries);
  ready.committed = from_abi(from->committed);
}

void take_light(void* to, const abi::Ready* from) {
  auto& light = *static_cast<Light*>(to);
  if (from->commit > 0) light.commit = from->commit;
  light.messages = from_abi(from->messages);
  light.committed = from_abi(from->committed);
}

void take_members(void* to, const abi::Members* from) {
  *static_cast<Members*>(to) = from_abi(*from);
}

void take_peer(void* to, const abi::Peer* from) {
  static_cast<std::vector<PeerProgress>*>(to)->push_back(
      {from->id, from->match, from->next, static_cast<PeerProgress::State>(from->state),
       from->recent_active, from->paused});
}

CoreStatus from_abi(const abi::Status& status) {
  return {status.id,
          status.term,
          status.vote,
          status.leader,
          static_cast<Role>(status.role),
          status.commit,
          status.applied,
          status.transferee,
          status.leader_commit};
}

}  // namespace

// The crate's node, the storage that it reads through, and what went wrong.
struct Core::Calls {
  CoreStorage& storage;
  abi::Handle* handle = abi::raft_new();
  CoreStatus status;
  std::optional<Error> storage_error;  // of the call in progress
  std::optional<Error> death;
  std::vector<CoreEntry> fetched;  // what abi_fetched shows
  std::vector<abi::Entry> abi_fetched;

  explicit Calls(CoreStorage& borrowed) : storage(borrowed) {}
  ~Calls() { abi::raft_free(handle); }
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  // Calls the crate, and has `status` say how it is after.
  template <class... Params, class... Args>
  Status call(abi::Outcome (*function)(abi::Handle*, Params...), Args&&... args) {
    if (death) return fail(*death);
    const Status result = judge(function(handle, std::forward<Args>(args)...));
    if (abi::Status now; !death && abi::raft_status(handle, &now) == abi::Outcome::kOk)
      status = from_abi(now);
    if (death) {
      status.role = Role::kFollower;
      status.leader = 0;
    }
    return result;
  }

  abi::Storage abi_storage() {
    return {this, &fetch, &term_at, &first_index, &last_index, &show_snapshot};
  }

 private:
  static Calls& of(void* self) { return *static_cast<Calls*>(self); }

  Status judge(abi::Outcome outcome) {
    if (storage_error) death = std::exchange(storage_error, std::nullopt);
    if (death) return fail(*death);
    if (outcome == abi::Outcome::kOk) return ok();
    abi::Bytes text;
    abi::raft_failure(handle, &text);
    Error error{Code::kInvalid, "raft: " + std::string(as_text(span_of(text)))};
    if (outcome == abi::Outcome::kUnavailable) error.code = Code::kUnavailable;
    if (outcome == abi::Outcome::kCorrupt) error.code = Code::kCorrupt;
    if (outcome == abi::Outcome::kDead) {
      error.code = Code::kCorrupt;
      death = error;
    }
    return fail(std::move(error));
  }

  abi::Fetched failed(Error error, bool may_be_after) {
    if (error.code == Code::kPurged) return abi::Fetched::kCompacted;
    if (error.code == Code::kNotFound && may_be_after) return abi::Fetched::kUnavailable;
    if (!storage_error) storage_error = std::move(error);
    return abi::Fetched::kFailed;
  }

  static abi::Fetched fetch(void* self, uint64_t from, uint64_t to, uint64_t max,
                            abi::Slice<abi::Entry>* out) {
    auto entries = of(self).storage.entries(from, to, max);
    if (!entries) return of(self).failed(std::move(entries).error(), false);
    of(self).fetched = std::move(*entries);
    of(self).abi_fetched = to_abi(of(self).fetched);
    *out = slice_of(of(self).abi_fetched);
    return abi::Fetched::kOk;
  }

  static abi::Fetched term_at(void* self, uint64_t index, uint64_t* out) {
    auto term = of(self).storage.term(index);
    if (!term) return of(self).failed(std::move(term).error(), true);
    *out = *term;
    return abi::Fetched::kOk;
  }

  static uint64_t first_index(void* self) { return of(self).storage.first_index(); }
  static uint64_t last_index(void* self) { return of(self).storage.last_index(); }

  static void show_snapshot(void* self, void* to, void (*take)(void*, const abi::Snapshot*)) {
    const SnapshotMeta snapshot = of(self).storage.snapshot();
    const abi::Snapshot shown{snapshot.index, snapshot.term, to_abi(snapshot.members)};
    take(to, &shown);
  }
};

Core::Core(CoreStorage& storage) : calls_(std::make_unique<Calls>(storage)) {}
Core::~Core() = default;

bool Core::is_dead() const { return calls_->death.has_value(); }

const CoreStatus& Core::status() const { return calls_->status; }

Result<std::unique_ptr<Core>> Core::make(const CoreOptions& options, CoreStorage& storage,
                                         const HardState& hard_state, const Members& members,
                                         uint64_t applied) {
  auto core = std::unique_ptr<Core>(new Core(storage));
  const abi::Options shown{.id = options.id,
                           .election_ticks = static_cast<uint64_t>(options.election_ticks),
                           .election_ticks_max = static_cast<uint64_t>(options.election_ticks_max),
                           .heartbeat_ticks = static_cast<uint64_t>(options.heartbeat_ticks),
                           .seed = options.seed,
                           .message_entries_max = options.message_entries_max,
                           .inflight_messages_max = options.inflight_messages_max,
                           .priority = options.priority};
  const abi::Storage abi_storage = core->calls_->abi_storage();
  const abi::HardState state{hard_state.term, hard_state.vote, hard_state.commit};
  const abi::Members abi_members = to_abi(members);
  BINBUS_RETURN_IF_ERROR(
      core->calls_->call(&abi::raft_start, &shown, &abi_storage, &state, &abi_members, applied));
  return core;
}

Status Core::tick() { return calls_->call(&abi::raft_tick); }

Status Core::step(NodeId from, Bytes head, std::span<const CoreEntry> entries) {
  const auto shown = to_abi(entries);
  return calls_->call(&abi::raft_step, from, slice_of(head), slice_of(shown));
}

Result<uint64_t> Core::propose(Bytes data) {
  uint64_t index = 0;
  BINBUS_RETURN_IF_ERROR(calls_->call(&abi::raft_propose, slice_of(data), &index));
  return index;
}

Result<uint64_t> Core::propose_members(std::span<const MemberChange> changes) {
  std::vector<abi::Change> shown;
  for (const MemberChange& change : changes)
    shown.push_back({static_cast<int32_t>(change.kind), change.node});
  uint64_t index = 0;
  BINBUS_RETURN_IF_ERROR(calls_->call(&abi::raft_propose_members, slice_of(shown), &index));
  return index;
}

Result<Members> Core::apply_members(Bytes data) {
  Members members;
  BINBUS_RETURN_IF_ERROR(
      calls_->call(&abi::raft_apply_members, slice_of(data), &members, &take_members));
  return members;
}

Status Core::transfer_leader(NodeId to) { return calls_->call(&abi::raft_transfer_leader, to); }

Status Core::campaign() { return calls_->call(&abi::raft_campaign); }

Status Core::report_unreachable(NodeId id) {
  return calls_->call(&abi::raft_report_unreachable, id);
}

Status Core::report_snapshot(NodeId id, bool ok) {
  return calls_->call(&abi::raft_report_snapshot, id, ok);
}

Status Core::set_priority(uint64_t priority) {
  return calls_->call(&abi::raft_set_priority, priority);
}

bool Core::has_ready() {
  bool is_ready = false;
  return calls_->call(&abi::raft_has_ready, &is_ready) && is_ready;
}

Result<Ready> Core::ready() {
  Ready ready;
  BINBUS_RETURN_IF_ERROR(calls_->call(&abi::raft_ready, &ready, &take_ready));
  return ready;
}

Result<Light> Core::advance() {
  Light light;
  BINBUS_RETURN_IF_ERROR(calls_->call(&abi::raft_advance, &light, &take_light));
  return light;
}

Status Core::advance_async() { return calls_->call(&abi::raft_advance_async); }

Status Core::on_persist(uint64_t number) { return calls_->call(&abi::raft_on_persist, number); }

Status Core::advance_apply(uint64_t index) { return calls_->call(&abi::raft_advance_apply, index); }

std::vector<PeerProgress> Core::progress() {
  std::vector<PeerProgress> peers;
  if (!calls_->call(&abi::raft_progress, &peers, &take_peer)) return {};
  return peers;
}

}  // namespace binbus::raft
