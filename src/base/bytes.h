// Little-endian bytes in and out: MySQL's wire and file formats are made of these.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace binbus {

static_assert(std::endian::native == std::endian::little,
              "loads and stores below copy as they are");

using Bytes = std::span<const uint8_t>;
using ByteVector = std::vector<uint8_t>;

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline ByteVector to_owned(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

// Loads an integer of `kBytes` bytes; the caller has checked that they are there.
template <size_t kBytes>
uint64_t load_le(const uint8_t* at) {
  static_assert(kBytes >= 1 && kBytes <= 8);
  uint64_t value = 0;
  std::memcpy(&value, at, kBytes);
  return value;
}
inline uint16_t load_u16(const uint8_t* at) { return static_cast<uint16_t>(load_le<2>(at)); }
inline uint32_t load_u32(const uint8_t* at) { return static_cast<uint32_t>(load_le<4>(at)); }
inline uint64_t load_u64(const uint8_t* at) { return load_le<8>(at); }

template <size_t kBytes>
void store_le(uint8_t* at, uint64_t value) {
  static_assert(kBytes >= 1 && kBytes <= 8);
  std::memcpy(at, &value, kBytes);
}

// The greatest length-encoded integer of one byte.
inline constexpr uint8_t kLenencByteMax = 0xfa;
inline constexpr size_t kLenencMaxBytes = 9;
// Writes a length-encoded integer; returns where it ends.
uint8_t* store_lenenc(uint8_t* at, uint64_t value);

// Walks bytes from the outside. Every read checks the length first and fails with kTruncated, naming `what`.
class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : rest_(bytes) {}

  size_t remaining() const { return rest_.size(); }
  Bytes rest() const { return rest_; }

  template <size_t kBytes>
  Result<uint64_t> integer(const char* what) {
    if (rest_.size() < kBytes) return fail(Code::kTruncated, what);
    const uint64_t value = load_le<kBytes>(rest_.data());
    rest_ = rest_.subspan(kBytes);
    return value;
  }
  Result<uint8_t> u8(const char* what) { return narrow<uint8_t, 1>(what); }
  Result<uint16_t> u16(const char* what) { return narrow<uint16_t, 2>(what); }
  Result<uint32_t> u32(const char* what) { return narrow<uint32_t, 4>(what); }
  Result<uint64_t> u64(const char* what) { return integer<8>(what); }

  // A view of the next `count` bytes, into the bytes given.
  Result<Bytes> bytes(uint64_t count, const char* what) {
    if (count > rest_.size()) return fail(Code::kTruncated, what);
    const Bytes view = rest_.first(static_cast<size_t>(count));
    rest_ = rest_.subspan(static_cast<size_t>(count));
    return view;
  }
  Status skip(uint64_t count, const char* what) {
    BINBUS_RETURN_IF_ERROR(bytes(count, what));
    return ok();
  }
  // MySQL's length-encoded integer; 0xfb (NULL) and 0xff are kCorrupt.
  Result<uint64_t> lenenc(const char* what);
  // A length-encoded string, as a view.
  Result<Bytes> lenenc_bytes(const char* what) {
    if (rest_.empty() || rest_[0] > kLenencByteMax || rest_[0] >= rest_.size())
      return long_lenenc_bytes(what);
    const Bytes view = rest_.subspan(1, rest_[0]);
    rest_ = rest_.subspan(1 + view.size());
    return view;
  }
  // Bytes up to a NUL, which is consumed and not part of the view.
  Result<Bytes> nul_terminated(const char* what);

 private:
  Result<Bytes> long_lenenc_bytes(const char* what);
  template <class T, size_t kBytes>
  Result<T> narrow(const char* what) {
    if (rest_.size() < kBytes) return fail(Code::kTruncated, what);
    const T value = static_cast<T>(load_le<kBytes>(rest_.data()));
    rest_ = rest_.subspan(kBytes);
    return value;
  }

  Bytes rest_;
};

// Appends to a byte vector that it owns.
class ByteWriter {
 public:
  template <size_t kBytes>
  ByteWriter& integer(uint64_t value) {
    uint8_t le[8];
    std::memcpy(le, &value, 8);
    out_.insert(out_.end(), le, le + kBytes);
    return *this;
  }
  ByteWriter& u8(uint64_t value) { return integer<1>(value); }
  ByteWriter& u16(uint64_t value) { return integer<2>(value); }
  ByteWriter& u32(uint64_t value) { return integer<4>(value); }
  ByteWriter& u64(uint64_t value) { return integer<8>(value); }
  ByteWriter& bytes(Bytes bytes) {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  ByteWriter& text(std::string_view text) { return bytes(as_bytes(text)); }
  ByteWriter& zeros(size_t count) {
    out_.insert(out_.end(), count, 0);
    return *this;
  }
  ByteWriter& lenenc(uint64_t value);
  ByteWriter& lenenc_text(std::string_view text) { return lenenc(text.size()).text(text); }
  ByteWriter& nul_terminated(std::string_view text) { return this->text(text).u8(0); }

  // For who writes much: room for `count` bytes behind what is there, to be written by the caller, and cut() where they end.
  uint8_t* extend(size_t count) {
    out_.resize(out_.size() + count);
    return out_.data() + (out_.size() - count);
  }
  void cut(const uint8_t* end) { out_.resize(static_cast<size_t>(end - out_.data())); }
  void clear() { out_.clear(); }  // the memory stays

  size_t size() const { return out_.size(); }
  Bytes view() const { return out_; }
  ByteVector take() { return std::move(out_); }

 private:
  ByteVector out_;
};

}  // namespace binbus
