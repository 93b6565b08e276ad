#include "store/head.h"

#include "binlog/gtid_events.h"

namespace binbus::store {
namespace {

// A format description has a few hundred bytes, and a GTID set that big has millions of holes.
constexpr uint64_t kEventBytesMax = 256ULL * 1024 * 1024;

Result<ByteVector> read_exactly(const io::File& segment, uint64_t offset, uint64_t length,
                                uint64_t visible) {
  if (offset + length > visible) return fail(Code::kTruncated, "segment ends in its head");
  ByteVector bytes(static_cast<size_t>(length));
  BINBUS_TRY(count, segment.read_at(offset, bytes));
  if (count < bytes.size()) return fail(Code::kTruncated, "segment ends in its head");
  return bytes;
}

Result<binlog::EventHeader> read_event_header(const io::File& segment, uint64_t offset,
                                              uint64_t visible) {
  BINBUS_TRY(bytes, read_exactly(segment, offset, binlog::kHeaderBytes, visible));
  return binlog::parse_header(bytes.data());
}

Result<ByteVector> read_event(const io::File& segment, uint64_t offset, uint32_t size,
                              uint64_t visible) {
  if (size < binlog::kHeaderBytes || size > kEventBytesMax) {
    return fail(Code::kCorrupt,
                "event of " + std::to_string(size) + " bytes in the segment's head");
  }
  return read_exactly(segment, offset, size, visible);
}

Result<ByteVector> read_first_event(const io::File& segment, uint64_t visible) {
  BINBUS_TRY(header, read_event_header(segment, binlog::kMagic.size(), visible));
  if (header.type != binlog::kFormatDescriptionEvent) {
    return fail(Code::kCorrupt, "segment does not start with a format description");
  }
  return read_event(segment, binlog::kMagic.size(), header.size, visible);
}

bool tells_previous(uint8_t type) {
  return type == binlog::kPreviousGtidsEvent || type == binlog::kMariadbGtidListEvent;
}

}  // namespace

Result<binlog::FormatDescription> read_format(const io::File& segment, uint64_t visible) {
  BINBUS_TRY(event, read_first_event(segment, visible));
  return binlog::parse_format_description(event);
}

Result<Head> read_head(const io::File& segment, uint64_t visible) {
  Head head;
  BINBUS_TRY(event, read_first_event(segment, visible));
  BINBUS_TRY(format, binlog::parse_format_description(event));
  head.format = std::move(format);
  head.first_timestamp = binlog::parse_header(event.data()).timestamp;
  head.bytes = binlog::kMagic.size() + event.size();

  const auto second = read_event_header(segment, head.bytes, visible);
  if (!second) return head;  // not there yet
  if (!tells_previous(second->type)) {
    head.final = true;
    return head;
  }
  auto list = read_event(segment, head.bytes, second->size, visible);
  if (!list) {
    if (list.error().code == Code::kTruncated) return head;
    return fail(std::move(list).error());
  }
  BINBUS_TRY(previous, binlog::parse_previous_gtids(*list, head.checksummed()));
  head.previous = std::move(previous);
  head.bytes += list->size();
  head.final = true;
  return head;
}

}  // namespace binbus::store
