#include "coordinate/member.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "base/backoff.h"
#include "base/log.h"
#include "coordinate/names.h"

namespace binbus::coordinate {
namespace {

using Kind = Step::Kind;

constexpr uint32_t kRetryFirstMs = 100;
constexpr uint32_t kRetryMaxMs = 2'000;

std::string draw_id() {
  std::random_device random;
  std::string id;
  for (int i = 0; i < 4; ++i) id += fmt::format("{:08x}", random());
  return id;
}

const Entry* find(const std::vector<Entry>& entries, const std::string& name) {
  const auto found = std::ranges::find(entries, name, &Entry::name);
  return found == entries.end() ? nullptr : &*found;
}

}  // namespace

Member::Member(MemberOptions options, Connect connect, io::Clock& clock)
    : options_(std::move(options)),
      connect_(std::move(connect)),
      clock_(clock),
      copy_(options_.copy),
      saved_(options_.copy),
      alert_(std::make_shared<Alert>()) {
  alert_->member = this;
  if (copy_.instance.empty()) copy_.instance = draw_id();
  shown_.since_us = clock_.wall_us();
}

std::unique_ptr<Member> Member::start(MemberOptions options, Connect connect, io::Clock& clock) {
  std::unique_ptr<Member> member(new Member(std::move(options), std::move(connect), clock));
  member->thread_ =
      std::jthread([at = member.get()](const std::stop_token& stop) { at->run(stop); });
  return member;
}

Member::~Member() {
  stop();
  const std::lock_guard lock(alert_->mutex);
  alert_->member = nullptr;
}

void Member::look_soon() {
  const std::lock_guard lock(mutex_);
  look_again_ = true;
  changed_.notify_all();
}

void Member::stop() {
  thread_.request_stop();
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Member::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "coordinate");
  Backoff backoff(kRetryFirstMs, kRetryMaxMs, clock_.wall_us() ^ clock_.monotonic_us());
  SessionOptions session_options = options_.session;
  session_options.watched = {names::kNodes, names::kOwners, names::kSinks};
  session_options.stop = stop;
  session_options.on_change = [alert = alert_] {
    const std::lock_guard lock(alert->mutex);
    if (alert->member != nullptr) alert->member->look_soon();
  };
  while (!stop.stop_requested()) {
    const auto tenure = std::make_shared<Tenure>();
    const uint64_t began_us = clock_.monotonic_us();
    if (auto session = connect_(session_options)) {
      tenure->session = std::move(*session);
      const uint64_t ttl_us = std::min(tenure->session->ttl_ms(), options_.session.ttl_ms) * 1000;
      // A third is left for what was begun before the deadline.
      tenure->usable_us = ttl_us - ttl_us / 3;
      tenure->deadline_us = began_us + tenure->usable_us;
      {
        const std::lock_guard lock(mutex_);
        tenure_ = tenure;
      }
      const Status ended = serve(*tenure, stop);
      end_all();
      if (!ended) note(ended);
      if (clock_.monotonic_us() - began_us > uint64_t{kRetryMaxMs} * 1000) backoff.reset();
    } else if (!stop.stop_requested()) {
      note(fail(session.error()));
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, std::chrono::milliseconds(backoff.next_ms()),
                      [] { return false; });
  }
}

Status Member::serve(Tenure& tenure, const std::stop_token& stop) {
  alive_due_us_ = 0;
  while (!stop.stop_requested()) {
    const bool due = clock_.monotonic_us() >= alive_due_us_;
    Status done = stay_alive();
    const auto too_late = [&] { return clock_.monotonic_us() >= tenure.deadline_us; };
    if (done && !too_late()) done = look(*tenure.session);
    if (done && due && !too_late()) done = copy_group(*tenure.session);
    if (too_late()) {
      return fail(Code::kTimeout, "the coordinator has not answered for too long" +
                                      (done ? "" : ": " + done.error().message));
    }
    // Over for good, or for now?
    if (!done && done.error().code == Code::kNotFound) return done;
    note(done);
    std::unique_lock lock(mutex_);
    const uint64_t now_us = clock_.monotonic_us();
    const uint64_t pause_us = alive_due_us_ > now_us ? alive_due_us_ - now_us : 0;
    changed_.wait_for(lock, stop, std::chrono::microseconds(pause_us),
                      [this] { return look_again_; });
    look_again_ = false;
  }
  return ok();
}

