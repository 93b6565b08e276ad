// What nodes send each other once they have greeted: frames, docs/formats/node-protocol.md.
//
// Thread: a reader belongs to its connection's thread.
// Errors: kCorrupt for what contradicts the format or its checksum, kLimit for parts that are too long to be sent; the
//         stream's own. After any of a reader's errors the connection is of no more use.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "io/stream.h"

namespace binbus::raft {

inline constexpr size_t kFrameHeaderBytes = 20;
// Checked before a byte of the part is read, or room for it made.
inline constexpr size_t kFrameNameBytesMax = 255;
inline constexpr size_t kFrameHeadBytesMax = 1 << 20;
inline constexpr size_t kFrameBodyBytesMax = 64 << 20;
inline constexpr size_t kFrameBytesMax =
    kFrameHeaderBytes + kFrameNameBytesMax + kFrameHeadBytesMax + kFrameBodyBytesMax;

enum class FrameType : uint8_t {
  kMessage = 1,  // name: the group
  kPing = 2,     // head: 8 bytes, which the pong repeats
  kPong = 3,
  kCall = 4,     // name: the method
  kAnswer = 5,   // body: what the call came to
  kRefusal = 6,  // name: an error code's, body: its message
};

struct Frame {
  FrameType type = FrameType::kMessage;
  std::string name;
  ByteVector head;
  ByteVector body;
  size_t bytes() const { return kFrameHeaderBytes + name.size() + head.size() + body.size(); }
};

struct FrameView {
  FrameType type = FrameType::kMessage;
  std::string_view name = {};
  Bytes head = {};
  Bytes body = {};
};

// All of a frame but its body, which follows as it is.
Result<ByteVector> frame_without_body(const FrameView& frame);
Status write_frame(io::Stream& stream, const FrameView& frame);

struct FrameHeader {
  FrameType type = FrameType::kMessage;
  size_t name_bytes = 0;
  size_t head_bytes = 0;
  size_t body_bytes = 0;
  uint32_t checksum = 0;  // of name, head and body
  size_t frame_bytes() const { return kFrameHeaderBytes + name_bytes + head_bytes + body_bytes; }
};
// `bytes`: kFrameHeaderBytes.
Result<FrameHeader> decode_frame_header(Bytes bytes);

class FrameReader {
 public:
  // Borrows the stream. Reads ahead up to `buffer_bytes`; a frame of more than `frame_bytes_max` is kCorrupt.
  FrameReader(io::Stream& stream, size_t buffer_bytes, size_t frame_bytes_max = kFrameBytesMax);
  // Waits for a whole frame.
  Result<Frame> next();
  // A frame that has arrived already and fits into the buffer; never waits.
  Result<std::optional<Frame>> next_arrived();

 private:
  Bytes buffered() const { return Bytes(buffer_).subspan(begin_, end_ - begin_); }
  Result<FrameHeader> header(Bytes bytes) const;
  Status read(std::span<uint8_t> out);
  Status fill();

  io::Stream& stream_;
  const size_t frame_bytes_max_;
  ByteVector buffer_;
  size_t begin_ = 0;  // of what is in the buffer and not taken yet
  size_t end_ = 0;
};

}  // namespace binbus::raft
