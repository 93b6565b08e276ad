#include "schema/json.h"

#include <charconv>

#include "schema/charset.h"
#include "schema/decimal.h"
#include "schema/floating.h"
#include "schema/json_binary.h"
#include "schema/temporal.h"

namespace binbus::schema {
namespace {

template <class Integer>
void append_integer(std::string& out, Integer value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

// In lines of 76 digits, as the server makes it; the line's end is one of JSON's escapes.
void append_base64(std::string& out, Bytes bytes) {
  constexpr size_t kLineBytes = 57;
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t at = 0; at < bytes.size(); at += 3) {
    if (at > 0 && at % kLineBytes == 0) out += "\\n";
    const size_t count = std::min<size_t>(3, bytes.size() - at);
    uint32_t group = 0;
    for (size_t i = 0; i < 3; ++i) group = group << 8 | (i < count ? bytes[at + i] : 0U);
    for (size_t i = 0; i < 4; ++i) {
      out += i <= count ? kDigits[group >> (18 - 6 * i) & 63] : '=';
    }
  }
}

// Of a day and time as JSON keeps them: months since year 0, bits for the rest.
Temporal unpack_datetime(int64_t packed) {
  const auto value = static_cast<uint64_t>(packed < 0 ? -packed : packed);
  const uint64_t day = value >> 41;
  const uint64_t month = day >> 5;
  return {.year = static_cast<uint32_t>(month / 13),
          .month = static_cast<uint32_t>(month % 13),
          .day = static_cast<uint32_t>(day % 32),
          .hour = static_cast<uint32_t>(value >> 36 & 31),
          .minute = static_cast<uint32_t>(value >> 30 & 63),
          .second = static_cast<uint32_t>(value >> 24 & 63),
          .microsecond = static_cast<uint32_t>(value & 0xffffff)};
}

Temporal unpack_time(int64_t packed) {
  const auto value = static_cast<uint64_t>(packed < 0 ? -packed : packed);
  return {.hour = static_cast<uint32_t>(value >> 36 & 1023),
          .minute = static_cast<uint32_t>(value >> 30 & 63),
          .second = static_cast<uint32_t>(value >> 24 & 63),
          .microsecond = static_cast<uint32_t>(value & 0xffffff),
          .negative = packed < 0};
}

Status append_decimal_value(std::string& out, Bytes bytes) {
  if (bytes.size() < 2) return fail(Code::kCorrupt, "JSON document: a decimal cut short");
  return append_decimal(out, bytes.subspan(2), bytes[0], bytes[1]);
}

Status append_temporal_value(std::string& out, const JsonOpaque& opaque) {
  if (opaque.bytes.size() != 8) return fail(Code::kCorrupt, "JSON document: a time's size");
  const auto packed = static_cast<int64_t>(load_u64(opaque.bytes.data()));
  if (packed == INT64_MIN) return fail(Code::kCorrupt, "JSON document: a time out of range");
  const bool time = opaque.type == kWireTime;
  const Temporal value = time ? unpack_time(packed) : unpack_datetime(packed);
  BINBUS_RETURN_IF_ERROR(check_range(value, time ? 838 : 23));
  out += '"';
  if (time) {
    append_time(out, value, 6);
  } else if (opaque.type == kWireDate) {
    append_date(out, value);
  } else {
    append_datetime(out, value, 6);
  }
  out += '"';
  return ok();
}

Status append_opaque(std::string& out, const JsonOpaque& opaque) {
  switch (opaque.type) {
    case kWireNewdecimal:
      return append_decimal_value(out, opaque.bytes);
    case kWireDate:
    case kWireTime:
    case kWireDatetime:
    case kWireTimestamp:
      return append_temporal_value(out, opaque);
    default:
      out += "\"base64:type";
      append_integer(out, opaque.type);
      out += ':';
      append_base64(out, opaque.bytes);
      out += '"';
      return ok();
  }
}

class Printer {
 public:
  Printer(std::string& out, size_t document_bytes) : out_(out), budget_(document_bytes) {}

