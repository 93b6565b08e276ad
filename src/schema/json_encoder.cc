#include "schema/json_encoder.h"

#include <charconv>

#include "schema/decimal.h"
#include "schema/field.h"
#include "schema/json.h"
#include "schema/json_binary.h"
#include "schema/utf8.h"
#include "schema/wire_types.h"

namespace binbus::schema {
namespace {

constexpr size_t kTextBytesMax = 1ULL << 30;
constexpr size_t kDecimalDigitsMax = 81;

size_t length_bytes(size_t length) {
  size_t bytes = 1;
  while (length >>= 7) ++bytes;
  return bytes;
}

void append_length(ByteVector& out, size_t length) {
  for (; length >= 0x80; length >>= 7) out.push_back(static_cast<uint8_t>(length | 0x80));
  out.push_back(static_cast<uint8_t>(length));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Bytes of a number or literal.
size_t scalar_bytes(uint8_t type) {
  switch (type) {
    case kJsonLiteral:
      return 1;
    case kJsonInt16:
    case kJsonUint16:
      return 2;
    case kJsonInt32:
    case kJsonUint32:
      return 4;
    default:
      return 8;
  }
}

void store(ByteVector& out, size_t at, uint64_t value, size_t bytes) {
  std::memcpy(out.data() + at, &value, bytes);
}

// Of an integer that the server has parsed: only what needs more than 32 bits without a sign is unsigned.
uint8_t integer_type(uint64_t magnitude, bool negative) {
  if (negative ? magnitude <= 0x8000 : magnitude <= 0x7fff) return kJsonInt16;
  if (negative ? magnitude <= 0x80000000 : magnitude <= 0x7fffffff) return kJsonInt32;
  return negative || magnitude <= UINT32_MAX ? kJsonInt64 : kJsonUint64;
}

}  // namespace

// Reading: the text becomes nodes, and of each is known how long it will be.

Status JsonEncoder::encode(std::string_view text, ByteVector& out) {
  if (text.size() > kTextBytesMax) return fail(Code::kLimit, "JSON text over 1 GiB");
  text_ = text;
  at_ = 0;
  nodes_.clear();
  strings_.clear();
  BINBUS_RETURN_IF_ERROR(read_value(0));
  skip_space();
  if (at_ < text_.size()) return wrong("more than one value");

  const Node& root = nodes_.front();
  out.clear();
  out.push_back(root.type | (root.large() && root.type <= kJsonLargeArray ? 1 : 0));
  write(root, out);
  return ok();
}

tl::unexpected<Error> JsonEncoder::wrong(const char* what) const {
  return fail(Code::kCorrupt,
              "JSON text: " + std::string(what) + " at byte " + std::to_string(at_));
}

void JsonEncoder::skip_space() {
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) {
    ++at_;
  }
}

bool JsonEncoder::take(char c) {
  skip_space();
  if (at_ == text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

void JsonEncoder::add(Node node, uint64_t bytes) {
  node.bytes_small = bytes;
  node.end = static_cast<uint32_t>(nodes_.size() + 1);
  nodes_.push_back(node);
}

Status JsonEncoder::read_value(size_t depth) {
  skip_space();
  if (at_ == text_.size()) return wrong("no value");
  switch (text_[at_]) {
    case '{':
      return read_container(depth, '}');
    case '[':
      return read_container(depth, ']');
    case '"':
      return read_string();
    case 'n':
      return read_literal("null", kJsonNull);
    case 't':
      return read_literal("true", kJsonTrue);
    case 'f':
      return read_literal("false", kJsonFalse);
    default:
      return read_number();
  }
}

Status JsonEncoder::read_container(size_t depth, char close) {
  if (depth == kJsonDepthMax) return fail(Code::kLimit, "JSON text nested too deep");
  ++at_;
  const size_t index = nodes_.size();
  Node container{.type = close == '}' ? kJsonSmallObject : kJsonSmallArray};
  nodes_.push_back(container);
  container.bytes_small = 4;
  for (bool more = !take(close); more; more = !take(close)) {
    if (container.count > 0 && !take(',')) return wrong("neither a comma nor an end");
    BINBUS_RETURN_IF_ERROR(read_member(depth, container));
  }
  container.end = static_cast<uint32_t>(nodes_.size());
  nodes_[index] = container;
  return ok();
}

Status JsonEncoder::read_member(size_t depth, Node& container) {
  if (container.type == kJsonSmallObject) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != '"') return wrong("no key");
    BINBUS_RETURN_IF_ERROR(read_string());
    if (nodes_.back().length > UINT16_MAX) return wrong("a key of more than 65535 bytes");
    container.bytes_small += 4 + nodes_.back().length;
    if (!take(':')) return wrong("no colon after a key");
  }
  const size_t value = nodes_.size();
  BINBUS_RETURN_IF_ERROR(read_value(depth + 1));
  container.bytes_small += 3;
  if (!json_is_inline(nodes_[value].type, 2)) container.bytes_small += nodes_[value].bytes_small;
  ++container.count;
  return ok();
}

Status JsonEncoder::read_string() {
  const size_t begin = strings_.size();
  ++at_;
  while (true) {
    const size_t plain = at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\') ++at_;
    if (at_ == text_.size()) return wrong("a string without an end");
    strings_.append(text_, plain, at_ - plain);
    if (text_[at_++] == '"') break;
    BINBUS_RETURN_IF_ERROR(read_escape());
  }
  const size_t length = strings_.size() - begin;
  add({.type = kJsonString, .begin = begin, .length = length}, length_bytes(length) + length);
  return ok();
}

// Behind a backslash.
Status JsonEncoder::read_escape() {
  static constexpr std::string_view kEscapes = "\"\\/bfnrt";
  static constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  if (at_ == text_.size()) return wrong("a string without an end");
  const char c = text_[at_++];
  if (const size_t found = kEscapes.find(c); found != kEscapes.npos) {
    strings_ += kMeanings[found];
    return ok();
  }
  if (c != 'u') return wrong("an unknown escape");
  BINBUS_TRY(unit, read_hex());
  char32_t character = unit;
  if (unit >= 0xd800 && unit < 0xdc00 && text_.substr(at_).starts_with("\\u")) {
    at_ += 2;
    BINBUS_TRY(low, read_hex());
    if (low < 0xdc00 || low > 0xdfff) return wrong("half a character");
    character = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
  }
  if (character >= 0xd800 && character < 0xe000) return wrong("half a character");
  char bytes[4];
  strings_.append(bytes, put_utf8(bytes, character));
  return ok();
}

Result<uint32_t> JsonEncoder::read_hex() {
  uint32_t unit = 0;
  const std::string_view digits = text_.substr(at_, 4);
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), unit, 16);
  if (digits.size() < 4 || read.ptr != digits.data() + 4) return wrong("an escape cut short");
  at_ += 4;
  return unit;
}

