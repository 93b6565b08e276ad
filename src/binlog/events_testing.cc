#include "binlog/events_testing.h"

#include <algorithm>

namespace binbus::binlog::testing_events {

ByteVector event(uint8_t type, Bytes body, uint64_t start, bool checksummed, uint16_t flags) {
  ByteVector bytes(kHeaderBytes);
  bytes.insert(bytes.end(), body.begin(), body.end());
  if (checksummed) bytes.resize(bytes.size() + kChecksumBytes);
  store_header(bytes.data(), {.timestamp = 1700000000,
                              .type = type,
                              .server_id = 1,
                              .size = static_cast<uint32_t>(bytes.size()),
                              .log_pos = static_cast<uint32_t>(start + bytes.size()),
                              .flags = flags});
  if (checksummed) write_checksum(bytes);
  return bytes;
}

ByteVector query_body(std::string_view statement, size_t status_variables_bytes) {
  ByteWriter body;
  body.u32(7).u32(1).u8(2).u16(0).u16(status_variables_bytes).zeros(status_variables_bytes);
  body.nul_terminated("db").text(statement);
  return body.take();
}

ByteVector gtid_body(uint64_t number, uint64_t commit_us) {
  ByteWriter body;
  body.u8(1);
  for (int i = 0; i < 16; ++i) body.u8(0xa0 + static_cast<unsigned>(i));
  body.u64(number);
  if (commit_us > 0) body.u8(2).u64(3).u64(4).integer<7>(commit_us).lenenc(300);
  return body.take();
}

ByteVector mariadb_gtid_body(uint64_t sequence, uint8_t flags) {
  ByteWriter body;
  body.u64(sequence).u32(5).u8(flags).zeros(6);
  return body.take();
}

ByteVector format_body(std::string_view server_version, Checksum checksum) {
  ByteWriter body;
  body.u16(4).text(server_version).zeros(50 - server_version.size());
  body.u32(1700000000).u8(kHeaderBytes).zeros(27);
  body.u8(checksum == Checksum::kCrc32 ? 1 : 0);
  return body.take();
}

FileBuilder::FileBuilder(std::string_view server_version, Checksum checksum)
    : checksummed_(true), bytes_(kMagic.begin(), kMagic.end()) {
  offset_ = bytes_.size();
  add(kFormatDescriptionEvent, format_body(server_version, checksum));
  checksummed_ = checksum == Checksum::kCrc32;
}

FileBuilder& FileBuilder::add(uint8_t type, Bytes body, uint16_t flags) {
  const ByteVector made = event(type, body, offset_, checksummed_, flags);
  bytes_.insert(bytes_.end(), made.begin(), made.end());
  offset_ += made.size();
  return *this;
}

FileBuilder& FileBuilder::skip_to(uint64_t offset) {
  offset_ = offset;
  return *this;
}

}  // namespace binbus::binlog::testing_events
