#include "mysql/server_replies.h"

namespace binbus::mysql {
namespace {

// What a column definition says of its values.
struct TypeRow {
  uint16_t charset;
  uint32_t length;
  uint8_t type;
  uint16_t flags;
  uint8_t decimals;
};
constexpr TypeRow kVarString = {33, 1024, 0xfd, 0, 31};
constexpr TypeRow kLongLong = {63, 21, 0x08, 0x0080, 0};  // "binary", as all numbers are

ByteVector column_definition(const Column& column) {
  const TypeRow& row = column.integer ? kLongLong : kVarString;
  ByteWriter out;
  out.lenenc_text("def").lenenc_text("").lenenc_text("").lenenc_text("");
  out.lenenc_text(column.name).lenenc_text(column.name);
  out.lenenc(12).u16(row.charset).u32(row.length).u8(row.type).u16(row.flags).u8(row.decimals);
  out.u16(0);
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
  for (const Column& column : result.columns) {
    BINBUS_RETURN_IF_ERROR(channel.write(column_definition(column)));
  }
  BINBUS_RETURN_IF_ERROR(write_eof(channel));
  for (const ResultSet::Row& row : result.rows)
    BINBUS_RETURN_IF_ERROR(channel.write(text_row(row)));
  return write_eof(channel);
}

}  // namespace binbus::mysql
