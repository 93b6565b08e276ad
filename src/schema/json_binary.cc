#include "schema/json_binary.h"

namespace binbus::schema {
namespace {

tl::unexpected<Error> corrupt(const char* what) {
  return fail(Code::kCorrupt, std::string("JSON document: ") + what);
}

// A length in seven bits to a byte, the lowest first; at most five bytes.
Result<uint64_t> read_length(ByteReader& in) {
  uint64_t length = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    BINBUS_TRY(byte, in.u8("JSON document's string"));
    length |= uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return length;
  }
  return corrupt("a length of more than five bytes");
}

// Reads past a scalar, so that it is known to be whole.
Status skip_scalar(uint8_t type, ByteReader& in) {
  switch (type) {
    case kJsonLiteral: {
      BINBUS_TRY(literal, in.u8("JSON literal"));
      return literal <= kJsonFalse ? ok() : corrupt("an unknown literal");
    }
    case kJsonInt16:
    case kJsonUint16:
      return in.skip(2, "JSON number");
    case kJsonInt32:
    case kJsonUint32:
      return in.skip(4, "JSON number");
    case kJsonInt64:
    case kJsonUint64:
    case kJsonDouble:
      return in.skip(8, "JSON number");
    case kJsonOpaque:
      BINBUS_RETURN_IF_ERROR(in.skip(1, "JSON opaque value's type"));
      [[fallthrough]];
    case kJsonString: {
      BINBUS_TRY(length, read_length(in));
      return in.skip(length, "JSON string");
    }
    default:
      return corrupt("an unknown type");
  }
}

// A value that begins where `bytes` does.
Result<JsonView> value_at(uint8_t type, Bytes bytes) {
  if (type <= kJsonLargeArray) {
    const size_t width = (type & 1) != 0 ? 4 : 2;
    if (bytes.size() < 2 * width) return corrupt("a container cut short");
    const size_t size = width == 2 ? load_u16(bytes.data() + 2) : load_u32(bytes.data() + 4);
    if (size < 2 * width || size > bytes.size()) return corrupt("a container's size");
    return JsonView{type, bytes.first(size)};
  }
  ByteReader in(bytes);
  BINBUS_RETURN_IF_ERROR(skip_scalar(type, in));
  return JsonView{type, bytes.first(bytes.size() - in.remaining())};
}

}  // namespace

bool json_is_inline(uint8_t type, size_t width) {
  return type == kJsonLiteral || type == kJsonInt16 || type == kJsonUint16 ||
         (width == 4 && (type == kJsonInt32 || type == kJsonUint32));
}

Result<JsonView> json_root(Bytes document) {
  static constexpr uint8_t kNullDocument[] = {kJsonNull};
  if (document.empty()) return JsonView{kJsonLiteral, kNullDocument};
  return value_at(document[0], document.subspan(1));
}

Result<JsonContainer> JsonContainer::open(const JsonView& view) {
  JsonContainer container;
  container.bytes_ = view.bytes;
  container.width_ = (view.type & 1) != 0 ? 4 : 2;
  container.count_ = static_cast<uint32_t>(container.load(0));
  const size_t key_bytes = view.is_object() ? container.width_ + 2 : 0;
  container.values_at_ = 2 * container.width_ + key_bytes * container.count_;
  if (container.head_bytes() > view.bytes.size())
    return corrupt("more elements than there are bytes");
  return container;
}

Result<Bytes> JsonContainer::key(uint32_t index) const {
  const size_t entry = 2 * width_ + size_t{index} * (width_ + 2);
  const size_t offset = load(entry);
  const size_t length = load_u16(bytes_.data() + entry + width_);
  if (offset > bytes_.size() || length > bytes_.size() - offset) return corrupt("a key's place");
  return bytes_.subspan(offset, length);
}

Result<JsonView> JsonContainer::value(uint32_t index) const {
  const size_t entry = values_at_ + size_t{index} * (1 + width_);
  const uint8_t type = bytes_[entry];
  if (json_is_inline(type, width_)) return value_at(type, bytes_.subspan(entry + 1, width_));
  const size_t offset = load(entry + 1);
  if (offset < head_bytes() || offset > bytes_.size()) return corrupt("a value's place");
  return value_at(type, bytes_.subspan(offset));
}

Bytes json_string(const JsonView& view) {
  ByteReader in(view.bytes);
  (void)read_length(in);  // whole, as value_at() has seen
  return in.rest();
}

JsonOpaque json_opaque(const JsonView& view) {
  return {.type = view.bytes[0], .bytes = json_string({kJsonString, view.bytes.subspan(1)})};
}

}  // namespace binbus::schema
