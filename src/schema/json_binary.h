// MySQL's binary JSON, value by value. Layout: docs/formats/rows.md.
//
// Views into the document; nothing is allocated. Every offset and length is checked before it is followed.
#pragma once

#include "base/bytes.h"

namespace binbus::schema {

enum JsonType : uint8_t {
  kJsonSmallObject = 0,
  kJsonLargeObject = 1,
  kJsonSmallArray = 2,
  kJsonLargeArray = 3,
  kJsonLiteral = 4,
  kJsonInt16 = 5,
  kJsonUint16 = 6,
  kJsonInt32 = 7,
  kJsonUint32 = 8,
  kJsonInt64 = 9,
  kJsonUint64 = 10,
  kJsonDouble = 11,
  kJsonString = 12,
  kJsonOpaque = 15,
};
enum JsonLiteral : uint8_t { kJsonNull = 0, kJsonTrue = 1, kJsonFalse = 2 };

// Levels of arrays and objects that servers allow in a document.
inline constexpr size_t kJsonDepthMax = 100;

// A value: exactly its bytes, without the type.
struct JsonView {
  uint8_t type = 0;
  Bytes bytes;
  bool is_object() const { return type <= kJsonLargeObject; }
  bool is_array() const { return type == kJsonSmallArray || type == kJsonLargeArray; }
  bool is_container() const { return type <= kJsonLargeArray; }
};

// The document's value. No bytes at all are the document null, as the server has it.
Result<JsonView> json_root(Bytes document);

// An object's or array's elements.
class JsonContainer {
 public:
  static Result<JsonContainer> open(const JsonView& view);
  uint32_t count() const { return count_; }
  // `index` is less than count().
  Result<Bytes> key(uint32_t index) const;
  Result<JsonView> value(uint32_t index) const;
  // Bytes before the keys and values.
  size_t head_bytes() const { return values_at_ + size_t{count_} * (1 + width_); }

 private:
  size_t load(size_t at) const {
    return width_ == 2 ? load_u16(bytes_.data() + at) : load_u32(bytes_.data() + at);
  }
  Bytes bytes_;
  size_t width_ = 2;  // of offsets and sizes
  uint32_t count_ = 0;
  size_t values_at_ = 0;  // where the values' entries begin
};

// Whether a value of this type lies in its container's entry, with offsets of `width` bytes.
bool json_is_inline(uint8_t type, size_t width);

// A string's text; an opaque value's type and bytes.
Bytes json_string(const JsonView& view);
struct JsonOpaque {
  uint8_t type = 0;  // as Table_map events number them
  Bytes bytes;
};
JsonOpaque json_opaque(const JsonView& view);

}  // namespace binbus::schema
