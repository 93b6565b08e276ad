// Makes entry records for bytes of a segment as they come.
#pragma once

#include "store/entries.h"

namespace binbus::store {

// Thread: one.
class EntryBuilder {
 public:
  struct Start {
    uint64_t offset = 0;  // in the segment, of the first byte to describe
    uint64_t next_index = 1;
    uint64_t term = 1;
  };
  EntryBuilder(Start start, uint64_t entry_bytes_max);

  // The segment's next bytes; `whole`: a transaction ends with them.
  void events(Bytes bytes, bool whole);
  void control(Bytes document);
  // The segment is cut back to `offset`, at or before the last transaction end.
  void abort(uint64_t offset);
  // The records made since the last start_batch(), with the one that was still open.
  Bytes records();
  bool empty() const { return !batch_started_ && open_.length == 0; }
  // The records were written, and what they describe is durable: goes on with a new batch.
  void start_batch();
  uint64_t next_index() const { return next_index_; }

 private:
  void close_entry();
  void add_record(Entry entry, Bytes inline_payload);

  uint64_t entry_bytes_max_;
  uint64_t term_;
  uint64_t next_index_;
  Entry open_;  // being extended; length 0: none
  ByteWriter records_;
  bool batch_started_ = false;
};

}  // namespace binbus::store
