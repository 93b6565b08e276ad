#include "store/entry_builder.h"

#include <algorithm>
#include <utility>

#include "binlog/event.h"

namespace binbus::store {

EntryBuilder::EntryBuilder(uint64_t offset, uint64_t entry_bytes_max)
    : entry_bytes_max_(std::clamp<uint64_t>(entry_bytes_max, 1, UINT32_MAX)) {
  open_.offset = offset;
}

// Extends the open entry, or closes it and opens the next.
void EntryBuilder::events(Bytes bytes, bool whole) {
  while (!bytes.empty()) {
    const auto count =
        static_cast<size_t>(std::min<uint64_t>(bytes.size(), entry_bytes_max_ - open_.length));
    const bool ends = whole && count == bytes.size();
    if (count == 0 || (open_.ends_transaction() && !ends)) {
      close_entry();
      continue;
    }
    open_.payload_crc = binlog::crc32(open_.payload_crc, bytes.first(count));
    open_.length += static_cast<uint32_t>(count);
    if (ends) open_.flags |= kEndsTransaction;
    bytes = bytes.subspan(count);
  }
}

std::vector<Entry> EntryBuilder::take() {
  close_entry();
  return std::exchange(entries_, {});
}

void EntryBuilder::close_entry() {
  if (open_.length == 0) return;
  entries_.push_back(open_);
  const uint64_t next = open_.end();
  open_ = Entry();
  open_.offset = next;
}

}  // namespace binbus::store
