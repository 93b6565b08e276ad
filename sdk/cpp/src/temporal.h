// The texts of DATE, TIME and DATETIME. None where a text is none.
#pragma once

#include "binbus/value.h"

namespace binbus {

std::optional<Date> parse_date(std::string_view text);
std::optional<Time> parse_time(std::string_view text);
std::optional<DateTime> parse_datetime(std::string_view text);  // or a date: its midnight

}  // namespace binbus
