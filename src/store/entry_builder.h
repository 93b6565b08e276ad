// Cuts bytes of a segment into entries as they come.
#pragma once

#include "store/entries.h"

namespace binbus::store {

// Thread: one.
class EntryBuilder {
 public:
  // `offset`: in the segment, of the first byte to describe.
  EntryBuilder(uint64_t offset, uint64_t entry_bytes_max);

  // The segment's next bytes; `whole`: a transaction ends with them. The last transaction end that was told is always an
  // entry's end, so that a cut there cuts between entries.
  void events(Bytes bytes, bool whole);
  bool empty() const { return entries_.empty() && open_.length == 0; }
  // Where the next byte goes.
  uint64_t end() const { return open_.end(); }
  // The entries since the last take(), without index and term.
  std::vector<Entry> take();

 private:
  void close_entry();

  uint64_t entry_bytes_max_;
  Entry open_;  // being extended; length 0: none
  std::vector<Entry> entries_;
};

}  // namespace binbus::store
