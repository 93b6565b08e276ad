// What every Code means to whoever handles it: one row per code, one place.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/log.h"
#include "base/result.h"

namespace binbus {

// What to do about a failure, when something may be tried again.
enum class Retry : uint8_t {
  kNever,     // the same will fail again until somebody changes something
  kLater,     // the same may work by itself after a while
  kElsewhere  // another server may do; the same one only after a long while
};

struct ErrorRow {
  Code code;
  std::string_view name;  // "disk_full": in logs, status and metrics
  Retry retry;
  uint16_t mysql_errno;  // sent to clients of the MySQL protocol
  std::string_view sql_state;
  uint16_t http_status;
  log::Level level;  // at which it is logged where it is handled
};

// Every code, in the enum's order.
std::span<const ErrorRow> error_table();
const ErrorRow& error_row(Code code);

inline std::string_view code_name(Code code) { return error_row(code).name; }
inline Retry retry_of(Code code) { return error_row(code).retry; }
std::string_view retry_name(Retry retry);  // "never", "later", "elsewhere"

// The error's own MySQL number, or its code's.
inline uint16_t mysql_errno_of(const Error& error) {
  return error.mysql_errno != 0 ? error.mysql_errno : error_row(error.code).mysql_errno;
}

}  // namespace binbus
