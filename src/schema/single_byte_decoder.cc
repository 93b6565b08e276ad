#include <array>

#include "schema/text_decoder.h"

namespace binbus::schema {
namespace {

// A byte's character in one word: up to 3 bytes of UTF-8 in the low half, how many they are, whether it is none.
constexpr uint64_t kLengthUnit = uint64_t{1} << 32, kNone = uint64_t{1} << 63;
uint64_t make_entry(char32_t character) {
  char utf8[8] = {};
  const auto length = static_cast<uint64_t>(put_utf8(utf8, character) - utf8);
  const uint64_t none = character == kReplacement ? kNone : 0;
  return load_u32(reinterpret_cast<const uint8_t*>(utf8)) | length * kLengthUnit | none;
}

class SingleByteDecoder final : public TextDecoder {
 public:
  explicit SingleByteDecoder(const SingleByteTable& table) : TextDecoder(table.first >= 0x80) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      const uint32_t place = byte - table.first;
      char32_t character = byte;
      if (byte >= table.first)
        character = place < table.characters.size() ? table.characters[place] : kReplacement;
      entries_[byte] = make_entry(character);
    }
  }

  bool append_utf8(std::string& out, Bytes text) const override {
    return append_by_steps(out, text, [this](Transcoding& state) {
      if (extends_ascii() && state.put_ascii_block()) return;
      const size_t count = std::min<size_t>(state.left(), 8);
      char* to = state.to;
      uint64_t all = 0;
      for (size_t n = 0; n < count; ++n) {
        const uint64_t entry = entries_[state.at[n]];
        std::memcpy(to, &entry, 4);
        to += entry / kLengthUnit & 3;
        all |= entry;
      }
      state.at += count;
      state.to = to;
      state.clean &= (all & kNone) == 0;
    });
  }

 private:
  std::array<uint64_t, 256> entries_;
};

}  // namespace

std::unique_ptr<TextDecoder> single_byte_decoder(const SingleByteTable& table) {
  return std::make_unique<SingleByteDecoder>(table);
}

}  // namespace binbus::schema
