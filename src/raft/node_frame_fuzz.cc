// What a stranger can send to a node's port. The first byte chooses: 0 a hello, 1 frames, 2 frames of which the first one's
// header gets its right checksum, as damage alone would never have it. A frame that is read is written as the same bytes.
#include <algorithm>

#include "base/check.h"
#include "binlog/event.h"
#include "raft/node_frame.h"
#include "raft/node_handshake.h"

namespace {

using namespace binbus;

class ScriptedStream final : public io::Stream {
 public:
  explicit ScriptedStream(Bytes script) : rest_(script) {}
  Result<size_t> read_some(std::span<uint8_t> buffer) override {
    if (rest_.empty()) return fail(Code::kNetwork, "the script ended");
    const size_t count = std::min({buffer.size(), rest_.size(), size_t{50}});
    std::copy_n(rest_.begin(), count, buffer.begin());
    rest_ = rest_.subspan(count);
    return count;
  }
  Status write_all(Bytes) override { return ok(); }
  Status write_all(std::span<iovec>) override { return ok(); }
  Result<bool> wait_readable(int) override { return !rest_.empty(); }
  void set_read_timeout(int) override {}
  void set_write_timeout(int) override {}
  void shutdown() override {}
  int descriptor() const override { return -1; }
  std::string peer() const override { return "fuzz:1"; }

 private:
  Bytes rest_;
};

void read_hello(Bytes bytes) {
  const auto hello = raft::decode_hello(bytes);
  if (hello) BINBUS_CHECK(std::ranges::equal(raft::encode_hello(*hello), bytes));
}

void read_frames(Bytes bytes) {
  ScriptedStream stream(bytes);
  raft::FrameReader reader(stream, 100, 1 << 16);
  size_t at = 0;
  for (;;) {
    auto arrived = reader.next_arrived();
    if (!arrived) return;
    if (!*arrived) {
      auto next = reader.next();
      if (!next) return;
      *arrived = std::move(*next);
    }
    const raft::Frame& frame = **arrived;
    const auto start = raft::frame_without_body({frame.type, frame.name, frame.head, frame.body});
    BINBUS_CHECK(start && std::ranges::equal(*start, bytes.subspan(at, start->size())));
    BINBUS_CHECK(
        std::ranges::equal(frame.body, bytes.subspan(at + start->size(), frame.body.size())));
    at += frame.bytes();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  ByteVector bytes(data + 1, data + size);
  if (data[0] == 0) {
    read_hello(bytes);
  } else {
    if (data[0] == 2 && bytes.size() >= raft::kFrameHeaderBytes)
      store_le<4>(bytes.data() + 16, binlog::crc32(0, Bytes(bytes).first(16)));
    read_frames(bytes);
  }
  return 0;
}
