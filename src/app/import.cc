#include "app/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "binlog/position.h"
#include "binlog/scanner.h"
#include "store/head.h"

namespace binbus::app {
namespace {

using binlog::TransactionEnd;

constexpr size_t kBlockBytes = 1024 * 1024;
constexpr size_t kFormatFlagsAt =
    4 + 17;  // the format description's flags: behind the magic, 17 into its header
constexpr size_t kHeadBytes = 4 + binlog::kHeaderBytes;

// A file that is imported, and who is told how much of it was read.
struct Input {
  std::unique_ptr<io::File> file;
  std::function<void(size_t bytes)> progress;
};

// Calls `take` for the file's blocks in order, as they are to be stored.
Status for_each_block(const Input& input, const std::function<Status(Bytes)>& take) {
  ByteVector buffer(kBlockBytes);
  uint64_t offset = 0;
  while (true) {
    BINBUS_TRY(count, input.file->read_at(offset, buffer));
    if (count == 0) return ok();
    if (offset == 0 && count > kFormatFlagsAt)
      buffer[kFormatFlagsAt] &= static_cast<uint8_t>(~binlog::kFlagInUse);
    BINBUS_RETURN_IF_ERROR(take(Bytes(buffer).first(count)));
    if (input.progress) input.progress(count);
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

Result<Checked> check(const Input& input) {
  Checked checked;
  binlog::EventScanner scan = scanner();
  uint64_t last_end = 0;
  BINBUS_RETURN_IF_ERROR(for_each_block(input, [&](Bytes block) {
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

// Appends the file from `from` on, which is 0 or a transaction end.
Status store(const Input& input, uint64_t from, store::LocalLog& log) {
  constexpr uint64_t kSyncBytes = 16 * kBlockBytes;
  binlog::EventScanner scan = scanner();
  std::vector<TransactionEnd> ends;
  return for_each_block(input, [&](Bytes block) -> Status {
    const uint64_t block_start = scan.offset();
    const uint64_t begin = std::max(from, block_start);  // of what is new in the block
    ends.clear();
    BINBUS_RETURN_IF_ERROR(scan.feed(block, [&](TransactionEnd end) {
      if (end.offset <= begin) return;
      end.offset -= begin;
      ends.push_back(std::move(end));
    }));
    if (scan.offset() <= begin) return ok();
    BINBUS_RETURN_IF_ERROR(log.append(block.subspan(begin - block_start), ends));
    return log.unsynced_bytes() < kSyncBytes ? ok() : log.sync();
  });
}

// What an earlier import that was cut short stored must be how the file begins.
Status check_stored(const Input& input, store::Position stored, store::LocalLog& log) {
  BINBUS_TRY(reader, log.reader({stored.segment, 0}));
  ByteVector buffer(kBlockBytes);
  uint64_t offset = 0;
  return for_each_block(input, [&](Bytes block) -> Status {
    while (!block.empty() && offset < stored.offset) {
      BINBUS_TRY(ours, reader->read(std::span(buffer).first(block.size())));
      if (ours.empty()) return fail(Code::kIo, "its segment ends before it should");
      const auto [differs, at] = std::ranges::mismatch(ours, block.first(ours.size()));
      offset += static_cast<uint64_t>(differs - ours.begin());
      if (differs != ours.end()) {
        return fail(Code::kDiverged,
                    fmt::format("differs at offset {} from what is stored under its name; it is "
                                "another server's file, or was written anew",
                                offset));
      }
      block = block.subspan(ours.size());
    }
    return ok();
  });
}

// A file that begins after transactions which the log lacks would leave a hole.
Status check_previous(const io::File& file, uint64_t bytes, const store::Log& log) {
  BINBUS_TRY(head, store::read_head(file, bytes));
  const mysql::GtidSet* previous = head.previous ? head.previous->mysql() : nullptr;
  if (previous == nullptr) return ok();
  const mysql::Executed executed = log.executed();
  const mysql::GtidSet ours = executed.mysql() ? *executed.mysql() : mysql::GtidSet();
  if (ours.contains(*previous)) return ok();
  return fail(Code::kDiverged,
              fmt::format("comes after transactions that the log does not have: {}; it is another "
                          "server's file, or what lies between was not imported",
                          mysql::difference(*previous, ours).to_string()));
}

// Whether the file follows, or goes on with, what the log has; returns how much of it is stored.
Result<uint64_t> stored_bytes(const std::string& name, uint64_t number, const store::Log& log) {
  const auto segments = log.segments();
  if (segments.empty()) return 0;
  const store::SegmentInfo& newest = segments.back();
  if (number < newest.number || (number == newest.number && name != newest.name)) {
    return fail(Code::kExists,
                fmt::format("the log is at number {} already; files are imported oldest first, "
                            "each once",
                            newest.number));
  }
  if (number == newest.number) return newest.bytes;
  if (number == newest.number + 1) return 0;
  return fail(Code::kInvalid,
              fmt::format("the log ends with {}, so the file of number {} comes next; import what "
                          "lies between first",
                          newest.name, newest.number + 1));
}

Result<Imported> import_checked(io::FileSystem& files, const std::string& path,
                                store::LocalLog& log,
                                const std::function<void(size_t bytes)>& progress) {
  const std::string name = std::filesystem::path(path).filename().string();
  BINBUS_TRY(number, binlog::SegmentName::parse(name));
  BINBUS_RETURN_IF_ERROR(log.abort_transaction());  // which an import was cut short in
  BINBUS_TRY(stored, stored_bytes(name, number.number, log));
  BINBUS_TRY(file, files.open(path, io::OpenMode::kRead));
  const Input input{std::move(file), progress};
  BINBUS_TRY(checked, check(input));
  if (stored > 0) {
    BINBUS_RETURN_IF_ERROR(check_stored(input, {number.number, stored}, log));
    if (checked.bytes <= stored) return fail(Code::kExists, "all of it is in the log already");
  } else if (log.size().bytes > 0) {
    BINBUS_RETURN_IF_ERROR(check_previous(*input.file, checked.bytes, log));
  }

  if (stored == 0) BINBUS_RETURN_IF_ERROR(log.begin_segment(name));
  BINBUS_RETURN_IF_ERROR(log.record_source({.from = log.end(),
                                            .server_uuid = "",  // the file does not tell
                                            .server_id = checked.head.server_id,
                                            .server_version = checked.format.server_version,
                                            .file = name,
                                            .offset = stored}));
  BINBUS_RETURN_IF_ERROR(store(input, stored, log));
  BINBUS_RETURN_IF_ERROR(log.sync());
  return Imported{name, checked.bytes, stored, checked.transactions};
}

}  // namespace

Result<Imported> import_file(io::FileSystem& files, const std::string& path, store::LocalLog& log,
                             const std::function<void(size_t bytes)>& progress) {
  auto imported = import_checked(files, path, log, progress);
  if (!imported) return fail_in(path, std::move(imported).error());
  return imported;
}

}  // namespace binbus::app