Status JsonEncoder::read_literal(std::string_view word, uint8_t literal) {
  if (!text_.substr(at_).starts_with(word)) return wrong("no value");
  at_ += word.size();
  add({.type = kJsonLiteral, .bits = literal}, 1);
  return ok();
}

Status JsonEncoder::read_number() {
  const std::string_view rest = text_.substr(at_);
  const size_t sign = rest.starts_with('-') ? 1 : 0;
  const std::string_view token =
      rest.substr(0, std::min(rest.find_first_not_of("0123456789.eE+-"), rest.size()));
  if (token.size() == sign || !is_digit(token[sign])) return wrong("no value");
  const bool padded = token[sign] == '0' && token.size() > sign + 1 && is_digit(token[sign + 1]);
  if (padded || !is_digit(token.back())) return wrong("a number that no server prints so");
  const char* const end = token.data() + token.size();

  uint64_t magnitude = 0;
  const auto integer = std::from_chars(token.data() + sign, end, magnitude);
  const bool negative = sign > 0;
  const bool fits = negative ? magnitude > 0 && magnitude <= 1ULL << 63 : true;
  if (integer.ptr == end && integer.ec == std::errc() && fits) {
    const uint8_t type = integer_type(magnitude, negative);
    add({.type = type, .bits = negative ? 0 - magnitude : magnitude}, scalar_bytes(type));
    at_ += token.size();
    return ok();
  }
  double value = 0;
  const auto real = std::from_chars(token.data(), end, value);
  printed_.clear();
  if (real.ptr == end && real.ec == std::errc()) append_json_double(printed_, value);
  if (printed_ != token) return read_decimal(token);
  add({.type = kJsonDouble, .bits = std::bit_cast<uint64_t>(value)}, 8);
  at_ += token.size();
  return ok();
}

