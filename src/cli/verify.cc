#include "cli/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "binlog/position.h"
#include "binlog/scanner.h"
#include "cli/command_line.h"
#include "cli/units.h"
#include "store/control.h"
#include "store/entries.h"
#include "store/segment.h"

namespace binbus::cli {
namespace {

using store::Entry;
using store::EntryKind;

constexpr size_t kBlockBytes = 1024 * 1024;
constexpr const char* kMend =
    "restore the file from a copy, or from the source's file of that name";

// Checks one segment; adds to a report.
class SegmentCheck {
 public:
  SegmentCheck(io::FileSystem& files, const std::string& folder, const std::string& name,
               bool newest, Progress* progress)
      : files_(files), paths_(folder, name), newest_(newest), progress_(progress) {
    report_.name = name;
    if (progress_ != nullptr) progress_->begin(name);
  }

  Result<SegmentReport> run() {
    BINBUS_TRY(segment, files_.open(paths_.segment, io::OpenMode::kRead));
    BINBUS_TRY(bytes, segment->size());
    report_.bytes = bytes;
    BINBUS_TRY(indexed, check_entries(*segment));
    BINBUS_RETURN_IF_ERROR(check_events(*segment, std::min(indexed, bytes)));
    if (indexed > bytes)
      damage(bytes, fmt::format("the file ends, and its index goes to {}", indexed));
    if (indexed < bytes)
      tail(indexed, fmt::format("{} bytes are not in the index", bytes - indexed));
    return std::move(report_);
  }

 private:
  void damage(uint64_t offset, const std::string& what) {
    report_.damage.push_back(fmt::format("{} at {}: {}; {}", report_.name, offset, what, kMend));
  }
  // In the newest segment a crash may leave this; in a sealed one nothing may.
  void tail(uint64_t offset, const std::string& what) {
    if (!newest_) return damage(offset, what);
    report_.notes.push_back(
        fmt::format("{} at {}: {}; the next start mends this", report_.name, offset, what));
  }

  // Compares every entry's payload with its checksum. Returns the length of the segment that the
  // entries describe.
  Result<uint64_t> check_entries(const io::File& segment) {
    auto file = files_.open(paths_.entries, io::OpenMode::kRead);
    if (!file) {
      damage(0, fmt::format("its index is missing ({})", file.error().message));
      return report_.bytes;
    }
    BINBUS_TRY(cuts, find_cuts(**file));
    auto reader = store::EntriesReader::open(**file);
    if (!reader) {
      tail(0, fmt::format("its index has no head ({})", reader.error().message));
      return newest_ ? 0 : report_.bytes;
    }
    while (true) {
      auto next = reader->next();
      if (!next) {
        if (next.error().code == Code::kIo) return fail(next.error());
        BINBUS_TRY(size, (*file)->size());
        if (reader->position() != size) {
          tail(reader->segment_end(),
               fmt::format("the index breaks off ({})", next.error().message));
        }
        return reader->segment_end();
      }
      const Entry& entry = next->entry;
      if (entry.kind != EntryKind::kEvents || was_cut(entry, cuts)) continue;
      BINBUS_RETURN_IF_ERROR(check_payload(segment, entry));
    }
  }

  struct Cut {
    uint64_t index;
    uint64_t offset;
  };
  // Where later entries have cut the segment: bytes of entries before may have been written again.
  static Result<std::vector<Cut>> find_cuts(const io::File& file) {
    std::vector<Cut> cuts;
    auto reader = store::EntriesReader::open(file);
    while (reader) {
      const auto next = reader->next();
      if (!next && next.error().code == Code::kIo) return fail(next.error());
      if (!next) break;
      if (next->entry.kind == EntryKind::kAbort)
        cuts.push_back({next->entry.index, next->entry.offset});
    }
    return cuts;
  }
  static bool was_cut(const Entry& entry, const std::vector<Cut>& cuts) {
    return std::ranges::any_of(
        cuts, [&](const Cut& cut) { return cut.index > entry.index && cut.offset < entry.end(); });
  }

  Status check_payload(const io::File& segment, const Entry& entry) {
    buffer_.resize(entry.length);
    BINBUS_TRY(count, segment.read_at(entry.offset, buffer_));
    tell(count);
    if (count == entry.length && binlog::crc32(0, buffer_) == entry.payload_crc) return ok();
    if (count == entry.length)
      damage(entry.offset, fmt::format("{} bytes differ from their checksum", entry.length));
    return ok();
  }

  // Walks the events of [0, end).
  Status check_events(const io::File& segment, uint64_t end) {
    binlog::EventScanner scanner(
        {.require_log_pos = false});  // imported relay logs keep their source's
    buffer_.resize(kBlockBytes);
    uint64_t last_end = 0;
    while (scanner.offset() < end) {
      const size_t wanted =
          static_cast<size_t>(std::min<uint64_t>(kBlockBytes, end - scanner.offset()));
      BINBUS_TRY(count, segment.read_at(scanner.offset(), std::span(buffer_).first(wanted)));
      if (count == 0) break;
      tell(count);
      const Status fed =
          scanner.feed(Bytes(buffer_).first(count), [&](const binlog::TransactionEnd& found) {
            last_end = found.offset;
            report_.transactions += found.transaction ? 1 : 0;
          });
      if (!fed) {
        damage(scanner.whole_events_end(), fed.error().message);
        return ok();
      }
    }
    if (last_end < end)
      tail(last_end, fmt::format("{} bytes of an unfinished transaction", end - last_end));
    return ok();
  }

