#include "format/wkt.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>

namespace binbus::format {
namespace {

constexpr uint32_t kDepthMax = 32;

enum Kind : uint32_t {
  kPoint = 1,
  kLinestring,
  kPolygon,
  kMultipoint,
  kMultilinestring,
  kMultipolygon,
  kCollection
};
constexpr std::array<const char*, 8> kNames = {
    "",           "POINT",           "LINESTRING",   "POLYGON",
    "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION"};

class WktPrinter {
 public:
  WktPrinter(std::string& out, Bytes wkb) : out_(out), in_(wkb) {}

  Status print() {
    BINBUS_RETURN_IF_ERROR(geometry(0, kCollection, true));
    if (in_.remaining() != 0) return fail(Code::kCorrupt, "geometry with bytes behind its end");
    return ok();
  }
  Result<Point> point() {
    BINBUS_TRY(kind, header());
    if (kind != kPoint || in_.remaining() != 16)
      return fail(Code::kCorrupt, "geometry is no point");
    BINBUS_TRY(x, coordinate());
    BINBUS_TRY(y, coordinate());
    return Point{x, y};
  }

 private:
  // One with its name, or as a part of a `parent` that implies it.
  Status geometry(uint32_t depth, uint32_t parent, bool named) {
    if (depth > kDepthMax) return fail(Code::kCorrupt, "geometry nested too deeply");
    BINBUS_TRY(kind, header());
    if (!named && kind + 3 != parent) return fail(Code::kCorrupt, "geometry part of another type");
    if (named) {
      out_ += kNames[kind];
      out_ += ' ';
    }
    if (kind == kPoint) return lone_point();
    return body(depth, kind);
  }

  // What follows the header: a count and as many parts, in parentheses; EMPTY when there are none.
  Status body(uint32_t depth, uint32_t kind) {
    BINBUS_TRY(count, integer());
    if (count == 0) {
      out_ += "EMPTY";
      return ok();
    }
    const size_t part_bytes_min = kind == kLinestring ? 16 : kind == kPolygon ? 4 : 9;
    if (count > in_.remaining() / part_bytes_min) return fail(Code::kCorrupt, "geometry cut short");
    for (uint32_t i = 0; i < count; ++i) {
      out_ += i == 0 ? "(" : ", ";
      BINBUS_RETURN_IF_ERROR(part(depth, kind));
    }
    out_ += ')';
    return ok();
  }
  Status part(uint32_t depth, uint32_t kind) {
    if (kind == kLinestring) return coordinates();
    if (kind == kPolygon) return body(depth, kLinestring);  // a ring: a line without a header
    return geometry(depth + 1, kind, kind == kCollection);
  }

  Status lone_point() {
    out_ += '(';
    BINBUS_RETURN_IF_ERROR(coordinates());
    out_ += ')';
    return ok();
  }
  Status coordinates() {
    BINBUS_TRY(x, coordinate());
    BINBUS_TRY(y, coordinate());
    append(x);
    out_ += ' ';
    append(y);
    return ok();
  }

  Result<uint32_t> header() {
    BINBUS_TRY(order, in_.u8("geometry byte order"));
    if (order > 1) return fail(Code::kCorrupt, "geometry of an unknown byte order");
    swapped_ = order == 0;
    BINBUS_TRY(kind, integer());
    if (kind < kPoint || kind > kCollection)
      return fail(Code::kCorrupt, "geometry of unknown type " + std::to_string(kind));
    return kind;
  }
  Result<uint32_t> integer() {
    BINBUS_TRY(value, in_.u32("geometry"));
    return swapped_ ? __builtin_bswap32(value) : value;
  }
  Result<double> coordinate() {
    BINBUS_TRY(value, in_.u64("geometry coordinate"));
    const double number = std::bit_cast<double>(swapped_ ? __builtin_bswap64(value) : value);
    if (!std::isfinite(number)) return fail(Code::kCorrupt, "geometry coordinate is no number");
    return number;
  }
  // All digits, no exponent.
  void append(double value) {
    char digits[400];
    const auto end =
        std::to_chars(digits, digits + sizeof(digits), value, std::chars_format::fixed);
    out_.append(digits, end.ptr);
  }

  std::string& out_;
  ByteReader in_;
  bool swapped_ = false;
};

}  // namespace

Status append_wkt(std::string& out, Bytes wkb) {
  Status printed = WktPrinter(out, wkb).print();
  if (!printed && printed.error().code == Code::kTruncated)
    return fail(Code::kCorrupt, printed.error().message);
  return printed;
}

Result<Point> read_point(Bytes wkb) {
  std::string unused;
  Result<Point> point = WktPrinter(unused, wkb).point();
  if (!point && point.error().code == Code::kTruncated)
    return fail(Code::kCorrupt, point.error().message);
  return point;
}

}  // namespace binbus::format
