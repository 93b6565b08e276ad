#include "app/import.h"

#include <fmt/format.h>

#include <filesystem>
#include <functional>

#include "binlog/position.h"
#include "binlog/scanner.h"

namespace binbus::app {
namespace {

using binlog::TransactionEnd;

constexpr size_t kBlockBytes = 1024 * 1024;
constexpr size_t kFormatFlagsAt =
    4 + 17;  // the format description's flags: behind the magic, 17 into its header
constexpr size_t kHeadBytes = 4 + binlog::kHeaderBytes;

// Calls `take` for the file's blocks in order, as they are to be stored.
Status for_each_block(const io::File& file, const std::function<Status(Bytes)>& take) {
  ByteVector buffer(kBlockBytes);
  uint64_t offset = 0;
  while (true) {
    BINBUS_TRY(count, file.read_at(offset, buffer));
    if (count == 0) return ok();
    if (offset == 0 && count > kFormatFlagsAt)
      buffer[kFormatFlagsAt] &= static_cast<uint8_t>(~binlog::kFlagInUse);
    BINBUS_RETURN_IF_ERROR(take(Bytes(buffer).first(count)));
    offset += count;
  }
}

struct Checked {
  binlog::FormatDescription format;
  binlog::EventHeader head;  // of the format description
  uint64_t bytes = 0;
  uint64_t transactions = 0;
};

// Relay logs keep their source's log_pos, so positions are not compared.
binlog::EventScanner scanner() { return binlog::EventScanner({.require_log_pos = false}); }

Result<Checked> check(const io::File& file) {
  Checked checked;
  binlog::EventScanner scan = scanner();
  uint64_t last_end = 0;
  BINBUS_RETURN_IF_ERROR(for_each_block(file, [&](Bytes block) {
    if (checked.bytes == 0 && block.size() >= kHeadBytes)
      checked.head = binlog::parse_header(block.data() + 4);
    checked.bytes += block.size();
    return scan.feed(block, [&](const TransactionEnd& end) {
      checked.transactions += end.transaction ? 1 : 0;
      last_end = end.offset;
    });
  }));
  BINBUS_RETURN_IF_ERROR(scan.check_ended());
  if (last_end != checked.bytes) {
    return fail(
        Code::kTruncated,
        fmt::format(
            "ends at {} inside a transaction that began at {}; take a copy that has all of it",
            checked.bytes, last_end));
  }
  checked.format = scan.format();
  return checked;
}

Status store(const io::File& file, store::Log& log) {
  constexpr uint64_t kSyncBytes = 16 * kBlockBytes;
  binlog::EventScanner scan = scanner();
  std::vector<TransactionEnd> ends;
  return for_each_block(file, [&](Bytes block) -> Status {
    const uint64_t block_start = scan.offset();
    ends.clear();
    BINBUS_RETURN_IF_ERROR(scan.feed(block, [&](TransactionEnd end) {
      end.offset -= block_start;
      ends.push_back(std::move(end));
    }));
    BINBUS_RETURN_IF_ERROR(log.append(block, ends));
    return log.unsynced_bytes() < kSyncBytes ? ok() : log.sync();
  });
}

Result<Imported> import_checked(io::FileSystem& files, const std::string& path, store::Log& log) {
  const std::string name = std::filesystem::path(path).filename().string();
  BINBUS_TRY(number, binlog::SegmentName::parse(name));
  if (number.number <= log.end().segment) {
    return fail(
        Code::kExists,
        fmt::format("the log is at number {} already; files are imported oldest first, each once",
                    log.end().segment));
  }
  BINBUS_TRY(file, files.open(path, io::OpenMode::kRead));
  BINBUS_TRY(checked, check(*file));

  BINBUS_RETURN_IF_ERROR(log.begin_segment(name));
  BINBUS_RETURN_IF_ERROR(log.record_source({.from = log.end(),
                                            .server_uuid = "",  // the file does not tell
                                            .server_id = checked.head.server_id,
                                            .server_version = checked.format.server_version,
                                            .file = name,
                                            .offset = 0}));
  BINBUS_RETURN_IF_ERROR(store(*file, log));
  BINBUS_RETURN_IF_ERROR(log.sync());
  return Imported{name, checked.bytes, checked.transactions};
}

}  // namespace

Result<Imported> import_file(io::FileSystem& files, const std::string& path, store::Log& log) {
  auto imported = import_checked(files, path, log);
  if (!imported) return fail_in(path, std::move(imported).error());
  return imported;
}

}  // namespace binbus::app
