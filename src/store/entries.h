// A segment's `.entries` file: one record per Raft entry. Layout: docs/formats/segment.md.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "io/file.h"

namespace binbus::store {

// What an entry carries. The payload of events is in the segment, that of all others inline, behind the record.
enum class EntryKind : uint8_t {
  kEvents = 1,   // bytes of the segment
  kControl = 2,  // a JSON document (control.h)
  kAbort = 3,    // nothing: the segment is cut at `offset`, once this is committed
  kBegin = 4,    // a JSON document: the next segment begins, once this is committed
  kEmpty = 5,    // nothing: a new leader's first entry
  kMembers = 6,  // a change of the group's members, as Raft encodes it
  kPart = 7,     // bytes of a schema baseline, which a control record behind it tells of
  kVoid = 8      // nothing: stands for events that an abort behind it has cut
};

// What comes into being at its commit and not before. Its proposer waits for that, so what follows one, but for Raft's own
// kEmpty and kMembers, proves that it is committed.
inline bool is_barrier(EntryKind kind) {
  return kind == EntryKind::kAbort || kind == EntryKind::kBegin;
}
inline bool is_rafts_own(EntryKind kind) {
  return kind == EntryKind::kEmpty || kind == EntryKind::kMembers;
}

enum EntryFlag : uint8_t {
  kEndsTransaction = 1,  // readers may be shown the log up to this entry's end
  kStartsBatch = 2       // everything before this entry was durable when it was written
};

struct Entry {
  uint64_t index = 0;
  uint64_t term = 0;
  uint64_t offset =
      0;  // in the segment: of the payload's first byte (kEvents), of the end at the time, of the cut
  uint32_t length = 0;  // of the payload, bytes
  uint32_t payload_crc = 0;
  EntryKind kind = EntryKind::kEvents;
  uint8_t flags = 0;

  bool ends_transaction() const { return (flags & kEndsTransaction) != 0; }
  bool starts_batch() const { return (flags & kStartsBatch) != 0; }
  // Where the segment ends with it; of a barrier: once that is committed.
  uint64_t end() const { return kind == EntryKind::kEvents ? offset + length : offset; }
  bool operator==(const Entry&) const = default;
};

inline constexpr size_t kEntriesHeaderBytes = 32;
inline constexpr size_t kEntryBytes = 40;
inline constexpr uint32_t kInlineBytesMax = 1024 * 1024;

// Appends the file's header, or a record and what is inline behind it.
void store_entries_header(ByteWriter& out, uint64_t first_index);
void store_entry(ByteWriter& out, const Entry& entry, Bytes inline_payload = {});

struct EntryAt {
  Entry entry;
  uint64_t record = 0;  // where its record stands in the file
  ByteVector inline_payload;
  uint64_t record_end() const;
};

// Reads records in order, some 100 KiB at a time. Thread: one. Owner: borrows the file.
class EntriesReader {
 public:
  // Checks the header; kCorrupt or kTruncated when it is none of ours.
  static Result<EntriesReader> open(const io::File& file);
  // Goes on behind `before`, an entry of this file that ends there.
  static EntriesReader at(const io::File& file, const EntryAt& before);
  uint64_t first_index() const { return first_index_; }
  // The next record. kTruncated at the file's end or in a record that is cut short; kCorrupt when it does not match its
  // checksums, does not follow the one before (index, term, offset), or is of no known kind. Then position() stays.
  Result<EntryAt> next();
  uint64_t position() const { return position_; }
  // The segment's length that the records read so far describe.
  uint64_t segment_end() const { return segment_end_; }
  uint64_t next_index() const { return next_index_; }
  uint64_t term() const { return term_; }

 private:
  EntriesReader(const io::File& file, uint64_t first_index)
      : file_(&file), first_index_(first_index), next_index_(first_index) {}
  Result<Bytes> peek(size_t bytes);

  const io::File* file_;
  uint64_t first_index_;
  uint64_t position_ = kEntriesHeaderBytes;
  uint64_t segment_end_ = 0;
  uint64_t next_index_;
  uint64_t term_ = 0;
  ByteVector buffer_;
  uint64_t buffer_at_ = 0;  // file offset of buffer_'s first byte
};

// What `entry` is to those who lack the segment's bytes: void, when one of these aborts, which are in effect, has cut it.
Entry as_sent(const Entry& entry, const std::vector<Entry>& aborts);

// The record that stands there.
Result<EntryAt> read_entry(const io::File& file, uint64_t record);

// A record whose checksum holds, wherever it stands in a file: to tell damage from a torn tail.
Result<Entry> parse_entry(Bytes record);

}  // namespace binbus::store
