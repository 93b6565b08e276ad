// Protocol buffers' wire format, appended to a text: what is sent by the million is written without message objects, whose texts cost
// more than the values in them. https://protobuf.dev/programming-guides/encoding/
//
// Thread: one. Field numbers are below 16.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace binbus::feed {

inline void append_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

class WireWriter {
 public:
  // Left out when it is 0 or "", as proto3 does.
  void number(int field, uint64_t value) {
    if (value == 0) return;
    tag(field, 0);
    append_varint(text_, value);
  }
  void text(int field, std::string_view value) {
    if (!value.empty()) element(field, value);
  }
  // One of a repeated field.
  void element(int field, std::string_view value) {
    begin(field, value.size());
    text_ += value;
  }
  // What comes next, so many bytes, is a message or text in that field.
  void begin(int field, size_t bytes) {
    tag(field, 2);
    append_varint(text_, bytes);
  }
  // What is appended until close() is a message or text in that field.
  size_t open(int field) {
    tag(field, 2);
    text_ += '\0';
    return text_.size();
  }
  void close(size_t opened) {
    const size_t bytes = text_.size() - opened;
    if (bytes < 0x80) {
      text_[opened - 1] = static_cast<char>(bytes);
      return;
    }
    std::string length;  // short: not on the heap
    append_varint(length, bytes);
    text_.replace(opened - 1, 1, length);
  }

  // As if it had not been opened.
  void drop(size_t opened) { text_.resize(opened - 2); }

  std::string& out() { return text_; }
  const std::string& written() const { return text_; }

 private:
  void tag(int field, int type) { text_ += static_cast<char>(field << 3 | type); }

  std::string text_;
};

}  // namespace binbus::feed
