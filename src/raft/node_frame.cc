#include "raft/node_frame.h"

#include <algorithm>

#include "binlog/event.h"

namespace binbus::raft {
namespace {

using binlog::crc32;

uint32_t checksum_of(std::string_view name, Bytes head, Bytes body) {
  return crc32(crc32(crc32(0, as_bytes(name)), head), body);
}

bool known(uint8_t type) {
  return type >= static_cast<uint8_t>(FrameType::kMessage) &&
         type <= static_cast<uint8_t>(FrameType::kRefusal);
}

}  // namespace

Result<ByteVector> frame_without_body(const FrameView& frame) {
  const auto too_long = [](const char* part, size_t bytes, size_t most) {
    return fail(Code::kLimit, std::string(part) + " of " + std::to_string(bytes) +
                                  " bytes between nodes, at most " + std::to_string(most));
  };
  if (frame.name.size() > kFrameNameBytesMax)
    return too_long("a name", frame.name.size(), kFrameNameBytesMax);
  if (frame.head.size() > kFrameHeadBytesMax)
    return too_long("a message", frame.head.size(), kFrameHeadBytesMax);
  if (frame.body.size() > kFrameBodyBytesMax)
    return too_long("a body", frame.body.size(), kFrameBodyBytesMax);
  ByteWriter out;
  out.u8(static_cast<uint8_t>(frame.type)).u8(0).u16(frame.name.size());
  out.u32(frame.head.size()).u32(frame.body.size());
  out.u32(checksum_of(frame.name, frame.head, frame.body));
  out.u32(crc32(0, out.view())).text(frame.name).bytes(frame.head);
  return out.take();
}

Status write_frame(io::Stream& stream, const FrameView& frame) {
  BINBUS_TRY(start, frame_without_body(frame));
  iovec pieces[] = {{start.data(), start.size()},
                    {const_cast<uint8_t*>(frame.body.data()), frame.body.size()}};
  return stream.write_all(pieces);
}

Result<FrameHeader> decode_frame_header(Bytes bytes) {
  const uint8_t* at = bytes.data();
  if (load_u32(at + 16) != crc32(0, bytes.first(16)))
    return fail(Code::kCorrupt, "a frame's header does not match its checksum");
  const FrameHeader header{.type = static_cast<FrameType>(at[0]),
                           .name_bytes = load_u16(at + 2),
                           .head_bytes = load_u32(at + 4),
                           .body_bytes = load_u32(at + 8),
                           .checksum = load_u32(at + 12)};
  if (!known(at[0]) || at[1] != 0)
    return fail(Code::kCorrupt, "a frame of the unknown type " + std::to_string(at[0]));
  if (header.name_bytes > kFrameNameBytesMax || header.head_bytes > kFrameHeadBytesMax ||
      header.body_bytes > kFrameBodyBytesMax)
    return fail(Code::kCorrupt,
                "a frame of " + std::to_string(header.frame_bytes()) + " bytes is too long");
  return header;
}

FrameReader::FrameReader(io::Stream& stream, size_t buffer_bytes, size_t frame_bytes_max)
    : stream_(stream), frame_bytes_max_(frame_bytes_max), buffer_(buffer_bytes) {}

Result<FrameHeader> FrameReader::header(Bytes bytes) const {
  BINBUS_TRY(header, decode_frame_header(bytes));
  if (header.frame_bytes() > frame_bytes_max_)
    return fail(Code::kCorrupt, "a frame of " + std::to_string(header.frame_bytes()) +
                                    " bytes where at most " + std::to_string(frame_bytes_max_) +
                                    " are expected");
  return header;
}

Result<Frame> FrameReader::next() {
  uint8_t start[kFrameHeaderBytes];
  BINBUS_RETURN_IF_ERROR(read(start));
  BINBUS_TRY(parts, header(start));
  Frame frame{.type = parts.type,
              .name = std::string(parts.name_bytes, '\0'),
              .head = ByteVector(parts.head_bytes),
              .body = ByteVector(parts.body_bytes)};
  BINBUS_RETURN_IF_ERROR(read({reinterpret_cast<uint8_t*>(frame.name.data()), parts.name_bytes}));
  BINBUS_RETURN_IF_ERROR(read(frame.head));
  BINBUS_RETURN_IF_ERROR(read(frame.body));
  if (checksum_of(frame.name, frame.head, frame.body) != parts.checksum)
    return fail(Code::kCorrupt, "a frame does not match its checksum");
  return frame;
}

Result<std::optional<Frame>> FrameReader::next_arrived() {
  for (;;) {
    const Bytes waiting = buffered();
    if (waiting.size() >= kFrameHeaderBytes) {
      BINBUS_TRY(parts, header(waiting.first(kFrameHeaderBytes)));
      if (parts.frame_bytes() <= waiting.size()) {
        BINBUS_TRY(frame, next());
        return std::optional(std::move(frame));
      }
      if (parts.frame_bytes() > buffer_.size()) return std::nullopt;
    }
    BINBUS_TRY(readable, stream_.wait_readable(0));
    if (!readable) return std::nullopt;
    BINBUS_RETURN_IF_ERROR(fill());
  }
}

Status FrameReader::read(std::span<uint8_t> out) {
  while (!out.empty()) {
    const Bytes waiting = buffered();
    if (!waiting.empty()) {
      const size_t count = std::min(waiting.size(), out.size());
      std::copy_n(waiting.begin(), count, out.begin());
      begin_ += count;
      out = out.subspan(count);
    } else if (out.size() >= buffer_.size()) {
      BINBUS_TRY(count, stream_.read_some(out));  // long bodies go straight to their place
      out = out.subspan(count);
    } else {
      BINBUS_RETURN_IF_ERROR(fill());
    }
  }
  return ok();
}

// Reads what the stream has into the buffer, which is not full.
Status FrameReader::fill() {
  const Bytes waiting = buffered();
  std::copy(waiting.begin(), waiting.end(), buffer_.begin());
  end_ = waiting.size();
  begin_ = 0;
  BINBUS_TRY(count, stream_.read_some(std::span(buffer_).subspan(end_)));
  end_ += count;
  return ok();
}

}  // namespace binbus::raft
