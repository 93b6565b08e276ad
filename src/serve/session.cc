#include "serve/session.h"

#include "base/log.h"
#include "mysql/server_login.h"
#include "serve/server_version.h"

namespace binbus::serve {
namespace {

using mysql::Command;

// One packet: a dump's GTID set of some hundred thousand intervals fits. Statements are shorter.
constexpr size_t kCommandBytesMax = mysql::kPacketPayloadMax - 1;
constexpr size_t kDatabaseBytesMax = 64 * 4;  // characters of four bytes
constexpr char kGtidMode[] = "gtid";

class Session {
 public:
  Session(Connection& connection, const SessionContext& context)
      : connection_(connection), context_(context), channel_(connection.channel()) {}

  Status run() {
    const ServerOptions& options = context_.catalog.options();
    if (!context_.catalog.ready()) return refuse_yet();
    const std::string version = context_.catalog.version();
    const auto note_user = [this](const std::string& user) {
      connection_.progress().update([&](ReplicaStatus& status) { status.user = user; });
    };
    BINBUS_TRY(login, mysql::log_in(channel_, {.version = greeting_version(version),
                                               .connection_id = connection_.id(),
                                               .plugin = login_plugin(version),
                                               .accounts = options.accounts,
                                               .tls = context_.tls,
                                               .rsa = context_.rsa,
                                               .on_login = note_user}));
    channel_.stream().set_write_timeout(options.write_timeout_ms);
    state_.connection_id = connection_.id();
    state_.user = login.user;
    state_.database = login.database;
    context_.host.logged_in(connection_);
    return serve_commands();
  }

 private:
  // A dump that found no file would be told 1236, which stops a replica for good; this one it tries again.
  Status refuse_yet() {
    BINBUS_RETURN_IF_ERROR(mysql::write_error(
        channel_, {mysql::kErrorTooManyConnections, "08004",
                   "binbus has received nothing from its source yet; try again in a moment"}));
    return channel_.flush();
  }

  Status serve_commands() {
    for (;;) {
      channel_.set_sequence(0);
      BINBUS_TRY(packet, channel_.read(kCommandBytesMax));
      if (packet.empty()) return fail(Code::kCorrupt, "an empty command");
      const auto command = static_cast<Command>(packet[0]);
      if (command == Command::kQuit) return ok();
      BINBUS_RETURN_IF_ERROR(serve(command, packet.subspan(1)));
      BINBUS_RETURN_IF_ERROR(channel_.flush());
      channel_.forget_packet();
      // Its dump was told why. It will hardly ask again, and nothing would ever end its wait.
      if (connection_.stop_token().stop_requested())
        return fail(Code::kStopped,
                    "the server stops, or another reader with its server id or UUID has connected");
    }
  }

  Status serve(Command command, Bytes payload) {
    switch (command) {
      case Command::kQuery:
        return answer(
            run_query(as_text(payload), state_, context_.catalog, context_.host, context_.clock));
      case Command::kBinlogDump:
      case Command::kBinlogDumpGtid:
        return dump(command, payload);
      case Command::kRegisterSlave:
        return register_replica(payload);
      case Command::kInitDb:
        return use_database(as_text(payload));
      case Command::kPing:
        return mysql::write_ok(channel_);
      case Command::kResetConnection:
        state_.variables.clear();
        return mysql::write_ok(channel_);
      case Command::kSetOption:
        return mysql::write_eof(channel_);
      case Command::kStatistics:
        return channel_.write(as_bytes("binbus: replication connections: " +
                                       std::to_string(context_.host.replicas().size())));
      default:
        return mysql::write_error(channel_,
                                  {mysql::kErrorUnknownCommand, "08S01", "Unknown command"});
    }
  }

  Status answer(const Answer& answer) {
    if (const auto* result = std::get_if<mysql::ResultSet>(&answer))
      return mysql::write_result(channel_, *result);
    if (const auto* error = std::get_if<mysql::ServerError>(&answer))
      return mysql::write_error(channel_, *error);
    return mysql::write_ok(channel_);
  }

  Status use_database(std::string_view name) {
    if (name.size() > kDatabaseBytesMax)
      return mysql::write_error(channel_,
                                {mysql::kErrorDatabaseName, "42000", "Incorrect database name"});
    state_.database = name;
    return mysql::write_ok(channel_);
  }

  Status register_replica(Bytes payload) {
    const auto registration = Registration::parse(payload);
    if (!registration) return malformed();
    connection_.progress().update([&](ReplicaStatus& status) {
      status.server_id = registration->server_id;
      status.report_host = registration->host;
      status.report_port = registration->port;
    });
    return mysql::write_ok(channel_);
  }

  Status dump(Command command, Bytes payload) {
    const auto request = DumpRequest::parse(command, payload);
    if (!request) return malformed();
    channel_.forget_packet();
    const ReaderTraits traits = ReaderTraits::of(state_, context_.catalog.options());
    ReplicaStatus reader = connection_.status();
    if (request->server_id != 0) reader.server_id = request->server_id;
    reader.server_uuid = traits.uuid;
    reader.semi_sync = traits.semi_sync;
    reader.mode = request->executed      ? kGtidMode
                  : traits.connect_state ? "mariadb_gtid"
                                         : "position";
    context_.host.dump_begins(connection_, reader);
    log::info("dump_begins", {{"stream", context_.catalog.options().stream},
                              {"peer", channel_.stream().peer()},
                              {"server_id", request->server_id},
                              {"mode", reader.mode},
                              {"file", request->file},
                              {"position", request->position}});
    const Status done = run_dump(*request, traits,
                                 {.catalog = context_.catalog,
                                  .channel = channel_,
                                  .progress = connection_.progress(),
                                  .clock = context_.clock,
                                  .stop = connection_.stop_token(),
                                  .end_reason = connection_.end_reason()});
    if (done) connection_.progress().update([](ReplicaStatus& status) { status.mode.clear(); });
    return done;
  }

  Status malformed() {
    return mysql::write_error(
        channel_, {mysql::kErrorMalformedPacket, "HY000", "Malformed communication packet."});
  }

  Connection& connection_;
  const SessionContext& context_;
  mysql::PacketChannel& channel_;
  SessionState state_;
};

}  // namespace

Connection::Connection(uint32_t id, std::unique_ptr<io::Stream> stream, uint64_t now_us)
    : id_(id),
      channel_(std::move(stream)),
      socket_(channel_.stream()),
      progress_(id, socket_.peer(), now_us) {}

void Connection::end(EndReason reason) {
  end_reason_ = reason;
  stop_.request_stop();
  if (reason == EndReason::kDuplicate) return;
  if (reason == EndReason::kStopped && status().mode == kGtidMode) return;
  cut();
}

Status run_session(Connection& connection, const SessionContext& context) {
  return Session(connection, context).run();
}

}  // namespace binbus::serve
