// Dates and times: as servers print them, and as rows hold them.
//
// Old formats are those of MySQL before 5.6.4, which tables made then keep; MariaDB's fractions before 10.1 (and later with
// mysql56_temporal_format=OFF) have formats of their own.
#pragma once

#include <string>

#include "schema/field.h"

namespace binbus::schema {

// Append "2024-02-29", "-838:59:59.5", "2024-02-29 12:00:00.25" with `digits` digits of the fraction.
void append_date(std::string& out, const Temporal& value);
void append_time(std::string& out, const Temporal& value, uint32_t digits);
void append_datetime(std::string& out, const Temporal& value, uint32_t digits);

// The parts of a value of any temporal wire type; kCorrupt where one is out of its range.
Result<Temporal> unpack_temporal(const Field& field);
// The way back, in the formats of today's servers: at `out` goes a value of kWireDate, kWireTime2, kWireDatetime2 or kWireTimestamp2
// with `digits` digits of its fraction, as long as value_size() says. The parts are in their range; the rest of the fraction is lost.
void store_date(uint8_t* out, const Temporal& value);
void store_time2(uint8_t* out, const Temporal& value, uint32_t digits);
void store_datetime2(uint8_t* out, const Temporal& value, uint32_t digits);
// UTC; kCorrupt when it is none that TIMESTAMP has: from 1970 to 2106, or all zeros.
Status store_timestamp2(uint8_t* out, const Temporal& value, uint32_t digits);

// kCorrupt when a part is out of its range.
Status check_range(const Temporal& value, uint32_t hour_max);
// How many digits of its fraction the value has.
uint32_t fraction_digits(const Field& field);

}  // namespace binbus::schema
