#include "schema/fields_testing.h"

#include "schema/charset.h"

namespace binbus::schema::testing_fields {

ByteVector bytes_of(std::string_view hex) {
  ByteVector bytes;
  std::string digits;
  for (const char c : hex) {
    if (c == ' ') continue;
    digits += c;
    if (digits.size() < 2) continue;
    bytes.push_back(static_cast<uint8_t>(std::stoul(digits, nullptr, 16)));
    digits.clear();
  }
  return bytes;
}

ByteVector event_of(uint8_t type, std::string_view body_hex) {
  const ByteVector body = bytes_of(body_hex);
  ByteWriter event;
  event.zeros(binlog::kHeaderBytes).bytes(body);
  ByteVector bytes = event.take();
  binlog::store_header(bytes.data(), {.type = type, .size = static_cast<uint32_t>(bytes.size())});
  return bytes;
}

binlog::FormatDescription format_of(std::string server_version) {
  binlog::FormatDescription format;
  format.server_version = std::move(server_version);
  format.post_header_bytes.assign(171, 8);
  for (const size_t type : {30U, 31U, 32U, 39U, 169U, 170U, 171U})
    format.post_header_bytes[type - 1] = 10;
  return format;
}

Column column_of(SqlType type, std::string charset) {
  Column column;
  column.name.push_back('c');
  column.type = type;
  column.charset = std::move(charset);
  return column;
}

Field Value::field() const {
  return {.state = Field::State::kValue,
          .wire = wire,
          .column = &column,
          .charset = Charset::find(column.charset),
          .bytes = bytes};
}

std::string Value::text() const {
  std::string out = "|";
  const Status done = append_text(out, field());
  if (!done) return out == "|" ? "error: " + done.error().message : "appended to on an error";
  return out.substr(1);
}

}  // namespace binbus::schema::testing_fields
