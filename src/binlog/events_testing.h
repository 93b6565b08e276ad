// Builds event bytes for tests, as a server would write them.
#pragma once

#include <string>
#include <vector>

#include "binlog/event.h"

namespace binbus::binlog::testing_events {

// An event with this body; its log_pos is `start` plus its size.
ByteVector event(uint8_t type, Bytes body, uint64_t start, bool checksummed, uint16_t flags = 0);
inline ByteVector event(uint8_t type, Bytes body = {}) { return event(type, body, 0, false); }

ByteVector query_body(std::string_view statement, size_t status_variables_bytes = 0);
ByteVector gtid_body(uint64_t number, uint64_t commit_us = 0);
ByteVector mariadb_gtid_body(uint64_t sequence, uint8_t flags);
ByteVector format_body(std::string_view server_version, Checksum checksum);

// A file, event by event.
class FileBuilder {
 public:
  explicit FileBuilder(std::string_view server_version = "9.7.4",
                       Checksum checksum = Checksum::kCrc32);
  FileBuilder& add(uint8_t type, Bytes body = {}, uint16_t flags = 0);
  // Pretends that this many bytes came before.
  FileBuilder& skip_to(uint64_t offset);
  const ByteVector& bytes() const { return bytes_; }
  uint64_t offset() const { return offset_; }

 private:
  bool checksummed_;
  uint64_t offset_ = 0;
  ByteVector bytes_;
};

}  // namespace binbus::binlog::testing_events