// Also between the steps of a long look.
Status Member::stay_alive() {
  const uint64_t sent_us = clock_.monotonic_us();
  if (sent_us < alive_due_us_) return ok();
  Tenure& tenure = *tenure_;  // this thread's to change
  alive_due_us_ = sent_us + tenure.usable_us / 4;
  BINBUS_RETURN_IF_ERROR(tenure.session->keep_alive());
  // Too late is too late: somebody may have acted on the deadline.
  if (clock_.monotonic_us() < tenure.deadline_us) tenure.deadline_us = sent_us + tenure.usable_us;
  return ok();
}

Status Member::look(Session& session) {
  BINBUS_TRY(nodes, session.list(names::kNodes));
  BINBUS_TRY(owners, session.list(names::kOwners));
  BINBUS_TRY(sinks, session.list(names::kSinks));
  // Asked for last: what was read before is of this group.
  BINBUS_TRY(id, session.get(names::kId));
  if (!id || id->value != copy_.group_id) {
    BINBUS_RETURN_IF_ERROR(join(session, id));
    return look(session);
  }
  copy_.set(names::kSinks, sinks);
  BINBUS_RETURN_IF_ERROR(clear_stale(session, owners));
  end_lost_leases(owners);
  BINBUS_RETURN_IF_ERROR(register_node(session, nodes));
  {
    const std::lock_guard lock(mutex_);
    sinks_.clear();
    for (Entry& sink : sinks) sinks_[sink.name] = std::move(sink.value);
    sinks_known_ = true;
    changed_.notify_all();
  }
  return follow_placement(session);
}

Status Member::join(Session& session, const std::optional<Entry>& id) {
  std::string found = id ? id->value : "";
  if (!id) {
    const std::string drawn = draw_id();
    BINBUS_TRY(made,
               session.transact({{.kind = Kind::kCreate, .name = names::kId, .value = drawn}}));
    if (!made) return ok();  // another node was first: look again
    found = drawn;
  }
  if (!copy_.group_id.empty()) BINBUS_RETURN_IF_ERROR(restore(session));
  copy_.group_id = found;
  save_copy();
  return ok();
}

Status Member::restore(Session& session) {
  BINBUS_TRY(before_us, session.get(names::kRestored));
  uint64_t restored = 0;
  const auto& filter_tables = copy_.folders[names::kFilterTables];
  for (const std::string& folder : copied_folders()) {
    if (folder == names::kFilterTables) continue;  // with the checkpoints
    for (const auto& [name, value] : copy_.folders[folder]) {
      if (folder == names::kEpochs) {
        // One take-over may have come after the copy.
        BINBUS_RETURN_IF_ERROR(raise_epoch(session, name, copy_.epoch(name) + 1));
        continue;
      }
      const std::string path = folder + "/" + name;
      BINBUS_TRY(there, session.get(path));
      // A sink that another copy lacked may have been taken away since ours was made. Of a checkpoint that is lacking, events
      // could be lost.
      if (!there && (folder != names::kSinks || !before_us)) {
        std::vector<Step> steps{{.kind = Kind::kCreate, .name = path, .value = value}};
        const auto held = filter_tables.find(name);
        if (folder == names::kCheckpoints && held != filter_tables.end()) {
          BINBUS_TRY(other, session.get(names::filter_table(name)));  // without a checkpoint
          steps.push_back({.kind = other ? Kind::kSet : Kind::kCreate,
                           .name = names::filter_table(name),
                           .value = held->second,
                           .version = other ? other->version : 0});
        }
        BINBUS_TRY(made, session.transact(steps));
        if (made) restored += steps.size();
      } else if (folder != names::kPositions && (!there || there->value != value)) {
        log::warn("coordinator_copy_differs", {{"name", path},
                                               {"coordinator", there ? there->value : ""},
                                               {"copy", value},
                                               {"note", "the coordinator's counts"}});
      }
    }
  }
  if (!before_us) {
    BINBUS_RETURN_IF_ERROR(session.transact(
        {{.kind = Kind::kCreate, .name = names::kRestored, .value = options_.node}}));
  }
  log::warn("coordinator_data_lost",
            {{"root", options_.session.root},
             {"restored", restored},
             {"note",
              "the coordinator has other data than it had; what was missing of this group's "
              "was put back from this node's copy"}});
  return ok();
}

