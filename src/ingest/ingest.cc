#include "ingest/ingest.h"

#include <pthread.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/error_table.h"
#include "base/log.h"

namespace binbus::ingest {
namespace {

constexpr uint32_t kBackoffFirstMs = 100;
constexpr uint32_t kBackoffMaxMs = 10'000;
constexpr uint64_t kLookAgainUs = 60'000'000;
constexpr uint64_t kWorkedUs = 1'000'000;

uint64_t random_seed() { return (uint64_t{std::random_device()()} << 32) | std::random_device()(); }

// Whether a session that ended so is a sign that its source can be gone on with: a transaction came, or the network broke
// off one that was coming, or the source was still heard of after a while. One that always breaks off at the same place,
// or logs us in and then says nothing, is no better than one that is away.
bool worked(const ReceiverCounts& counts, uint64_t heard_for_us, Code ended) {
  if (counts.transactions > 0) return true;
  if (counts.bytes > 0 && ended == Code::kNetwork) return true;
  const bool broke_within = counts.bytes > 0 && (ended == Code::kRemote || ended == Code::kCorrupt);
  return !broke_within && heard_for_us > kWorkedUs;
}

std::string random_uuid() {
  mysql::Uuid uuid;
  for (size_t i = 0; i < uuid.bytes.size(); i += 4)
    store_le<4>(uuid.bytes.data() + i, std::random_device()());
  uuid.bytes[6] = static_cast<uint8_t>((uuid.bytes[6] & 0x0f) | 0x40);  // version 4, variant 1
  uuid.bytes[8] = static_cast<uint8_t>((uuid.bytes[8] & 0x3f) | 0x80);
  return uuid.to_string();
}

}  // namespace

std::string_view state_name(IngestState state) {
  constexpr std::array<std::string_view, 7> kNames = {
      "connecting", "streaming", "backing_off", "halted", "disk_full", "failed", "stopped"};
  return kNames[static_cast<size_t>(state)];
}

std::unique_ptr<Ingest> Ingest::start(IngestOptions options, Destination& destination,
                                      io::Clock& clock) {
  std::unique_ptr<Ingest> ingest(new Ingest(std::move(options), destination, clock));
  Ingest* const self = ingest.get();
  self->thread_ = std::jthread([self](const std::stop_token& stop) { self->run(stop); });
  return ingest;
}

Ingest::Ingest(IngestOptions options, Destination& destination, io::Clock& clock)
    : options_(std::move(options)),
      destination_(destination),
      clock_(clock),
      worked_us_(clock.monotonic_us()),
      identity_{options_.server_id, options_.server_uuid},
      backoff_(kBackoffFirstMs, kBackoffMaxMs, random_seed()) {
  BINBUS_CHECK(!options_.sources.empty());
  for (const std::string& address : options_.sources) candidates_.emplace_back().address = address;
  draw_identity();
}

Ingest::~Ingest() { stop(); }

void Ingest::stop() {
  thread_.request_stop();
  {
    const std::scoped_lock lock(mutex_);
    if (session_ != nullptr) session_->shutdown();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Ingest::retire() {
  thread_.request_stop();
  wake();
  changed_.notify_all();
}

void Ingest::wake() {
  const std::scoped_lock lock(mutex_);
  if (session_ != nullptr) session_->wake();
}

IngestStatus Ingest::status() const {
  const std::scoped_lock lock(mutex_);
  return status_;
}

void Ingest::draw_identity() {
  if (identity_.server_uuid.empty()) identity_.server_uuid = random_uuid();
  // High numbers, out of the way of those that people choose.
  while (identity_.server_id == 0) identity_.server_id = std::random_device()() | 0x80000000U;
}

void Ingest::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "ingest");
  while (!stop.stop_requested()) {
    const std::optional<Code> disk = try_candidates(stop);
    if (stop.stop_requested()) break;
    if (disk == Code::kIo) {
      while (!stop.stop_requested()) wait(stop, IngestState::kFailed, UINT64_MAX);
    } else if (disk == Code::kDiskFull) {
      wait(stop, IngestState::kDiskFull,
           clock_.monotonic_us() + uint64_t{backoff_.next_ms()} * 1000);
    } else {
      wait_for_next(stop);
    }
  }
  set_state(IngestState::kStopped);
}

std::optional<Code> Ingest::try_candidates(const std::stop_token& stop) {
  for (size_t i = 0; i < candidates_.size() && !stop.stop_requested(); ++i) {
    const size_t index = (current_ + i) % candidates_.size();
    Candidate& candidate = candidates_[index];
    if (candidate.not_before_us > clock_.monotonic_us()) continue;
    const uint64_t worked_before = worked_us_;
    const Error error = attempt(candidate, stop);
    if (error.code == Code::kStopped) break;
    judge(candidate, error);
    if (error.code == Code::kDiskFull || error.code == Code::kIo) {
      const std::scoped_lock lock(mutex_);
      status_.error = error;
      return error.code;
    }
    if (worked_us_ != worked_before) {  // the same source comes first again, after a short wait
      current_ = index;
      backoff_.reset();
      break;
    }
  }
  return std::nullopt;
}

Error Ingest::attempt(Candidate& candidate, const std::stop_token& stop) {
  set_state(IngestState::kConnecting, candidate.address);
  // What a source sent of a transaction that it did not finish is sent again, by it or by the next.
  if (Status aborted = destination_.abort_transaction(); !aborted)
    return std::move(aborted).error();
  const uint64_t began_us = clock_.monotonic_us();
  const Past past{began_us - worked_us_ >= uint64_t{options_.failover_after_ms} * 1000,
                  candidate.replaced_file, candidate.torn_file};
  auto session = Session::open(options_, candidate.address, identity_, destination_, past);
  if (!session) return explain(std::move(session).error(), context(candidate));
  announce(candidate, **session);

  const IngestStatus before = status();
  uint64_t heard_us = began_us;
  Status ended = (*session)->run(stop, [&] {
    heard_us = clock_.monotonic_us();
    publish(**session, before);
  });
  publish(**session, before);
  const bool left = options_.has_turn && (*session)->stay(options_.has_turn);
  {
    const std::scoped_lock lock(mutex_);
    session_ = nullptr;
  }
  Error error = explain(std::move(ended).error(), context(candidate));
  if (worked((*session)->receiver().counts(), heard_us - began_us, error.code)) {
    worked_us_ = clock_.monotonic_us();
    candidate.error.reset();  // how it ended is news, even if the one before ended so
  }
  if (stop.stop_requested()) {
    mysql::ConnectOptions connect = options_.connect;
    connect.address = candidate.address;
    if (!left) (*session)->leave(std::move(connect));
    return {Code::kStopped, "asked to stop"};
  }
  candidate.replaced_file = (*session)->receiver().file_replaced() ? (*session)->plan().file : "";
  const std::string torn = is_torn_file(error) ? (*session)->receiver().source_end().file : "";
  if (!torn.empty() && torn != candidate.torn_file) {
    log::warn("ingest_torn_file", {{"stream", options_.stream},
                                   {"source", candidate.address},
                                   {"file", torn},
                                   {"whole_to", destination_.source_at_end().offset}});
  }
  candidate.torn_file = torn;
  return error;
}

ErrorContext Ingest::context(const Candidate& candidate) const {
  return {candidate.address, options_.connect.user, options_.connect.ca, identity_.server_id};
}

void Ingest::announce(const Candidate& candidate, Session& session) {
  const SourceFacts& facts = session.facts();
  const DumpPlan& plan = session.plan();
  if (plan.new_source) {
    log::warn("ingest_failover", {{"stream", options_.stream},
                                  {"source", candidate.address},
                                  {"server_uuid", facts.server_uuid},
                                  {"server_id", facts.server_id},
                                  {"brings", plan.brings.to_string()},
                                  {"passed_over", plan.passed_over.to_string()},
                                  {"lacks", plan.lacks}});
  }
  log::info("ingest_connected", {{"stream", options_.stream},
                                 {"source", candidate.address},
                                 {"version", facts.version},
                                 {"file", plan.file},
                                 {"offset", plan.offset},
                                 {"by_gtid", plan.by == DumpPlan::By::kGtid},
                                 {"tls", session.tls().empty() ? "none" : session.tls()}});
  const std::scoped_lock lock(mutex_);
  session_ = &session;
  status_.source = {facts.server_uuid, facts.server_id, facts.version, plan.file, plan.offset};
  status_.flavor = mysql::flavor_name(facts.flavor);
  status_.gtid_mode = facts.gtid_mode;
  status_.variables = facts.variables;
  status_.tls = session.tls();
  ++status_.connects;
}

// Called after every batch. `before`: the counts when the session began.
void Ingest::publish(const Session& session, const IngestStatus& before) {
  if (const std::string errant = session.receiver().errant().to_string();
      errant != errant_logged_) {
    log::warn("ingest_errant_transactions", {{"stream", options_.stream}, {"gtids", errant}});
    errant_logged_ = errant;
  }
  const ReceiverCounts& counts = session.receiver().counts();
  const SourcePlace& end = session.receiver().source_end();
  const uint64_t now_us = clock_.wall_us();
  const std::scoped_lock lock(mutex_);
  if (status_.state != IngestState::kStreaming) {
    status_.state = IngestState::kStreaming;
    status_.since_us = now_us;
    status_.retry_at_us = 0;
  }
  status_.error.reset();
  status_.source.file = end.file;
  status_.source.offset = end.offset;
  status_.semi_sync = session.semi_sync();
  status_.position = destination_.end();
  status_.last_heard_us = now_us;
  status_.received.bytes = before.received.bytes + counts.bytes;
  status_.received.events = before.received.events + counts.events;
  status_.received.transactions = before.received.transactions + counts.transactions;
  if (counts.last_commit_us != 0) status_.received.last_commit_us = counts.last_commit_us;
  status_.acks = before.acks + session.acks();
}

void Ingest::judge(Candidate& candidate, Error error) {
  candidate.next = next_after(error);
  candidate.not_before_us =
      candidate.next == Next::kRetry ? 0 : clock_.monotonic_us() + kLookAgainUs;
  if (is_identity_clash(error)) {
    if (options_.server_id == 0) {
      identity_ = {};
      draw_identity();
      candidate.next = Next::kRetry;
      candidate.not_before_us = 0;
    } else if (!options_.take_turn) {
      // A configured one is kept, and not fought for: each would end the other's connection for ever. With turns it may have been
      // one whose turn was over.
      candidate.not_before_us = UINT64_MAX;
    }
  }
  if (!candidate.error || candidate.error->message != error.message) {
    log::write(error_row(error.code).level, "ingest_error",
               {{"stream", options_.stream},
                {"source", candidate.address},
                {"code", code_name(error.code)},
                {"error", error},
                {"next", next_name(candidate.next)}});
  }
  candidate.error = std::move(error);
}

void Ingest::wait_for_next(const std::stop_token& stop) {
  const Candidate* worst = &candidates_.front();  // what the operator should see first
  uint64_t soonest_us = UINT64_MAX;
  for (const Candidate& candidate : candidates_) {
    if (candidate.error && (!worst->error || candidate.next > worst->next)) worst = &candidate;
    soonest_us = std::min(soonest_us, candidate.not_before_us);
  }
  const bool halted = std::ranges::all_of(
      candidates_, [](const Candidate& c) { return c.next == Next::kOperator; });
  {
    const std::scoped_lock lock(mutex_);
    status_.error = worst->error;
  }
  if (soonest_us == 0) soonest_us = clock_.monotonic_us() + uint64_t{backoff_.next_ms()} * 1000;
  wait(stop, halted ? IngestState::kHalted : IngestState::kBackingOff, soonest_us);
}

void Ingest::wait(const std::stop_token& stop, IngestState state, uint64_t until_us) {
  const uint64_t now_us = clock_.monotonic_us();
  const uint64_t wait_us = until_us > now_us ? until_us - now_us : 0;
  const bool announced = state == IngestState::kBackingOff || state == IngestState::kDiskFull;
  set_state(state, "", announced ? clock_.wall_us() + wait_us : 0);
  std::unique_lock lock(mutex_);
  const auto never = [] { return false; };
  if (until_us == UINT64_MAX) {
    changed_.wait(lock, stop, never);
  } else {
    changed_.wait_for(lock, stop, std::chrono::microseconds(wait_us), never);
  }
}

void Ingest::set_state(IngestState state, const std::string& address, uint64_t retry_at_us) {
  const std::scoped_lock lock(mutex_);
  if (status_.state != state || status_.since_us == 0) status_.since_us = clock_.wall_us();
  status_.state = state;
  status_.retry_at_us = retry_at_us;
  status_.server_id = identity_.server_id;
  status_.server_uuid = identity_.server_uuid;
  if (!address.empty()) status_.address = address;
}

}  // namespace binbus::ingest
