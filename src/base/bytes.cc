#include "base/bytes.h"

#include <algorithm>

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

Result<Bytes> ByteReader::lenenc_bytes(const char* what) {
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

ByteWriter& ByteWriter::lenenc(uint64_t value) {
  if (value < 0xfb) return u8(value);
  if (value <= 0xffff) return u8(0xfc).u16(value);
  if (value <= 0xffffff) return u8(0xfd).integer<3>(value);
  return u8(0xfe).u64(value);
}

}  // namespace binbus
