// Times as people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace binbus {

// "2026-11-20T10:00:00Z", of microseconds since the epoch.
std::string utc_text(uint64_t time_us);
// "2026-11-20T10:00:00Z" in microseconds since the epoch; none for anything else.
std::optional<uint64_t> parse_utc_us(const std::string& text);

}  // namespace binbus
