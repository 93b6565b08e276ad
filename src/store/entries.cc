#include "store/entries.h"

#include <algorithm>

#include "base/check.h"
#include "binlog/event.h"

namespace binbus::store {
namespace {

constexpr std::string_view kMagic = "binbusEN";
constexpr uint32_t kVersion = 2;
constexpr size_t kReadBytes = 128 * 1024;

size_t padded(size_t bytes) { return (bytes + 7) / 8 * 8; }
size_t inline_bytes(const Entry& entry) {
  return entry.kind == EntryKind::kEvents ? 0 : padded(entry.length);
}

Status check_follows(const Entry& entry, const EntriesReader& before) {
  if (entry.index != before.next_index()) {
    return fail(Code::kCorrupt, "index " + std::to_string(entry.index) + " where " +
                                    std::to_string(before.next_index()) + " was due");
  }
  if (entry.term < before.term()) return fail(Code::kCorrupt, "its term went back");
  const bool in_place = entry.kind == EntryKind::kAbort ? entry.offset <= before.segment_end()
                                                        : entry.offset == before.segment_end();
  if (!in_place) {
    return fail(Code::kCorrupt, "offset " + std::to_string(entry.offset) + " where " +
                                    std::to_string(before.segment_end()) + " was due");
  }
  return ok();
}

}  // namespace

void store_entries_header(ByteWriter& out, uint64_t first_index) {
  ByteWriter header;
  header.text(kMagic).u32(kVersion).u32(kEntryBytes).u64(first_index).u32(0);
  out.bytes(header.view()).u32(binlog::crc32(0, header.view()));
}

void store_entry(ByteWriter& out, const Entry& entry, Bytes inline_payload) {
  BINBUS_CHECK(inline_payload.empty() || inline_payload.size() == entry.length);
  uint8_t record[kEntryBytes] = {};
  store_le<8>(record, entry.index);
  store_le<8>(record + 8, entry.term);
  store_le<8>(record + 16, entry.offset);
  store_le<4>(record + 24, entry.length);
  store_le<4>(record + 28, entry.payload_crc);
  record[32] = static_cast<uint8_t>(entry.kind);
  record[33] = entry.flags;
  store_le<4>(record + 36, binlog::crc32(0, Bytes(record, 36)));
  out.bytes(record)
      .bytes(inline_payload)
      .zeros(padded(inline_payload.size()) - inline_payload.size());
}

uint64_t EntryAt::record_end() const { return record + kEntryBytes + inline_bytes(entry); }

Result<Entry> parse_entry(Bytes record) {
  if (record.size() < kEntryBytes) return fail(Code::kTruncated, "record cut short");
  const uint8_t* at = record.data();
  if (binlog::crc32(0, record.first(36)) != load_u32(at + 36)) {
    return fail(Code::kCorrupt, "record does not match its checksum");
  }
  Entry entry{load_u64(at),
              load_u64(at + 8),
              load_u64(at + 16),
              load_u32(at + 24),
              load_u32(at + 28),
              static_cast<EntryKind>(at[32]),
              at[33]};
  if (entry.kind < EntryKind::kEvents || entry.kind > EntryKind::kVoid) {
    return fail(Code::kCorrupt, "record of unknown kind " + std::to_string(at[32]));
  }
  if (entry.kind != EntryKind::kEvents && entry.length > kInlineBytesMax) {
    return fail(Code::kCorrupt,
                "record with a payload of " + std::to_string(entry.length) + " bytes");
  }
  return entry;
}

Entry as_sent(const Entry& entry, const std::vector<Entry>& aborts) {
  if (entry.kind != EntryKind::kEvents) return entry;
  for (const Entry& abort : aborts) {
    if (abort.index > entry.index && abort.offset < entry.end())
      return {.index = entry.index, .term = entry.term, .kind = EntryKind::kVoid};
  }
  return entry;
}

Result<EntryAt> read_entry(const io::File& file, uint64_t record) {
  uint8_t bytes[kEntryBytes];
  BINBUS_TRY(count, file.read_at(record, bytes));
  BINBUS_TRY(entry, parse_entry(Bytes(bytes, count)));
  EntryAt found{entry, record, {}};
  if (inline_bytes(entry) == 0) return found;
  found.inline_payload.resize(entry.length);
  BINBUS_TRY(length, file.read_at(record + kEntryBytes, found.inline_payload));
  if (length < entry.length || binlog::crc32(0, found.inline_payload) != entry.payload_crc)
    return fail(Code::kCorrupt, "payload does not match its checksum");
  return found;
}

Result<EntriesReader> EntriesReader::open(const io::File& file) {
  uint8_t header[kEntriesHeaderBytes];
  BINBUS_TRY(count, file.read_at(0, header));
  if (count < sizeof header) return fail(Code::kTruncated, "header cut short");
  if (as_text(Bytes(header, 8)) != kMagic ||
      load_u32(header + 28) != binlog::crc32(0, Bytes(header, 28))) {
    return fail(Code::kCorrupt, "not a header of an entries file");
  }
  if (load_u32(header + 8) != kVersion || load_u32(header + 12) != kEntryBytes) {
    return fail(Code::kUnsupported,
                "entries file of version " + std::to_string(load_u32(header + 8)) +
                    "; this binbus reads version 2. Move the folder away and `binbus import` its "
                    "binlog files");
  }
  return EntriesReader(file, load_u64(header + 16));
}

EntriesReader EntriesReader::at(const io::File& file, const EntryAt& before) {
  EntriesReader reader(file, before.entry.index + 1);
  reader.position_ = before.record_end();
  reader.segment_end_ = before.entry.end();
  reader.term_ = before.entry.term;
  return reader;
}

// The bytes at position_, without moving on.
Result<Bytes> EntriesReader::peek(size_t bytes) {
  if (position_ < buffer_at_ || position_ + bytes > buffer_at_ + buffer_.size()) {
    buffer_.resize(std::max(bytes, kReadBytes));
    buffer_at_ = position_;
    BINBUS_TRY(count, file_->read_at(position_, buffer_));
    buffer_.resize(count);
    if (count < bytes) return fail(Code::kTruncated, "record cut short");
  }
  return Bytes(buffer_).subspan(static_cast<size_t>(position_ - buffer_at_), bytes);
}

Result<EntryAt> EntriesReader::next() {
  BINBUS_TRY(record, peek(kEntryBytes));
  BINBUS_TRY(entry, parse_entry(record));
  BINBUS_RETURN_IF_ERROR(check_follows(entry, *this));
  EntryAt found{entry, position_, {}};
  if (inline_bytes(entry) > 0) {
    BINBUS_TRY(whole, peek(kEntryBytes + inline_bytes(entry)));
    const Bytes payload = whole.subspan(kEntryBytes, entry.length);
    if (binlog::crc32(0, payload) != entry.payload_crc) {
      return fail(Code::kCorrupt, "payload does not match its checksum");
    }
    found.inline_payload = to_owned(payload);
  }
  position_ = found.record_end();
  segment_end_ = entry.end();
  next_index_ = entry.index + 1;
  term_ = entry.term;
  return found;
}

}  // namespace binbus::store
