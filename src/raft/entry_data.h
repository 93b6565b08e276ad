// What Raft sees of an entry: a few bytes that describe it.
#pragma once

#include "raft/core.h"
#include "store/entries.h"

namespace binbus::raft {

// Of all kinds but kEmpty, which is no data, and kMembers, whose data is the entry's payload.
ByteVector describe(const store::Entry& entry);
// kCorrupt when the data is none of these.
Result<store::Entry> entry_of(const CoreEntry& entry);

}  // namespace binbus::raft
