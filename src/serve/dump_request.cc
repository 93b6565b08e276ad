#include "serve/dump_request.h"

#include <charconv>

namespace binbus::serve {
namespace {

uint64_t number_of(const std::string* text) {
  uint64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

std::optional<std::string> text_of(const std::string* text) {
  return text ? std::optional(*text) : std::nullopt;
}

// Some readers send a NUL with the name.
std::string file_name(Bytes name) {
  const std::string_view text = as_text(name);
  return std::string(text.substr(0, text.find('\0')));
}

Result<Bytes> short_text(ByteReader& in, const char* what) {
  BINBUS_TRY(length, in.u8(what));
  return in.bytes(length, what);
}

}  // namespace

Result<DumpRequest> DumpRequest::parse(mysql::Command command, Bytes payload) {
  ByteReader in(payload);
  DumpRequest request;
  if (command == mysql::Command::kBinlogDump) {
    BINBUS_TRY(position, in.u32("dump position"));
    BINBUS_TRY(flags, in.u16("dump flags"));
    BINBUS_TRY(server_id, in.u32("dump server id"));
    request = {file_name(in.rest()), position, flags, server_id, std::nullopt};
    return request;
  }
  BINBUS_TRY(flags, in.u16("dump flags"));
  BINBUS_TRY(server_id, in.u32("dump server id"));
  BINBUS_TRY(name_bytes, in.u32("dump file name length"));
  BINBUS_TRY(name, in.bytes(name_bytes, "dump file name"));
  BINBUS_TRY(position, in.u64("dump position"));
  BINBUS_TRY(set_bytes, in.u32("dump GTID set length"));
  BINBUS_TRY(set, in.bytes(set_bytes, "dump GTID set"));
  BINBUS_TRY(executed, mysql::GtidSet::decode(set));
  request = {file_name(name), position, flags, server_id, std::move(executed)};
  return request;
}

Result<Registration> Registration::parse(Bytes payload) {
  ByteReader in(payload);
  Registration registration;
  BINBUS_TRY(server_id, in.u32("replica's server id"));
  registration.server_id = server_id;
  if (in.remaining() == 0) return registration;
  BINBUS_TRY(host, short_text(in, "replica's host"));
  BINBUS_RETURN_IF_ERROR(short_text(in, "replica's user"));
  BINBUS_RETURN_IF_ERROR(short_text(in, "replica's password"));
  BINBUS_TRY(port, in.u16("replica's port"));
  registration.host = as_text(host);
  registration.port = port;
  return registration;
}

ReaderTraits ReaderTraits::of(const SessionState& session, const ServerOptions& options) {
  ReaderTraits traits;
  if (const auto* checksum =
          session.first_of({"source_binlog_checksum", "master_binlog_checksum"})) {
    traits.checksum =
        *checksum == "NONE" || *checksum == "0" ? ChecksumWish::kNone : ChecksumWish::kCrc32;
  }
  const auto* heartbeat_ns =
      session.first_of({"source_heartbeat_period", "master_heartbeat_period"});
  traits.heartbeat_us =
      heartbeat_ns ? number_of(heartbeat_ns) / 1000 : options.default_heartbeat_ms * 1000;
  traits.semi_sync =
      options.semi_sync &&
      number_of(session.first_of({"rpl_semi_sync_replica", "rpl_semi_sync_slave"})) != 0;
  traits.uuid = text_of(session.first_of({"replica_uuid", "slave_uuid"})).value_or("");
  traits.capability = static_cast<int>(number_of(session.first_of({"mariadb_slave_capability"})));
  traits.connect_state = text_of(session.first_of({"slave_connect_state"}));
  traits.until = text_of(session.first_of({"slave_until_gtid"}));
  traits.strict = number_of(session.first_of({"slave_gtid_strict_mode"})) != 0;
  traits.ignore_duplicates = number_of(session.first_of({"slave_gtid_ignore_duplicates"})) != 0;
  return traits;
}

}  // namespace binbus::serve
