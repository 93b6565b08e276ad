#include <array>

#include "schema/text_decoder.h"

namespace binbus::schema {
namespace {

// A byte's character as up to 3 bytes of UTF-8, which are copied as 4.
struct Entry {
  char utf8[4] = {};
  uint8_t bytes = 0;
  bool none = false;
};

class SingleByteDecoder final : public TextDecoder {
 public:
  explicit SingleByteDecoder(const SingleByteTable& table) : ascii_(table.first >= 0x80) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      const uint32_t place = byte - table.first;
      char32_t character = byte;
      if (byte >= table.first)
        character = place < table.characters.size() ? table.characters[place] : kReplacement;
      Entry& entry = entries_[byte];
      entry.bytes = static_cast<uint8_t>(put_utf8(entry.utf8, character) - entry.utf8);
      entry.none = character == kReplacement;
    }
  }

  bool append_utf8(std::string& out, Bytes text) const override {
    return append_by_steps(out, text, [this](Transcoding& state) {
      if (ascii_ && state.put_ascii_block()) return;
      for (size_t count = std::min<size_t>(state.left(), 8); count > 0; --count) {
        const Entry& entry = entries_[*state.at++];
        std::memcpy(state.to, entry.utf8, sizeof(entry.utf8));
        state.to += entry.bytes;
        state.clean &= !entry.none;
      }
    });
  }

 private:
  const bool ascii_;  // the lower half is ASCII
  std::array<Entry, 256> entries_;
};

}  // namespace

std::unique_ptr<TextDecoder> single_byte_decoder(const SingleByteTable& table) {
  return std::make_unique<SingleByteDecoder>(table);
}

}  // namespace binbus::schema
