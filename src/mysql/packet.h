// Packets of the client/server protocol over a stream: length, sequence number, payload; long payloads in several.
//
// Reading takes no byte beyond the packet, so that TLS can start after any. Writing is buffered: flush() sends.
//
// Owner:  owns the stream.
// Thread: one at a time; stream().shutdown() from any.
// Errors: the stream's; kCorrupt for a sequence number out of order; kLimit for a packet longer than allowed. After an
//         error the channel is of no further use.
#pragma once

#include <memory>
#include <optional>

#include "base/bytes.h"
#include "io/stream.h"
#include "mysql/capabilities.h"

namespace binbus::mysql {

class PacketChannel {
 public:
  explicit PacketChannel(std::unique_ptr<io::Stream> stream) : stream_(std::move(stream)) {}

  // The next packet's payload: a view until the next read() or forget_packet().
  Result<Bytes> read(size_t bytes_max);
  // The same, or none when no packet begins within `timeout_ms`. Leaves the stream without a read timeout.
  Result<std::optional<Bytes>> read_if_any(size_t bytes_max, int timeout_ms);
  // Frees what the packet read last takes, when that is much: it may be hours until the next.
  void forget_packet();
  // Memory kept for packets read.
  size_t held_bytes() const { return in_.capacity(); }

  // Buffers one packet.
  Status write(Bytes payload);
  // The same of two pieces, `head` being a few bytes: made for many small packets.
  Status write(Bytes head, Bytes body) {
    const size_t payload_bytes = head.size() + body.size();
    if (!out_ || payload_bytes + kPacketHeaderBytes > kBufferBytes - out_bytes_) {
      BINBUS_RETURN_IF_ERROR(begin(payload_bytes));
      BINBUS_RETURN_IF_ERROR(append(head));
      return append(body);
    }
    uint8_t* at = out_.get() + out_bytes_;
    store_le<3>(at, payload_bytes);
    at[3] = sequence_++;
    std::memcpy(at + kPacketHeaderBytes, head.data(), head.size());
    std::memcpy(at + kPacketHeaderBytes + head.size(), body.data(), body.size());
    out_bytes_ += kPacketHeaderBytes + payload_bytes;
    return ok();
  }
  // The same in pieces: begin() with the length, then append() until that many bytes are there.
  Status begin(uint64_t payload_bytes);
  Status append(Bytes piece);
  Status flush();
  // True between begin() and the last append(): nothing else can be said then.
  bool within_packet() const { return payload_left_ + chunk_left_ > 0; }

  // The number that the next packet carries, or must carry: 0 at a command, then counted on by both sides.
  uint8_t sequence() const { return sequence_; }
  void set_sequence(uint8_t sequence) { sequence_ = sequence; }

  io::Stream& stream() { return *stream_; }
  // Where another stream may be put over this one, between packets.
  std::unique_ptr<io::Stream>& owned_stream() { return stream_; }

 private:
  static constexpr size_t kBufferBytes = 256 * 1024;
  static_assert(kBufferBytes <= kPacketPayloadMax);

  // `begun`: what was read already, less than a header.
  Result<Bytes> read_rest(Bytes begun, size_t bytes_max);
  Status put(Bytes bytes);
  Status start_chunk();

  std::unique_ptr<io::Stream> stream_;
  ByteVector in_;
  std::unique_ptr<uint8_t[]> out_;  // kBufferBytes, made with the first write
  size_t out_bytes_ = 0;
  uint64_t payload_left_ = 0;  // of the payload begun, in chunks not yet started
  size_t chunk_left_ = 0;      // of the chunk started
  bool chunk_full_ = false;    // the last chunk had kPacketPayloadMax bytes: another must follow
  uint8_t sequence_ = 0;
};

}  // namespace binbus::mysql
