#include "store/scan.h"

#include <algorithm>

namespace binbus::store {

Result<Scanned> scan_segment(const io::File& segment, uint64_t from, uint64_t to,
                             const binlog::FormatDescription& format,
                             const std::function<void(const binlog::TransactionEnd&)>& on_end) {
  constexpr uint64_t kReadBytes = 1024 * 1024;
  binlog::EventScanner scanner({.offset = from, .format = format, .require_log_pos = false});
  Scanned scanned{from, from, std::nullopt};
  ByteVector buffer(static_cast<size_t>(std::min(kReadBytes, to - std::min(from, to))));
  for (uint64_t at = from; at < to && !scanned.broken;) {
    const auto part =
        std::span(buffer).first(static_cast<size_t>(std::min<uint64_t>(buffer.size(), to - at)));
    BINBUS_TRY(count, segment.read_at(at, part));
    if (count == 0) break;
    const Status fed = scanner.feed(part.first(count), [&](const binlog::TransactionEnd& end) {
      scanned.last_end = end.offset;
      on_end(end);
    });
    if (!fed) scanned.broken = fed.error();
    at += count;
  }
  scanned.whole_end = scanner.whole_events_end();
  return scanned;
}

}  // namespace binbus::store
