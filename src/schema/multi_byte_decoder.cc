// The charsets of East Asia. The table of a charset is made at its first use, by asking ICU for every sequence and
// putting the server's differences over it; text is then decoded by the table alone.
#include <unicode/ucnv.h>

#include <array>
#include <mutex>

#include "base/check.h"
#include "schema/text_decoder.h"

namespace binbus::schema {
namespace {

// Which two bytes a character may consist of.
struct Pairs {
  uint8_t lead_first, lead_last;
  uint8_t trail_first, trail_last;
};

struct Form {
  std::string_view charset;
  Pairs pairs[4];
  bool single_katakana = false;   // 0xA1 to 0xDF are characters of one byte
  Pairs behind_8f = {};           // 0x8F is the first of three bytes
  bool four_byte_digits = false;  // gb18030: digits as second and fourth byte
};
const Form kForms[] = {
    {"big5", {{0xA1, 0xF9, 0x40, 0x7E}, {0xA1, 0xF9, 0xA1, 0xFE}}},
    {"cp932",
     {{0x81, 0x9F, 0x40, 0x7E},
      {0x81, 0x9F, 0x80, 0xFC},
      {0xE0, 0xFC, 0x40, 0x7E},
      {0xE0, 0xFC, 0x80, 0xFC}},
     true},
    {"eucjpms",
     {{0x8E, 0x8E, 0xA1, 0xDF}, {0xA1, 0xFE, 0xA1, 0xFE}},
     false,
     {0xA1, 0xFE, 0xA1, 0xFE}},
    {"euckr", {{0x81, 0xFE, 0x41, 0x5A}, {0x81, 0xFE, 0x61, 0x7A}, {0x81, 0xFE, 0x81, 0xFE}}},
    {"gb18030", {{0x81, 0xFE, 0x40, 0x7E}, {0x81, 0xFE, 0x80, 0xFE}}, false, {}, true},
    {"gb2312", {{0xA1, 0xF7, 0xA1, 0xFE}}},
    {"gbk", {{0x81, 0xFE, 0x40, 0x7E}, {0x81, 0xFE, 0x80, 0xFE}}},
    {"sjis",
     {{0x81, 0x9F, 0x40, 0x7E},
      {0x81, 0x9F, 0x80, 0xFC},
      {0xE0, 0xFC, 0x40, 0x7E},
      {0xE0, 0xFC, 0x80, 0xFC}},
     true},
    {"ujis", {{0x8E, 0x8E, 0xA1, 0xDF}, {0xA1, 0xFE, 0xA1, 0xFE}}, false, {0xA1, 0xFE, 0xA1, 0xFE}},
};

const Form& form_of(std::string_view charset) {
  const auto* form = std::ranges::find(kForms, charset, &Form::charset);
  BINBUS_CHECK(form != std::end(kForms));
  return *form;
}

class IcuConverter {
 public:
  explicit IcuConverter(const char* name) {
    UErrorCode error = U_ZERO_ERROR;
    converter_ = ucnv_open(name, &error);
    BINBUS_CHECK(U_SUCCESS(error));  // it is part of ICU's library
    ucnv_setToUCallBack(converter_, UCNV_TO_U_CALLBACK_STOP, nullptr, nullptr, nullptr, &error);
  }
  ~IcuConverter() { ucnv_close(converter_); }
  IcuConverter(const IcuConverter&) = delete;
  IcuConverter& operator=(const IcuConverter&) = delete;

  // The one character of the basic plane that the sequence is; U+FFFD when it is none.
  char16_t character(Bytes sequence) {
    UErrorCode error = U_ZERO_ERROR;
    char16_t units[4];
    ucnv_resetToUnicode(converter_);
    const int32_t count = ucnv_toUChars(converter_, units, 4, as_text(sequence).data(),
                                        static_cast<int32_t>(sequence.size()), &error);
    return U_SUCCESS(error) && count == 1 ? units[0] : char16_t{kReplacement};
  }

 private:
  UConverter* converter_;
};

// The characters of two bytes, by these: 0 when they are not of the charset's form, U+FFFD when they have no character.
class PairTable {
 public:
  bool empty() const { return characters_.empty(); }
  // `lead` must be 0x80 or more.
  char16_t at(uint8_t lead, uint8_t trail) const { return characters_[index(lead, trail)]; }

  // Asks for what two bytes may be; `prefix` stands before them.
  void fill(const Pairs& pairs, ByteVector prefix, bool private_use, IcuConverter& converter) {
    characters_.resize(size_t{128} * 256);
    ByteVector sequence = prefix;
    sequence.resize(prefix.size() + 2);
    for (uint32_t lead = pairs.lead_first; lead <= pairs.lead_last; ++lead) {
      for (uint32_t trail = pairs.trail_first; trail <= pairs.trail_last; ++trail) {
        sequence[prefix.size()] = static_cast<uint8_t>(lead);
        sequence[prefix.size() + 1] = static_cast<uint8_t>(trail);
        const char16_t found = converter.character(sequence);
        const bool none = !private_use && found >= 0xE000 && found <= 0xF8FF;
        characters_[index(lead, trail)] = none ? char16_t{kReplacement} : found;
      }
    }
  }
  void correct(uint32_t first, std::u16string_view right) {
    for (size_t at = index(first >> 8 & 0xFF, first & 0xFF); !right.empty(); ++at) {
      if (characters_[at] == 0) continue;
      characters_[at] = right.front();
      right.remove_prefix(1);
    }
  }
  void clear(uint32_t first, uint32_t last) {
    const size_t end = index(last >> 8 & 0xFF, last & 0xFF);
    for (size_t at = index(first >> 8 & 0xFF, first & 0xFF); at <= end; ++at) {
      if (characters_[at] != 0) characters_[at] = char16_t{kReplacement};
    }
  }