  Status append(const JsonView& view, size_t depth) {
    if (view.is_container()) return append_container(view, depth);
    BINBUS_RETURN_IF_ERROR(spend(view.bytes.size()));
    return append_scalar(view);
  }

 private:
  // Every byte of a document belongs to one value. One whose values overlap would print without end.
  Status spend(size_t bytes) {
    if (bytes > budget_) return fail(Code::kCorrupt, "JSON document: values that overlap");
    budget_ -= bytes;
    return ok();
  }

  Status append_container(const JsonView& view, size_t depth) {
    if (depth == kJsonDepthMax) return fail(Code::kLimit, "JSON document nested too deep");
    BINBUS_TRY(container, JsonContainer::open(view));
    BINBUS_RETURN_IF_ERROR(spend(container.head_bytes()));
    out_ += view.is_object() ? '{' : '[';
    for (uint32_t i = 0; i < container.count(); ++i) {
      if (i > 0) out_ += ", ";
      if (view.is_object()) {
        BINBUS_TRY(key, container.key(i));
        BINBUS_RETURN_IF_ERROR(spend(key.size()));
        append_json_string(out_, key);
        out_ += ": ";
      }
      BINBUS_TRY(value, container.value(i));
      if (value.is_container()) {
        BINBUS_RETURN_IF_ERROR(append_container(value, depth + 1));
      } else {
        // What lies in its entry is spent already.
        if (value.bytes.size() > 4) BINBUS_RETURN_IF_ERROR(spend(value.bytes.size()));
        BINBUS_RETURN_IF_ERROR(append_scalar(value));
      }
    }
    out_ += view.is_object() ? '}' : ']';
    return ok();
  }

  Status append_scalar(const JsonView& view) {
    static constexpr std::string_view kLiterals[] = {"null", "true", "false"};
    const uint8_t* at = view.bytes.data();
    switch (view.type) {
      case kJsonLiteral:
        out_ += kLiterals[*at];
        return ok();
      case kJsonInt16:
        append_integer(out_, static_cast<int16_t>(load_u16(at)));
        return ok();
      case kJsonUint16:
        append_integer(out_, load_u16(at));
        return ok();
      case kJsonInt32:
        append_integer(out_, static_cast<int32_t>(load_u32(at)));
        return ok();
      case kJsonUint32:
        append_integer(out_, load_u32(at));
        return ok();
      case kJsonInt64:
        append_integer(out_, static_cast<int64_t>(load_u64(at)));
        return ok();
      case kJsonUint64:
        append_integer(out_, load_u64(at));
        return ok();
      case kJsonDouble:
        append_json_double(out_, std::bit_cast<double>(load_u64(at)));
        return ok();
      case kJsonString:
        append_json_string(out_, json_string(view));
        return ok();
      default:
        return append_opaque(out_, json_opaque(view));
    }
  }

  std::string& out_;
  size_t budget_;
};

void append_escaped(std::string& out, char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
    case '\\':
      (out += '\\') += c;
      return;
    case '\b':
      out += "\\b";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\r':
      out += "\\r";
      return;
    default:
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
  }
}

}  // namespace

void append_json_double(std::string& out, double value) {
  const size_t start = out.size();
  append_double(out, value);
  if (out.find_first_of(".e", start) == out.npos) out += ".0";
}

void append_json_string(std::string& out, Bytes text) {
  static const Charset* const utf8 = Charset::find("utf8mb4");
  out += '"';
  size_t plain = 0;
  const auto flush = [&](size_t end) {
    if (end > plain) utf8->append_utf8(out, text.subspan(plain, end - plain));
    plain = end + 1;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = static_cast<char>(text[i]);
    if (text[i] >= 0x20 && c != '"' && c != '\\') continue;
    flush(i);
    append_escaped(out, c);
  }
  flush(text.size());
  out += '"';
}

Status append_json(std::string& out, Bytes document) {
  const size_t before = out.size();
  auto root = json_root(document);
  if (!root) return fail(root.error());
  Status done = Printer(out, document.size() + 1).append(*root, 0);
  if (!done) out.resize(before);
  return done;
}

}  // namespace binbus::schema