// Who has taken the stream under a lower one, from an older copy, loses it.
Status Member::raise_epoch(Session& session, const std::string& stream, uint64_t epoch) {
  BINBUS_TRY(there, session.get(names::epoch(stream)));
  if (there && epoch_of(there->value) >= epoch) return ok();
  BINBUS_TRY(owner, session.get(names::owner(stream)));
  std::vector<Step> steps = {{.kind = there ? Kind::kSet : Kind::kCreate,
                              .name = names::epoch(stream),
                              .value = std::to_string(epoch),
                              .version = there ? there->version : 0}};
  if (owner) {
    steps.push_back(
        {.kind = Kind::kRemove, .name = names::owner(stream), .version = owner->version});
  }
  BINBUS_TRY(done, session.transact(steps));
  return done ? ok() : raise_epoch(session, stream, epoch);  // it has just been taken
}

// Of a process that was before us, whose data folder we have locked; or of our own session before this one, under which nothing
// is done any more; or of nobody, by hand.
Status Member::clear_stale(Session& session, std::vector<Entry>& owners) {
  for (auto owner = owners.begin(); owner != owners.end();) {
    if (!is_stale(*owner)) {
      ++owner;
      continue;
    }
    // Another may have taken it meanwhile, as version 0 of a new name: then the epoch is another one, too.
    BINBUS_TRY(epoch, session.get(names::epoch(owner->name)));
    BINBUS_TRY(there, session.get(names::owner(owner->name)));
    if (there && there->value == owner->value) {
      std::vector<Step> steps{
          {.kind = Kind::kRemove, .name = names::owner(owner->name), .version = there->version}};
      if (epoch)
        steps.push_back(
            {.kind = Kind::kIs, .name = names::epoch(owner->name), .version = epoch->version});
      BINBUS_RETURN_IF_ERROR(session.transact(steps));
    }
    owner = owners.erase(owner);
  }
  return ok();
}

bool Member::is_stale(const Entry& owner) const {
  const OwnerRecord record = OwnerRecord::parse(owner.value);
  if (record.node.empty()) return true;
  if (record.node != options_.node || record.instance != copy_.instance) return false;
  // Who still works under a lease that is over keeps others from it for a moment more.
  const std::lock_guard lock(mutex_);
  return !leases_.contains(owner.name);
}

void Member::end_lost_leases(const std::vector<Entry>& owners) {
  const std::lock_guard lock(mutex_);
  owners_.clear();
  shown_.owners.clear();
  for (const Entry& entry : owners) {
    const OwnerRecord record = OwnerRecord::parse(entry.value);
    copy_.saw_epoch(entry.name, record.epoch);
    owners_[entry.name] = record.node;
    shown_.owners[entry.name] = {record.node, record.epoch};
    if (record.node != options_.node) yields_.erase(entry.name);
  }
  for (const auto& [stream, lease] : leases_) {
    const Entry* entry = find(owners, stream);
    const bool ours = entry != nullptr && entry->version == lease->proof_.owner_version &&
                      OwnerRecord::parse(entry->value).epoch == lease->epoch();
    if (ours || !lease->valid()) continue;
    lease->end();
    was_taken_away(*lease);
  }
  changed_.notify_all();
}

