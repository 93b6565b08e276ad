#include "mysql/binary_rows.h"

#include <mysql.h>
#include <sys/socket.h>

#include "mysql/capabilities.h"

namespace binbus::mysql {
namespace {

constexpr uint8_t kOk = 0;
constexpr uint8_t kEnd = 0xfe;
constexpr unsigned long kDeprecateEof = 1UL << 24;
constexpr size_t kFixedPartBytes = 13;  // of a column definition, with its length

// An end of rows is short, in its old form and as an OK packet alike; no row begins so.
bool is_end(Bytes packet) { return packet[0] == kEnd && packet.size() < kPacketPayloadMax; }

Status send(MYSQL* handle, Command command, Bytes body) {
  if (handle->methods->db_command(handle, static_cast<enum_server_command>(command),
                                  as_text(body).data(), body.size(), 1, nullptr) != 0) {
    return fail(Code::kNetwork, "");
  }
  return ok();
}

}  // namespace

Result<ResultColumn> parse_result_column(Bytes packet) {
  ByteReader in(packet);
  ResultColumn column;
  // Catalog, schema, table, table as it is stored, name, name as it is stored.
  for (int i = 0; i < 5; ++i) BINBUS_RETURN_IF_ERROR(in.lenenc_bytes("column definition"));
  BINBUS_TRY(name, in.lenenc_bytes("column definition's name"));
  column.name = as_text(name);
  // Behind it, MariaDB's name of a type that has none in the protocol, where the client asked for it.
  if (in.remaining() < kFixedPartBytes) return fail(Code::kTruncated, "column definition");
  BINBUS_RETURN_IF_ERROR(in.skip(in.remaining() - kFixedPartBytes, "column definition"));
  BINBUS_TRY(fixed_bytes, in.u8("column definition"));
  if (fixed_bytes != kFixedPartBytes - 1) return fail(Code::kCorrupt, "column definition's end");
  BINBUS_TRY(collation, in.u16("column definition's collation"));
  BINBUS_TRY(length, in.u32("column definition's length"));
  BINBUS_TRY(type, in.u8("column definition's type"));
  BINBUS_TRY(flags, in.u16("column definition's flags"));
  BINBUS_TRY(decimals, in.u8("column definition's decimals"));
  column.collation = collation;
  column.length = length;
  column.type = type;
  column.flags = flags;
  column.decimals = decimals;
  return column;
}

Result<std::unique_ptr<BinaryRows>> BinaryRows::open(Client& client, std::string sql) {
  std::unique_ptr<BinaryRows> rows(new BinaryRows(client, std::move(sql)));
  BINBUS_RETURN_IF_ERROR(rows->prepare());
  BINBUS_RETURN_IF_ERROR(rows->execute());
  return rows;
}

BinaryRows::~BinaryRows() {
  MYSQL* handle = client_.handle_;
  if (under_way_) {
    // Whatever the server still sends is not the answer to what is asked next.
    ::shutdown(static_cast<int>(mysql_get_socket(handle)), SHUT_RDWR);
  } else if (statement_ != 0) {
    ByteWriter body;
    (void)send(handle, Command::kStatementClose, body.u32(statement_).view());
  }
}

Result<Bytes> BinaryRows::read_packet() {
  const unsigned long size = mysql_net_read_packet(client_.handle_);
  if (size == packet_error) {
    under_way_ = false;
    return fail(client_.last_error(sql_));
  }
  return Bytes(client_.handle_->net.read_pos, size);
}

tl::unexpected<Error> BinaryRows::unexpected_packet(const char* what) {
  return fail(Code::kCorrupt, client_.address() + ": " + sql_ + ": " + what);
}

Status BinaryRows::prepare() {
  if (!send(client_.handle_, Command::kStatementPrepare, as_bytes(sql_)))
    return fail(client_.last_error(sql_));
  under_way_ = true;
  BINBUS_TRY(packet, read_packet());
  if (packet.size() < 12 || packet[0] != kOk) return unexpected_packet("no statement prepared");
  statement_ = load_u32(packet.data() + 1);
  const uint16_t columns = load_u16(packet.data() + 5);
  const uint16_t parameters = load_u16(packet.data() + 7);
  if (parameters > 0 || columns == 0) {
    return fail(Code::kInvalid, sql_ + ": want a statement with rows and without parameters");
  }
  BINBUS_RETURN_IF_ERROR(read_columns(columns));
  under_way_ = false;
  return ok();
}

Status BinaryRows::execute() {
  ByteWriter body;
  body.u32(statement_).u8(0 /* no cursor */).u32(1 /* time */);
  if (!send(client_.handle_, Command::kStatementExecute, body.view()))
    return fail(client_.last_error(sql_));
  under_way_ = true;
  BINBUS_TRY(packet, read_packet());
  ByteReader in(packet);
  BINBUS_TRY(count, in.lenenc("number of a result's columns"));
  if (count != columns_.size()) return unexpected_packet("other columns than were prepared");
  // MariaDB says whether it tells them again, and does when they have changed, where the client can do without.
  const bool told = in.remaining() == 0 || in.rest()[0] != 0;
  if (told) return read_columns(count);
  return end_of_columns();
}

Status BinaryRows::read_columns(uint64_t count) {
  columns_.clear();
  for (uint64_t i = 0; i < count; ++i) {
    BINBUS_TRY(packet, read_packet());
    auto column = parse_result_column(packet);
    if (!column) return unexpected_packet(column.error().message.c_str());
    columns_.push_back(std::move(*column));
  }
  return end_of_columns();
}

// Where the connection has them.
Status BinaryRows::end_of_columns() {
  if ((client_.handle_->client_flag & kDeprecateEof) != 0) return ok();
  BINBUS_TRY(packet, read_packet());
  return is_end(packet) ? ok() : unexpected_packet("no end of its columns");
}

Result<std::optional<Bytes>> BinaryRows::next() {
  if (!under_way_) return std::optional<Bytes>();
  BINBUS_TRY(packet, read_packet());
  if (packet[0] == kOk) return std::optional<Bytes>(packet);
  if (!is_end(packet)) return unexpected_packet("a packet that is no row");
  under_way_ = false;
  return std::optional<Bytes>();
}

}  // namespace binbus::mysql
