#include "schema/temporal.h"

namespace binbus::schema {
namespace {

// Two digits of a fraction to a byte.
size_t fraction_bytes(uint32_t digits) { return (digits + 1) / 2; }

uint32_t fraction_of(const Temporal& value, size_t bytes) {
  static constexpr uint32_t kUnit[] = {1'000'000, 10'000, 100, 1};  // microseconds
  return value.microsecond / kUnit[bytes];
}

void store_big_endian(uint8_t* out, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) out[i] = static_cast<uint8_t>(value >> 8 * (bytes - 1 - i));
}

uint64_t clock_of(const Temporal& value) {
  return uint64_t{value.hour} << 12 | value.minute << 6 | value.second;
}

// Days from 1970-01-01 to a day of that year or later.
uint32_t days_of(const Temporal& value) {
  // Years that begin in March have their leap day last.
  const uint32_t year = value.month <= 2 ? value.year - 1 : value.year;
  const uint32_t month = value.month <= 2 ? value.month + 9 : value.month - 3;
  return year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + value.day - 1 -
         719468;
}

bool is_zero(const Temporal& value) {
  return (value.year | value.month | value.day | value.hour | value.minute | value.second |
          value.microsecond) == 0;
}

}  // namespace

void store_date(uint8_t* out, const Temporal& value) {
  store_le<3>(out, value.year << 9 | value.month << 5 | value.day);
}

// Negative ones lie below the zero in the middle, their fraction included.
void store_time2(uint8_t* out, const Temporal& value, uint32_t digits) {
  const size_t bytes = fraction_bytes(digits);
  const uint64_t zero = uint64_t{1} << (23 + 8 * bytes);
  const uint64_t size = clock_of(value) << 8 * bytes | fraction_of(value, bytes);
  store_big_endian(out, value.negative ? zero - size : zero + size, 3 + bytes);
}

void store_datetime2(uint8_t* out, const Temporal& value, uint32_t digits) {
  constexpr uint64_t kSign = uint64_t{1} << 39;
  const uint64_t day = uint64_t{value.year * 13 + value.month} << 5 | value.day;
  store_big_endian(out, kSign | day << 17 | clock_of(value), 5);
  const size_t bytes = fraction_bytes(digits);
  store_big_endian(out + 5, fraction_of(value, bytes), bytes);
}

Status store_timestamp2(uint8_t* out, const Temporal& value, uint32_t digits) {
  uint64_t seconds = 0;
  if (!is_zero(value)) {
    if (value.year < 1970 || value.year > 2106 || value.month == 0 || value.day == 0)
      return fail(Code::kCorrupt, "time that no TIMESTAMP has");
    seconds =
        uint64_t{days_of(value)} * 86400 + value.hour * 3600 + value.minute * 60 + value.second;
    if (seconds > UINT32_MAX) return fail(Code::kCorrupt, "time that no TIMESTAMP has");
  }
  store_big_endian(out, seconds, 4);
  const size_t bytes = fraction_bytes(digits);
  store_big_endian(out + 4, fraction_of(value, bytes), bytes);
  return ok();
}

}  // namespace binbus::schema