// Somebody does not want it to come back, or another node has it.
void Member::was_taken_away(const Lease& lease) {
  yields_.insert(lease.stream());
  const auto owner = shown_.owners.find(lease.stream());
  const bool known = owner != shown_.owners.end() && owner->second.epoch != lease.epoch();
  log::warn("lease_lost", {{"stream", lease.stream()},
                           {"epoch", lease.epoch()},
                           {"owner", known ? owner->second.node : ""}});
}

Status Member::register_node(Session& session, const std::vector<Entry>& nodes) {
  NodeRecord own{.node = {.name = options_.node, .streams = {}, .yields = {}},
                 .instance = copy_.instance};
  {
    const std::lock_guard lock(mutex_);
    own.node.streams = waiting_;
    for (const auto& [stream, lease] : leases_) {
      if (lease->valid()) own.node.streams.insert(stream);
    }
    own.node.yields = yields_;
  }
  nodes_.clear();
  for (const Entry& entry : nodes) {
    if (entry.name != options_.node)
      nodes_.push_back(NodeRecord::parse(entry.name, entry.value).node);
  }
  nodes_.push_back(own.node);
  {
    const std::lock_guard lock(mutex_);
    shown_.nodes.clear();
    for (const Node& node : nodes_) shown_.nodes.push_back(node.name);
    std::ranges::sort(shown_.nodes);
  }
  const std::string path = names::node(options_.node);
  const std::string text = own.print();
  const Entry* there = find(nodes, options_.node);
  if (there != nullptr && NodeRecord::parse(there->name, there->value).instance != copy_.instance) {
    return fail(
        Code::kExists,
        fmt::format("there is another node of the name \"{}\" in {}; give each its own [node] "
                    "name (of one that has just died the entry goes within its ttl)",
                    options_.node, options_.session.root));
  }
  if (there != nullptr && there->value == text && registered_) return ok();
  // What is there may go with a session of ours that was before this one.
  std::vector<Step> steps;
  if (there != nullptr && !registered_) {
    BINBUS_RETURN_IF_ERROR(
        session.transact({{.kind = Kind::kRemove, .name = path, .version = there->version}}));
    there = nullptr;
  }
  BINBUS_TRY(done, session.transact({{.kind = there == nullptr ? Kind::kCreate : Kind::kSet,
                                      .name = path,
                                      .value = text,
                                      .version = there == nullptr ? 0 : there->version,
                                      .bound = true}}));
  if (!done) return fail(Code::kTimeout, path + " has just changed");
  registered_ = true;
  return ok();
}

Status Member::follow_placement(Session& session) {
  const auto placed = place(nodes_, owners_);
  std::vector<std::string> to_claim;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& each_placed : placed) {
      const std::string& stream = each_placed.first;
      const std::string& node = each_placed.second;
      const bool leased = leases_.contains(stream);
      if (node == options_.node && !owners_.contains(stream) && waiting_.contains(stream) &&
          !leased)
        to_claim.push_back(stream);
      const auto owner = owners_.find(stream);
      const bool ours = owner != owners_.end() && owner->second == options_.node && leased;
      const bool others = std::ranges::any_of(nodes_, [&](const Node& each) {
        return each.name != options_.node && each.streams.contains(stream) &&
               !each.yields.contains(stream);
      });
      if (ours && (node != options_.node || (yields_.contains(stream) && others)))
        wanted_.insert(stream);
    }
    changed_.notify_all();
  }
  for (const std::string& stream : to_claim) {
    BINBUS_RETURN_IF_ERROR(stay_alive());
    BINBUS_RETURN_IF_ERROR(claim(session, stream));
  }
  return ok();
}

