#include "base/utc_time.h"

#include <time.h>

namespace binbus {

std::string utc_text(uint64_t time_us) {
  const auto seconds = static_cast<time_t>(time_us / 1'000'000);
  tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[32];
  return {text, ::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

std::optional<uint64_t> parse_utc_us(const std::string& text) {
  tm utc{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return static_cast<uint64_t>(::timegm(&utc)) * 1'000'000;
}

}  // namespace binbus
