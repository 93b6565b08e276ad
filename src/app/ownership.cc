#include "app/ownership.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>

#include "app/saved_place.h"
#include "base/error_table.h"
#include "base/log.h"
#include "coordinate/etcd/etcd_session.h"
#include "coordinate/names.h"
#include "coordinate/zookeeper/zookeeper_session.h"
#include "io/durable_file.h"

namespace binbus::app {
namespace {

using coordinate::Lease;
using coordinate::Member;
namespace names = coordinate::names;

constexpr uint64_t kTendMs = 500;
constexpr uint64_t kRenewAgainUs = 60'000'000;

coordinate::SessionOptions session_options(const CoordinatorConfig& config) {
  return {.endpoints = config.endpoints,
          .root = "/binbus/" + config.group,
          .ttl_ms = config.ttl_ms,
          .user = config.user,
          .password = config.password,
          .tls = config.tls,
          .tls_ca = config.tls_ca,
          .tls_cert = config.tls_cert,
          .tls_key = config.tls_key,
          .watched = {},
          .on_change = {}};
}

}  // namespace

Ownership::Ownership(const Config& config, io::Clock& clock)
    : config_(config.coordinator),
      node_(config.node.name),
      copy_path_(fmt::format("{}/coordinator.{}.json", config.data, config.coordinator.group)),
      clock_(clock) {}

Result<std::unique_ptr<Ownership>> Ownership::open(const Config& config, io::FileSystem& files,
                                                   io::Clock& clock) {
  std::unique_ptr<Ownership> ownership(new Ownership(config, clock));
  const std::string& path = ownership->copy_path_;
  BINBUS_TRY(text, io::read_if_there(files, path));
  auto copy = coordinate::GroupCopy::parse(text.value_or(""));
  if (!copy) {
    return fail(copy.error().code,
                fmt::format("{} {}; move it away, and what the coordinator has counts alone", path,
                            copy.error().message));
  }
  coordinate::MemberOptions options{
      .node = config.node.name,
      .session = session_options(config.coordinator),
      .copy = std::move(*copy),
      .keep_copy = [&files, path](const coordinate::GroupCopy& now) -> Status {
        return io::write_durably(files, path, now.print());
      }};
  ownership->member_ = Member::start(
      std::move(options),
      config.coordinator.type == "etcd" ? coordinate::connect_etcd : coordinate::connect_zookeeper,
      clock);
  return ownership;
}

Ownership::~Ownership() { stop(); }

void Ownership::manage(const std::vector<std::unique_ptr<Stream>>& streams, SinkSettings& sinks) {
  sinks_ = &sinks;
  for (const auto& stream : streams)
    held_.push_back(std::make_unique<Held>(*stream, clock_.wall_us() ^ clock_.monotonic_us()));
}

void Ownership::start() {
  for (const auto& held : held_) {
    held->thread =
        std::jthread([this, &held = *held](const std::stop_token& stop) { run(held, stop); });
  }
  follower_ = std::jthread([this](const std::stop_token& stop) { follow_sinks(stop); });
}

void Ownership::stop() {
  follower_.request_stop();
  for (const auto& held : held_) held->thread.request_stop();
  for (const auto& held : held_) {
    if (held->thread.joinable()) held->thread.join();
  }
  if (follower_.joinable()) follower_.join();
  member_->stop();
}

void Ownership::follow_sinks(const std::stop_token& stop) {
  Member::Sinks seen;
  while (auto told = member_->wait_sinks(seen, stop)) {
    sinks_->follow(*told);
    seen = std::move(*told);
  }
}

SinkSettings::Tell Ownership::tell() {
  return [this](const std::string&, const std::string& sink,
                const std::optional<std::string>& section) {
    return member_->tell_sink(sink, section);
  };
}

void Ownership::run(Held& held, const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "ownership");
  while (const std::shared_ptr<Lease> lease = stand_by(held, stop)) {
    if (Status worked = work(held, lease, stop); !worked) {
      log::warn("stream_not_taken", {{"stream", held.stream.name()}, {"error", worked.error()}});
      leave(held, worked.error().message);
    }
    member_->release(*lease);
  }
  member_->leave(held.stream.name());
}

