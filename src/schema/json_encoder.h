// JSON text, as a server prints it, as MySQL's binary JSON: the way back from json.h. Layout: docs/formats/rows.md.
//
// What comes out prints as the text again. A document that the server has parsed from text has the server's own bytes; one that it
// has made of SQL values may have had other types in it (a date is a string here, a small unsigned number a signed one).
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"

namespace binbus::schema {

// Thread: one. Memory: some 40 bytes for a value of the longest document so far, and its strings; kept for the next.
class JsonEncoder {
 public:
  // Replaces `out`. Members keep their order. kCorrupt, naming the place, when the text is no JSON, or has a number that no server
  // prints so; kLimit when it is nested deeper than servers allow or over 1 GiB.
  Status encode(std::string_view text, ByteVector& out);

 private:
  struct Node {
    uint8_t type = 0;          // of containers the small one's, whatever it becomes
    uint32_t count = 0;        // of elements
    uint32_t end = 0;          // the next node behind it and all in it
    uint64_t bits = 0;         // of numbers and literals
    size_t begin = 0;          // of a string or an opaque value's bytes, in strings_
    size_t length = 0;         // of these
    uint64_t bytes_small = 0;  // of the value, with offsets of two bytes in and below it
    bool large() const { return bytes_small > UINT16_MAX; }
  };

  Status read_value(size_t depth);
  Status read_container(size_t depth, char close);
  Status read_member(size_t depth, Node& container);
  Status read_string();
  Status read_escape();
  Result<uint32_t> read_hex();
  Status read_literal(std::string_view word, uint8_t literal);
  Status read_number();
  Status read_decimal(std::string_view token);
  void add(Node node, uint64_t bytes);
  void skip_space();
  bool take(char c);
  tl::unexpected<Error> wrong(const char* what) const;

  void write(const Node& node, ByteVector& out) const;
  void write_container(const Node& node, ByteVector& out) const;
  void write_string(const Node& node, ByteVector& out) const;
  const Node& node(size_t index) const { return nodes_[index]; }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<Node> nodes_;  // in the text's order; a member is its key and its value
  std::string strings_;      // without their escapes
  std::string printed_;      // a number as the server prints it
};

}  // namespace binbus::schema