// As an opaque value: its precision, its scale, its bytes.
Status JsonEncoder::read_decimal(std::string_view token) {
  const size_t point = std::min(token.find('.'), token.size());
  const size_t scale = token.size() - std::min(point + 1, token.size());
  const size_t whole = point - (token.starts_with('-') ? 1 : 0);
  const size_t precision = whole + scale;
  if (precision < 1 || precision > kDecimalDigitsMax) return wrong("a number of too many digits");
  const auto digits = static_cast<uint32_t>(precision);
  const auto digits_after = static_cast<uint32_t>(scale);

  uint8_t bytes[48];
  const size_t length = 2 + decimal_bytes(digits, digits_after);
  bytes[0] = static_cast<uint8_t>(digits);
  bytes[1] = static_cast<uint8_t>(digits_after);
  if (!store_decimal(bytes + 2, token, digits, digits_after))
    return wrong("a number that no server prints so");
  add({.type = kJsonOpaque, .begin = strings_.size(), .length = length},
      1 + length_bytes(length) + length);
  strings_.append(as_text(Bytes(bytes, length)));
  at_ += token.size();
  return ok();
}

// Writing

void JsonEncoder::write(const Node& node, ByteVector& out) const {
  if (node.type <= kJsonLargeArray) return write_container(node, out);
  if (node.type == kJsonString) return write_string(node, out);
  if (node.type == kJsonOpaque) {
    out.push_back(kWireNewdecimal);
    return write_string(node, out);
  }
  const size_t at = out.size();
  out.resize(at + scalar_bytes(node.type));
  store(out, at, node.bits, scalar_bytes(node.type));
}

void JsonEncoder::write_string(const Node& node, ByteVector& out) const {
  append_length(out, node.length);
  const Bytes bytes = as_bytes(strings_).subspan(node.begin, node.length);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void JsonEncoder::write_container(const Node& container, ByteVector& out) const {
  const size_t width = container.large() ? 4 : 2;
  const bool object = container.type == kJsonSmallObject;
  const size_t key_entry = object ? width + 2 : 0;
  const size_t start = out.size();
  const auto first = static_cast<size_t>(&container - nodes_.data()) + 1;
  out.resize(start + 2 * width + (key_entry + 1 + width) * container.count);
  store(out, start, container.count, width);

  size_t entry = start + 2 * width;
  for (size_t key = first; object && key < container.end; key = node(key + 1).end) {
    store(out, entry, out.size() - start, width);
    store(out, entry + width, node(key).length, 2);
    entry += key_entry;
    const Bytes bytes = as_bytes(strings_).subspan(node(key).begin, node(key).length);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  for (size_t at = first; at < container.end;) {
    const Node& value = node(object ? at + 1 : at);
    const bool large = value.type <= kJsonLargeArray && value.large();
    out[entry] = value.type | (large ? 1 : 0);
    if (json_is_inline(value.type, width)) {
      store(out, entry + 1, value.bits, width);
    } else {
      store(out, entry + 1, out.size() - start, width);
      write(value, out);
    }
    entry += 1 + width;
    at = value.end;
  }
  store(out, start + width, out.size() - start, width);
}

}  // namespace binbus::schema
