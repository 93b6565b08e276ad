// Binlog events of format version 4 (MySQL 5.0 and later, MariaDB): framing and the common header. Layouts of the
// events themselves: docs/formats/events.md. Pure functions: bytes in, views into them out.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace binbus::binlog {

inline constexpr std::array<uint8_t, 4> kMagic = {0xfe, 'b', 'i', 'n'};
inline constexpr size_t kHeaderBytes = 19;
inline constexpr size_t kChecksumBytes = 4;

// Event types that binbus looks into or names; every other number is carried as it is.
enum EventType : uint8_t {
  kUnknownEvent = 0,
  kStartEventV3 = 1,
  kQueryEvent = 2,
  kStopEvent = 3,
  kRotateEvent = 4,
  kIntvarEvent = 5,
  kAppendBlockEvent = 9,
  kDeleteFileEvent = 11,
  kRandEvent = 13,
  kUserVarEvent = 14,
  kFormatDescriptionEvent = 15,
  kXidEvent = 16,
  kBeginLoadQueryEvent = 17,
  kExecuteLoadQueryEvent = 18,
  kTableMapEvent = 19,
  kWriteRowsEventOld = 20,
  kDeleteRowsEventV1 = 25,
  kIncidentEvent = 26,
  kHeartbeatEvent = 27,
  kIgnorableEvent = 28,
  kRowsQueryEvent = 29,
  kWriteRowsEvent = 30,
  kDeleteRowsEvent = 32,
  kGtidEvent = 33,
  kAnonymousGtidEvent = 34,
  kPreviousGtidsEvent = 35,
  kXaPrepareEvent = 38,
  kPartialUpdateRowsEvent = 39,
  kTransactionPayloadEvent = 40,
  kHeartbeatEventV2 = 41,
  kGtidTaggedEvent = 42,
  kMariadbAnnotateRowsEvent = 160,
  kMariadbBinlogCheckpointEvent = 161,
  kMariadbGtidEvent = 162,
  kMariadbGtidListEvent = 163,
  kMariadbStartEncryptionEvent = 164,
  kMariadbQueryCompressedEvent = 165,
  kMariadbWriteRowsCompressedEventV1 = 166,
  kMariadbDeleteRowsCompressedEvent = 171,
};
// "Query", "Gtid", ... as SHOW BINLOG EVENTS prints them; "Unknown" for numbers not known.
std::string_view event_type_name(uint8_t type);

enum EventFlag : uint16_t {
  kFlagInUse = 0x0001,
  kFlagArtificial = 0x0020,
  kFlagIgnorable = 0x0080,
  kFlagMtsIsolate = 0x0200,
};

struct EventHeader {
  uint32_t timestamp = 0;  // seconds since the epoch
  uint8_t type = 0;
  uint32_t server_id = 0;
  uint32_t size = 0;     // of the whole event: header, body, checksum
  uint32_t log_pos = 0;  // end of the event in its file modulo 2^32; see is_artificial() for 0
  uint16_t flags = 0;
};
// `at` has at least kHeaderBytes.
inline EventHeader parse_header(const uint8_t* at) {
  return {.timestamp = load_u32(at),
          .type = at[4],
          .server_id = load_u32(at + 5),
          .size = load_u32(at + 9),
          .log_pos = load_u32(at + 13),
          .flags = load_u16(at + 17)};
}
// True for what a server makes up for one connection and has in no file: fake rotates, heartbeats, the format description
// sent again on reconnect. A log_pos of 0 does not say so: MariaDB 11.7 and later leave it 0 in real events within
// transactions, in the file and on the wire, and it is 0 where an event ends at a multiple of 4 GiB.
bool is_artificial(const EventHeader& header);
// Writes kHeaderBytes.
void store_header(uint8_t* at, const EventHeader& header);
// kCorrupt when the size is smaller than a header (and checksum) or the type is one of version 1-3 files.
Status check_header(const EventHeader& header, bool checksummed);

enum class Checksum : uint8_t { kNone, kCrc32 };

// CRC32 (zlib's) of an event's bytes without its last four; `crc` goes on from an earlier part, 0 at first.
uint32_t crc32(uint32_t crc, Bytes bytes);
// `event` is whole; compares its last four bytes. A format description with the in-use flag set was summed without it.
bool checksum_matches(Bytes event);
// Overwrites log_pos and, when checksummed, the checksum of a whole event.
void set_log_pos(std::span<uint8_t> event, uint32_t log_pos, bool checksummed);
void write_checksum(std::span<uint8_t> event);

struct FormatDescription {
  uint16_t binlog_version = 4;
  std::string server_version;  // "8.0.32", "10.11.6-MariaDB-log"
  uint32_t created = 0;
  Checksum checksum = Checksum::kNone;
  // Of every other event; more than usual only in Google's 5.1, whose headers have fields of their own.
  uint8_t header_bytes = kHeaderBytes;
  ByteVector post_header_bytes = {};  // per event type, from type 1 on
  bool mariadb() const;
};
// A whole Format_description event, whose own checksum (always there since 5.6.1 and MariaDB 5.3) is verified.
// kUnsupported for versions other than 4.
Result<FormatDescription> parse_format_description(Bytes event);

}  // namespace binbus::binlog