 private:
  static size_t index(uint32_t lead, uint32_t trail) { return (lead & 0x7F) << 8 | trail; }

  std::vector<char16_t> characters_;  // empty: no such sequences
};

// gb18030's sequences of four bytes count through the basic plane without what has two bytes, and from 0x90308130 on
// through the other planes.
constexpr uint32_t kBasicCount = 39420;
constexpr uint32_t kOtherPlanesFirst = 189000;

bool in(uint8_t byte, uint8_t first, uint8_t last) { return first <= byte && byte <= last; }
bool is_four_bytes(const uint8_t* at, size_t left) {
  return left >= 4 && in(at[0], 0x81, 0xFE) && in(at[1], '0', '9') && in(at[2], 0x81, 0xFE) &&
         in(at[3], '0', '9');
}
uint32_t four_byte_number(const uint8_t* at) {
  return ((at[0] - 0x81u) * 10 + (at[1] - 0x30u)) * 1260 + (at[2] - 0x81u) * 10 + (at[3] - 0x30u);
}
std::array<uint8_t, 4> four_bytes(uint32_t number) {
  return {static_cast<uint8_t>(0x81 + number / 12600),
          static_cast<uint8_t>(0x30 + number / 1260 % 10),
          static_cast<uint8_t>(0x81 + number / 10 % 126), static_cast<uint8_t>(0x30 + number % 10)};
}

class MultiByteDecoder final : public TextDecoder {
 public:
  explicit MultiByteDecoder(const MultiByteTable& table)
      : TextDecoder(true), table_(table), form_(form_of(table.charset)) {}

  bool append_utf8(std::string& out, Bytes text) const override {
    std::call_once(made_, [this] { make_tables(); });
    return append_by_steps(out, text, [this](Transcoding& state) { take(state); });
  }

 private:
  void make_tables() const {
    IcuConverter converter(table_.icu_converter);
    for (const Pairs& pairs : form_.pairs) {
      if (pairs.lead_first != 0) pairs_.fill(pairs, {}, table_.private_use, converter);
    }
    if (form_.behind_8f.lead_first != 0)
      behind_8f_.fill(form_.behind_8f, {0x8F}, table_.private_use, converter);
    for (const auto& [first, characters] : table_.corrections) {
      if (!characters.empty()) pairs_with(first).correct(first, characters);
    }
    for (const auto& [first, last] : table_.nothing) {
      if (first != 0) pairs_with(first).clear(first, last);
    }
    for (uint32_t number = 0; form_.four_byte_digits && number < kBasicCount; ++number)
      four_bytes_.push_back(converter.character(four_bytes(number)));
  }
  PairTable& pairs_with(uint32_t sequence) const { return sequence > 0xFFFF ? behind_8f_ : pairs_; }

  void take(Transcoding& state) const {
    if (state.put_ascii_block()) return;
    const uint8_t* const at = state.at;
    if (at[0] < 0x80) return state.put(at[0], 1);
    if (state.left() >= 2) {
      if (const char16_t found = pairs_.at(at[0], at[1]); found != 0) return put(state, found, 2);
    }
    if (state.left() >= 3 && at[0] == 0x8F && at[1] >= 0x80 && !behind_8f_.empty()) {
      if (const char16_t found = behind_8f_.at(at[1], at[2]); found != 0)
        return put(state, found, 3);
    }
    if (form_.four_byte_digits && is_four_bytes(at, state.left())) return take_four_bytes(state);
    if (form_.single_katakana && in(at[0], 0xA1, 0xDF)) return state.put(0xFF61u + at[0] - 0xA1, 1);
    state.put_replacement(1);
  }

  void take_four_bytes(Transcoding& state) const {
    const uint32_t number = four_byte_number(state.at);
    if (number < kBasicCount) return state.put(four_bytes_[number], 4);
    const bool valid = number >= kOtherPlanesFirst && number - kOtherPlanesFirst < 0x100000;
    valid ? state.put(0x10000 + number - kOtherPlanesFirst, 4) : state.put_replacement(4);
  }

  static void put(Transcoding& state, char16_t found, size_t bytes) {
    found == kReplacement ? state.put_replacement(bytes) : state.put(found, bytes);
  }

  const MultiByteTable& table_;
  const Form& form_;
  mutable std::once_flag made_;
  mutable PairTable pairs_;  // these three are made once
  mutable PairTable behind_8f_;
  mutable std::vector<char16_t> four_bytes_;  // by number
};

}  // namespace

std::unique_ptr<TextDecoder> multi_byte_decoder(const MultiByteTable& table) {
  return std::make_unique<MultiByteDecoder>(table);
}

}  // namespace binbus::schema
