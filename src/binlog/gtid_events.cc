#include "binlog/gtid_events.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace binbus::binlog {
namespace {

constexpr uint8_t kLogicalClock = 2;  // typecode before last_committed and sequence_number
constexpr uint64_t kHasOriginal =
    1ull << 55;  // in the 7-byte commit timestamp: the original one follows

Status check_number(uint64_t number) {
  if (number > 0 && number < uint64_t{std::numeric_limits<int64_t>::max()}) return ok();
  return fail(Code::kCorrupt, "Gtid event: number " + std::to_string(number) + " out of range");
}

// Gtid and Anonymous_gtid. Servers appended fields over time, so what follows the number may be absent.
Status read_untagged(const EventHeader& header, Bytes body, GtidEvent& event) {
  constexpr size_t kUuidAt = 1;
  constexpr size_t kNumberAt = 17;
  constexpr size_t kClockAt = 25;  // typecode, last_committed, sequence_number
  constexpr size_t kCommitAt = 42;
  constexpr size_t kCommitBytes = 7;
  if (body.size() < kClockAt) return fail(Code::kTruncated, "Gtid event");
  if (header.type == kGtidEvent) {
    mysql::Gtid& gtid = event.gtid.emplace<mysql::Gtid>();
    std::memcpy(gtid.tsid.uuid.bytes.data(), &body[kUuidAt], gtid.tsid.uuid.bytes.size());
    gtid.number = load_u64(&body[kNumberAt]);
    BINBUS_RETURN_IF_ERROR(check_number(gtid.number));
  }
  if (body.size() < kCommitAt || body[kClockAt] != kLogicalClock) return ok();
  event.last_committed = static_cast<int64_t>(load_u64(&body[kClockAt + 1]));
  event.sequence_number = static_cast<int64_t>(load_u64(&body[kClockAt + 9]));

  if (body.size() < kCommitAt + kCommitBytes) return ok();
  const uint64_t immediate = load_le<kCommitBytes>(&body[kCommitAt]);
  event.immediate_commit_us = event.original_commit_us = immediate & ~kHasOriginal;
  size_t at = kCommitAt + kCommitBytes;
  if ((immediate & kHasOriginal) != 0) {
    if (body.size() < at + kCommitBytes) return fail(Code::kTruncated, "Gtid event");
    event.original_commit_us = load_le<kCommitBytes>(&body[at]);
    at += kCommitBytes;
  }
  if (body.size() == at) return ok();
  BINBUS_TRY(transaction_bytes, ByteReader(body.subspan(at)).lenenc("Gtid event: length"));
  event.transaction_bytes = transaction_bytes;
  return ok();
}

// An integer of MySQL's serialization library: the first byte's trailing ones count the bytes that follow.
Result<uint64_t> varint(ByteReader& in, const char* what) {
  BINBUS_TRY(first, in.u8(what));
  const int more = std::countr_one(first);
  BINBUS_TRY(rest, in.bytes(static_cast<uint64_t>(more), what));
  uint64_t value = 0;
  std::ranges::copy(rest, reinterpret_cast<uint8_t*>(&value));
  if (more >= 7) return value;  // the first byte is nothing but the count
  return value << (7 - more) | static_cast<uint64_t>(first >> (more + 1));
}

Result<int64_t> signed_varint(ByteReader& in, const char* what) {
  BINBUS_TRY(encoded, varint(in, what));
  const uint64_t sign = 0 - (encoded & 1);
  return static_cast<int64_t>(encoded >> 1 ^ sign);
}

enum TaggedField : uint64_t {
  kFlags,
  kUuid,
  kNumber,
  kTag,
  kLastCommitted,
  kSequenceNumber,
  kImmediateCommit,
  kOriginalCommit,
  kTransactionBytes,
  kImmediateServerVersion,
  kOriginalServerVersion,
  kCommitGroupTicket,
};

Status read_uuid(ByteReader& in, mysql::Uuid* uuid) {
  for (uint8_t& byte : uuid->bytes) {
    BINBUS_TRY(value, varint(in, "Gtid_tagged event: UUID"));
    if (value > 0xff) return fail(Code::kCorrupt, "Gtid_tagged event: UUID byte above 255");
    byte = static_cast<uint8_t>(value);
  }
  return ok();
}

Status read_tag(ByteReader& in, std::string* tag) {
  BINBUS_TRY(length, varint(in, "Gtid_tagged event: tag"));
  if (length > 32) return fail(Code::kCorrupt, "Gtid_tagged event: tag longer than 32 characters");
  BINBUS_TRY(text, in.bytes(length, "Gtid_tagged event: tag"));
  *tag = as_text(text);
  return ok();
}

Status read_tagged_field(uint64_t field, ByteReader& in, mysql::Gtid& gtid, GtidEvent& event) {
  switch (field) {
    case kUuid:
      return read_uuid(in, &gtid.tsid.uuid);
    case kTag:
      return read_tag(in, &gtid.tsid.tag);
    case kNumber:
    case kLastCommitted:
    case kSequenceNumber: {
      BINBUS_TRY(value, signed_varint(in, "Gtid_tagged event: number"));
      if (field == kNumber) gtid.number = static_cast<uint64_t>(value);
      if (field == kLastCommitted) event.last_committed = value;
      if (field == kSequenceNumber) event.sequence_number = value;
      return ok();
    }
    default: {
      BINBUS_TRY(value, varint(in, "Gtid_tagged event: integer"));
      if (field == kImmediateCommit) event.immediate_commit_us = event.original_commit_us = value;
      if (field == kOriginalCommit) event.original_commit_us = value;
      if (field == kTransactionBytes) event.transaction_bytes = value;
      return ok();
    }
  }
}

// Gtid_tagged: a message of MySQL's serialization library, fields in ascending order, those at their default left out.
Status read_tagged(ByteReader in, GtidEvent& event) {
  const size_t body_bytes = in.remaining();
  BINBUS_TRY(version, varint(in, "Gtid_tagged event: version"));
  BINBUS_TRY(size, varint(in, "Gtid_tagged event: size"));
  BINBUS_TRY(last_needed, varint(in, "Gtid_tagged event: last field"));
  if (size != body_bytes) return fail(Code::kCorrupt, "Gtid_tagged event: size does not match");
  if (version != 1 || last_needed > kCommitGroupTicket) {
    return fail(Code::kUnsupported,
                "Gtid_tagged event of a newer server, with fields that binbus does not know");
  }
  mysql::Gtid& gtid = event.gtid.emplace<mysql::Gtid>();
  while (in.remaining() > 0) {
    BINBUS_TRY(field, varint(in, "Gtid_tagged event: field"));
    if (field > kCommitGroupTicket) break;  // newer and ignorable, and of unknown length
    BINBUS_RETURN_IF_ERROR(read_tagged_field(field, in, gtid, event));
  }
  return check_number(gtid.number);
}

Status read_mariadb(const EventHeader& header, ByteReader in, GtidEvent& event) {
  BINBUS_TRY(sequence, in.u64("Gtid event: sequence"));
  BINBUS_TRY(domain, in.u32("Gtid event: domain"));
  BINBUS_TRY(flags, in.u8("Gtid event: flags"));
  event.gtid = mysql::MariadbGtid{domain, header.server_id, sequence};
  event.mariadb_flags = flags;
  return ok();
}

Status read_gtid_event(const EventHeader& header, Bytes prefix, GtidEvent& event) {
  if (prefix.size() < kHeaderBytes) return fail(Code::kTruncated, "Gtid event");
  const Bytes body = prefix.subspan(kHeaderBytes);
  switch (header.type) {
    case kGtidTaggedEvent:
      return read_tagged(ByteReader(body), event);
    case kMariadbGtidEvent:
      return read_mariadb(header, ByteReader(body), event);
    default:
      return read_untagged(header, body, event);
  }
}

}  // namespace

Result<GtidEvent> parse_gtid_event(const EventHeader& header, Bytes prefix) {
  Result<GtidEvent> event{GtidEvent{}};
  if (Status read = read_gtid_event(header, prefix, *event); !read) {
    return fail(std::move(read).error());
  }
  return event;
}

Result<mysql::Executed> parse_previous_gtids(Bytes event, bool checksummed) {
  const size_t around = kHeaderBytes + (checksummed ? kChecksumBytes : 0);
  if (event.size() < around) return fail(Code::kTruncated, "previous GTIDs");
  const Bytes body = event.subspan(kHeaderBytes, event.size() - around);
  if (parse_header(event.data()).type == kMariadbGtidListEvent) {
    BINBUS_TRY(set, mysql::MariadbGtidSet::decode(body));
    return mysql::Executed(std::move(set));
  }
  BINBUS_TRY(set, mysql::GtidSet::decode(body));
  return mysql::Executed(std::move(set));
}

}  // namespace binbus::binlog
