#include "store/schema_records.h"

#include <algorithm>

#include "binlog/event.h"

namespace binbus::store {
namespace {

constexpr std::string_view kMend = "; `binbus schema rebuild` reads the source's tables again";

}  // namespace

void add_schema(std::vector<SchemaRecord>& records, SchemaRecord record) {
  const auto at = [](const SchemaRecord& known) { return known.place.at; };
  const auto found = std::ranges::lower_bound(records, record.place.at, {}, at);
  if (found != records.end() && at(*found) == record.place.at) {
    *found = std::move(record);
  } else {
    records.insert(found, std::move(record));
  }
}

const SchemaRecord* find_schema(const std::vector<SchemaRecord>& records, Position position) {
  const SchemaRecord* best = nullptr;
  for (const SchemaRecord& record : records) {
    if (record.place.at > position) break;
    if (best == nullptr || record.place.origin >= best->place.origin) best = &record;
  }
  return best;
}

void prune(std::vector<SchemaRecord>& records, uint64_t first_segment) {
  const Position first{first_segment, 0};
  const SchemaRecord* const needed = find_schema(records, first);
  if (needed == nullptr) return;
  const Position kept = needed->place.at;
  std::erase_if(records, [&](const SchemaRecord& record) {
    return record.place.at <= first && record.place.at != kept;
  });
}

Result<SchemaRecord> write_schema(io::FileSystem& files, const std::string& directory,
                                  const std::string& file, SchemaPlace place, Bytes bytes) {
  const std::string path = directory + "/" + file;
  const bool there = files.exists(path);
  BINBUS_TRY(out, files.open(path, there ? io::OpenMode::kWrite : io::OpenMode::kCreateNew));
  BINBUS_TRY(size, out->size());  // what a crash left behind of another stays there, unnamed
  BINBUS_RETURN_IF_ERROR(out->write_at(size, bytes));
  BINBUS_RETURN_IF_ERROR(out->sync());
  // Also when it was there: who made it may have failed before this.
  BINBUS_RETURN_IF_ERROR(files.sync_directory(directory));
  return SchemaRecord{place, file, size, bytes.size(), binlog::crc32(0, bytes)};
}

Result<ByteVector> read_schema(io::FileSystem& files, const std::string& directory,
                               const SchemaRecord& record) {
  const std::string path = directory + "/" + record.file;
  BINBUS_TRY(in, files.open(path, io::OpenMode::kRead));
  BINBUS_TRY(size, in->size());
  const bool inside = record.offset <= size && record.bytes <= size - record.offset;
  ByteVector bytes(inside ? static_cast<size_t>(record.bytes) : 0);
  BINBUS_TRY(count, in->read_at(record.offset, bytes));
  if (!inside || count < bytes.size() || binlog::crc32(0, bytes) != record.crc) {
    return fail(Code::kCorrupt, path + ": the schema baseline at byte " +
                                    std::to_string(record.offset) + " is damaged" +
                                    std::string(kMend));
  }
  return bytes;
}

Status remove_unused_schemas(io::FileSystem& files, const std::string& directory,
                             const std::vector<SchemaRecord>& records) {
  BINBUS_TRY(entries, files.list(directory));
  for (const io::DirectoryEntry& entry : entries) {
    if (entry.is_directory || !entry.name.ends_with(kSchemaSuffix)) continue;
    const std::string segment = entry.name.substr(0, entry.name.size() - kSchemaSuffix.size());
    const bool named = std::ranges::find(records, entry.name, &SchemaRecord::file) != records.end();
    if (named || !binlog::SegmentName::parse(segment) || files.exists(directory + "/" + segment))
      continue;
    BINBUS_RETURN_IF_ERROR(files.remove(directory + "/" + entry.name));
  }
  return ok();
}

}  // namespace binbus::store
