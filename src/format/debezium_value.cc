#include "format/debezium_value.h"

#include <array>
#include <chrono>

#include "format/json_output.h"
#include "format/wkt.h"

namespace binbus::format {

using schema::Field;
using schema::Temporal;

namespace {

constexpr std::string_view kUnavailable = "__debezium_unavailable_value";
constexpr int64_t kMicrosPerSecond = 1'000'000;

// False for what no calendar has: zeros in it, February 31.
bool is_date(const Temporal& t) {
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(t.year)),
                                         std::chrono::month(t.month), std::chrono::day(t.day)};
  return date.ok();
}
int64_t days_since_epoch(const Temporal& t) {
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(t.year)),
                                         std::chrono::month(t.month), std::chrono::day(t.day)};
  return std::chrono::sys_days(date).time_since_epoch().count();
}
int64_t micros_of_day(const Temporal& t) {
  const int64_t seconds = int64_t{t.hour} * 3600 + t.minute * 60 + t.second;
  return seconds * kMicrosPerSecond + t.microsecond;
}

// 2024-02-29T12:00:00.500Z, with as many digits as the column has.
void append_zoned(std::string& out, const Temporal& t, uint32_t decimals) {
  std::array<char, 32> text{};
  size_t size = 0;
  const auto put = [&](uint32_t value, int digits, char behind) {
    for (int i = digits - 1; i >= 0; --i) {
      text[size + static_cast<size_t>(i)] = static_cast<char>('0' + value % 10);
      value /= 10;
    }
    size += static_cast<size_t>(digits);
    if (behind != 0) text[size++] = behind;
  };
  put(t.year, 4, '-');
  put(t.month, 2, '-');
  put(t.day, 2, 'T');
  put(t.hour, 2, ':');
  put(t.minute, 2, ':');
  put(t.second, 2, 0);
  if (decimals > 0 && decimals <= 6) {
    text[size++] = '.';
    put(t.microsecond, 6, 0);
    size -= 6 - decimals;
  }
  text[size++] = 'Z';
  out += '"';
  out.append(text.data(), size);
  out += '"';
}

}  // namespace

Status DebeziumValues::append(std::string& out, const DebeziumColumn& plan, const Field& field) {
  if (field.state != Field::State::kValue) return Values::append_no_value(out, plan, field);
  switch (plan.type) {
    case ConnectType::kInt16:
    case ConnectType::kInt32:
    case ConnectType::kInt64:
    case ConnectType::kFloat32:
    case ConnectType::kFloat64:
    case ConnectType::kYear:
      return values_.append_number(out, plan, field);
    case ConnectType::kUnsigned64:
      return unsigned_integer(out, field);
    case ConnectType::kBoolean:
    case ConnectType::kBits:
      return bits(out, plan, field);
    case ConnectType::kString:
    case ConnectType::kJson:
    case ConnectType::kUuid:
    case ConnectType::kEnum:
    case ConnectType::kEnumSet:
      return values_.append_string(out, plan, field);
    case ConnectType::kBytes:
      return values_.append_base64(out, plan, field);
    case ConnectType::kDecimal:
      return decimal(out, field);
    case ConnectType::kDate:
    case ConnectType::kMicroTime:
    case ConnectType::kTimestamp:
    case ConnectType::kMicroTimestamp:
    case ConnectType::kZonedTimestamp:
      return temporal(out, plan, field);
    case ConnectType::kPoint:
    case ConnectType::kGeometry:
      return geometry(out, plan, field);
    case ConnectType::kFloatVector:
      return values_.append_vector(out, field);
  }
  return ok();
}

bool DebeziumValues::append_unavailable(std::string& out, const DebeziumColumn& plan) {
  if (plan.type == ConnectType::kString || plan.type == ConnectType::kJson) {
    append_json_string(out, kUnavailable);
    return true;
  }
  if (plan.type != ConnectType::kBytes) return false;
  out += '"';
  append_base64(out, as_bytes(kUnavailable));
  out += '"';
  return true;
}

// All 64 bits: what an int64 of Java makes of the larger ones is what Debezium has, and others read the number itself.
Status DebeziumValues::unsigned_integer(std::string& out, const Field& field) {
  BINBUS_TRY(integer, schema::read_integer(field));
  append_number(out, integer.bits);
  return ok();
}

