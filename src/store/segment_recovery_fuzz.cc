// A segment and its entries file from outside: opening such a log must not crash, whatever it answers; and what it mended
// must need no more mending.
//
// Input: two bytes, of which 15 bits are the length of the entries file; that file; the segment. With the 16th bit set all
// checksums of the entries file are made right first, so that what lies behind them is reached.

#include <algorithm>

#include "base/check.h"
#include "binlog/event.h"
#include "io/simulated_disk.h"
#include "store/control.h"
#include "store/entries.h"
#include "store/local_log.h"

namespace {

using namespace binbus;
using namespace binbus::store;

void write(io::SimulatedDisk& disk, const std::string& name, Bytes bytes) {
  auto file = disk.open("log/" + name, io::OpenMode::kCreateNew);
  BINBUS_CHECK(file && (*file)->write_at(0, bytes));
}

uint32_t sum(Bytes bytes, uint64_t from, uint64_t length) {
  if (from > bytes.size()) return 0;
  const uint64_t count = std::min<uint64_t>(length, bytes.size() - from);
  return binlog::crc32(0, bytes.subspan(static_cast<size_t>(from), static_cast<size_t>(count)));
}

void make_checksums_right(ByteVector& entries, Bytes segment) {
  if (entries.size() < kEntriesHeaderBytes) return;
  store_le<4>(&entries[28], sum(entries, 0, 28));
  for (size_t at = kEntriesHeaderBytes; at + kEntryBytes <= entries.size(); at += kEntryBytes) {
    uint8_t* record = &entries[at];
    const uint32_t length = load_u32(record + 24);
    const bool is_inline = record[32] != static_cast<uint8_t>(EntryKind::kEvents);
    store_le<4>(record + 28, is_inline ? sum(entries, at + kEntryBytes, length)
                                       : sum(segment, load_u64(record + 16), length));
    store_le<4>(record + 36, sum(entries, at, 36));
    if (is_inline) at += std::min<size_t>((length + 7) / 8 * 8, entries.size());
  }
}

Result<std::unique_ptr<LocalLog>> open(io::SimulatedDisk& disk, RecoveryReport& report) {
  LogOptions options;
  options.directory = "log";
  options.keep_free_bytes = 0;
  options.index_bytes = 1000;
  return LocalLog::open(disk, io::system_clock(), options, &report);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const Bytes input = Bytes(data, size).subspan(2);
  const size_t entries_bytes = std::min<size_t>(load_u16(data) & 0x7fff, input.size());
  const Bytes segment = input.subspan(entries_bytes);
  ByteVector entries = to_owned(input.first(entries_bytes));
  if ((load_u16(data) & 0x8000) != 0) make_checksums_right(entries, segment);
  io::SimulatedDisk disk;
  write(disk, "binlog.000001", segment);
  write(disk, "binlog.000001.entries", entries);
  write(disk, "binlog.000001.state", encode_state({.first_index = kFirstIndex + 1}, {}));

  RecoveryReport report;
  auto log = open(disk, report);
  if (!log) return 0;
  const Position end = (*log)->end();
  ByteVector all(static_cast<size_t>(end.offset));
  auto reader = (*log)->reader({1, 0});
  BINBUS_CHECK(reader && (*reader)->read(all));
  reader->reset();
  (void)(*log)->find_gtids({});
  (void)(*log)->find_time(1);
  log->reset();

  RecoveryReport again;
  log = open(disk, again);
  BINBUS_CHECK(log && (*log)->end() == end);
  BINBUS_CHECK(again.torn_bytes + again.unfinished_bytes + again.rederived_entries == 0);
  return 0;
}
