// Unicode's own forms: utf8mb3, utf8mb4, ucs2, utf16, utf16le, utf32.
#include <bit>

#include "schema/text_decoder.h"

namespace binbus::schema {
namespace {

class Utf8Decoder final : public TextDecoder {
 public:
  explicit Utf8Decoder(uint32_t bytes_max) : TextDecoder(true), bytes_max_(bytes_max) {}

  bool append_utf8(std::string& out, Bytes text) const override {
    if (is_valid_utf8(text, bytes_max_)) {
      out.append(as_text(text));
      return true;
    }
    while (!text.empty()) {
      const size_t valid = valid_utf8_prefix(text, bytes_max_);
      out.append(as_text(text.first(valid)));
      if (valid == text.size()) break;
      out.append("\uFFFD");
      text = text.subspan(valid + 1);
    }
    return false;
  }

 private:
  const uint32_t bytes_max_;
};

uint32_t load_big_u16(const uint8_t* at) { return static_cast<uint32_t>(at[0]) << 8 | at[1]; }
bool is_surrogate(uint32_t unit) { return unit >= 0xD800 && unit < 0xE000; }
bool is_high_surrogate(uint32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low_surrogate(uint32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

void take_ucs2(Transcoding& state) {
  if (state.left() < 2) return state.put_replacement(1);
  const uint32_t unit = load_big_u16(state.at);
  is_surrogate(unit) ? state.put_replacement(2) : state.put(unit, 2);
}

template <uint32_t (*kLoad)(const uint8_t*)>
void take_utf16(Transcoding& state) {
  if (state.left() < 2) return state.put_replacement(1);
  const uint32_t unit = kLoad(state.at);
  if (!is_surrogate(unit)) return state.put(unit, 2);
  const uint32_t next = state.left() < 4 ? 0 : kLoad(state.at + 2);
  if (!is_high_surrogate(unit) || !is_low_surrogate(next)) return state.put_replacement(2);
  state.put(0x10000 + ((unit & 0x3FF) << 10) + (next & 0x3FF), 4);
}
uint32_t load_little_u16(const uint8_t* at) { return load_u16(at); }

void take_utf32(Transcoding& state) {
  if (state.left() < 4) return state.put_replacement(1);
  const uint32_t character = load_big_u16(state.at) << 16 | load_big_u16(state.at + 2);
  const bool valid = character <= 0x10FFFF && !is_surrogate(character);
  valid ? state.put(character, 4) : state.put_replacement(4);
}

template <void (*kTake)(Transcoding&)>
class UnitDecoder final : public TextDecoder {
 public:
  UnitDecoder() : TextDecoder(false) {}
  bool append_utf8(std::string& out, Bytes text) const override {
    return append_by_steps(out, text, kTake);
  }
};

}  // namespace

std::unique_ptr<TextDecoder> utf8_decoder(uint32_t bytes_max) {
  return std::make_unique<Utf8Decoder>(bytes_max);
}

std::unique_ptr<TextDecoder> unicode_decoder(UnicodeForm form) {
  switch (form) {
    case UnicodeForm::kUcs2:
      return std::make_unique<UnitDecoder<take_ucs2>>();
    case UnicodeForm::kUtf16:
      return std::make_unique<UnitDecoder<take_utf16<load_big_u16>>>();
    case UnicodeForm::kUtf16le:
      return std::make_unique<UnitDecoder<take_utf16<load_little_u16>>>();
    case UnicodeForm::kUtf32:
      break;
  }
  return std::make_unique<UnitDecoder<take_utf32>>();
}

}  // namespace binbus::schema