// Says on the stream's port who has it.
std::shared_ptr<Lease> Ownership::stand_by(Held& held, const std::stop_token& stop) {
  const StreamConfig& stream = held.stream.config();
  while (!stop.stop_requested()) {
    admin::StreamStatus status;
    status.name = stream.name;
    describe(status);
    const std::string text = fmt::format(
        "stream {} stands by at this node, {}: {}", stream.name, node_,
        status.lease->owner.empty() ? "no node has it" : "node " + status.lease->owner + " has it");
    if (!stream.listen.empty() && (!held.refusal || held.refused_with != text)) {
      held.refusal.reset();
      if (auto refusal = Refusal::open(stream.listen, text)) held.refusal = std::move(*refusal);
      held.refused_with = text;
    }
    // What came to us while nobody else would have it is worked on.
    const std::string& owner = status.lease->owner;
    if (owner != node_ && leaves_it(held, owner.empty(), stop)) continue;
    if (auto lease = member_->wait_for(stream.name, kTendMs, stop)) {
      held.refusal.reset();
      return lease;
    }
  }
  held.refusal.reset();
  return nullptr;
}

bool Ownership::leaves_it(Held& held, bool free, const std::stop_token& stop) {
  const bool leaves = held.patience.leaves_it(free, clock_.monotonic_us());
  std::unique_lock lock(held.mutex);
  if (leaves) {
    held.wake.wait_for(lock, stop, std::chrono::milliseconds(kTendMs), [] { return false; });
  } else {
    held.left_for.clear();
  }
  return leaves;
}

void Ownership::leave(Held& held, const std::string& why) {
  held.patience.leave(clock_.monotonic_us());
  const std::lock_guard lock(held.mutex);
  held.left_for = why;
}

Status Ownership::work(Held& held, const std::shared_ptr<Lease>& lease,
                       const std::stop_token& stop) {
  sinks_->follow(member_->sinks());
  BINBUS_TRY(saved, this->saved(*lease, held.stream.name()));
  held.version.reset();
  held.saved.clear();
  held.offered = false;
  held.patience.taken(clock_.monotonic_us());
  {
    const std::lock_guard lock(held.mutex);
    held.lease = lease;
  }
  held.stream.start(lease, saved.start(), sinks_->of_stream(held.stream.name()));
  std::optional<Member::End> end;
  while (!(end = member_->wait_end(*lease, kTendMs, stop))) tend(held, lease);
  held.stream.stop();
  if (lease->valid() && !held.saved.empty()) save_position(held, *lease);
  if (end == Member::End::kWanted && held.offered) leave(held, held.patience.why());
  const std::lock_guard lock(held.mutex);
  held.lease.reset();
  return ok();
}

// Where an empty log begins: with what the sink that is furthest behind lacks; without sinks' places where the last owner's log
// ended.
Result<Ownership::Saved> Ownership::saved(Lease& lease, const std::string& stream) const {
  Saved saved;
  const auto look = [&](const std::string& name) -> Status {
    BINBUS_TRY(there, lease.read(name));
    auto place = there ? SavedPlace::parse(there->value) : SavedPlace();
    if (!place) {
      log::error("saved_place_unreadable",
                 {{"stream", stream}, {"key", name}, {"error", place.error()}});
    }
    const bool known = place && !place->position.empty();
    saved.all = saved.all && known;
    if (!known) return ok();
    const bool first = !saved.places.empty() && is_before(*place, saved.places.front());
    saved.places.insert(first ? saved.places.begin() : saved.places.end(), std::move(*place));
    return ok();
  };
  for (const sink::SinkOptions& sink : sinks_->of_stream(stream))
    BINBUS_RETURN_IF_ERROR(look(names::checkpoint(sink.name)));
  if (saved.places.empty()) BINBUS_RETURN_IF_ERROR(look(names::position(stream)));
  return saved;
}

void Ownership::tend(Held& held, const std::shared_ptr<Lease>& lease) {
  set_sinks(held);
  const admin::StreamStatus status = held.stream.status();
  // What is saved may be beyond the end of a log that nothing can follow.
  if (status.state == admin::StreamState::kStreaming) save_position(held, *lease);
  const uint64_t now_us = clock_.monotonic_us();
  const bool purged = status.error_code == code_name(Code::kPurged);
  if (purged && status.state == admin::StreamState::kStopped && now_us >= held.renew_after_us) {
    held.renew_after_us = now_us + kRenewAgainUs;
    const Status renewed = renew_log(held, lease);
    if (renewed) return;
    if (renewed.error().message != held.not_renewed) {
      log::warn("log_not_renewed", {{"stream", held.stream.name()}, {"reason", renewed.error()}});
      held.not_renewed = renewed.error().message;
    }
  }
  watch(held, status);
}

