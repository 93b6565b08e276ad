#include "mysql/packet.h"

#include <algorithm>

namespace binbus::mysql {
namespace {

constexpr int kRestTimeoutMs = 10'000;       // of a packet that has begun
constexpr size_t kHeldBytesMax = 64 * 1024;  // of a packet that was dealt with

Status read_exactly(io::Stream& stream, std::span<uint8_t> buffer) {
  while (!buffer.empty()) {
    BINBUS_TRY(count, stream.read_some(buffer));
    buffer = buffer.subspan(count);
  }
  return ok();
}

}  // namespace

Result<Bytes> PacketChannel::read(size_t bytes_max) { return read_rest({}, bytes_max); }

Result<std::optional<Bytes>> PacketChannel::read_if_any(size_t bytes_max, int timeout_ms) {
  uint8_t first;
  stream_->set_read_timeout(timeout_ms);
  const Result<size_t> begun = stream_->read_some({&first, 1});
  stream_->set_read_timeout(begun ? kRestTimeoutMs : 0);
  if (!begun) {
    if (begun.error().code == Code::kTimeout) return std::nullopt;
    return fail(begun.error());
  }
  BINBUS_TRY(packet, read_rest({&first, 1}, bytes_max));
  stream_->set_read_timeout(0);
  return packet;
}

Result<Bytes> PacketChannel::read_rest(Bytes begun, size_t bytes_max) {
  in_.clear();
  for (;; begun = {}) {
    uint8_t header[kPacketHeaderBytes];
    std::ranges::copy(begun, header);
    BINBUS_RETURN_IF_ERROR(read_exactly(*stream_, std::span(header).subspan(begun.size())));
    const auto length = static_cast<size_t>(load_le<3>(header));
    if (header[3] != sequence_) {
      return fail(Code::kCorrupt, "packet number " + std::to_string(header[3]) + " instead of " +
                                      std::to_string(sequence_));
    }
    sequence_++;
    const size_t before = in_.size();
    if (length > bytes_max - before) {
      return fail(Code::kLimit,
                  "a packet longer than the " + std::to_string(bytes_max) + " bytes allowed here");
    }
    in_.resize(before + length);
    BINBUS_RETURN_IF_ERROR(read_exactly(*stream_, std::span(in_).subspan(before)));
    if (length < kPacketPayloadMax) return Bytes(in_);
  }
}

void PacketChannel::forget_packet() {
  if (in_.capacity() > kHeldBytesMax) ByteVector().swap(in_);
}

Status PacketChannel::write(Bytes payload) {
  BINBUS_RETURN_IF_ERROR(begin(payload.size()));
  return append(payload);
}

Status PacketChannel::begin(uint64_t payload_bytes) {
  payload_left_ = payload_bytes;
  return start_chunk();
}

Status PacketChannel::append(Bytes piece) {
  while (!piece.empty()) {
    const size_t count = std::min(piece.size(), chunk_left_);
    BINBUS_RETURN_IF_ERROR(put(piece.first(count)));
    piece = piece.subspan(count);
    chunk_left_ -= count;
    if (chunk_left_ == 0 && chunk_full_) BINBUS_RETURN_IF_ERROR(start_chunk());
  }
  return ok();
}

Status PacketChannel::start_chunk() {
  chunk_left_ = static_cast<size_t>(std::min<uint64_t>(payload_left_, kPacketPayloadMax));
  chunk_full_ = chunk_left_ == kPacketPayloadMax;
  payload_left_ -= chunk_left_;
  uint8_t header[kPacketHeaderBytes];
  store_le<3>(header, chunk_left_);
  header[3] = sequence_++;
  return put(header);
}

Status PacketChannel::put(Bytes bytes) {
  if (!out_) out_ = std::make_unique_for_overwrite<uint8_t[]>(kBufferBytes);
  if (bytes.size() > kBufferBytes - out_bytes_) {
    if (bytes.size() >= kBufferBytes / 4) {  // long: not worth copying
      iovec pieces[] = {{out_.get(), out_bytes_},
                        {const_cast<uint8_t*>(bytes.data()), bytes.size()}};
      out_bytes_ = 0;
      return stream_->write_all(pieces);
    }
    BINBUS_RETURN_IF_ERROR(flush());
  }
  std::memcpy(out_.get() + out_bytes_, bytes.data(), bytes.size());
  out_bytes_ += bytes.size();
  return ok();
}

Status PacketChannel::flush() {
  if (out_bytes_ == 0) return ok();
  const size_t count = std::exchange(out_bytes_, 0);
  return stream_->write_all(Bytes(out_.get(), count));
}

}  // namespace binbus::mysql
