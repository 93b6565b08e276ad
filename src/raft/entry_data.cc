#include "raft/entry_data.h"

#include "binlog/event.h"

namespace binbus::raft {

using store::Entry;
using store::EntryKind;

ByteVector describe(const Entry& entry) {
  ByteWriter out;
  out.u8(static_cast<uint8_t>(entry.kind)).u8(entry.flags & store::kEndsTransaction);
  out.u64(entry.offset).u32(entry.length).u32(entry.payload_crc);
  return out.take();
}

Result<Entry> entry_of(const CoreEntry& from) {
  Entry entry{.index = from.index, .term = from.term, .kind = EntryKind::kEmpty};
  if (from.members) {
    entry.kind = EntryKind::kMembers;
    entry.length = static_cast<uint32_t>(from.data.size());
    entry.payload_crc = from.data.empty() ? 0 : binlog::crc32(0, from.data);
    return entry;
  }
  if (from.data.empty()) return entry;
  ByteReader in(from.data);
  BINBUS_TRY(kind, in.u8("entry's kind"));
  BINBUS_TRY(flags, in.u8("entry's flags"));
  BINBUS_TRY(offset, in.u64("entry's offset"));
  BINBUS_TRY(length, in.u32("entry's length"));
  BINBUS_TRY(crc, in.u32("entry's checksum"));
  entry.kind = static_cast<EntryKind>(kind);
  entry.flags = flags & store::kEndsTransaction;
  entry.offset = offset;
  entry.length = length;
  entry.payload_crc = crc;
  if (entry.kind < EntryKind::kEvents || entry.kind > EntryKind::kVoid ||
      store::is_rafts_own(entry.kind) || in.remaining() > 0)
    return fail(Code::kCorrupt, "an entry of unknown kind " + std::to_string(kind));
  return entry;
}

}  // namespace binbus::raft