void Ownership::watch(Held& held, const admin::StreamStatus& status) {
  const std::string& name = held.stream.name();
  held.patience.look(status, clock_.monotonic_us());
  if (held.patience.has_ended() == held.offered) return;
  if (held.offered) {
    member_->keep(name);
    held.offered = false;
    return;
  }
  if (!member_->hand_over(name)) return;  // there is no other node
  log::warn("stream_offered", {{"stream", name}, {"node", node_}, {"reason", held.patience.why()}});
  held.offered = true;
}

Status Ownership::renew_log(Held& held, const std::shared_ptr<Lease>& lease) {
  const std::string& name = held.stream.name();
  BINBUS_TRY(saved, this->saved(*lease, name));
  if (!saved.all)
    return fail(Code::kNotFound, "not every sink has a checkpoint at the coordinator");
  BINBUS_RETURN_IF_ERROR(held.stream.check_new_log(saved.places));
  held.stream.stop();
  auto aside = held.stream.set_log_aside();
  if (aside) {
    log::warn("log_set_aside", {{"stream", name}, {"folder", *aside}, {"start", saved.start()}});
  }
  held.stream.start(lease, saved.start(), sinks_->of_stream(name));
  return aside ? ok() : fail(aside.error());
}

void Ownership::set_sinks(Held& held) {
  const auto now = held.stream.sinks();
  if (!now) return;
  const std::vector<sink::SinkOptions> wanted = sinks_->of_stream(held.stream.name());
  const auto note = [&](const std::string& sink, const Error* error) {
    std::string& said = held.sink_errors[sink];
    if (error != nullptr && said != error->message)
      log::error("sink_not_set",
                 {{"stream", held.stream.name()}, {"sink", sink}, {"error", *error}});
    said = error == nullptr ? "" : error->message;
  };
  for (const sink::SinkOptions& sink : *now) {
    if (std::ranges::find(wanted, sink.name, &sink::SinkOptions::name) != wanted.end()) continue;
    const Status removed = held.stream.remove_sink(sink.name);
    note(sink.name, removed ? nullptr : &removed.error());
    if (removed) log::info("sink_removed", {{"stream", held.stream.name()}, {"sink", sink.name}});
  }
  for (const sink::SinkOptions& sink : wanted) {
    const auto there = std::ranges::find(*now, sink.name, &sink::SinkOptions::name);
    if (there != now->end() && *there == sink) continue;
    const auto put = held.stream.put_sink(sink);
    note(sink.name, put ? nullptr : &put.error());
    if (put) log::info("sink_set", {{"stream", held.stream.name()}, {"sink", sink.name}});
  }
}

void Ownership::save_position(Held& held, Lease& lease) {
  auto place = held.stream.saved_place(lease.epoch());
  if (!place || place->empty() || *place == held.saved) return;
  const std::string name = names::position(held.stream.name());
  // Another version than we know: of the owner before, or somebody's by hand; ours is newer.
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto written = lease.write(name, *place, held.version);
    if (!written) return;  // with the next one
    if (*written) {
      held.version = **written;
      held.saved = std::move(*place);
      return;
    }
    const auto there = lease.read(name);
    if (!there) return;
    held.version = *there ? std::optional((*there)->version) : std::nullopt;
  }
}

void Ownership::describe(admin::StreamStatus& status) const {
  const coordinate::MemberStatus member = member_->status();
  admin::LeaseStatus lease{.coordinator = config_.type,
                           .group = config_.group,
                           .connected = member.connected,
                           .error = member.error,
                           .node = node_,
                           .nodes = member.nodes};
  if (const auto owner = member.owners.find(status.name); owner != member.owners.end()) {
    lease.owner = owner->second.node;
    lease.epoch = owner->second.epoch;
  }
  bool standby = true;
  std::string left_for;
  for (const auto& held : held_) {
    if (held->stream.name() != status.name) continue;
    const std::lock_guard lock(held->mutex);
    left_for = held->left_for;
    if (!held->lease) continue;
    standby = false;
    lease.held = held->lease->valid();
    lease.epoch = held->lease->epoch();
    lease.remaining_ms = held->lease->remaining_us() / 1000;
    if (lease.held) lease.owner = node_;
  }
  if (standby) {
    status.state = admin::StreamState::kStandby;
    status.reason = !member.connected  ? "the coordinator is away: " + member.error
                    : left_for.empty() ? ""
                                       : "left to other nodes for a while: " + left_for;
    status.error_code.clear();
    for (const sink::SinkOptions& sink : sinks_->of_stream(status.name)) {
      admin::SinkStatus& shown = status.sinks.emplace_back();
      shown.name = sink.name;
      shown.type = sink.type;
      shown.format = sink.format;
      shown.state = "standby";
    }
  }
  status.lease = std::move(lease);
}

}  // namespace binbus::app
