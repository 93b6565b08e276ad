#include "base/error_table.h"

#include "base/check.h"

namespace binbus {
namespace {

using log::Level;

// The MySQL numbers are the server's: 1236 is what replicas know as "fatal error reading the binary
// log".
constexpr ErrorRow kRows[] = {
    {Code::kInvalid, "invalid", Retry::kNever, 1210, "HY000", 400, Level::kError},
    {Code::kCorrupt, "corrupt", Retry::kElsewhere, 1236, "HY000", 500, Level::kError},
    {Code::kTruncated, "truncated", Retry::kLater, 1236, "HY000", 500, Level::kError},
    {Code::kNotFound, "not_found", Retry::kElsewhere, 1236, "HY000", 404, Level::kError},
    {Code::kExists, "exists", Retry::kNever, 1105, "HY000", 409, Level::kError},
    {Code::kIo, "io", Retry::kNever, 1026, "HY000", 500, Level::kError},
    {Code::kDiskFull, "disk_full", Retry::kLater, 1021, "HY000", 507, Level::kError},
    {Code::kNetwork, "network", Retry::kLater, 1158, "08S01", 502, Level::kWarn},
    {Code::kTimeout, "timeout", Retry::kLater, 1159, "08S01", 504, Level::kWarn},
    {Code::kAuth, "auth", Retry::kElsewhere, 1045, "28000", 401, Level::kError},
    {Code::kTls, "tls", Retry::kElsewhere, 2026, "HY000", 502, Level::kError},
    {Code::kUnsupported, "unsupported", Retry::kNever, 1235, "42000", 501, Level::kError},
    {Code::kPurged, "purged", Retry::kElsewhere, 1236, "HY000", 410, Level::kError},
    {Code::kDiverged, "diverged", Retry::kElsewhere, 1236, "HY000", 409, Level::kError},
    {Code::kLimit, "limit", Retry::kLater, 1040, "08004", 429, Level::kWarn},
    {Code::kStopped, "stopped", Retry::kLater, 1053, "08S01", 503, Level::kInfo},
    {Code::kRemote, "remote", Retry::kLater, 1105, "HY000", 502, Level::kWarn},
    {Code::kUnavailable, "unavailable", Retry::kLater, 1836, "HY000", 503, Level::kInfo},
};

}  // namespace

std::span<const ErrorRow> error_table() { return kRows; }

const ErrorRow& error_row(Code code) {
  const auto index = static_cast<size_t>(code);
  BINBUS_CHECK(index < std::size(kRows) && kRows[index].code == code);
  return kRows[index];
}

std::string_view retry_name(Retry retry) {
  switch (retry) {
    case Retry::kNever:
      return "never";
    case Retry::kLater:
      return "later";
    case Retry::kElsewhere:
      return "elsewhere";
  }
  return "never";
}

}  // namespace binbus
