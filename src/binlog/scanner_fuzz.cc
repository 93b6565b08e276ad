// The same bytes must scan the same, fed whole or in pieces of any size. The input's first byte chooses the dialect and
// where to start, the second the pieces.
#include <algorithm>
#include <random>

#include "base/check.h"
#include "binlog/scanner.h"

namespace binbus::binlog {
namespace {

struct Scan {
  std::vector<uint64_t> ends;
  std::string error;
  uint64_t offset, whole_events_end, last_end;
  bool operator==(const Scan&) const = default;
};

EventScanner::Options options_of(uint8_t choice) {
  EventScanner::Options options;
  options.verify_checksums = false;  // no input would pass
  options.require_log_pos = (choice & 1) != 0;
  if ((choice & 2) != 0) return options;
  options.offset = 1000;
  options.format.server_version = (choice & 4) != 0 ? "11.8.2-MariaDB" : "9.7.4";
  options.format.checksum = (choice & 8) != 0 ? Checksum::kCrc32 : Checksum::kNone;
  return options;
}

template <class NextSize>
Scan scan(uint8_t choice, Bytes bytes, NextSize next_size) {
  EventScanner scanner(options_of(choice));
  Scan out;
  const auto on_end = [&](const TransactionEnd& end) {
    BINBUS_CHECK(out.ends.empty() || out.ends.back() < end.offset);
    BINBUS_CHECK(end.transaction || end.gtid.index() == 0);
    out.ends.push_back(end.offset);
  };
  while (!bytes.empty() && out.error.empty()) {
    const size_t size = std::min<size_t>(next_size(), bytes.size());
    if (const Status fed = scanner.feed(bytes.first(size), on_end); !fed)
      out.error = fed.error().message;
    bytes = bytes.subspan(size);
  }
  out.offset =
      out.error.empty() ? scanner.offset() : 0;  // after an error, somewhere within the pieces
  out.whole_events_end = scanner.whole_events_end();
  out.last_end = scanner.last_end();
  BINBUS_CHECK(out.last_end <= out.whole_events_end);
  return out;
}

}  // namespace
}  // namespace binbus::binlog

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace binbus::binlog;
  if (size < 2) return 0;
  const binbus::Bytes bytes(data + 2, size - 2);
  std::minstd_rand random(data[1]);
  const Scan whole = scan(data[0], bytes, [&] { return bytes.size(); });
  BINBUS_CHECK(whole == scan(data[0], bytes, [] { return 1; }));
  BINBUS_CHECK(whole == scan(data[0], bytes, [&] { return 1 + random() % 60; }));
  return 0;
}
