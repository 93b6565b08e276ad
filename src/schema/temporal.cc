#include "schema/temporal.h"

#include <algorithm>

#include "schema/wire_types.h"

namespace binbus::schema {
namespace {

constexpr uint32_t kPowersOfTen[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
constexpr uint64_t kMicroseconds = 1'000'000;

template <int kDigits>
char* write_digits(char* at, uint32_t value) {
  for (int i = kDigits - 1; i >= 0; --i, value /= 10) at[i] = static_cast<char>('0' + value % 10);
  return at + kDigits;
}

char* write_date(char* at, const Temporal& value) {
  at = write_digits<4>(at, value.year);
  *at++ = '-';
  at = write_digits<2>(at, value.month);
  *at++ = '-';
  return write_digits<2>(at, value.day);
}

char* write_fraction(char* at, uint32_t microsecond, uint32_t digits) {
  if (digits == 0) return at;
  *at++ = '.';
  char all[6];
  write_digits<6>(all, microsecond);
  return std::copy(all, all + std::min(digits, 6U), at);
}

char* write_clock(char* at, const Temporal& value, uint32_t digits) {
  at = value.hour > 99 ? write_digits<3>(at, value.hour) : write_digits<2>(at, value.hour);
  *at++ = ':';
  at = write_digits<2>(at, value.minute);
  *at++ = ':';
  at = write_digits<2>(at, value.second);
  return write_fraction(at, value.microsecond, digits);
}

uint64_t load_big_endian(const uint8_t* at, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value = value << 8 | at[i];
  return value;
}

// Of hundredths, ten-thousandths or millionths, by the bytes that hold them.
uint32_t fraction_unit(size_t bytes) { return kPowersOfTen[6 - 2 * bytes]; }

Result<Temporal> checked(const Temporal& value, uint32_t hour_max = 23) {
  BINBUS_RETURN_IF_ERROR(check_range(value, hour_max));
  return value;
}

constexpr uint32_t kHourMax = 838;

// Of days since 1970-01-01.
void set_civil_date(Temporal& value, uint32_t days) {
  // Years that begin in March have their leap day last.
  const uint32_t z = days + 719468;
  const uint32_t era = z / 146097;
  const uint32_t day_of_era = z % 146097;
  const uint32_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const uint32_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const uint32_t shifted_month = (5 * day_of_year + 2) / 153;
  value.day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  value.month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  value.year = year_of_era + era * 400 + (value.month <= 2 ? 1 : 0);
}

// No second of all is the zero date.
Result<Temporal> from_epoch(uint32_t seconds, uint32_t microsecond) {
  Temporal value;
  if (seconds == 0 && microsecond == 0) return value;
  set_civil_date(value, seconds / 86400);
  value.hour = seconds / 3600 % 24;
  value.minute = seconds / 60 % 60;
  value.second = seconds % 60;
  value.microsecond = microsecond;
  return checked(value);
}

// Reads what is written in decimal: 20240229120000.
Result<Temporal> from_decimal_datetime(uint64_t value) {
  const uint64_t date = value / 1'000'000;
  const auto clock = static_cast<uint32_t>(value % 1'000'000);
  if (date > 99991231) return fail(Code::kCorrupt, "date or time out of its range");
  const auto day = static_cast<uint32_t>(date);
  return checked({.year = day / 10000,
                  .month = day / 100 % 100,
                  .day = day % 100,
                  .hour = clock / 10000,
                  .minute = clock / 100 % 100,
                  .second = clock % 100});
}

Result<Temporal> unpack_date(Bytes bytes) {
  const auto packed = static_cast<uint32_t>(load_le<3>(bytes.data()));
  return checked({.year = packed >> 9, .month = packed >> 5 & 15, .day = packed & 31});
}

Result<Temporal> unpack_old_time(Bytes bytes) {
  const auto packed = static_cast<int32_t>(load_le<3>(bytes.data()) << 8) >> 8;
  const auto size = static_cast<uint32_t>(packed < 0 ? -packed : packed);
  return checked({.hour = size / 10000,
                  .minute = size / 100 % 100,
                  .second = size % 100,
                  .negative = packed < 0},
                 kHourMax);
}

// Whole units of a fraction of `decimals` digits since year 0, with months of 32 days and years of 13 months.
Result<Temporal> from_units(uint64_t units, uint32_t decimals, bool with_date) {
  const uint64_t scale = kPowersOfTen[decimals];
  Temporal value;
  value.microsecond = static_cast<uint32_t>(units % scale) * kPowersOfTen[6 - decimals];
  units /= scale;
  value.second = static_cast<uint32_t>(units % 60);
  value.minute = static_cast<uint32_t>(units / 60 % 60);
  units /= 3600;
  if (!with_date) {
    value.hour = static_cast<uint32_t>(std::min<uint64_t>(units, kHourMax + 1));
    return checked(value, kHourMax);
  }
  value.hour = static_cast<uint32_t>(units % 24);
  units /= 24;
  value.day = static_cast<uint32_t>(units % 32);
  value.month = static_cast<uint32_t>(units / 32 % 13);
  value.year = static_cast<uint32_t>(std::min<uint64_t>(units / 32 / 13, 10000));
  return checked(value);
}

Result<Temporal> unpack_mariadb_time(Bytes bytes, uint32_t decimals) {
  constexpr uint64_t kZeroSeconds = 3020400;  // one second more than any TIME has
  const uint64_t zero = kZeroSeconds * kPowersOfTen[decimals];
  const uint64_t packed = load_big_endian(bytes.data(), bytes.size());
  BINBUS_TRY(value, from_units(packed < zero ? zero - packed : packed - zero, decimals, false));
  value.negative = packed < zero;
  return value;
}

Result<Temporal> unpack_mariadb_timestamp(Bytes bytes, uint32_t decimals) {
  const auto fraction = load_big_endian(bytes.data() + 4, bytes.size() - 4);
  if (fraction >= kPowersOfTen[decimals]) return fail(Code::kCorrupt, "fraction out of its range");
  // Seconds too are big-endian here.
  return from_epoch(static_cast<uint32_t>(load_big_endian(bytes.data(), 4)),
                    static_cast<uint32_t>(fraction) * kPowersOfTen[6 - decimals]);
}

Result<Temporal> unpack_datetime2(Bytes bytes) {
  const uint64_t packed = load_big_endian(bytes.data(), 5) & 0x7fffffffff;
  const size_t fraction_bytes = bytes.size() - 5;
  const uint64_t day = packed >> 17;
  const uint64_t month = day >> 5;
  return checked(
      {.year = static_cast<uint32_t>(month / 13),
       .month = static_cast<uint32_t>(month % 13),
       .day = static_cast<uint32_t>(day & 31),
       .hour = static_cast<uint32_t>(packed >> 12 & 31),
       .minute = static_cast<uint32_t>(packed >> 6 & 63),
       .second = static_cast<uint32_t>(packed & 63),
       .microsecond = static_cast<uint32_t>(load_big_endian(bytes.data() + 5, fraction_bytes)) *
                      fraction_unit(fraction_bytes)});
}

Result<Temporal> unpack_timestamp2(Bytes bytes) {
  const size_t fraction_bytes = bytes.size() - 4;
  return from_epoch(static_cast<uint32_t>(load_big_endian(bytes.data(), 4)),
                    static_cast<uint32_t>(load_big_endian(bytes.data() + 4, fraction_bytes)) *
                        fraction_unit(fraction_bytes));
}

// One number of 24 bits and the fraction's, with zero in their middle.
Result<Temporal> unpack_time2(Bytes bytes) {
  const size_t fraction_bytes = bytes.size() - 3;
  const auto zero = int64_t{1} << (23 + 8 * fraction_bytes);
  const int64_t packed = static_cast<int64_t>(load_big_endian(bytes.data(), bytes.size())) - zero;
  const auto size = static_cast<uint64_t>(packed < 0 ? -packed : packed);
  const uint64_t clock = size >> (8 * fraction_bytes);
  const uint64_t fraction = size & ((uint64_t{1} << (8 * fraction_bytes)) - 1);
  return checked({.hour = static_cast<uint32_t>(clock >> 12 & 1023),
                  .minute = static_cast<uint32_t>(clock >> 6 & 63),
                  .second = static_cast<uint32_t>(clock & 63),
                  .microsecond = static_cast<uint32_t>(fraction) * fraction_unit(fraction_bytes),
                  .negative = packed < 0},
                 kHourMax);
}

bool is_new_format(uint8_t type) {
  return type == kWireTimestamp2 || type == kWireDatetime2 || type == kWireTime2;
}

}  // namespace

void append_date(std::string& out, const Temporal& value) {
  char text[16];
  out.append(text, write_date(text, value));
}

void append_time(std::string& out, const Temporal& value, uint32_t digits) {
  char text[24];
  char* at = text;
  if (value.negative) *at++ = '-';
  out.append(text, write_clock(at, value, digits));
}

void append_datetime(std::string& out, const Temporal& value, uint32_t digits) {
  char text[40];
  char* at = write_date(text, value);
  *at++ = ' ';
  out.append(text, write_clock(at, value, digits));
}

Status check_range(const Temporal& value, uint32_t hour_max) {
  if (value.year > 9999 || value.month > 12 || value.day > 31 || value.hour > hour_max ||
      value.minute > 59 || value.second > 59 || value.microsecond >= kMicroseconds) {
    return fail(Code::kCorrupt, "date or time out of its range");
  }
  return ok();
}

uint32_t fraction_digits(const Field& field) {
  return std::min<uint32_t>(
      6, is_new_format(field.wire.type) ? field.wire.metadata : field.column->decimals);
}

Result<Temporal> unpack_temporal(const Field& field) {
  const Bytes bytes = field.bytes;
  const uint32_t decimals = fraction_digits(field);
  BINBUS_TRY(size, value_size(field.wire, static_cast<uint8_t>(decimals)));
  if (size.fixed != bytes.size()) return fail(Code::kCorrupt, "date or time of another size");
  switch (field.wire.type) {
    case kWireDate:
    case kWireNewdate:
      return unpack_date(bytes);
    case kWireTime:
      return decimals > 0 ? unpack_mariadb_time(bytes, decimals) : unpack_old_time(bytes);
    case kWireDatetime:
      if (decimals > 0)
        return from_units(load_big_endian(bytes.data(), bytes.size()), decimals, true);
      return from_decimal_datetime(load_u64(bytes.data()));
    case kWireTimestamp:
      return decimals > 0 ? unpack_mariadb_timestamp(bytes, decimals)
                          : from_epoch(load_u32(bytes.data()), 0);
    case kWireTime2:
      return unpack_time2(bytes);
    case kWireDatetime2:
      return unpack_datetime2(bytes);
    case kWireTimestamp2:
      return unpack_timestamp2(bytes);
    default:
      return fail(Code::kInvalid, "not a temporal type");
  }
}

}  // namespace binbus::schema
