#include "base/bytes.h"

#include <algorithm>
#include <array>

namespace binbus {

Result<uint64_t> ByteReader::lenenc(const char* what) {
  BINBUS_TRY(first, u8(what));
  switch (first) {
    case 0xfc:
      return integer<2>(what);
    case 0xfd:
      return integer<3>(what);
    case 0xfe:
      return integer<8>(what);
    case 0xfb:
    case 0xff:
      return fail(Code::kCorrupt, std::string(what) + ": not a length");
    default:
      return first;
  }
}

Result<Bytes> ByteReader::long_lenenc_bytes(const char* what) {
  BINBUS_TRY(length, lenenc(what));
  return bytes(length, what);
}

Result<Bytes> ByteReader::nul_terminated(const char* what) {
  const auto end = std::find(rest_.begin(), rest_.end(), uint8_t{0});
  if (end == rest_.end()) return fail(Code::kTruncated, what);
  const Bytes view = rest_.first(static_cast<size_t>(end - rest_.begin()));
  rest_ = rest_.subspan(view.size() + 1);
  return view;
}

uint8_t* store_lenenc(uint8_t* at, uint64_t value) {
  const auto store = [&](uint8_t head, size_t bytes) {
    *at++ = head;
    std::memcpy(at, &value, bytes);
    return at + bytes;
  };
  if (value > 0xffffff) return store(0xfe, 8);
  if (value > 0xffff) return store(0xfd, 3);
  if (value > kLenencByteMax) return store(0xfc, 2);
  *at = static_cast<uint8_t>(value);
  return at + 1;
}

ByteWriter& ByteWriter::lenenc(uint64_t value) {
  if (value <= kLenencByteMax) return u8(value);
  std::array<uint8_t, kLenencMaxBytes> bytes;
  return this->bytes(Bytes(bytes.data(), store_lenenc(bytes.data(), value)));
}

}  // namespace binbus
