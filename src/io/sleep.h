// A pause that somebody may end.
//
// Thread: any.
#pragma once

#include <cstdint>
#include <stop_token>

namespace binbus::io {

// Returns after that time, or when `stop` is asked for.
void sleep_for(uint64_t ms, const std::stop_token& stop);

}  // namespace binbus::io