  void tell(size_t bytes) {
    if (progress_ != nullptr) progress_->add(bytes);
  }

  io::FileSystem& files_;
  const store::SegmentPaths paths_;
  const bool newest_;
  Progress* const progress_;
  SegmentReport report_;
  ByteVector buffer_;
};

// Each segment's state tells the number and the final size of the one before.
void check_join(io::FileSystem& files, const std::string& folder, const SegmentReport& before,
                SegmentReport& report) {
  const auto state =
      store::read_state_header(files, store::SegmentPaths(folder, report.name).state);
  if (!state) {
    report.damage.push_back(
        fmt::format("{}: its .state file: {}", report.name, state.error().message));
  } else if (!before.name.empty() &&
             (state->previous_number != binlog::SegmentName::parse(before.name)->number ||
              state->previous_bytes != before.bytes)) {
    report.damage.push_back(fmt::format(
        "{} was made after segment number {} of {} bytes, and here it follows {} of {} bytes; {}",
        report.name, state->previous_number, state->previous_bytes, before.name, before.bytes,
        kMend));
  }
}

// Names of the folder's segments, by number.
Result<std::map<uint64_t, std::string>> segments_in(io::FileSystem& files,
                                                    const std::string& folder) {
  std::map<uint64_t, std::string> names;
  BINBUS_TRY(entries, files.list(folder));
  for (const io::DirectoryEntry& entry : entries) {
    if (const auto name = binlog::SegmentName::parse(entry.name); name && !entry.is_directory) {
      names.emplace(name->number, entry.name);
    }
  }
  return names;
}

Result<uint64_t> segment_bytes(io::FileSystem& files, const std::string& folder) {
  uint64_t bytes = 0;
  BINBUS_TRY(entries, files.list(folder));
  for (const io::DirectoryEntry& entry : entries) {
    if (binlog::SegmentName::parse(entry.name) && !entry.is_directory) bytes += entry.bytes;
  }
  return bytes;
}

// The folder itself when there are segments in it, else its folders that have some.
Result<std::vector<std::string>> stream_folders(io::FileSystem& files, const std::string& folder) {
  BINBUS_TRY(own, segments_in(files, folder));
  if (!own.empty()) return std::vector<std::string>{folder};
  std::vector<std::string> folders;
  BINBUS_TRY(entries, files.list(folder));
  for (const io::DirectoryEntry& entry : entries) {
    if (!entry.is_directory) continue;
    const std::string inner = folder + "/" + entry.name;
    BINBUS_TRY(names, segments_in(files, inner));
    if (!names.empty()) folders.push_back(inner);
  }
  std::ranges::sort(folders);
  if (folders.empty())
    return fail(Code::kNotFound, folder + " holds no log: no segment in it or in a folder of it");
  return folders;
}

void print(const std::string& folder, const SegmentReport& report) {
  fmt::print("{}/{}: {}, {} transactions: {}\n", folder, report.name, bytes_text(report.bytes),
             count_text(report.transactions), report.damage.empty() ? "good" : "DAMAGED");
  for (const std::string& line : report.notes) fmt::print("  note: {}\n", line);
  for (const std::string& line : report.damage) fmt::print("  {}\n", line);
}

}  // namespace

Result<std::vector<SegmentReport>> verify_stream(io::FileSystem& files, const std::string& folder,
                                                 Progress* progress) {
  BINBUS_TRY(names, segments_in(files, folder));
  std::vector<SegmentReport> reports;
  SegmentReport before;
  for (const auto& [number, name] : names) {
    const bool newest = number == names.rbegin()->first;
    BINBUS_TRY(report, SegmentCheck(files, folder, name, newest, progress).run());
    check_join(files, folder, before, report);
    before = report;
    reports.push_back(std::move(report));
  }
  return reports;
}

int verify(const std::string& folder) {
  io::FileSystem& files = io::posix_file_system();
  const auto folders = stream_folders(files, folder);
  if (!folders) {
    fmt::print(stderr, "binbus: {}\n", folders.error().message);
    return kFailed;
  }
  bool damaged = false;
  for (const std::string& stream : *folders) {
    const auto bytes = segment_bytes(files, stream);
    Progress progress(2 * bytes.value_or(0));
    const auto reports = verify_stream(files, stream, &progress);
    progress.clear();
    if (!reports) {
      fmt::print(stderr, "binbus: {}\n", reports.error().message);
      return kFailed;
    }
    for (const SegmentReport& report : *reports) {
      print(stream, report);
      damaged = damaged || !report.damage.empty();
    }
  }
  return damaged ? kFound : kOk;
}

}  // namespace binbus::cli
