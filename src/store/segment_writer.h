// Appends to the newest segment: its bytes as they come, and entry records that describe them.
#pragma once

#include <memory>

#include "store/entry_builder.h"

namespace binbus::store {

// Owner:  owns both files.
// Thread: the log's writer.
// Errors: after kDiskFull call roll_back(); after any other the files' tails are unknown and only recovery may go on.
class SegmentWriter {
 public:
  // How long both files are, and what comes next: at a transaction end, all of it durable.
  struct Start {
    uint64_t bytes = 0;
    uint64_t entries_bytes = kEntriesHeaderBytes;
    uint64_t next_index = 1;
    uint64_t term = 1;
  };
  SegmentWriter(std::unique_ptr<io::File> segment, std::unique_ptr<io::File> entries,
                const Start& start, uint64_t entry_bytes_max);

  // `whole`: how many of the bytes reach up to the last transaction end in them; 0: there is none.
  Status append(Bytes bytes, uint64_t whole);
  // A control record of at most kControlBytesMax, at a transaction end.
  void control(Bytes document);
  // Everything durable. One fdatasync when the events' own checksums can prove them after a power cut; the entries' own
  // follows at control records and now and then (docs/decisions/0001-one-fsync-per-commit.md).
  Status sync();
  // The same, with the entries durable too.
  Status seal();
  // Cuts what follows the last transaction end, durably; syncs what stays.
  Status abort();
  // Cuts what follows the last sync().
  Status roll_back();

  // True once the segment is known to carry event checksums; until then every sync() syncs both files.
  void set_checksummed(bool checksummed) { checksummed_ = checksummed; }
  uint64_t end() const { return now_.end; }
  uint64_t last_end() const { return now_.last_end; }  // the last transaction end
  uint64_t unsynced_bytes() const { return now_.end - synced_.end; }
  uint64_t next_index() const { return builder_.next_index(); }
  uint64_t term() const { return term_; }

 private:
  struct Place {
    uint64_t end;
    uint64_t last_end;
    uint64_t entries_end;
    uint64_t next_index;
  };

  EntryBuilder builder_at(const Place& place) const;
  Status write_records();
  Status sync_entries();
  void synced();

  std::unique_ptr<io::File> segment_;
  std::unique_ptr<io::File> entries_;
  const uint64_t entry_bytes_max_;
  const uint64_t term_;
  bool checksummed_ = false;
  Place now_;
  Place synced_;  // as of the last sync()
  EntryBuilder builder_;
  bool must_sync_entries_ = false;
  uint64_t entries_synced_at_;  // the segment's end when the entries were last durable
  uint64_t written_back_;       // up to where the disk was asked to write the segment
};

}  // namespace binbus::store
