#include "cli/units.h"

#include <fmt/format.h>

#include <ctime>

namespace binbus::cli {

std::string bytes_text(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  size_t unit = 0;
  double value = static_cast<double>(bytes);
  while (value >= 999.5 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value, unit > 0 && value < 9.95 ? 1 : 0, kUnits[unit]);
}

std::string duration_text(uint64_t ms) {
  const uint64_t s = ms / 1000;
  if (ms == 0) return "0 s";
  if (s < 10)
    return ms < 100 ? fmt::format("{} ms", ms) : fmt::format("{}.{} s", s, ms % 1000 / 100);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {} s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{} h {} min", s / 3600, s % 3600 / 60);
  return fmt::format("{} d {} h", s / 86400, s % 86400 / 3600);
}

std::string time_text(uint64_t unix_us) {
  if (unix_us == 0) return "-";
  const auto seconds = static_cast<time_t>(unix_us / 1'000'000);
  tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[32];
  const size_t length = ::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &utc);
  return {text, length};
}

std::string count_text(uint64_t count) {
  std::string text = std::to_string(count);
  for (size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

}  // namespace binbus::cli
