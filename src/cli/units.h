// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace binbus::cli {

std::string bytes_text(uint64_t bytes);  // "512 B", "1.5 MB", "454 MB"
std::string duration_text(
    uint64_t ms);  // "0 s", "0.3 s", "42 s", "5 min 3 s", "2 h 13 min", "3 d 4 h"
std::string time_text(uint64_t unix_us);  // "2026-11-20 10:00:00" UTC; "-" for 0
std::string count_text(uint64_t count);   // "1,577,636"

}  // namespace binbus::cli
