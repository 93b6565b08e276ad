// How a kind of character sets becomes UTF-8: one decoder per charset, made by the functions at the end.
//
// Thread: any; large tables are made at the first use.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "schema/multi_byte_tables.h"
#include "schema/single_byte_tables.h"
#include "schema/utf8.h"

namespace binbus::schema {

class TextDecoder {
 public:
  explicit TextDecoder(bool extends_ascii) : extends_ascii_(extends_ascii) {}
  virtual ~TextDecoder() = default;
  // Text of bytes below 0x80 alone is ASCII.
  bool extends_ascii() const { return extends_ascii_; }
  // As Charset::append_utf8.
  virtual bool append_utf8(std::string& out, Bytes text) const = 0;

 private:
  const bool extends_ascii_;
};

// utf8mb3 and utf8mb4, by the bytes of their largest character.
std::unique_ptr<TextDecoder> utf8_decoder(uint32_t bytes_max);
enum class UnicodeForm : uint8_t { kUcs2, kUtf16, kUtf16le, kUtf32 };
std::unique_ptr<TextDecoder> unicode_decoder(UnicodeForm form);
std::unique_ptr<TextDecoder> single_byte_decoder(const SingleByteTable& table);
std::unique_ptr<TextDecoder> multi_byte_decoder(const MultiByteTable& table);

// For the loops of decoders: where a loop reads, and where it writes.
struct Transcoding {
  const uint8_t* at;
  const uint8_t* end;
  char* to = nullptr;
  bool clean = true;  // whether all so far were characters

  size_t left() const { return static_cast<size_t>(end - at); }
  // Takes `bytes` bytes, which are this character.
  void put(char32_t character, size_t bytes) {
    to = put_utf8(to, character);
    at += bytes;
  }
  // Takes `bytes` bytes, which are none.
  void put_replacement(size_t bytes) {
    put(kReplacement, bytes);
    clean = false;
  }
  // Takes the next 8 bytes when they are ASCII.
  bool put_ascii_block() {
    if (left() < 8) return false;
    const uint64_t block = load_u64(at);
    if ((block & 0x8080808080808080) != 0) return false;
    std::memcpy(to, &block, 8);
    at += 8;
    to += 8;
    return true;
  }
};

// Calls step(Transcoding&) until the text is at its end. A step takes 1 to 8 bytes and writes no more than 3 for each.
template <class Step>
bool append_by_steps(std::string& out, Bytes text, Step step) {
  // In pieces, so that a large text does not ask for three times its size.
  constexpr size_t kPieceBytes = 4096, kLastStepBytes = 3 * 8;
  Transcoding state{text.data(), text.data() + text.size()};
  while (state.at < state.end) {
    const size_t piece = std::min(state.left(), kPieceBytes);
    const uint8_t* const stop = state.at + piece;
    const size_t size = out.size();
    out.resize(size + 3 * piece + kLastStepBytes);
    state.to = out.data() + size;
    while (state.at < stop) step(state);
    out.resize(static_cast<size_t>(state.to - out.data()));
  }
  return state.clean;
}

}  // namespace binbus::schema
