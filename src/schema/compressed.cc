#include "schema/compressed.h"

#include <libdeflate.h>

#include <memory>

namespace binbus::schema {
namespace {

constexpr uint64_t kValueBytesMax = 0xffffffff;  // of a LONGBLOB
constexpr uint64_t kDeflateRatioMax = 1032;      // more than any stream can grow to

uint64_t load_big_endian(Bytes bytes) {
  uint64_t value = 0;
  for (const uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

using Inflater = std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)>;

// One per thread: it is large, and made once.
libdeflate_decompressor* inflater() {
  thread_local const Inflater instance{libdeflate_alloc_decompressor(),
                                       &libdeflate_free_decompressor};
  return instance.get();
}

// `raw`: without zlib's header and checksum. The stream must fill `out` exactly.
Status inflate(Bytes stream, bool raw, uint8_t* out, size_t size) {
  const auto run = raw ? libdeflate_deflate_decompress : libdeflate_zlib_decompress;
  if (run(inflater(), stream.data(), stream.size(), out, size, nullptr) != LIBDEFLATE_SUCCESS) {
    return fail(Code::kCorrupt, "compressed bytes that are no zlib stream of their length");
  }
  return ok();
}

// The length that goes before a stream, checked against what such a stream can hold.
Result<size_t> read_length(ByteReader& in, size_t length_bytes, uint64_t bytes_max) {
  if (length_bytes < 1 || length_bytes > 4)
    return fail(Code::kCorrupt, "length of compressed bytes");
  BINBUS_TRY(length, in.bytes(length_bytes, "length of compressed bytes"));
  const uint64_t size = load_big_endian(length);
  if (size > bytes_max) {
    return fail(Code::kLimit, "compressed rows of " + std::to_string(size) +
                                  " bytes, over the limit of " + std::to_string(bytes_max));
  }
  if (size > in.remaining() * kDeflateRatioMax) {
    return fail(Code::kCorrupt, "compressed bytes say to be longer than they can be");
  }
  return static_cast<size_t>(size);
}

}  // namespace

Status uncompress_event_part(Bytes part, uint64_t bytes_max, ByteVector& out) {
  ByteReader in(part);
  BINBUS_TRY(head, in.u8("head of compressed bytes"));
  if ((head & 0xf0) != 0x80) {
    return fail(Code::kUnsupported,
                "compression " + std::to_string(head >> 4 & 7) + " of an event");
  }
  BINBUS_TRY(size, read_length(in, head & 7U, bytes_max));
  out.resize(size);
  return inflate(in.rest(), false, out.data(), size);
}

Status append_uncompressed_value(std::string& out, Bytes value) {
  if (value.empty()) return ok();  // the empty string has no head
  const uint8_t head = value[0];
  if (head == 0) {
    out.append(as_text(value.subspan(1)));
    return ok();
  }
  if (head >> 4 != 8)
    return fail(Code::kUnsupported, "a column's compression " + std::to_string(head >> 4));
  ByteReader in(value.subspan(1));
  BINBUS_TRY(size, read_length(in, head & 7U, kValueBytesMax));
  const size_t before = out.size();
  out.resize(before + size);
  const Status done =
      inflate(in.rest(), (head & 8) != 0, reinterpret_cast<uint8_t*>(out.data() + before), size);
  if (!done) out.resize(before);
  return done;
}

}  // namespace binbus::schema
