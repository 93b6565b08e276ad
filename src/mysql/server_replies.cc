#include "mysql/server_replies.h"

namespace binbus::mysql {
namespace {

constexpr uint8_t kTypeVarString = 0xfd;
constexpr uint16_t kCharsetUtf8 = 33;
// A message's length that every client's buffer has room for (MYSQL_ERRMSG_SIZE).
constexpr size_t kMessageBytesMax = 511;

ByteVector column_definition(const std::string& name) {
  ByteWriter out;
  out.lenenc_text("def").lenenc_text("").lenenc_text("").lenenc_text("");
  out.lenenc_text(name).lenenc_text(name);
  out.lenenc(12).u16(kCharsetUtf8).u32(1024).u8(kTypeVarString).u16(0).u8(31).u16(0);
  return out.take();
}

ByteVector text_row(const ResultSet::Row& row) {
  ByteWriter out;
  for (const auto& value : row) {
    if (value) {
      out.lenenc_text(*value);
    } else {
      out.u8(0xfb);
    }
  }
  return out.take();
}

}  // namespace

Status write_ok(PacketChannel& channel, std::string_view info) {
  ByteWriter out;
  out.u8(0).lenenc(0).lenenc(0).u16(kStatusAutocommit).u16(0);
  if (!info.empty()) out.lenenc_text(info);
  return channel.write(out.view());
}

Status write_eof(PacketChannel& channel, uint16_t status) {
  ByteWriter out;
  out.u8(0xfe).u16(0).u16(status);
  return channel.write(out.view());
}

Status write_error(PacketChannel& channel, const ServerError& error) {
  ByteWriter out;
  out.u8(0xff).u16(error.number).text("#").text(error.state);
  out.text(std::string_view(error.message).substr(0, kMessageBytesMax));
  return channel.write(out.view());
}

Status write_result(PacketChannel& channel, const ResultSet& result) {
  ByteWriter count;
  count.lenenc(result.columns.size());
  BINBUS_RETURN_IF_ERROR(channel.write(count.view()));
  for (const std::string& name : result.columns) {
    BINBUS_RETURN_IF_ERROR(channel.write(column_definition(name)));
  }
  BINBUS_RETURN_IF_ERROR(write_eof(channel));
  for (const ResultSet::Row& row : result.rows)
    BINBUS_RETURN_IF_ERROR(channel.write(text_row(row)));
  return write_eof(channel);
}

}  // namespace binbus::mysql