Status Member::claim(Session& session, const std::string& stream) {
  BINBUS_TRY(there, session.get(names::epoch(stream)));
  if (there) copy_.saw_epoch(stream, epoch_of(there->value));
  const uint64_t epoch = copy_.epoch(stream) + 1;
  const std::string owner =
      OwnerRecord{.node = options_.node, .instance = copy_.instance, .epoch = epoch}.print();
  BINBUS_TRY(
      versions,
      session.transact(
          {{.kind = Kind::kCreate, .name = names::owner(stream), .value = owner, .bound = true},
           {.kind = there ? Kind::kSet : Kind::kCreate,
            .name = names::epoch(stream),
            .value = std::to_string(epoch),
            .version = there ? there->version : 0}}));
  if (!versions) return ok();  // another node was first
  copy_.saw_epoch(stream, epoch);
  const std::lock_guard lock(mutex_);
  leases_[stream] = std::make_shared<Lease>(
      stream, epoch, Lease::Proof{versions->front(), versions->back()}, tenure_, clock_);
  owners_[stream] = options_.node;
  shown_.owners[stream] = {options_.node, epoch};
  wanted_.erase(stream);
  yields_.erase(stream);
  log::info("lease_taken", {{"stream", stream}, {"node", options_.node}, {"epoch", epoch}});
  changed_.notify_all();
  return ok();
}

Status Member::copy_group(Session& session) {
  GroupCopy next = copy_;
  for (const std::string& folder : copied_folders()) {
    BINBUS_RETURN_IF_ERROR(stay_alive());
    BINBUS_TRY(entries, session.list(folder));
    next.set(folder, entries);
  }
  BINBUS_TRY(id, session.get(names::kId));
  if (!id || id->value != copy_.group_id) return ok();  // lost since: the copy is what counts
  // An older backup, or somebody's hand, would bring an epoch back that was there.
  const auto is_lower = [&](const auto& epoch) {
    return next.epoch(epoch.first) < copy_.epoch(epoch.first);
  };
  if (std::ranges::any_of(copy_.folders[names::kEpochs], is_lower)) return restore(session);
  copy_ = std::move(next);
  if (!(copy_ == saved_)) save_copy();
  return ok();
}

void Member::save_copy() {
  if (Status kept = options_.keep_copy(copy_); !kept) {
    log::warn("coordinator_copy_not_kept", {{"error", kept.error()}});
    return;
  }
  saved_ = copy_;
}

void Member::end_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& [stream, lease] : leases_) {
    if (lease->valid()) log::warn("lease_ended", {{"stream", stream}, {"epoch", lease->epoch()}});
    lease->end();
  }
  tenure_.reset();
  registered_ = false;
  changed_.notify_all();
}

void Member::note(const Status& status) {
  const std::lock_guard lock(mutex_);
  const std::string error = status ? "" : status.error().message;
  if (shown_.connected == status.has_value() && (status || !shown_.error.empty())) {
    shown_.error = error;
    return;
  }
  shown_.connected = status.has_value();
  shown_.error = error;
  shown_.since_us = clock_.wall_us();
  if (status) {
    log::info("coordinator_connected", {{"root", options_.session.root}, {"node", options_.node}});
  } else {
    log::warn("coordinator_away", {{"root", options_.session.root}, {"reason", status.error()}});
  }
}

std::shared_ptr<Lease> Member::wait_for(const std::string& stream, uint64_t timeout_ms,
                                        const std::stop_token& stop) {
  // Each may be the last that keeps its session, which ends without the lock.
  std::vector<std::shared_ptr<Lease>> over;
  std::unique_lock lock(mutex_);
  if (waiting_.insert(stream).second) {
    look_again_ = true;
    changed_.notify_all();
  }
  const auto given = [&] {
    const auto found = leases_.find(stream);
    if (found == leases_.end()) return false;
    if (found->second->valid()) return true;
    over.push_back(std::move(found->second));  // before anybody knew of it
    leases_.erase(found);
    return false;
  };
  const bool ours = changed_.wait_for(lock, stop, std::chrono::milliseconds(timeout_ms), given);
  if (ours || stop.stop_requested()) waiting_.erase(stream);
  return ours && !stop.stop_requested() ? leases_.at(stream) : nullptr;
}

