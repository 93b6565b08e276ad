#include "ingest/packet_reader.h"

#include <algorithm>
#include <cstring>

namespace binbus::ingest {
namespace {

constexpr size_t kPacketHeaderBytes = 4;
constexpr size_t kPacketPayloadMax = 0xffffff;
constexpr size_t kEofBytesMax = 8;
constexpr uint8_t kOk = 0x00;
constexpr uint8_t kEof = 0xfe;
constexpr uint8_t kErr = 0xff;
constexpr uint8_t kSemiSyncMagic = 0xef;
constexpr uint8_t kSemiSyncAckWanted = 0x01;

// 0xff, number, '#' and five characters of SQL state, message.
Error remote_error(Bytes payload) {
  ByteReader in(payload.subspan(1));
  const uint16_t number = in.u16("error number").value_or(0);
  std::string_view message = as_text(in.rest());
  if (message.starts_with('#') && message.size() >= 6) message.remove_prefix(6);
  return {Code::kRemote,
          "the source ended the dump: " + std::string(message) + " (error " +
              std::to_string(number) + ")",
          number};
}

}  // namespace

std::span<uint8_t> PacketReader::space() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, available());
    end_ -= begin_;
    begin_ = 0;
  }
  return std::span(buffer_).subspan(end_);
}

Result<std::optional<Piece>> PacketReader::next() {
  return event_left_ > 0 ? go_on() : begin_event();
}

bool PacketReader::open_packet() {
  if (available() < kPacketHeaderBytes) return false;
  packet_left_ = load_le<3>(buffer_.data() + begin_);
  packet_goes_on_ = packet_left_ == kPacketPayloadMax;
  begin_ += kPacketHeaderBytes;
  return true;
}

Result<std::optional<Piece>> PacketReader::begin_event() {
  if (packet_goes_on_) {  // the last event filled its packets: an empty one closes it
    if (!open_packet()) return std::nullopt;
    if (packet_left_ != 0) return fail(Code::kCorrupt, "packets longer than the event in them");
  }
  if (available() <= kPacketHeaderBytes) return std::nullopt;
  const size_t length = load_le<3>(buffer_.data() + begin_);
  const uint8_t* const payload = buffer_.data() + begin_ + kPacketHeaderBytes;
  const size_t here = available() - kPacketHeaderBytes;

  if (length > 0 && length <= kWholeBytes && payload[0] == kErr) {
    if (here < length) return std::nullopt;
    return fail(remote_error({payload, length}));
  }
  if (length > 0 && length <= kEofBytesMax && payload[0] == kEof) {
    return fail(Code::kNetwork, "the source ended the dump");
  }
  if (length <= binlog::kHeaderBytes || payload[0] != kOk) {
    return fail(Code::kCorrupt, "a packet of " + std::to_string(length) +
                                    " bytes that begins with " + std::to_string(payload[0]) +
                                    " is no event");
  }
  if (here < 2) return std::nullopt;
  // The first event is a fake rotate, whose first byte (a timestamp's) is zero.
  if (!semi_sync_) semi_sync_ = payload[1] == kSemiSyncMagic;
  const size_t prefix = semi_sync() ? 3 : 1;
  if (here < prefix + binlog::kHeaderBytes) return std::nullopt;
  if (semi_sync() && payload[1] != kSemiSyncMagic)
    return fail(Code::kCorrupt, "an event without its semi-sync bytes");

  const binlog::EventHeader header = binlog::parse_header(payload + prefix);
  const bool fits = length == kPacketPayloadMax ? prefix + uint64_t{header.size} >= length
                                                : prefix + uint64_t{header.size} == length;
  if (header.size < binlog::kHeaderBytes || !fits) {
    return fail(Code::kCorrupt, "an event of " + std::to_string(header.size) +
                                    " bytes in a packet of " + std::to_string(length));
  }
  if (header.size <= kWholeBytes && here < length) return std::nullopt;

  open_packet();
  begin_ += prefix;
  packet_left_ -= prefix;
  event_left_ = header.size;
  event_ = Piece{header, {}, true, false, semi_sync() && (payload[2] & kSemiSyncAckWanted) != 0};
  return go_on();
}

Result<std::optional<Piece>> PacketReader::go_on() {
  while (packet_left_ == 0) {
    if (!packet_goes_on_) return fail(Code::kCorrupt, "a packet ends within its event");
    if (!open_packet()) return std::nullopt;
  }
  const size_t count =
      static_cast<size_t>(std::min<uint64_t>(event_left_, std::min(packet_left_, available())));
  if (count == 0) return std::nullopt;
  event_.bytes = std::span(buffer_).subspan(begin_, count);
  begin_ += count;
  packet_left_ -= count;
  event_left_ -= count;
  event_.last = event_left_ == 0;
  if (event_.last && packet_left_ > 0)
    return fail(Code::kCorrupt, "a packet longer than the event in it");
  Piece piece = event_;
  event_.first = false;
  return piece;
}

}  // namespace binbus::ingest