Status DebeziumValues::bits(std::string& out, const DebeziumColumn& plan, const Field& field) {
  BINBUS_TRY(integer, schema::read_integer(field));
  if (plan.type == ConnectType::kBoolean) {
    out += integer.bits != 0 ? "true" : "false";
    return ok();
  }
  const size_t size = (std::min<uint32_t>(plan.column->length, 64) + 7) / 8;
  out += '"';
  append_base64(out, Bytes(reinterpret_cast<const uint8_t*>(&integer.bits), size));
  out += '"';
  return ok();
}

Status DebeziumValues::decimal(std::string& out, const Field& field) {
  BINBUS_TRY(text, values_.text(field));
  std::array<uint8_t, 32> bytes;
  BINBUS_TRY(size, unscaled_bytes(text, bytes.data()));
  out += '"';
  append_base64(out, Bytes(bytes.data() + bytes.size() - size, size));
  out += '"';
  return ok();
}

Status DebeziumValues::temporal(std::string& out, const DebeziumColumn& plan, const Field& field) {
  BINBUS_TRY(t, schema::read_temporal(field));
  if (plan.type == ConnectType::kMicroTime) {
    append_number(out, t.negative ? -micros_of_day(t) : micros_of_day(t));
    return ok();
  }
  // What is no date has no number of days. As with Debezium it is null, or the epoch where null is not allowed.
  const bool valid = is_date(t);
  if (!valid && plan.column->nullable) {
    out += "null";
    return ok();
  }
  const Temporal epoch{.year = 1970, .month = 1, .day = 1};
  const Temporal& shown = valid ? t : epoch;
  const int64_t days = days_since_epoch(shown);
  const int64_t micros = days * 86'400 * kMicrosPerSecond + micros_of_day(shown);
  switch (plan.type) {
    case ConnectType::kDate:
      append_number(out, days);
      break;
    case ConnectType::kTimestamp:  // whole milliseconds: the column has no more
      append_number(out, micros / 1000);
      break;
    case ConnectType::kMicroTimestamp:
      append_number(out, micros);
      break;
    default:
      append_zoned(out, shown, valid ? plan.column->decimals : 0);
  }
  return ok();
}

Status DebeziumValues::geometry(std::string& out, const DebeziumColumn& plan, const Field& field) {
  BINBUS_TRY(geometry, values_.geometry(field));
  out += '{';
  if (plan.type == ConnectType::kPoint) {
    BINBUS_TRY(point, read_point(geometry.wkb));
    out += "\"x\":";
    append_double(out, point.x);
    out += ",\"y\":";
    append_double(out, point.y);
    out += ',';
  }
  out += "\"wkb\":\"";
  append_base64(out, geometry.wkb);
  out += "\",\"srid\":";
  if (geometry.srid == 0) {
    out += "null}";
  } else {
    append_number(out, geometry.srid);
    out += '}';
  }
  return ok();
}

Result<size_t> unscaled_bytes(std::string_view text, uint8_t* bytes) {
  constexpr size_t kSize = 32;
  std::array<uint32_t, kSize / 4> limbs{};  // little-endian
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  size_t digits = 0;
  for (const char c : text) {
    if (c == '.') continue;
    if (c < '0' || c > '9' || ++digits > 76) return fail(Code::kCorrupt, "decimal");
    uint64_t carry = static_cast<uint64_t>(c - '0');
    for (uint32_t& limb : limbs) {
      carry += uint64_t{limb} * 10;
      limb = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
  }
  if (digits == 0) return fail(Code::kCorrupt, "decimal without digits");
  uint64_t carry = 1;
  for (uint32_t& limb : limbs) {
    if (negative) {
      carry += static_cast<uint32_t>(~limb);
      limb = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
  }
  for (size_t i = 0; i < kSize; ++i)
    bytes[kSize - 1 - i] = static_cast<uint8_t>(limbs[i / 4] >> (i % 4 * 8));
  // The sign is the first bit; bytes before it that only repeat it go.
  const uint8_t sign = (bytes[0] & 0x80) != 0 ? 0xff : 0;
  size_t skip = 0;
  while (skip + 1 < kSize && bytes[skip] == sign && ((bytes[skip + 1] ^ sign) & 0x80) == 0) ++skip;
  return kSize - skip;
}

}  // namespace binbus::format
