#include "ingest/session.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <sstream>

#include "base/log.h"
#include "binlog/control_events.h"

namespace binbus::ingest {
namespace {

constexpr size_t kBufferBytes = 1024 * 1024;
constexpr uint64_t kUnsyncedBytesMax = 8 * 1024 * 1024;
constexpr uint32_t kAsideMs = 1000;
constexpr auto kStays = std::chrono::seconds(2);
constexpr int kLookMs = 100;

SourceIdentity identity_of(const SourceFacts& facts) {
  return {facts.server_uuid, facts.server_id, facts.version, "", 0};
}

// For what may as well not be done.
Result<std::unique_ptr<mysql::Client>> connect_aside(mysql::ConnectOptions connect) {
  connect.timeout_ms = kAsideMs;
  return mysql::Client::connect(connect);
}

std::string connection_text(const SourceFacts& facts, const mysql::Client& client) {
  return fmt::format("{} {} {}", facts.server_uuid, client.connection_id(), client.local_port());
}

// MySQL hears its semi-sync replicas on one thread, which looks for new ones once a second, or when a connection that it has
// ends. That of a leader before us is therefore ended when ours is there, so that commits need not wait for that second: it may be
// silent, or stay for this alone. Also when it does not dump yet: it would, and end ours, if that leader stood still just after its turn.
void end_predecessor(io::Stream& dump, const mysql::ConnectOptions& connect,
                     const SourceFacts& facts, const std::string& connection) {
  std::istringstream in(connection);
  std::string server_uuid, id, port;
  if (!(in >> server_uuid >> id >> port) || server_uuid != facts.server_uuid) return;
  static_cast<void>(
      dump.wait_readable(kAsideMs));  // its first event: that thread is told of it before
  const auto client = connect_aside(connect);
  if (!client) return;
  const auto threads = (*client)->query("SHOW PROCESSLIST");  // those of our user
  if (!threads) return;
  for (const mysql::Row& thread : threads->rows) {
    const bool is_it =
        thread.size() > 2 && thread[0] == id && thread[2].value_or("").ends_with(":" + port);
    if (is_it && (*client)->query("KILL " + id))
      log::info("ingest_predecessor_ended", {{"source", connect.address}, {"connection", id}});
  }
}

// Begins the dump; the client is used up.
Result<std::unique_ptr<io::Stream>> begin_dump(std::unique_ptr<mysql::Client> client,
                                               const IngestOptions& options, const DumpPlan& plan,
                                               const SourceFacts& facts,
                                               const ReplicaIdentity& identity) {
  const bool semi_sync = options.semi_sync && facts.semi_sync && plan.by != DumpPlan::By::kLocate;
  for (const std::string& statement :
       session_statements(plan, facts, identity, options.heartbeat_ms, semi_sync)) {
    BINBUS_RETURN_IF_ERROR(client->query(statement));
  }
  if (plan.by != DumpPlan::By::kLocate) {
    const Command registration =
        register_command(identity, options.report_host, options.report_port);
    BINBUS_RETURN_IF_ERROR(client->command(registration.number, registration.body));
  }
  const Command dump = dump_command(plan, facts, identity);
  BINBUS_TRY(stream, mysql::Client::hand_over(std::move(client), dump.number, dump.body));
  stream->set_read_timeout(static_cast<int>(options.connect.timeout_ms));
  stream->set_write_timeout(static_cast<int>(options.connect.timeout_ms));
  return std::move(stream);
}

// The name in the dump's first event, a fake rotate.
Result<std::string> first_file(io::Stream& stream) {
  PacketReader reader(2 * PacketReader::kWholeBytes);
  while (true) {
    BINBUS_TRY(piece, reader.next());
    if (piece) {
      if (piece->header.type != binlog::kRotateEvent || !piece->last) {
        return fail(Code::kCorrupt, "the dump does not begin with its file's name");
      }
      BINBUS_TRY(rotate,
                 binlog::parse_rotate(piece->bytes, binlog::checksum_matches(piece->bytes)));
      return rotate.file;
    }
    BINBUS_TRY(count, stream.read_some(reader.space()));
    reader.filled(count);
  }
}

}  // namespace

Result<std::unique_ptr<Session>> Session::open(const IngestOptions& options,
                                               const std::string& address,
                                               const ReplicaIdentity& identity,
                                               Destination& destination, const Past& past) {
  mysql::ConnectOptions connect = options.connect;
  connect.address = address;
  BINBUS_TRY(client, mysql::Client::connect(connect));
  BINBUS_TRY(facts, learn_source(*client, options.flavor));
  BINBUS_TRY(plan,
             plan_dump(Held::of(destination), facts, options.start, options.on_source_loss, past));
  if (plan.by == DumpPlan::By::kLocate) {
    BINBUS_TRY(stream, begin_dump(std::move(client), options, plan, facts, identity));
    BINBUS_TRY(file, first_file(*stream));
    plan = DumpPlan();
    plan.file = file;
    BINBUS_TRY(second, mysql::Client::connect(connect));
    client = std::move(second);
  }
  if (options.take_turn) BINBUS_RETURN_IF_ERROR(options.take_turn(connection_text(facts, *client)));
  const uint64_t connection_id = client->connection_id();
  std::string tls = client->tls_version();
  BINBUS_TRY(stream, begin_dump(std::move(client), options, plan, facts, identity));
  if (facts.flavor == mysql::Flavor::kMysql)
    end_predecessor(*stream, connect, facts, options.predecessor);
  const uint32_t silence_ms = 2 * options.heartbeat_ms + 1000;
  auto session = std::make_unique<Session>(std::move(stream), facts, plan, destination, silence_ms);
  session->connection_id_ = connection_id;
  session->tls_ = std::move(tls);
  return session;
}

void Session::leave(mysql::ConnectOptions connect) const {
  const auto client = connect_aside(std::move(connect));
  if (client) (void)(*client)->query("KILL " + std::to_string(connection_id_));
}

bool Session::stay(const std::function<bool()>& goes_on) {
  if (!semi_sync() || facts_.flavor != mysql::Flavor::kMysql) return false;
  const auto until = std::chrono::steady_clock::now() + kStays;
  std::array<uint8_t, 64 * 1024> unread;
  while (!goes_on() && std::chrono::steady_clock::now() < until) {
    const Result<bool> more = stream_->wait_readable(0);
    if (!more) return true;
    if (*more) {
      if (!stream_->read_some(unread)) return true;
    } else if (!wake_.wait_readable(*stream_, kLookMs)) {
      return true;
    }
  }
  return false;
}

Session::Session(std::unique_ptr<io::Stream> stream, const SourceFacts& facts, const DumpPlan& plan,
                 Destination& destination, uint32_t silence_ms)
    : stream_(std::move(stream)),
      facts_(facts),
      plan_(plan),
      destination_(destination),
      receiver_(destination, plan, identity_of(facts)),
      reader_(kBufferBytes),
      silence_ms_(static_cast<int>(silence_ms)) {}

Status Session::run(const std::stop_token& stop, const std::function<void()>& on_progress) {
  while (!stop.stop_requested()) {
    const Result<bool> more = stream_->wait_readable(0);
    if (more && !*more) {
      BINBUS_RETURN_IF_ERROR(settle());
      on_progress();
      BINBUS_TRY(ended, wake_.wait_readable(*stream_, silence_ms_));
      if (ended == io::Wake::Ended::kTimeout && !stop.stop_requested()) {
        return fail(Code::kTimeout, stream_->peer() + ": not even a heartbeat for " +
                                        std::to_string(silence_ms_) + " ms");
      }
      continue;  // to look again: what came may be TLS's own
    }
    auto received = stream_->read_some(reader_.space());
    if (!received) {
      BINBUS_RETURN_IF_ERROR(settle());
      return fail(std::move(received).error());
    }
    reader_.filled(*received);
    Status taken = take_received();
    const bool disk_failed =
        !taken && (taken.error().code == Code::kDiskFull || taken.error().code == Code::kIo);
    if (!taken && !disk_failed) {
      BINBUS_RETURN_IF_ERROR(settle());
      on_progress();
    }
    if (!taken) return taken;
    if (receiver_.ack_wanted() || receiver_.counts().bytes - begun_ >= kUnsyncedBytesMax) {
      BINBUS_RETURN_IF_ERROR(begin_sync());
      on_progress();
    }
    BINBUS_RETURN_IF_ERROR(acknowledge());
  }
  return fail(Code::kStopped, "asked to stop");
}

Status Session::take_received() {
  while (true) {
    auto piece = reader_.next();
    if (!piece || !*piece) {
      BINBUS_RETURN_IF_ERROR(receiver_.flush());
      if (!piece) return fail(std::move(piece).error());
      return ok();
    }
    BINBUS_RETURN_IF_ERROR(receiver_.take(**piece));
  }
}

Status Session::begin_sync() {
  BINBUS_RETURN_IF_ERROR(destination_.begin_sync());
  begun_ = receiver_.counts().bytes;
  note_ack();
  return destination_.settled();
}

void Session::note_ack() {
  if (auto ack = receiver_.take_ack()) acks_due_.push_back({destination_.end(), std::move(*ack)});
}

Status Session::settle() {
  if (receiver_.counts().bytes > settled_) {
    BINBUS_RETURN_IF_ERROR(destination_.sync());
    settled_ = begun_ = receiver_.counts().bytes;
  }
  note_ack();
  BINBUS_RETURN_IF_ERROR(acknowledge());
  return destination_.settled();
}

// An acknowledgement says the same of all before it.
Status Session::acknowledge() {
  if (acks_due_.empty()) return ok();
  BINBUS_TRY(synced, destination_.synced());
  std::optional<SourcePlace> ack;
  for (; !acks_due_.empty() && acks_due_.front().end <= synced; acks_due_.pop_front())
    ack = std::move(acks_due_.front().ack);
  if (!ack) return ok();
  BINBUS_RETURN_IF_ERROR(stream_->write_all(semi_sync_ack(ack->file, ack->offset)));
  ++acks_;
  return ok();
}

}  // namespace binbus::ingest