std::optional<Member::End> Member::wait_end(const Lease& lease, uint64_t timeout_ms,
                                            const std::stop_token& stop) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!lease.valid()) return End::kOver;
    if (stop.stop_requested()) return End::kStop;
    if (wanted_.contains(lease.stream())) return End::kWanted;
    const auto now = std::chrono::steady_clock::now();
    if (now >= until) return std::nullopt;
    const auto deadline = now + std::chrono::microseconds(lease.remaining_us());
    changed_.wait_until(lock, stop, std::min(until, deadline),
                        [&] { return !lease.valid() || wanted_.contains(lease.stream()); });
  }
}

void Member::release(Lease& lease) {
  if (Status released = lease.valid() ? lease.release() : ok(); !released) {
    log::warn("lease_not_released", {{"stream", lease.stream()}, {"error", released.error()}});
  }
  lease.end();
  const std::lock_guard lock(mutex_);
  const auto found = leases_.find(lease.stream());
  if (found != leases_.end() && found->second.get() == &lease) leases_.erase(found);
  if (wanted_.erase(lease.stream()) > 0) yields_.insert(lease.stream());
  if (lease.is_taken_away()) was_taken_away(lease);
  look_again_ = true;
  changed_.notify_all();
}

void Member::leave(const std::string& stream) {
  std::shared_ptr<Lease> lease;
  {
    const std::lock_guard lock(mutex_);
    waiting_.erase(stream);
    if (const auto found = leases_.find(stream); found != leases_.end()) lease = found->second;
    look_again_ = true;
    changed_.notify_all();
  }
  if (lease) release(*lease);
}

Status Member::hand_over(const std::string& stream) {
  const std::lock_guard lock(mutex_);
  if (!leases_.contains(stream)) {
    const auto owner = shown_.owners.find(stream);
    return fail(
        Code::kNotFound,
        fmt::format("node {} does not have stream {}; {}", options_.node, stream,
                    owner == shown_.owners.end() ? "nobody has" : owner->second.node + " has it"));
  }
  const bool other = shown_.nodes.size() > 1;
  if (!other) return fail(Code::kNotFound, "there is no other node to take stream " + stream);
  yields_.insert(stream);
  look_again_ = true;
  changed_.notify_all();
  return ok();
}

void Member::keep(const std::string& stream) {
  const std::lock_guard lock(mutex_);
  if (yields_.erase(stream) == 0) return;
  look_again_ = true;
  changed_.notify_all();
}

Member::Sinks Member::sinks() const {
  const std::lock_guard lock(mutex_);
  return sinks_;
}

std::optional<Member::Sinks> Member::wait_sinks(const Sinks& seen, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait(lock, stop, [&] { return sinks_known_ && sinks_ != seen; }))
    return std::nullopt;
  return sinks_;
}

Result<std::shared_ptr<Session>> Member::session() const {
  const std::lock_guard lock(mutex_);
  if (tenure_ != nullptr) return tenure_->session;
  return fail(Code::kNetwork, "the coordinator is away: " + shown_.error);
}

Status Member::tell_sink(const std::string& sink, const std::optional<std::string>& text) {
  BINBUS_TRY(session, this->session());
  const std::string path = names::sink(sink);
  BINBUS_TRY(there, session->get(path));
  if (!there && !text) return ok();
  const Kind kind = !text ? Kind::kRemove : there ? Kind::kSet : Kind::kCreate;
  BINBUS_TRY(done, session->transact({{.kind = kind,
                                       .name = path,
                                       .value = text.value_or(""),
                                       .version = there ? there->version : 0}}));
  if (!done)
    return fail(Code::kExists, "somebody else has just changed sink " + sink + "; try again");
  return ok();
}

Status Member::forget_checkpoint(const std::string& sink) {
  BINBUS_TRY(session, this->session());
  for (const std::string& path : {names::checkpoint(sink), names::filter_table(sink)}) {
    BINBUS_TRY(there, session->get(path));
    if (!there) continue;
    BINBUS_RETURN_IF_ERROR(
        session->transact({{.kind = Kind::kRemove, .name = path, .version = there->version}}));
  }
  return ok();
}

MemberStatus Member::status() const {
  const std::lock_guard lock(mutex_);
  return shown_;
}

}  // namespace binbus::coordinate
