// Appends to the newest segment: bytes, and the records of entries that describe them.
#pragma once

#include <memory>

#include "store/entries.h"

namespace binbus::store {

// Owner:  owns both files; the segment's is null for what comes before the first segment, which has no bytes.
// Thread: the log's writer.
// Errors: after kDiskFull call truncate(); after any other the files' tails are unknown and only recovery may go on.
class SegmentWriter {
 public:
  // How long both files are; all of it durable.
  struct Start {
    uint64_t bytes = 0;
    uint64_t entries_bytes = kEntriesHeaderBytes;
  };
  SegmentWriter(std::unique_ptr<io::File> segment, std::unique_ptr<io::File> entries,
                const Start& start);

  // Bytes at end().
  Status write(Bytes bytes);
  // The next entry's record, behind those of before. Returns where in the file it will stand.
  uint64_t record(Entry entry, Bytes inline_payload);
  // Everything durable. One fdatasync when the events' own checksums can prove them after a power cut; the entries' own
  // follows at records of other kinds and now and then (docs/decisions/0001-one-fsync-per-commit.md).
  Status sync();
  // The same, with the entries durable too.
  Status seal();
  // Cuts the segment; durable on return. All records are synced.
  Status cut(uint64_t bytes);
  // Drops bytes that no record tells of, durably; needs no room on the disk.
  Status unstage(uint64_t bytes);
  // Cuts both files to what they had at a place between entries, synced or not; durable on return.
  Status truncate(uint64_t bytes, uint64_t entries_bytes);

  // True once the segment is known to carry event checksums; until then every sync() syncs both files.
  void set_checksummed(bool checksummed) { checksummed_ = checksummed; }
  // If others rely on the entries' numbers, from here to the segment's end: every sync() syncs both files. A change of the
  // members says so itself, whatever it comes to: behind it recovery makes no entry again.
  void share(bool shared) { shared_ = shared_ || shared; }
  uint64_t end() const { return now_.bytes; }
  uint64_t entries_end() const { return now_.entries_bytes; }
  uint64_t synced_end() const { return synced_.bytes; }

 private:
  struct Place {
    uint64_t bytes;
    uint64_t entries_bytes;
  };

  Status write_records();
  Status sync_entries();
  Status cut_entries(uint64_t to, uint64_t end);

  std::unique_ptr<io::File> segment_;
  std::unique_ptr<io::File> entries_;
  bool checksummed_ = false;
  bool shared_ = false;
  Place now_;     // with the records that are not written yet
  Place synced_;  // as of the last sync()
  ByteWriter records_;
  bool batch_started_ = false;
  bool must_sync_entries_ = true;  // the first after opening may follow an abort
  uint64_t entries_synced_at_;     // the segment's end when the entries were last durable
  uint64_t written_back_;          // up to where the disk was asked to write the segment
};

}  // namespace binbus::store
