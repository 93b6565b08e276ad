#include "binlog/event.h"

#include <libdeflate.h>

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace binbus::binlog {
namespace {

constexpr size_t kLogPosAt = 13;
constexpr size_t kFlagsAt = 17;
constexpr size_t kServerVersionBytes = 50;

// The checksum that the last four bytes of a whole event should have. A format description is summed with its in-use
// flag cleared: the server sets the flag in place and leaves the checksum as it was.
uint32_t expected_checksum(Bytes event) {
  const Bytes summed = event.first(event.size() - kChecksumBytes);
  if (event[4] != kFormatDescriptionEvent || (event[kFlagsAt] & kFlagInUse) == 0) {
    return crc32(0, summed);
  }
  const uint8_t flags = event[kFlagsAt] & static_cast<uint8_t>(~kFlagInUse);
  const uint32_t head = crc32(0, summed.first(kFlagsAt));
  return crc32(crc32(head, {&flags, 1}), summed.subspan(kFlagsAt + 1));
}

// Major, minor and patch of "5.6.1-m4-debug" as one comparable number; 0 for text that is no version.
uint32_t version_number(std::string_view text) {
  uint32_t version = 0;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  for (int part = 0; part < 3; ++part) {
    uint8_t value = 0;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc() || (part < 2 && (next == end || *next != '.'))) return 0;
    version = version << 8 | value;
    at = next + 1;
  }
  return version;
}

// Whether servers of this version end a format description with the checksum's algorithm and value.
bool describes_checksum(const FormatDescription& format) {
  constexpr uint32_t kMysqlSince = 5 << 16 | 6 << 8 | 1;
  constexpr uint32_t kMariadbSince = 5 << 16 | 3 << 8;
  return version_number(format.server_version) >= (format.mariadb() ? kMariadbSince : kMysqlSince);
}

}  // namespace

bool is_artificial(const EventHeader& header) {
  if (header.type == kHeartbeatEvent || header.type == kHeartbeatEventV2) return true;
  if ((header.flags & kFlagArtificial) != 0) return true;
  return header.type == kFormatDescriptionEvent && header.log_pos == 0;
}

void store_header(uint8_t* at, const EventHeader& header) {
  store_le<4>(at, header.timestamp);
  at[4] = header.type;
  store_le<4>(at + 5, header.server_id);
  store_le<4>(at + 9, header.size);
  store_le<4>(at + kLogPosAt, header.log_pos);
  store_le<2>(at + kFlagsAt, header.flags);
}

Status check_header(const EventHeader& header, bool checksummed) {
  const size_t size_min = kHeaderBytes + (checksummed ? kChecksumBytes : 0);
  if (header.size < size_min) {
    return fail(Code::kCorrupt,
                "event of " + std::to_string(header.size) + " bytes, smaller than its header");
  }
  if (header.type == kStartEventV3) {
    return fail(Code::kCorrupt, "Start_v3 event, of a format before MySQL 5.0");
  }
  return ok();
}

uint32_t crc32(uint32_t crc, Bytes bytes) {
  // To the library a null pointer is a request for the initial value.
  return bytes.empty() ? crc : libdeflate_crc32(crc, bytes.data(), bytes.size());
}

bool checksum_matches(Bytes event) {
  return expected_checksum(event) == load_u32(event.data() + event.size() - kChecksumBytes);
}

void set_log_pos(std::span<uint8_t> event, uint32_t log_pos, bool checksummed) {
  store_le<4>(&event[kLogPosAt], log_pos);
  if (checksummed) write_checksum(event);
}

void write_checksum(std::span<uint8_t> event) {
  store_le<4>(&event[event.size() - kChecksumBytes], expected_checksum(event));
}

bool FormatDescription::mariadb() const {
  return server_version.find("MariaDB") != std::string::npos;
}

Result<FormatDescription> parse_format_description(Bytes event) {
  ByteReader in(event);
  BINBUS_RETURN_IF_ERROR(in.skip(kHeaderBytes, "format description"));
  FormatDescription format;
  BINBUS_TRY(binlog_version, in.u16("format description"));
  BINBUS_TRY(server_version, in.bytes(kServerVersionBytes, "format description"));
  BINBUS_TRY(created, in.u32("format description"));
  BINBUS_TRY(header_bytes, in.u8("format description"));
  if (binlog_version != 4) {
    return fail(Code::kUnsupported, "binlog format version " + std::to_string(binlog_version) +
                                        "; binbus reads version 4, of MySQL 5.0 and later");
  }
  if (header_bytes < kHeaderBytes) {
    return fail(Code::kCorrupt,
                "format description: event headers of " + std::to_string(header_bytes) + " bytes");
  }
  format.binlog_version = binlog_version;
  const std::string_view text = as_text(server_version);
  format.server_version = text.substr(0, text.find('\0'));
  if (format.server_version.find("-a_drop") != std::string::npos) {
    return fail(Code::kUnsupported, "written by " + format.server_version +
                                        ", a development tree that numbered its events otherwise");
  }
  format.created = created;
  format.header_bytes = header_bytes;
  Bytes lengths = in.rest();
  if (describes_checksum(format)) {
    if (lengths.size() < 1 + kChecksumBytes) {
      return fail(Code::kTruncated, "format description: checksum");
    }
    lengths = lengths.first(lengths.size() - 1 - kChecksumBytes);
    const uint8_t algorithm = *lengths.end();
    // For a dump from within a file servers alter a copy, and without checksums they leave its own as it was.
    const bool left_as_it_was = algorithm == 0 && parse_header(event.data()).log_pos == 0;
    if (!left_as_it_was && !checksum_matches(event)) {
      return fail(Code::kCorrupt, "format description: checksum does not match");
    }
    if (algorithm > 1 && algorithm != 255) {
      return fail(Code::kUnsupported, "checksum algorithm " + std::to_string(algorithm));
    }
    format.checksum = algorithm == 1 ? Checksum::kCrc32 : Checksum::kNone;
  }
  format.post_header_bytes = to_owned(lengths);
  return format;
}

}  // namespace binbus::binlog
