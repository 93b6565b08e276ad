// BINBUS_CHECK(condition): states what our own code guarantees; on in release; ends the process when wrong.
// Never for bytes from disk, network or user: those return kCorrupt or kInvalid.
#pragma once

namespace binbus {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}  // namespace binbus

#define BINBUS_CHECK(condition) \
  ((condition) ? void() : ::binbus::check_failed(#condition, __FILE__, __LINE__))
